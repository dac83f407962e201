/*
 * Answers to requests of our own: there is one outcome, and it holds together.
 *
 * The first byte says how long the pieces are, the second whether and how much of a body is wanted.
 */

#include "peer.h"

#include "lib/http_client.h"

#include <errno.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct outcome {
	const struct http_client_request *asked;
	unsigned calls;
};

static void
done(void *userdata, int status, struct slice body)
{
	struct outcome *o = userdata;

	o->calls++;
	assert(status < 0 || (status >= 101 && status <= 999));
	assert(body.n <= o->asked->body_max);
	assert(body.n == 0 || (status > 0 && o->asked->keep));
	assert(status != -EMSGSIZE || o->asked->keep || body.n == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct http_client_request q = { .host = "a", .path = "/", .timeout_ms = 60000 };
	struct outcome o = { .asked = &q };
	struct http_client *c;

	if (size < 2)
		return 0;
	peer_open();
	q.unix_path = peer.address.sun_path;
	q.keep = data[1] & 1;
	q.keep_head = data[1] & 2;
	q.body_max = data[1] & 2 ? 65536 : data[1];
	assert(http_client_get(&peer.loop, &q, done, &o, &c) == 0);
	peer_say(data + 2, size - 2, data[0]);
	uv_run(&peer.loop, UV_RUN_DEFAULT);
	assert(o.calls == 1);
	return 0;
}
