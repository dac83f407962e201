/*
 * All rules in force in the form of /apply, and which are refused.
 */

#include "api.h"

#include "export.h"
#include "master.h"

#include <errno.h>

static int
export_make(struct api_call *c, const void *what, struct buf *out)
{
	const struct rules *r = c->master->rules;

	(void)what;
	buf_adds(out, SLICE("{\"message\":\"OK\",\"data\":"));
	export_json(r, out);
	buf_adds(out, SLICE(",\"refused\":["));
	for (size_t i = 0; i < rules_refusals(r); i++) {
		const struct rules_refusal *f = rules_refusal_at(r, i);

		buf_adds(out, i ? SLICE(",{\"key\":") : SLICE("{\"key\":"));
		buf_add_json(out, slice_make(f->key, f->key_n));
		buf_addf(out, ",\"kept\":%s,\"reason\":", f->kept ? "true" : "false");
		buf_add_json(out, slice_of(f->reason));
		buf_addc(out, '}');
	}
	buf_adds(out, SLICE("]}"));
	return 0;
}

static void
export_made(struct api_call *c, int r, int fd)
{
	if (r == -EBUSY)
		api_reply_message(c, 503, "Another such question is being answered", SLICE(""));
	else if (r < 0)
		api_reply_message(c, 503, "The rules cannot be told now", SLICE(""));
	else
		api_reply_fd(c, 200, fd, NULL);
}

void
api_export(struct api_call *c)
{
	api_aside(c, export_make, export_made, NULL);
}
