#pragma once

/* cascade_own: what the files of cascade share. */

#include "cascade.h"
#include "cascade_record.h"
#include "side.h"

struct directory_upstream;
struct own;

#define CASCADE_DUE "yett:cascade:due"
#define CASCADE_DEAD_SET "yett:cascade:dead"
#define CASCADE_KEPT_MS (INT64_C(30) * 24 * 3600 * 1000) /* dead ones, for operators */
#define CASCADE_WAITING_MAX 10000                        /* jobs; beyond them no message is taken */
#define CASCADE_ROUNDS 4                                 /* jobs that one gateway is at */

struct cascade_fault {
	char now[128];  /* "": none */
	char told[128]; /* last, so that one which comes and goes does not fill the log */
};

struct cascade {
	struct master *master;
	struct side_user user;
	struct side_channel channel;
	char *channel_name, *stream_name; /* NULL: none */
	bool joined, listening, up;
	bool asked;   /* the due ones are being asked for */
	bool claimed; /* what others left in the stream, too */
	uv_timer_t pulse;
	uint64_t pulses;
	struct own *own;
	struct list rounds;
	size_t rounds_count;
	struct cascade_fault jobs, stream, left; /* what Redis refuses */
	char channel_fault[128];                 /* "": none */
	uint64_t end_ms;                         /* of the drain; 0: there is none */
	int64_t waiting, dead;                   /* as Redis said last */
};

/* ---- cascade.c ---- */

/* Asks which jobs are due, if there is room for one. */
void cascade_look(struct cascade *c);

/* ---- cascade_redis.c: commands ---- */

/* Sends one command. The tag is copied; its answer comes once. False: the link is down. */
bool cascade_ask(struct cascade *c, side_answer_fn answer, struct slice tag, size_t argc,
		 const struct slice *argv);
/* Commands that are done together: begin, any number of puts, end. False: they cannot be sent, and
 * nothing was. */
bool cascade_begin(struct cascade *c) __attribute__((warn_unused_result));
void cascade_put(struct cascade *c, size_t argc, const struct slice *argv);
void cascade_end(struct cascade *c, side_answer_fn answer, struct slice tag);
/* The same with another userdata. */
void cascade_end_for(struct cascade *c, side_answer_fn answer, void *userdata, struct slice tag);
/* What Redis says against it, or nothing; told once. NULL: the answer was lost. */
void cascade_fault(struct cascade_fault *f, const struct redis_reply *r);
/* "yett:cascade:job:JOB" and the like. */
void cascade_key(const char *kind, const char *job, struct buf *out);
void cascade_number(int64_t n, struct buf *out);
void cascade_random(char out[33]);

/* ---- cascade_intake.c: what is heard ---- */

/* Makes the group of the stream, at each connection. */
void cascade_intake_up(struct cascade *c);
/* Reads what is new in the stream; `left`: also what a gateway took that ended. */
void cascade_intake_read(struct cascade *c, bool left);
void cascade_intake_channel(struct cascade *c);

/* ---- cascade_round.c: one job, from its lease to its next attempt ---- */

/* Unless we are at it. */
void cascade_round_begin(struct cascade *c, struct slice job);
/* What could not be noted is. */
void cascade_rounds_up(struct cascade *c);
void cascade_rounds_stop(struct cascade *c);

/* ---- cascade_call.c: one service, once ---- */

struct cascade_call;
/* `status`: HTTP; or 0, and `reason` says why there is none. */
typedef void (*cascade_call_fn)(void *userdata, size_t index, int status, const char *reason);

/* Calls `done` once, from the loop; never from within. `index` is the caller's. */
struct cascade_call *cascade_call_new(struct cascade *c, const char *service,
				      const struct cascade_record *r, uint32_t timeout_ms,
				      size_t index, cascade_call_fn done, void *userdata);
/* `done` does not run any more. After it has run, the call is gone. */
void cascade_call_cancel(struct cascade_call *call);
