#include "store_keys.h"

#include "lib/log.h"
#include "lib/xalloc.h"

#include <stdlib.h>

#define LOSS_MIN 4 /* fewer deletions than this are never withheld, but for the last ones */

static struct slice
key_cut(struct slice key)
{
	return slice_make(key.p, key.n < RULES_KEY_MAX ? key.n : RULES_KEY_MAX);
}

void
keys_init(struct store_keys *k, struct rules *rules)
{
	*k = (struct store_keys){ .rules = rules, .marks = MAP_INIT };
}

void
keys_deinit(struct store_keys *k)
{
	map_deinit(&k->marks, free);
}

struct mark *
keys_mark(struct store_keys *k, struct slice key)
{
	struct mark **place = (struct mark **)map_put(&k->marks, key_cut(key));

	if (!*place)
		*place = xcalloc(1, sizeof **place);
	return *place;
}

struct mark *
keys_find(const struct store_keys *k, struct slice key)
{
	return map_get(&k->marks, key_cut(key));
}

static void
set_withheld(struct store_keys *k, struct mark *m, bool withheld)
{
	k->withheld += withheld;
	k->withheld -= m->withheld;
	m->withheld = withheld;
}

void
keys_present(struct store_keys *k, struct slice key)
{
	struct mark *m = keys_find(k, key);

	if (!m)
		return;
	m->missing = m->gone = m->oversized = m->meant = false;
	m->found = true;
}

static bool
is_blank(const struct mark *m)
{
	return !(m->missing || m->gone || m->withheld || m->oversized || m->queued || m->own ||
		 m->meant || m->alone);
}

void
keys_confirm(struct store_keys *k)
{
	for (size_t i = k->marks.count; i-- > 0;) {
		struct map_entry *e = &k->marks.entries[i];
		struct mark *m = e->value;

		if (m->found)
			set_withheld(k, m, false);
		m->found = false;
		if (!is_blank(m))
			continue;
		map_take(&k->marks, map_name(e)); /* the last one, seen before, takes its place */
		free(m);
	}
}

static void
forget(struct store_keys *k, struct slice key)
{
	struct mark *m = map_get(&k->marks, key);

	if (!m || m->queued || m->own)
		return;
	map_take(&k->marks, key);
	free(m);
}

bool
keys_absent(struct store_keys *k, struct slice key, enum loss loss)
{
	struct mark *m;

	key = key_cut(key);
	if (!rules_knows(k->rules, key)) {
		forget(k, key);
		return false;
	}
	m = keys_mark(k, key);
	m->found = false;
	if (loss == LOSS_MISSING)
		m->missing = true;
	else
		m->gone = !m->withheld;
	return m->missing || m->gone;
}

void
keys_drop(struct store_keys *k, struct slice key)
{
	struct mark *m = keys_mark(k, key);

	set_withheld(k, m, false);
	m->missing = m->gone = m->found = m->meant = false;
	rules_delete(k->rules, key);
	forget(k, key_cut(key));
}

bool
keys_withholds(const struct store_keys *k, struct slice key)
{
	const struct mark *m = keys_find(k, key);

	return m && m->withheld;
}

void
keys_own(struct store_keys *k, struct slice key, bool own)
{
	struct mark *m = own ? keys_mark(k, key) : keys_find(k, key);

	if (m)
		m->own = own;
}

static bool
is_lost(const struct mark *m, enum loss loss)
{
	return loss == LOSS_MISSING ? m->missing : m->gone;
}

static size_t
count_lost(const struct store_keys *k, enum loss loss)
{
	size_t n = 0;

	for (size_t i = 0; i < k->marks.count; i++)
		n += is_lost(k->marks.entries[i].value, loss);
	return n;
}

/* What closes something goes by a revision, which says who wanted it, or not at all. One that is
 * refused and closes what can be read of it is mended by its deletion. */
static bool
is_policy(const struct store_keys *k, struct slice key)
{
	enum native_kind kind;
	struct slice name;

	return rules_native_key(key, &kind, &name) && kind == NATIVE_POLICY &&
	       rules_native_find(k->rules, NATIVE_POLICY, name);
}

void
keys_settle(struct store_keys *k, enum loss loss, bool all, bool force)
{
	size_t before = k->withheld, lost = count_lost(k, loss), known = rules_known(k->rules),
	       i = 0;
	bool mass = all || (lost >= LOSS_MIN && 2 * lost > known);

	while (i < k->marks.count) {
		struct map_entry *e = &k->marks.entries[i];
		struct mark *m = e->value;
		size_t count = k->marks.count;

		if (is_lost(m, loss)) {
			bool withhold = !force && (mass || is_policy(k, map_name(e)));

			set_withheld(k, m, withhold);
			m->missing = m->gone = false;
			if (!withhold) {
				rules_delete(k->rules, map_name(e));
				forget(k, map_name(e));
			}
		}
		i += k->marks.count == count; /* else the last one has taken its place */
	}
	if (lost > 0 && k->withheld > 0 && k->withheld != before)
		log_warn("redis deletions=withheld count=%zu known=%zu reason=\"%s\" "
			 "remedy=\"write them again, or confirm with yett reload --force\"",
			 k->withheld, known,
			 mass ? "more than half of the rules went at once, or all were flushed"
			      : "a policy went past the API");
}

void
keys_reset(struct store_keys *k)
{
	for (size_t i = 0; i < k->marks.count; i++) {
		struct mark *m = k->marks.entries[i].value;

		m->gone = m->queued = m->missing = m->found = false;
	}
}
