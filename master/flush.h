#pragma once

/*
 * flush: what identities did goes to Redis, hour by hour, where all gateways add it up. At each
 * interval, and at the end of an hour (UTC), the differences since the last time are sent in one
 * script, which Redis runs once: they are noted on the board with a number before they are sent,
 * and Redis notes the number with them. So what was on its way when this master was killed is sent
 * again by the next one, and counts once. While Redis is away differences grow, and nothing is
 * lost; when the host dies, what came since the last time is.
 *
 * An hour holds FLUSH_NAMES names; who comes beyond them is part of the total and of its slack.
 */

#include "lib/slice.h"
#include "side.h"

#include <stdbool.h>
#include <stdint.h>

#define FLUSH_NAMES 4096

struct api_call;
struct master;

struct flusher {
	struct side_user user;
	bool joined, under_way;
	uint64_t next_ms;    /* when the interval is over */
	uint64_t retry_ms;   /* after what failed */
	uint64_t give_up_ms; /* at the end of the gateway */
	int64_t hour;        /* that the interval is of, seconds since 1970 */
	bool ended;          /* the last one was made */
	char complaint[96];  /* told last; "": all is well */
};

/* Before the first request is served: what came before is not written. */
void flusher_start(struct master *m);
/* At every tick. */
void flusher_tick(struct master *m, uint64_t now_ms);
/* No worker is left. False while the last differences are on their way; a second at most. */
bool flusher_end(struct master *m);
/* The key of an hour ("2026-11-27T10"). */
void flush_key(struct slice hour, char out[64]);
/* flush_read.c: answers the call with what all gateways wrote in this hour. */
void flush_read(struct api_call *c, struct slice hour);
