#pragma once

/*
 * cascade_record: one deletion of a user as Redis keeps it: a hash with the id, the key that makes
 * repetitions known as such, when it was heard of, and a field "s:NAME" for each service. Bytes in,
 * bytes out; when something is tried again is decided here, too.
 */

#include "lib/arena.h"
#include "lib/buf.h"

#include <stdint.h>

#define CASCADE_ID_MAX 256 /* bytes of a user's id */
#define CASCADE_SERVICES_MAX 256
#define CASCADE_JOB 33 /* 32 hexadecimal digits and a NUL */

struct redis_reply;

enum cascade_state {
	CASCADE_WAITS,
	CASCADE_DONE,
	CASCADE_DEAD, /* given up: an operator has to look */
};

struct cascade_service {
	const char *name; /* of the upstream */
	enum cascade_state state;
	uint32_t attempts;
	int64_t
	    next_ms; /* since 1970: of the next attempt, or of the last one where none is left */
	int status;  /* of the last answer; 0: there was none */
	const char *reason; /* "": there is nothing to say */
};

struct cascade_record { /* texts are in the arena that it was read with */
	struct slice user;
	struct slice key; /* Idempotency-Key */
	int64_t since_ms; /* heard of, or taken up again by an operator */
	struct cascade_service *services;
	size_t services_count;
};

struct cascade_pace {
	uint32_t first_ms, most_ms; /* between two attempts */
	uint64_t give_up_ms;
};

/* NULL, or why this can be no user's id: it is sent as a header field. */
const char *cascade_id_fault(struct slice user);
/* The name of its job: the same on every gateway, and it does not tell the id. */
const char *cascade_job(struct slice user, char out[CASCADE_JOB]);
/* Does a text have the form of such a name? */
bool cascade_is_job(struct slice text);
/* The answer to HGETALL. False: it is none of ours, or there is none. */
bool cascade_read(struct arena *a, const struct redis_reply *r, struct cascade_record *out);
/* What stands in the field of a service. */
void cascade_write(const struct cascade_service *s, struct buf *out);
/* An attempt ended with this status; 0 and below: it got no answer, for this reason. `random`
 * scatters the next one. */
void cascade_attempted(struct cascade_service *s, const struct cascade_record *r, int status,
		       const char *reason, const struct cascade_pace *pace, int64_t now_ms,
		       uint32_t random);
/* The time of the first attempt that is still to come; INT64_MAX: none is. */
int64_t cascade_next(const struct cascade_record *r);
/* Is one given up? */
bool cascade_is_dead(const struct cascade_record *r);
const char *cascade_state_name(enum cascade_state state);
