#pragma once

/*
 * wait: operators who asked for a change and hear of it when every worker has it in force, or after
 * two seconds who lags.
 */

#include "lib/list.h"

#include <stdbool.h>
#include <stdint.h>

struct master;
struct msg_call;
struct slot;

struct waiters {
	struct list all;
};

void waiters_init(struct waiters *w);
void waiters_deinit(struct waiters *w);
/* Does Redis answer? */
bool waiters_redis_up(const struct master *m);
/* The caller waits for what is now marked for publication. With CALL_FLAG_FORCE, and where there is
 * a Redis, it is compared before that and what was withheld is applied. */
void waiters_add(struct master *m, struct slot *admin, const struct msg_call *call);
/* Answers those whose wait is over: after a publication, an acknowledgement, a worker's end, and at
 * every tick. */
void waiters_settle(struct master *m);
