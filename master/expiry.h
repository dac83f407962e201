#pragma once

/*
 * expiry: how long certificates are good yet: on the board, for the metrics, and in the log, in
 * time and not too often.
 */

struct board_master;
struct certificates;

/* `now` in seconds since 1970. */
void expiry_tell(const struct certificates *c, struct board_master *board, long long now);
