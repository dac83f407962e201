#pragma once

/*
 * fleet: limits that hold for all gateways together, without a question to Redis for each request.
 *
 * Redis counts each key of such a limit: by a bucket that leaks with the time of the server, or by
 * the calendar day or month of UTC. This master takes units from there ahead of need, in one script
 * (fleet_script.c) that takes no more than there are, and puts them into rows that all workers
 * spend from (shm/lease.h). Only the first request of a key that has no row, and those that
 * outrun the units, wait for the answer, which brings units for all of them; all workers of a
 * gateway wait for one question.
 *
 * What is promised, for a limit of N and G gateways:
 * - While Redis answers no more pass than N: what was not taken from it is not spent. What a
 *   request was let through for without it (its answer did not come within LEASE_PATIENCE_MS) is
 *   charged afterwards.
 * - No less passes than there is demand for, up to N, but for what other gateways hold unused: each
 *   one sixteenth of what is left divided by G, or what comes back in 100 ms, or 8 units (where
 * that is no more than half of what is left divided by G; else that, or one), whichever is most,
 * and that for FLEET_IDLE_MS at most. Then it is given back. A gateway that dies keeps that much to
 *   itself.
 * - How long units last is watched: so many are asked for at a time that they last about half a
 *   second. A key under load costs about four messages a second, a key that is refused ten.
 * - While Redis is away each gateway lets its share pass, N / G (rate.h): together N, if load is
 *   spread evenly. What passes then is charged when Redis is back.
 *
 * Keys are bounded (limits.fleet_keys); who finds no row is counted as if Redis were away. A key
 * that nobody asks for loses its row after FLEET_FORGET_MS.
 */

#include "shm/lease.h"
#include "shm/message.h"
#include "side.h"

#include <stdbool.h>
#include <stdint.h>

#define FLEET_IDLE_MS 1000
#define FLEET_FORGET_MS 10000
#define FLEET_WAITERS 64 /* slots that are told; with more workers all are */

struct buf;
struct master;
struct segment;
struct slot;

struct fleet_limit {     /* what the script is told of one */
	uint32_t window; /* enum limit_window */
	uint64_t count, period_us, burst;
};

struct fleet_key { /* of a row; key 0: there is none */
	uint64_t key;
	struct fleet_limit limit;
	char name[LEASE_NAME_MAX]; /* of the limit, for people who look into Redis */
	uint64_t waiters;          /* slots that wait for an answer */
	uint64_t debt, owing; /* spent without units: not told to Redis yet; on its way there */
	uint64_t batch;       /* that was asked for last */
	uint64_t waiting;     /* requests that want one */
	int64_t units;        /* that were in the row when it was looked at last */
	uint64_t put_ms, moved_ms; /* when units were put in; when they changed last */
	int64_t period;            /* day or month that they are of */
	bool under_way, more;      /* a question is; and there will be another one */
};

struct fleet {
	struct side_user user;
	bool up, known; /* known: the secret is the fleet's */
	struct lease_table table;
	int fd;
	struct fleet_key *keys; /* by row */
	uint32_t rows;
	char script[41];   /* by which Redis knows it; "": not loaded */
	uint64_t gateways; /* that share the Redis (roster.h); 0: none was counted yet */
	uint64_t swept_ms, ended_ms;
	uint64_t sour_ms;   /* Redis refuses what we ask: until then it is not asked; 0: no */
	uint64_t silent_ms; /* since when questions are without an answer; 0: none is */
	char complaint[96];
	struct { /* for status */
		uint64_t messages, granted, returned, charged, failed, full, open;
	} count;
};

/* Makes the rows, and tells the workers of them, where these rules have such limits and there are
 * none yet. 0 or a negative errno. */
int fleet_need(struct master *m, const struct segment *rules) __attribute__((warn_unused_result));
/* To a worker, before it hears of a table. */
void fleet_greet(struct master *m, struct slot *slot);
/* A traffic worker wants units, or spent some without. */
void fleet_asked(struct master *m, struct slot *slot, const struct msg_lease *ask);
/* At every tick. */
void fleet_tick(struct master *m, uint64_t now_ms);
/* So many gateways share the Redis. */
void fleet_counted(struct master *m, uint64_t gateways);
/* The configuration was swapped. */
void fleet_reconfigured(struct master *m);
void fleet_write(const struct master *m, struct buf *out); /* for status, as a JSON object */
/* No worker is left: all units go back. False while they are on their way; a second at most. */
bool fleet_end(struct master *m);
void fleet_deinit(struct fleet *f);
