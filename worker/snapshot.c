#include "snapshot.h"

#include "behind.h"
#include "patterns.h"
#include "pool.h"
#include "worker.h"

#include "lib/xalloc.h"

#include <stdlib.h>

struct snapshot *
snapshot_new(struct worker *w, const struct msg_publish *p, struct segment *segments[SEGMENT_N])
{
	struct snapshot *s = xcalloc(1, sizeof *s);
	const struct segment *endpoints = segments[SEGMENT_ENDPOINTS];

	s->worker = w;
	s->refs = 1;
	s->version = p->version;
	s->revision_wall = p->revision_wall;
	memcpy(s->revision_text, p->revision, sizeof s->revision_text);
	s->revision = slice_make(s->revision_text, strnlen(p->revision, sizeof p->revision));
	memcpy(s->segments, segments, sizeof s->segments);
	s->pools_count = seg_count(endpoints, ENDPOINTS_ENDPOINTS);
	s->turns_count = table_upstreams(endpoints);
	s->patterns = patterns_take(w, segments[SEGMENT_RULES]);
	s->behinds = behind_take(w, endpoints);
	s->pools = xcalloc(s->pools_count, sizeof *s->pools);
	s->turns = xcalloc(s->turns_count, sizeof *s->turns);
	/* Not all workers start with the first endpoint, and tables that follow one another fast go
	 * on where the last one was: else some endpoints would have their turn too often. */
	for (uint32_t i = 0; i < s->turns_count; i++)
		s->turns[i] = w->table && i < w->table->turns_count ? w->table->turns[i] : w->seed;
	board_set(&w->page->tables_alive, ++w->tables_alive);
	return s;
}

struct snapshot *
snapshot_ref(struct snapshot *s)
{
	s->refs++;
	return s;
}

void
snapshot_unref(struct snapshot *s)
{
	struct worker *w;

	if (!s || --s->refs > 0)
		return;
	w = s->worker;
	for (uint32_t i = 0; i < s->pools_count; i++) {
		if (s->pools[i])
			pool_unref(s->pools[i]);
	}
	behind_give(s->segments[SEGMENT_ENDPOINTS], s->behinds);
	patterns_give(w, s->segments[SEGMENT_RULES], s->patterns);
	for (int i = 0; i < SEGMENT_N; i++)
		seg_unref(s->segments[i]);
	free(s->pools);
	free(s->turns);
	free(s);
	board_set(&w->page->tables_alive, --w->tables_alive);
}
