#pragma once

/*
 * load: how many requests are under way at an endpoint, over all traffic workers: our own page, and
 * those of the siblings.
 */

#include <stdint.h>

struct worker;
struct load;

struct load *load_new(void);
void load_free(struct load *l);
/* As of this loop turn: what the siblings have is added up once a turn, our own is of now. `slot`
 * is one of the board's, not 0, which many endpoints share. */
uint64_t load_of(struct worker *w, uint32_t slot);
/* As of now. Between this look and the request that comes of it each sibling may add one. */
uint64_t load_now(const struct worker *w, uint32_t slot);
/* The same for those of them that were sent again after a failure. */
uint64_t load_retrying(const struct worker *w, uint32_t slot);
