#pragma once

/*
 * roster: the gateways that share one Redis. Each announces itself there under a key that expires
 * (yett:gateway:ID, one JSON object of a few hundred bytes), by one script every ROSTER_EVERY_MS,
 * and at once when all its workers have another revision of the rules in force, or its state is
 * another one. Who announced itself when stands in yett:gateways:heard, by the clock of Redis.
 *
 * No two clocks are compared: a revision is an id of Redis' stream, an age is counted where it
 * began and travels as a number of milliseconds, and how long ago that was heard Redis says. None
 * of these keys is a rule, or announced to anybody: who wants to know asks (roster_read.c), all who
 * want to know at the same time in one question.
 */

#include "history.h"
#include "lib/list.h"
#include "lib/slice.h"

#include <stdbool.h>
#include <stdint.h>

#define ROSTER_EVERY_MS 2000
#define ROSTER_EXPIRE_S 7 /* who was not heard of for so long is gone */
#define ROSTER_MAX 10000  /* gateways that are asked for */
/* Within that all are back in a Redis that has lost its memory. */
#define ROSTER_BACK_MS (ROSTER_EVERY_MS + 500)

struct api_call;
struct buf;
struct master;

enum roster_state {
	ROSTER_STARTING, /* no worker serves yet: nobody is told */
	ROSTER_READY,
	ROSTER_DEGRADED, /* serves, and is not as it should be (roster_degraded) */
	ROSTER_DRAINING,
	ROSTER_GONE, /* its key has expired; it is named for ten minutes */
};

enum roster_doing { ROSTER_TELLS, ROSTER_ASKS, ROSTER_DOINGS };

struct roster_gateway {
	char id[17];
	char name[64], version[32], degraded[96];
	char revision[REVISION_TEXT]; /* that all its workers have in force; "": none yet */
	enum roster_state state;
	uint64_t format; /* of rules, RULE_FORMAT */
	uint64_t pid, table, workers;
	uint64_t in_force_ms; /* how long it has that revision; so are these: */
	uint64_t up_ms, heard_ms;
};

struct roster {
	char id[17]; /* ours; a master that takes over goes on with it */
	char name[64];
	struct { /* what all our workers have in force, and what they are to have */
		char revision[REVISION_TEXT];
		uint64_t since_ms;
		char next[REVISION_TEXT];
		uint64_t next_version; /* of the table that has it; 0: nothing is awaited */
	} force;
	struct {             /* what was announced last, by this connection */
		uint64_t ms; /* 0: nothing was */
		char revision[REVISION_TEXT];
		enum roster_state state;
		const char *degraded;
	} told;
	char script[41]; /* by which Redis knows it; "": not known */
	char complaint[ROSTER_DOINGS][96];
	uint64_t gateways; /* that Redis heard of lately; 0: not known */
	bool listed;       /* Redis has us among those */
	bool clock_off;    /* ours and that of Redis are too far apart */
	/* When it was found to have lost that: the others may be about to come back. */
	uint64_t forgotten_ms;
	uint64_t ended_ms; /* when our key was deleted */
	bool left;         /* it is */
	struct {           /* what was read of all */
		struct roster_gateway *all;
		size_t count;
		uint64_t ms; /* when it was asked for; 0: nothing was read */
	} known;
	struct roster_question *question; /* under way; NULL: none */
	struct list waits;                /* who waits for an answer */
};

/* Why it is degraded, for people; "": it is not. */
const char *roster_degraded(const struct master *m);
enum roster_state roster_state(const struct master *m);
extern const char *const roster_state_name[];

void roster_init(struct master *m);
/* Ends the calls of those who wait. */
void roster_deinit(struct master *m);
/* At every tick, and when a worker has another table. */
void roster_tick(struct master *m);
/* Redis is away: no answer comes to what was asked. */
void roster_lost(struct master *m);
/* No worker is left: our key goes. False while that is under way; half a second at most. */
bool roster_end(struct master *m);

/* ---- the others ---- */

/* Reads who there is, unless that was done a moment ago; for roster_warn. */
void roster_refresh(struct master *m);
/* Gateways of an older format of rules, as sentences for `warnings` of an answer. */
void roster_warn(const struct master *m, struct buf *warnings);

struct roster_outcome {
	int status; /* 200; 202: not all have it (yet); 503: Redis is away, or has lost its memory:
		       nothing is known of the others */
	struct slice lagging, gone; /* JSON objects with commas between */
};

/* Waits until `deadline_ms` (clock_mono_ms) for the revision, or a newer one, to be in
 * force in this gateway, or in all. "": until something was read. `settled` is called once, and may
 * be called from within. */
void roster_wait(struct api_call *call, const char *revision, bool all, uint64_t deadline_ms,
		 void (*settled)(struct api_call *call, const struct roster_outcome *o));
/* [{"id",...}] as they were read last, ourselves as we know it. */
void roster_write(const struct master *m, struct buf *out);
