#pragma once

/*
 * census: what has to be counted one by one for the board, so that it is done once a second and not
 * at each change.
 */

#include <stdint.h>

struct master;

void census_tick(struct master *m, uint64_t now_ms);
