#pragma once

/*
 * session_record: a session and its tokens as they stand in Redis, hashes of texts. Bytes in, bytes
 * out; knows no link and no request.
 */

#include "lib/buf.h"
#include "lib/slice.h"
#include "shm/table_login.h"

#include <stdint.h>

struct json;
struct redis_reply;

#define SESSION_GRACE_S 10 /* a record lives so much longer than what it holds is good */

struct session_held { /* a provider's tokens stand under this */
	struct slice provider, tid;
};

struct session_record {
	int64_t created, expires; /* seconds since 1970; INT64_MAX: without end */
	uint32_t idle_s, max_s;
	struct slice user;
	unsigned held_n;
	struct session_held held[PROVIDERS_MAX]; /* the first one is who the user is of */
	struct json *held_text;                  /* what they point to */
};

struct token_record {
	struct slice value; /* sealed */
	struct slice subject;
	int64_t expires; /* INT64_MAX: no end is known */
	uint32_t life_s; /* 0: not known */
	uint64_t fence;
};

/* Of HGETALL session:<id>; `out` points into the reply, and is for session_record_deinit. 0;
 * -ENOENT: there is none; -EBADMSG: it is none of ours. */
int session_record_read(const struct redis_reply *r, struct slice id, struct session_record *out)
    __attribute__((warn_unused_result));
void session_record_deinit(struct session_record *r);
/* Of HGETALL accessToken:<tid> and its like; the same. */
int token_record_read(const struct redis_reply *r, struct slice tid, struct token_record *out)
    __attribute__((warn_unused_result));

/* When a session that is used now ends. idle 0, max 0: without a limit of this kind. */
int64_t session_touched(int64_t now, int64_t created, uint32_t idle_s, uint32_t max_s);
/* Is that worth writing, where `expires` stands? At most every touch_s, and when the last moment is
 * reached. */
bool session_is_due(int64_t touched, int64_t expires, int64_t created, uint32_t max_s,
		    uint32_t touch_s);
