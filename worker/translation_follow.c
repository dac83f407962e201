#include "translation_own.h"

#include "lib/json.h"

/* ---- what is wrong ---- */

bool
translation_fail_at(struct run *x, struct slice pointer, unsigned known)
{
	struct slice rest = pointer, token;

	x->outcome = TRANSLATION_POINTER;
	for (unsigned i = 0; json_pointer_next(&rest, &token); i++) {
		if (json_pointer_is_star(token) && i < known && x->element[i] != NO_ELEMENT)
			buf_addf(x->fault, "/%u", x->element[i]);
		else
			buf_addf(x->fault, "/%.*s", SLICE_F(token));
	}
	return false;
}

bool
translation_fail(struct run *x, unsigned known)
{
	return translation_fail_at(x, x->pointer, known);
}

bool
translation_missing(struct run *x, unsigned known)
{
	if (x->op->kind == OPERATION_DROP || x->op->flags & OPERATION_OPTIONAL)
		return true;
	return translation_fail(x, known);
}

bool
translation_grow(struct run *x, size_t n)
{
	x->grown += n;
	if (x->grown <= x->max)
		return true;
	x->outcome = TRANSLATION_LARGE;
	return false;
}

/* ---- on the way ---- */

struct json *
translation_put_object(struct run *x, struct json *parent, struct slice token)
{
	struct buf BUF_CLEAN name = { 0 };
	struct json *made;

	json_pointer_name(token, &name);
	buf_addc(&name, '\0');
	if (!translation_grow(x, name.n + 5))
		return NULL;
	made = json_object();
	json_put(parent, name.p, made);
	return made;
}

static bool follow(struct run *x, struct json *v, struct slice rest, unsigned depth, at_fn *at);

static bool
follow_all(struct run *x, struct json *v, struct slice rest, unsigned depth, at_fn *at)
{
	bool array = json_kind(v) == JSON_ARRAY;
	struct json *m = json_own_first(v), *next;

	if (!array && json_kind(v) != JSON_OBJECT)
		return translation_missing(x, depth);
	x->element[depth] = array ? 0 : NO_ELEMENT;
	for (; m; m = next) {
		next = json_own_next(m);
		if (!follow(x, m, rest, depth + 1, at))
			return false;
		x->element[depth] += array;
	}
	return true;
}

static bool
is_move(const struct table_operation *op)
{
	return op->kind == OPERATION_RENAME && !(op->flags & OPERATION_BESIDE);
}

/* As deep as the pointer is. */
static bool
follow(struct run *x, struct json *v, struct slice rest, unsigned depth, at_fn *at)
{
	struct slice token;
	struct json *child;

	if (depth >= JSON_POINTER_DEPTH || !json_pointer_next(&rest, &token))
		return translation_fail(x, depth);
	if (rest.n == 0)
		return at(x, v, token);
	if (json_pointer_is_star(token)) /* but one place takes one value */
		return is_move(x->op) ? translation_fail(x, depth)
				      : follow_all(x, v, rest, depth, at);
	child = json_pointer_child(v, token);
	if (!child && x->op->kind == OPERATION_DEFAULT && json_kind(v) == JSON_OBJECT) {
		child = translation_put_object(x, v, token);
		if (!child)
			return false;
	}
	return child ? follow(x, child, rest, depth + 1, at) : translation_missing(x, depth);
}

bool
translation_follow(struct run *x, at_fn *at)
{
	return follow(x, x->root, x->pointer, 0, at);
}
