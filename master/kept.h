#pragma once

/*
 * kept: what the service manager keeps for the next master, beyond the end of all our processes
 * (FDSTORE, FileDescriptorStoreMax=): listening sockets, whose queues so outlive a restart and a
 * kill of everything, the pages of the board, and the rows that rates are kept in. Without a
 * manager nothing here does anything.
 *
 * Each name is forgotten before it is kept again, so that nothing piles up, and no socket listens
 * that nobody accepts from.
 */

#include "handed.h"
#include "listeners.h"
#include "takeover.h"

struct master;
struct slot;

/* Sorts what was handed over: what an earlier master had kept goes to `t` and `in`, unless the
 * workers of that master gave it already; other sockets go to `in` by their names. 0; or a negative
 * errno, with the reason told, when something is no stream socket that listens. */
int kept_recover(struct master *m, struct handed *h, struct inherited *in, struct buf *error)
    __attribute__((warn_unused_result));
/* Our sockets, which listen (else the manager would take them for closed), and our page are what is
 * kept from here on; until then it is what an earlier master had. */
void kept_begin(struct master *m);
/* The rows of rates are new. */
void kept_rates(struct master *m);
/* The page of a worker came; it is in the base now. */
void kept_page(struct master *m, const struct slot *slot);
void kept_page_gone(struct master *m, const struct slot *slot);
/* At every tick: the pages of old workers that have ended are forgotten. */
void kept_tick(struct master *m);
