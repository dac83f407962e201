#pragma once

/*
 * busy: how many requests of a key are under way, for limits on that. Each worker counts its own in
 * rows on a page that it alone writes; the number over the gateway is the sum of the pages of those
 * that live. So nothing has to be given back for a worker that was killed: its page goes, and what
 * it counted with it.
 *
 * A worker first counts itself and then adds up the others, with a full barrier between. Of the
 * requests that are let in at one time the one that was counted last has seen all others: there are
 * never more than the limit. Two that come at once to a last place see each other and step back;
 * they try again a few times, and then are refused rather than both let in.
 */

#include <stddef.h>
#include <stdint.h>

#define BUSY_ROWS 16384

struct busy { /* 0: a free row */
	uint64_t row[BUSY_ROWS];
};

#define BUSY_REFUSED UINT32_MAX    /* the limit is reached */
#define BUSY_FULL (UINT32_MAX - 1) /* no row is free where the key may lie: refuse it */
#define BUSY_LIMIT_MAX ((1u << 20) - 1)

/* Lets one more in, if no more than `limit` (at most BUSY_LIMIT_MAX) are then under way on `own`
 * and on the `n` pages `others` (not `own` among them). `key`: a hash under a secret, as rate_key
 * makes it. The row, for busy_leave; BUSY_REFUSED or BUSY_FULL. */
uint32_t busy_enter(struct busy *own, const struct busy *const *others, size_t n, uint64_t key,
		    uint32_t limit);
/* `row`: what busy_enter returned, of any kind. */
void busy_leave(struct busy *own, uint32_t row);
/* How many are under way on one page. */
uint32_t busy_count(const struct busy *page, uint64_t key);
