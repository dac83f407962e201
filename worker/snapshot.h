#pragma once

/*
 * snapshot: one version of the table as this worker holds it: the mapped segments and what belongs
 * to this version and process. Requests hold references; the last one unmaps.
 */

#include "shm/table.h"

struct msg_publish;
struct worker;
struct pool;
struct kept_pattern;
struct behind;

struct snapshot {
	struct worker *worker;
	uint32_t refs;
	uint64_t version;
	int64_t revision_wall;
	struct slice revision; /* of the rules; empty: none is known */
	char revision_text[48];
	struct segment *segments[SEGMENT_N]; /* keys: NULL in the admin worker */
	struct pool **pools;                 /* by endpoint index, filled when first used */
	struct behind **behinds;             /* by row of ENDPOINTS_TLS, as pools */
	struct kept_pattern **patterns;      /* by condition; NULL: there are none */
	uint32_t *turns;                     /* by upstream index: round robin */
	uint32_t pools_count, turns_count;
};

/* Of p->version and p->revision. Takes over the references of the segments. */
struct snapshot *snapshot_new(struct worker *w, const struct msg_publish *p,
			      struct segment *segments[SEGMENT_N]);
struct snapshot *snapshot_ref(struct snapshot *s);
void snapshot_unref(struct snapshot *s);

/* NULL when there is no table. */
static inline const struct table_global *
snapshot_global(const struct snapshot *s)
{
	return s ? table_global(s->segments[SEGMENT_RULES]) : NULL;
}
