#include "changes.h"

#include "put.h"

#include "shm/fold.h"
#include "shm/template.h"

static const struct table_change *
change_at(const struct changes *c, uint32_t i)
{
	return i < c->count
		   ? seg_at(c->rules, RULES_CHANGES, c->first + i, sizeof(struct table_change))
		   : NULL;
}

static bool
is_named(struct slice a, struct slice b)
{
	bool same = a.n == b.n;

	for (size_t i = 0; same && i < a.n; i++)
		same = fold_char(a.p[i]) == fold_char(b.p[i]);
	return same;
}

bool
changes_drop(const struct changes *c, struct slice name)
{
	const struct table_change *change;

	for (uint32_t i = 0; (change = change_at(c, i)) != NULL; i++) {
		if (change->kind != CHANGE_ADD &&
		    is_named(seg_string(c->rules, change->name), name))
			return true;
	}
	return false;
}

size_t
changes_size(const struct changes *c, const struct slice *values)
{
	const struct table_change *change;
	size_t n = 0;

	for (uint32_t i = 0; (change = change_at(c, i)) != NULL; i++) {
		if (change->kind != CHANGE_REMOVE)
			n += change->name.size + 4 +
			     template_size(seg_string(c->rules, change->value), values);
	}
	return n;
}

char *
changes_put(char *o, const struct changes *c, const struct slice *values)
{
	const struct table_change *change;

	for (uint32_t i = 0; (change = change_at(c, i)) != NULL; i++) {
		if (change->kind == CHANGE_REMOVE)
			continue;
		o = put(o, seg_string(c->rules, change->name));
		o = PUT(o, ": ");
		o = template_put(o, seg_string(c->rules, change->value), values);
		o = PUT(o, "\r\n");
	}
	return o;
}
