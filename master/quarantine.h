#pragma once

/*
 * quarantine: the rules that stand refused, each alone: which, why, since when, and what is in
 * force in its place. Each is told in the log once. Renewed whenever rules were compiled.
 */

#include "lib/buf.h"
#include "lib/map.h"

struct compile_report;
struct config;
struct rules;

struct quarantine {
	struct map all; /* by key; its own structs */
	size_t closed;  /* whose requests are answered 503 */
};

void quarantine_deinit(struct quarantine *q);
/* `rules`: NULL for none. `report`: of the compilation that read them beside `c`. */
void quarantine_settle(struct quarantine *q, const struct rules *rules, const struct config *c,
		       const struct compile_report *report);
/* Is any of these keys in it? (The map's values mean nothing.) */
bool quarantine_knows(const struct quarantine *q, const struct map *keys);
/* A JSON array. */
void quarantine_write(const struct quarantine *q, struct buf *out);
