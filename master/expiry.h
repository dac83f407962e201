#pragma once

/*
 * expiry: how long certificates are good yet: on the board, for the metrics, and in the log, in
 * time and not too often.
 */

#include <time.h>

struct board_master;
struct certificates;
struct pair;

/* `now` in seconds since 1970. */
void expiry_tell(const struct certificates *c, struct board_master *board, long long now);
/* 1, 3, 7, 14 or 30: the least of these that is not over yet; a certificate of a short life is not
 * in danger for most of it. 0: none. */
int expiry_days_left(const struct pair *p, time_t now);
