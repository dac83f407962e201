#include "split.h"

#include "fields.h"
#include "look.h"
#include "real_client.h"
#include "worker.h"

#include "shm/hash.h"

#include <math.h>

/* What keeps to one upstream; empty: nothing does. */
static struct slice
key_of(struct request *r)
{
	const struct table_action *a = r->action;
	struct slice name = seg_string(r->table->segments[SEGMENT_RULES], a->split_name);
	struct slice key = { NULL, 0 };

	switch ((enum split_by)a->split_by) {
	case SPLIT_REQUEST:
		return key;
	case SPLIT_USER:
		key = r->identity;
		break;
	case SPLIT_COOKIE:
		key = fields_cookie(r, name);
		break;
	case SPLIT_HEADER:
		key = fields_header(r, name);
		break;
	case SPLIT_ADDRESS:
		break;
	}
	return key.n > 0 ? key : slice_make((const char *)real_client_ip(r), 16);
}

/* -weight / ln(u) for a u between 0 and 1 that is the upstream's and the key's alone: the upstream
 * with the largest wins in proportion to its weight. */
static double
score(const struct table_arm *arm, struct slice name, struct slice key)
{
	uint32_t hash = hash_bytes(hash_bytes(0, name), key);

	return -(double)arm->weight / log(((double)hash + 0.5) / 4294967296.0);
}

void
split_choose(struct request *r)
{
	const struct segment *rules = r->table->segments[SEGMENT_RULES];
	const struct table_action *a = r->action;
	struct slice key = key_of(r);
	double best = 0;
	uint32_t turn;

	if (key.n == 0) {
		turn = look_random(r->worker);
		key = slice_make((const char *)&turn, sizeof turn);
	}
	for (uint32_t i = 0; i < a->arms_count; i++) {
		const struct table_arm *arm =
		    seg_at(rules, RULES_ARMS, a->arms_first + i, sizeof *arm);
		struct slice name = arm ? seg_string(rules, arm->name) : SLICE("");
		double s = arm && arm->weight > 0 ? score(arm, name, key) : 0;

		if (!arm || s <= best)
			continue;
		best = s;
		r->upstream_index = arm->upstream;
		r->fallback = arm->fallback;
		r->arm = name;
	}
	if (r->route_id.p && r->arm.n > 0) /* a tunnel outlives the table */
		r->arm = arena_copy(&r->arena, r->arm);
}
