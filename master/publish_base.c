/*
 * What may stand otherwise than in a table that was compiled whole: of the one in force, and of the
 * one that is to take its place.
 */

#include "publish_own.h"

#include "compile_index.h"
#include "master.h"

#include "lib/xalloc.h"

#include <stdlib.h>

#define TOUCHED_MAX 4096

static void
forget(struct publish_base *b)
{
	map_deinit(&b->touched, NULL);
	b->touched_all = false;
	b->moved_count = 0;
	b->passed = false;
}

void
base_deinit(struct publish_base *b)
{
	seg_unref(b->rules);
	compile_report_free(b->report);
	map_deinit(&b->touched, NULL);
	free(b->moved);
	*b = (struct publish_base){ 0 };
}

void
base_begin(struct publish_base *b, const struct master *m)
{
	seg_unref(b->rules);
	compile_report_free(b->report);
	b->rules = NULL;
	b->report = NULL;
	b->serial = m->config->serial;
	b->rules_loaded = master_rules_loaded(m);
	b->routes = publish_store_routes(m->rules);
	forget(b);
}

bool
base_touched(const struct publish_base *b)
{
	return b->touched_all || b->touched.count > 0 || b->moved_count > 0;
}

void
base_move(struct publish_base *b, const struct directory_upstream *u)
{
	if (b->moved_count == b->moved_cap) {
		b->moved_cap = b->moved_cap ? 2 * b->moved_cap : 16;
		b->moved = xrealloc(b->moved, b->moved_cap * sizeof *b->moved);
	}
	b->moved[b->moved_count++] =
	    (struct compile_moved){ compile_what_upstream(u->source, slice_of(u->name)), u->index };
}

static void
touch(struct publish_base *b, const struct map *keys)
{
	for (size_t i = 0; keys && i < keys->count && !b->touched_all; i++)
		*map_put(&b->touched, map_name(&keys->entries[i])) = b;
	if (keys && b->touched.count <= TOUCHED_MAX)
		return;
	map_deinit(&b->touched, NULL);
	b->touched_all = true;
}

void
publish_drain(struct master *m)
{
	const struct map *keys = rules_touched(m->rules);

	touch(&m->publisher.base, keys);
	if (publish_awaits(&m->publisher))
		touch(&m->publisher.next, keys);
	rules_settle(m->rules);
}
