#pragma once

/*
 * statistics: how many requests, errors and bytes routes, upstreams and identities had, and how
 * long they took. Workers count on their pages (shm/board.h, shm/top.h); here that is added up, and
 * kept when a worker is gone.
 */

#include <stdbool.h>
#include <stdint.h>

struct board_master;
struct buf;
struct master;
struct top;
struct top_list;

/* What a worker that is gone counted of identities goes to our page. Killed in the midst, it is
 * there or it is not (statistics_has). */
void statistics_fold(struct board_master *board, const struct top *page, uint64_t instance);
/* For the next master: is this instance's already there? */
bool statistics_has(const struct board_master *before, uint64_t instance);
/* Takes over what the earlier master had. */
void statistics_seed(struct board_master *board, const struct board_master *before);
/* The configuration was swapped: what is no longer counted is forgotten. */
void statistics_reconfigured(struct master *m);
/* Adds up identities over all workers there were, into an empty list. */
void statistics_identities(const struct master *m, struct top_list *out);
/* A list as JSON; sorts it. */
void statistics_write_list(struct top_list *l, struct buf *out);
/* All of it as a JSON object. `identities`: they are personal data, not for everybody. */
void statistics_write(const struct master *m, bool identities, struct buf *out);
