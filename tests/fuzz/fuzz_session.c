/* What a Redis says of a session or a token is one, or is refused; nothing of it is read twice. */

#include "lib/redis_reader.h"
#include "worker/session_cookie.h"
#include "worker/session_record.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
read_reply(const struct redis_reply *r)
{
	struct session_record session;
	struct token_record token;

	if (session_record_read(r, SLICE("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"),
				&session) == 0) {
		assert(session.held_n <= PROVIDERS_MAX && session.user.p);
		for (unsigned i = 0; i < session.held_n; i++)
			assert(slice_starts(session.held[i].tid, session.held[i].provider));
		session_record_deinit(&session);
	}
	if (token_record_read(r, SLICE("renku:x"), &token) == 0)
		assert(token.value.p && token.subject.p && token.expires >= 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice bytes = slice_make((const char *)data, size);
	struct redis_reader *reader = redis_reader_new();
	struct redis_reply *reply;
	struct session_signed cookie;
	const char *why;

	if (session_cookie_read(bytes, &cookie))
		assert(cookie.id.n == SESSION_ID && bytes.n == SESSION_COOKIE);
	redis_reader_feed(reader, bytes);
	while (redis_reader_next(reader, &reply, &why) == 0 && reply) {
		read_reply(reply);
		redis_reply_free(reply);
	}
	redis_reader_free(reader);
	return 0;
}
