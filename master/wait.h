#pragma once

/*
 * wait: operators who asked for a change and hear of it when every worker has it in force, or after
 * two seconds who lags.
 */

#include "lib/buf.h"
#include "lib/list.h"

struct api_call;
struct master;

struct waiters {
	struct list all;
};

enum wait_flags {
	WAIT_LONG = 1,  /* without the limit of two seconds */
	WAIT_FORCE = 2, /* where there is a Redis, it is compared before, and what was withheld is
			   applied */
};

struct wait_outcome {
	int status;       /* 200; 202: somebody lags; 500: a worker refused the table; 503: Redis is
			     down, nothing was confirmed */
	uint64_t version; /* of the table */
	struct slice lagging; /* JSON objects with commas between; empty: nobody */
};

void waiters_init(struct waiters *w);
/* Ends the calls of those who still wait. */
void waiters_deinit(struct waiters *w);
/* Does Redis answer? */
bool waiters_redis_up(const struct master *m);
/* The caller waits for what is now marked for publication; `settled` is called once, and may be
 * called from within. */
void waiters_add(struct api_call *call, unsigned flags,
		 void (*settled)(struct api_call *call, const struct wait_outcome *o));
/* Answers those whose wait is over: after a publication, an acknowledgement, a worker's end, and at
 * every tick. */
void waiters_settle(struct master *m);
