#pragma once

/*
 * doctor_redis: what a Redis said of itself, and what is thought of it. Knows no connection.
 */

#include "doctor.h"

#include <stdint.h>

struct doctor_redis {
	const char *check, *where; /* "redis" or "sessions"; its address */
	const char *user;          /* of its ACL, "" = default */
	bool sessions;             /* they are kept there */
	bool secure;               /* it speaks TLS */
	struct buf info;           /* of INFO; empty: it may not be asked */
	struct buf missing;        /* what ACL SETUSER has to add, with a blank before each */
	struct buf useful;         /* the same, of what it also works without */
	int64_t time;              /* of TIME, in seconds since 1970; 0: not known */
};

/* Of the finding that was told last: what redis-cli is to do there. */
void doctor_redis_remedy(struct doctor *d, const struct doctor_redis *r, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
void doctor_redis_deinit(struct doctor_redis *r);
/* `now` as time. */
void doctor_redis_judge(struct doctor *d, const struct doctor_redis *r, int64_t now);

struct doctor_try { /* a command that is needed, as words with blanks between */
	const char *words;
	const char *permission; /* as an ACL has it */
	bool changes;           /* asked for in a transaction that is never run */
	bool optional;          /* it works without, but less well */
};

/* Those for rules and suspensions, for sessions, and for what a configuration has beside rules; up
 * to words NULL. %s is the stream of the cascade. */
extern const struct doctor_try doctor_tries_rules[], doctor_tries_sessions[],
    doctor_tries_statistics[], doctor_tries_cascade[], doctor_tries_stream[];

/* That after which a connection takes nothing else. */
extern const struct doctor_try doctor_try_last;
