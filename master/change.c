#include "change.h"

#include "cell.h"
#include "rules.h"

#include "lib/json.h"
#include "lib/log.h"
#include "lib/xalloc.h"

#include <errno.h>
#include <stdlib.h>

#define VALUE_MAX ((size_t)64 << 20)
#define VALUE_DEPTH 1

struct change *
change_new(struct slice who, struct slice why)
{
	struct change *c = xcalloc(1, sizeof *c);

	c->who = arena_copy(&c->arena, who);
	c->why = arena_copy(&c->arena, why);
	return c;
}

void
change_free(struct change *c)
{
	if (!c)
		return;
	map_deinit(&c->keys, NULL);
	arena_deinit(&c->arena);
	free(c->ops);
	free(c);
}

void
change_expect(struct change *c, struct slice revisions)
{
	c->expected = arena_copy(&c->arena, revisions);
}

bool
change_is_for(struct slice expected, struct slice revision)
{
	struct slice rest = expected;

	if (expected.n == 0 || slice_eq(expected, revision))
		return true;
	while (rest.p) {
		struct slice tag = slice_trim(slice_cut(rest, ',', &rest));

		if (tag.n > 2 && tag.p[0] == '"' && tag.p[tag.n - 1] == '"' &&
		    slice_eq(slice_make(tag.p + 1, tag.n - 2), revision))
			return true;
	}
	return false;
}

void
change_note(struct change *c, struct slice delta)
{
	c->note = arena_copy(&c->arena, delta);
}

static void
add(struct change *c, enum op_kind kind, struct slice key, struct slice field, struct slice value)
{
	void **first = map_put(&c->keys, key);

	if (!*first)
		*first = (void *)(uintptr_t)(c->count + 1);
	if (c->count == c->cap) {
		c->cap = c->cap ? 2 * c->cap : 8;
		c->ops = xrealloc(c->ops, c->cap * sizeof *c->ops);
	}
	c->ops[c->count++] = (struct change_op){
		.kind = kind,
		.key = arena_copy(&c->arena, key),
		.field = arena_copy(&c->arena, field),
		.value = arena_copy(&c->arena, value),
	};
}

const struct change_op *
change_first(const struct change *c, size_t i)
{
	return &c->ops[(uintptr_t)c->keys.entries[i].value - 1];
}

void
change_set(struct change *c, struct slice key, struct slice value)
{
	add(c, OP_SET, key, SLICE(""), value);
}

void
change_delete(struct change *c, struct slice key)
{
	add(c, OP_DELETE, key, SLICE(""), SLICE(""));
}

void
change_set_field(struct change *c, struct slice key, struct slice field, struct slice value)
{
	add(c, OP_SET_FIELD, key, field, value);
}

void
change_delete_field(struct change *c, struct slice key, struct slice field)
{
	add(c, OP_DELETE_FIELD, key, field, SLICE(""));
}

struct slice
change_key(struct change *c, struct slice kind, struct slice name)
{
	char *key = arena_alloc(&c->arena, kind.n + name.n + 1);

	memcpy(key, kind.p, kind.n);
	if (name.n)
		memcpy(key + kind.n, name.p, name.n);
	return slice_make(key, kind.n + name.n);
}

/* ---- the draft ---- */

static void
cell_release(void *p)
{
	struct cell *cell = p;

	cell_clear(cell);
	free(cell);
}

/* The touched keys as they stand, in cells and in the draft. What is refused has a value that we do
 * not know: it is taken for none. */
static void
draft_begin(const struct rules *rules, const struct map *keys, struct map *cells,
	    struct rules *draft)
{
	for (size_t i = 0; i < keys->count; i++) {
		struct slice key = map_name(&keys->entries[i]);
		const struct rules_refusal *refusal = rules_refusal_find(rules, key);
		struct buf value BUF_CLEAN = { 0 };
		struct cell *cell = xcalloc(1, sizeof *cell);
		struct json *json = NULL;

		rules_value(rules, key, &value);
		if (json_parse(buf_slice(&value), VALUE_MAX, VALUE_DEPTH, &json) == 0 &&
		    cell_read(cell, json) && cell->kind != CELL_NONE)
			cell_put(cell, key, draft);
		json_free(json);
		if (refusal)
			rules_refuse(draft, key, refusal->reason);
		*map_put(cells, key) = cell;
	}
	rules_mark(draft);
}

static int
fail(struct buf *why, struct slice key, const char *reason)
{
	char quoted[200];

	buf_addf(why, "%s: %s", log_quote(key, quoted, sizeof quoted), reason);
	return -EINVAL;
}

static int
draft_apply(const struct change *c, struct map *cells, struct buf *why)
{
	for (size_t i = 0; i < c->count; i++) {
		const struct change_op *op = &c->ops[i];

		if (op->value.n > RULES_VALUE_MAX)
			return fail(why, op->key, "the value is longer than 64 KiB");
		if (!cell_apply(map_get(cells, op->key), op))
			return fail(why, op->key, "it is no hash; delete it first");
	}
	return 0;
}

static int
draft_end(struct map *cells, struct rules *draft, struct buf *why)
{
	for (size_t i = 0; i < cells->count; i++) {
		struct slice key = map_name(&cells->entries[i]);

		if (cell_put(cells->entries[i].value, key, draft) < 0)
			return fail(why, key, rules_refusal_find(draft, key)->reason);
	}
	return 0;
}

int
change_draft(const struct change *c, const struct rules *rules, struct rules **draft,
	     struct buf *why)
{
	struct map cells = MAP_INIT;
	struct rules *made = rules_new();
	int r;

	draft_begin(rules, &c->keys, &cells, made);
	r = draft_apply(c, &cells, why);
	if (r == 0)
		r = draft_end(&cells, made, why);
	map_deinit(&cells, cell_release);
	if (r < 0)
		rules_free(made);
	else
		*draft = made;
	return r;
}
