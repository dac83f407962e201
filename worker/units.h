#pragma once

/*
 * units: limits that hold for all gateways together, as a worker sees them. It spends units that
 * the master has taken from Redis (shm/lease.h), asks for more before they are gone, and lets a
 * request wait for them where there are none; where nobody can be asked it goes by this gateway's
 * share (shm/rate.h), and tells the master of it as soon as it can.
 */

#include "limiter.h"
#include "shm/lease.h"
#include "shm/message.h"

struct units_debts; /* spent without units: not told yet */

/* Takes over `fd`. */
void units_attach(struct worker *w, const struct lease_head *head, int fd);
void units_free(struct worker *w);
/* The master's word that somebody may look again. */
void units_told(struct worker *w, const struct msg_leased *word);
/* At every tick. */
void units_tick(struct worker *w);

/* For a limit of the fleet: what the master is told of it, in the request's arena. */
struct msg_lease *units_describe(struct request *r, const struct table_limit *l, uint64_t key);
/* Sets u->result, and u->waits where a request has to wait for it. Nothing is spent by a look. */
void units_look(struct request *r, struct limit_use *u, uint64_t now);
void units_take(struct request *r, struct limit_use *u, uint64_t now);
void units_return(struct request *r, struct limit_use *u);
void units_charge(struct request *r, struct limit_use *u, uint64_t bytes);
/* Waits for the first that waits. False: it is not possible, or was long enough; none waits from
 * now on. */
bool units_wait(struct request *r) __attribute__((warn_unused_result));
