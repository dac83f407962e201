#include "client_auth.h"

#include "lib/base64.h"

size_t
client_auth_size(struct slice id, struct slice secret)
{
	return 4 * (id.n + secret.n) + 256;
}

void
client_auth_basic(struct buf *out, struct slice id, struct slice secret)
{
	struct buf pair = { 0 };

	buf_reserve(&pair, 3 * (id.n + secret.n) + 2);
	buf_add_form(&pair, id);
	buf_addc(&pair, ':');
	buf_add_form(&pair, secret);
	buf_adds(out, SLICE("Authorization: Basic "));
	buf_reserve(out, base64_size(pair.n) + 2);
	out->n += base64_encode(buf_slice(&pair), out->p + out->n);
	buf_adds(out, SLICE("\r\n"));
	buf_wipe(&pair);
}

void
client_auth_post(struct buf *out, struct slice id, struct slice secret)
{
	buf_adds(out, SLICE("&client_id="));
	buf_add_form(out, id);
	if (secret.n == 0)
		return;
	buf_adds(out, SLICE("&client_secret="));
	buf_add_form(out, secret);
}
