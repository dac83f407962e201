#include "map.h"

#include "xalloc.h"

#include <stdlib.h>

static uint64_t
mix(uint64_t h, uint64_t word)
{
	h = (h ^ word) * 0xd6e8feb86659fd93u;
	return h ^ h >> 32;
}

/* Eight bytes at a time; mixed well, since linear probing needs good low bits. */
static uint64_t
map_hash(struct slice s)
{
	uint64_t h = 0xcbf29ce484222325u ^ s.n, word = 0;

	for (; s.n >= sizeof word; s.p += sizeof word, s.n -= sizeof word) {
		memcpy(&word, s.p, sizeof word);
		h = mix(h, word);
	}
	word = 0;
	if (s.n)
		memcpy(&word, s.p, s.n);
	return mix(mix(h, word), 0);
}

/* The slot that holds the name, or the free one where it would stand. The table is never full. */
static size_t
map_slot(const struct map *m, struct slice name, uint64_t hash)
{
	size_t mask = m->slots_count - 1;
	size_t i = hash & mask;

	for (; m->slots[i]; i = (i + 1) & mask) {
		const struct map_entry *e = &m->entries[m->slots[i] - 1];

		if (e->hash == hash && slice_eq(map_name(e), name))
			break;
	}
	return i;
}

/* A name with the number of maps that have it beside the first. */
struct name {
	size_t shared;
	char text[];
};

static char *
name_new(const struct map *m, struct slice s)
{
	struct name *n;

	if (m->borrows)
		return (char *)(uintptr_t)s.p;
	n = xmalloc(sizeof *n + s.n + 1);
	n->shared = 0;
	if (s.n)
		memcpy(n->text, s.p, s.n);
	n->text[s.n] = '\0';
	return n->text;
}

static struct name *
name_of(char *text)
{
	return (struct name *)(void *)(text - offsetof(struct name, text));
}

static void
name_release(const struct map *m, char *text)
{
	struct name *n = name_of(text);

	if (m->borrows)
		return;
	if (n->shared == 0)
		free(n);
	else
		n->shared--;
}

static void
map_grow(struct map *m)
{
	size_t mask;

	m->slots_count = m->slots_count ? m->slots_count * 2 : 16;
	mask = m->slots_count - 1;
	free(m->slots);
	m->slots = xcalloc(m->slots_count, sizeof *m->slots);
	for (size_t e = 0; e < m->count; e++) {
		size_t i = m->entries[e].hash & mask;

		while (m->slots[i])
			i = (i + 1) & mask;
		m->slots[i] = (uint32_t)e + 1;
	}
}

void
map_deinit(struct map *m, void (*free_value)(void *value))
{
	for (size_t i = 0; i < m->count; i++) {
		name_release(m, m->entries[i].name);
		if (free_value)
			free_value(m->entries[i].value);
	}
	free(m->entries);
	free(m->slots);
	*m = (struct map){ .borrows = m->borrows };
}

void **
map_find(const struct map *m, struct slice name)
{
	size_t i;

	if (m->count == 0)
		return NULL;
	i = map_slot(m, name, map_hash(name));
	return m->slots[i] ? &m->entries[m->slots[i] - 1].value : NULL;
}

void *
map_get(const struct map *m, struct slice name)
{
	void **place = map_find(m, name);

	return place ? *place : NULL;
}

/* The entry of the name, made where missing. */
static struct map_entry *
map_entry(struct map *m, struct slice name)
{
	uint64_t hash = map_hash(name);
	struct map_entry *e;
	size_t i;

	if (m->count + 1 > m->slots_count / 2)
		map_grow(m);
	i = map_slot(m, name, hash);
	if (m->slots[i])
		return &m->entries[m->slots[i] - 1];
	if (m->count == m->cap) {
		m->cap = m->cap ? m->cap * 2 : 8;
		m->entries = xrealloc(m->entries, m->cap * sizeof *m->entries);
	}
	e = &m->entries[m->count++];
	*e = (struct map_entry){ .n = name.n, .hash = hash, .name = name_new(m, name) };
	m->slots[i] = (uint32_t)m->count;
	return e;
}

void **
map_put(struct map *m, struct slice name)
{
	return &map_entry(m, name)->value;
}

void *
map_set(struct map *m, struct slice name, void *value)
{
	struct map_entry *e = map_entry(m, name);
	void *before = e->value;

	if (m->borrows)
		e->name = (char *)(uintptr_t)name.p;
	e->value = value;
	return before;
}

/* Frees a slot and moves back what had been pushed past it. */
static void
map_slot_clear(struct map *m, size_t hole)
{
	size_t mask = m->slots_count - 1;

	m->slots[hole] = 0;
	for (size_t i = (hole + 1) & mask; m->slots[i]; i = (i + 1) & mask) {
		size_t home = m->entries[m->slots[i] - 1].hash & mask;

		if (((i - home) & mask) < ((i - hole) & mask))
			continue;
		m->slots[hole] = m->slots[i];
		m->slots[i] = 0;
		hole = i;
	}
}

void *
map_take(struct map *m, struct slice name)
{
	struct map_entry taken, *last;
	size_t slot, moved, e;

	if (m->count == 0)
		return NULL;
	slot = map_slot(m, name, map_hash(name));
	if (!m->slots[slot])
		return NULL;
	e = m->slots[slot] - 1;
	taken = m->entries[e];
	last = &m->entries[m->count - 1];
	moved = map_slot(m, map_name(last), last->hash);
	m->entries[e] = *last;
	m->slots[moved] = (uint32_t)e + 1;
	m->count--;
	map_slot_clear(m, slot);
	name_release(m, taken.name);
	return taken.value;
}

void
map_copy(struct map *to, const struct map *from, void *(*copy)(void *value))
{
	*to = (struct map){ .borrows = from->borrows };
	if (from->count == 0)
		return;
	to->count = to->cap = from->count;
	to->slots_count = from->slots_count;
	to->entries = xmalloc(from->count * sizeof *to->entries);
	to->slots = xmalloc(from->slots_count * sizeof *to->slots);
	memcpy(to->entries, from->entries, from->count * sizeof *to->entries);
	memcpy(to->slots, from->slots, from->slots_count * sizeof *to->slots);
	for (size_t i = 0; i < to->count; i++) {
		struct map_entry *e = &to->entries[i];

		if (!to->borrows)
			name_of(e->name)->shared++;
		e->value = copy(e->value);
	}
}
