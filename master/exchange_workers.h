#pragma once

/*
 * exchange_workers: which workers have something asked by exchange.c, and who goes on with it in
 * their place. One that does not beat is taken for one that is gone: the heirs it gets are told
 * apart by their fences in Redis, if it comes back.
 */

#include "exchange.h"

struct slot;

extern const struct exchange_ops master_exchange_ops;

/* Of supervisor_ops. */
int exchange_workers_ask(void *userdata, struct slot *slot, const struct msg_exchange *ask, int fd)
    __attribute__((warn_unused_result));
void exchange_workers_kept(void *userdata, struct slot *slot, const struct msg_exchange_kept *kept);
