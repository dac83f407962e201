/*
 * What the last requests would make of other rules: those of a revision, or those that somebody
 * wrote down (as for apply).
 */

#include "api.h"

#include "apply.h"
#include "delta.h"
#include "master.h"
#include "point.h"
#include "replay.h"

#include "lib/json.h"
#include "shm/memfd.h"

#include <errno.h>

#define RULES_MAX ((size_t)16 << 20)

static int
replay_make(struct api_call *c, const void *what, struct buf *out)
{
	const struct delta *d = what;
	struct rules *candidate = rules_copy(c->master->rules);
	bool examples = c->text.role >= ACCESS_OPERATE;
	int r;

	for (size_t i = 0; i < d->items.count; i++) {
		const struct map_entry *e = &d->items.entries[i];
		const struct delta_item *item = e->value;

		(void)rules_put(candidate, map_name(e), slice_of(item->after));
	}
	buf_addc(out, '{');
	r = replay_candidate(c->master, candidate, examples, out);
	buf_addc(out, '}');
	rules_free(candidate);
	return r;
}

static void
replay_made(struct api_call *c, int r, int fd)
{
	struct slice json = { 0 };

	if (r == 0)
		r = memfd_map(fd, &json);
	if (r == -ENOENT)
		api_reply_message(c, 409, "No requests are kept: replay_keys is off", SLICE(""));
	else if (r == -EBUSY)
		api_reply_message(c, 503, "Another such question is being answered", SLICE(""));
	else if (r < 0)
		api_reply_message(c, 503, "These rules cannot be compiled now", SLICE(""));
	else
		api_reply_message(c, 200, "What the last requests would make of it", json);
	memfd_unmap(json);
}

/* Answers by these rules: the present ones, changed by `d`. */
static void
reply_by(struct api_call *c, const struct delta *d)
{
	api_aside(c, replay_make, replay_made, d);
}

void
api_replay_rules(struct api_call *c)
{
	struct delta d DELTA_CLEAN = { 0 };
	BUF_CLEAN struct buf report = { 0 };
	struct json *root = NULL;

	if (c->text.part[CALL_BODY].n > RULES_MAX) {
		api_reply_message(c, 413,
				  "The body is larger than 16 MiB, whatever admin.body_limit is",
				  SLICE(""));
	} else if (json_parse(c->text.part[CALL_BODY], RULES_MAX, JSON_DEPTH_MAX, &root) < 0) {
		api_reply_message(c, 400, "The body is no JSON", SLICE(""));
	} else if (apply_read(c->master->rules, c->master->config, root, &d, &report) < 0) {
		buf_addc(&report, '\0');
		api_reply_message(c, 400, report.p, SLICE(""));
	} else {
		reply_by(c, &d);
	}
	json_free(root);
}

void
api_replay(struct api_call *c)
{
	struct slice name = api_query(c, SLICE("to"));
	struct point to = point_find(c->master, name.n ? name : SLICE("previous"));
	struct delta d DELTA_CLEAN = { 0 };
	BUF_CLEAN struct buf why = { 0 };

	if (to.kind == POINT_UNKNOWN) {
		api_reply_no_revision(c, name);
	} else if (point_difference(c->master, (struct point){ POINT_NOW, NULL }, to, &d, &why) <
		   0) {
		buf_addc(&why, '\0');
		api_reply_message(c, 409, why.p, SLICE(""));
	} else {
		reply_by(c, &d);
	}
}
