#pragma once

/* Between the parts of fleet.h. */

#include "fleet.h"

#include "lib/buf.h"

/* ---- fleet_redis.c ---- */

/* The link is wanted, until the end. */
void fleet_join(struct master *m);
/* Asks Redis for so many units of a key, tells it of the debt, and gives some back. */
void fleet_take(struct master *m, struct fleet_key *k, uint64_t ask, uint64_t back);

/* ---- fleet.c, fleet_rows.c ---- */

struct fleet_answer {
	int64_t granted, left, closed_ms, reset_ms, period;
};

/* The answer to fleet_take; NULL: it was lost, or is none. */
void fleet_heard(struct master *m, struct fleet_key *k, const struct fleet_answer *a);
/* This secret is the fleet's: rows by another one are worth nothing. */
void fleet_secret(struct master *m, const uint8_t secret[SIPHASH_SECRET]);
/* For the metrics. */
void fleet_note(const struct master *m);
/* Redis refuses questions: none is asked for a while. Or that is over. */
void fleet_sour(struct master *m, bool sour);
void fleet_set_up(struct master *m, bool up);
void fleet_complain(struct fleet *f, const char *what);

extern const char fleet_script[];
