#include "translation.h"

#include "translation_own.h"
#include "translation_pick.h"

#include "lib/json.h"

static bool
drop_at(struct run *x, struct json *parent, struct slice token)
{
	bool all = json_pointer_is_star(token);
	struct json *child;

	do {
		child = all ? json_own_first(parent) : json_pointer_child(parent, token);
		if (child) {
			json_take(parent, child);
			json_free(child);
		}
	} while (all && child);
	return true;
}

static struct slice
last_part(struct slice pointer)
{
	struct slice token = SLICE("");

	while (json_pointer_next(&pointer, &token))
		;
	return token;
}

static bool
rename_beside(struct run *x, struct json *parent, struct json *child, struct slice to)
{
	struct slice token = last_part(to);
	struct buf BUF_CLEAN name = { 0 };
	size_t was;

	if (json_kind(parent) != JSON_OBJECT)
		return translation_fail(x, JSON_POINTER_DEPTH);
	if (json_pointer_child(parent, token))
		return translation_fail_at(x, to, JSON_POINTER_DEPTH);
	json_pointer_name(token, &name);
	buf_addc(&name, '\0');
	was = json_name(child).n;
	json_rename(child, name.p);
	return name.n <= was || translation_grow(x, name.n - was);
}

/* A root comes to stand at `to`, in objects that are made where they are missing; else it is freed.
 */
static bool
move_to(struct run *x, struct json *v, struct slice to)
{
	struct json *parent = x->root, *child;
	struct slice rest = to, token = SLICE("");
	struct buf BUF_CLEAN name = { 0 };
	bool made = true;

	while (made && json_pointer_next(&rest, &token) && rest.n > 0) {
		child = json_pointer_child(parent, token);
		if (!child && json_kind(parent) == JSON_OBJECT)
			child = translation_put_object(x, parent, token);
		made = child != NULL;
		parent = child ? child : parent;
	}
	json_pointer_name(token, &name);
	buf_addc(&name, '\0');
	made = made && translation_grow(x, name.n);
	if (made && json_kind(parent) == JSON_OBJECT && !json_pointer_child(parent, token)) {
		json_put(parent, name.p, v);
		return true;
	}
	json_free(v);
	return x->outcome == TRANSLATION_OK ? translation_fail_at(x, to, 0) : false;
}

static bool
rename_at(struct run *x, struct json *parent, struct slice token)
{
	struct slice to = seg_string(x->rules, x->op->to);
	struct json *child = json_pointer_child(parent, token);

	if (!child)
		return translation_missing(x, JSON_POINTER_DEPTH);
	if (x->op->flags & OPERATION_BESIDE)
		return rename_beside(x, parent, child, to);
	json_take(parent, child);
	if (to.n > 0)
		return move_to(x, child, to);
	json_free(x->root);
	x->root = child;
	return true;
}

static bool
flatten_at(struct run *x, struct json *parent, struct slice token)
{
	struct json *child = json_pointer_child(parent, token), *m;

	if (!child)
		return translation_missing(x, JSON_POINTER_DEPTH);
	if (json_kind(parent) != JSON_OBJECT || json_kind(child) != JSON_OBJECT)
		return translation_fail(x, JSON_POINTER_DEPTH);
	json_take(parent, child);
	while ((m = json_own_first(child))) {
		json_take(child, m);
		json_put_back(parent, m);
	}
	json_free(child);
	return json_repeats(parent) ? translation_fail(x, JSON_POINTER_DEPTH) : true;
}

static bool
default_at(struct run *x, struct json *parent, struct slice token)
{
	struct slice value = seg_string(x->rules, x->op->value);
	struct buf BUF_CLEAN name = { 0 };
	struct json *v;

	if (json_kind(parent) != JSON_OBJECT)
		return translation_missing(x, JSON_POINTER_DEPTH);
	if (json_pointer_child(parent, token))
		return true;
	json_pointer_name(token, &name);
	buf_addc(&name, '\0');
	if (!translation_grow(x, name.n + value.n + 3))
		return false;
	if (json_parse_exact(value, value.n, JSON_DEPTH_MAX, &v) < 0)
		return translation_fail(x, JSON_POINTER_DEPTH);
	json_put(parent, name.p, v);
	return true;
}

static bool
wrap(struct run *x)
{
	struct json *whole = x->root;

	x->root = json_object();
	return move_to(x, whole, x->pointer);
}

static bool
pick(struct run *x)
{
	struct picks all = { .count = 0 };

	for (uint32_t i = 0; i < x->op->count && i < OPERATION_POINTERS_MAX; i++)
		all.rest[all.count++] = table_operation_pointer(x->rules, x->op, i);
	x->pointer = all.rest[0];
	return translation_pick(x->root, &all) || translation_missing(x, 0);
}

/* ---- all of it ---- */

static bool
operate(struct run *x)
{
	static at_fn *const at[OPERATION_KIND_N] = {
		[OPERATION_DROP] = drop_at,
		[OPERATION_RENAME] = rename_at,
		[OPERATION_FLATTEN] = flatten_at,
		[OPERATION_DEFAULT] = default_at,
	};

	if (x->op->kind == OPERATION_PICK)
		return pick(x);
	for (uint32_t i = 0; i < x->op->count; i++) {
		x->pointer = table_operation_pointer(x->rules, x->op, i);
		if (x->op->kind == OPERATION_WRAP ? !wrap(x)
						  : !translation_follow(x, at[x->op->kind]))
			return false;
	}
	return true;
}

enum translation_outcome
translation_run(const struct segment *rules, uint32_t first, uint32_t count, struct slice text,
		size_t max, struct buf *out, struct buf *pointer)
{
	struct run x = { .rules = rules, .max = max, .fault = pointer };
	bool good = true;

	if (json_parse_exact(text, max, JSON_DEPTH_MAX, &x.root) < 0)
		return text.n > max ? TRANSLATION_LARGE : TRANSLATION_NO_JSON;
	for (uint32_t i = 0; i < JSON_POINTER_DEPTH; i++)
		x.element[i] = NO_ELEMENT;
	for (uint32_t i = 0; good && i < count; i++) {
		x.op = table_operation(rules, first + i);
		good = x.op && operate(&x);
	}
	if (good)
		json_write(x.root, out);
	json_free(x.root);
	if (good && out->n > max)
		return TRANSLATION_LARGE;
	return x.outcome;
}
