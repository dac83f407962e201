#include "reserved.h"

/* In any case, with slashes behind it or not: services differ in what they take for the same. */
static bool
ends_so(const struct segment *rules, struct slice path)
{
	const struct seg_ref *ref;

	while (path.n > 1 && path.p[path.n - 1] == '/')
		path.n--;
	for (uint32_t i = 0; (ref = seg_at(rules, RULES_RESERVED, i, sizeof *ref)) != NULL; i++) {
		struct slice end = seg_string(rules, *ref);

		if (path.n >= end.n && slice_ieq(slice_make(path.p + path.n - end.n, end.n), end))
			return true;
	}
	return false;
}

bool
reserved_is(struct request *r)
{
	const struct segment *rules = r->table->segments[SEGMENT_RULES];
	char *room;
	bool climbs;

	if (seg_count(rules, RULES_RESERVED) == 0)
		return false;
	if (ends_so(rules, r->match_path))
		return true;
	if (!(r->path_flags & URI_SUSPECT))
		return false;
	room = arena_alloc(&r->arena, r->match_path.n + 1);
	for (unsigned i = 0; i < URI_READINGS; i++) {
		if (ends_so(rules, uri_reading(r->match_path, i, room, &climbs)))
			return true;
	}
	return false;
}
