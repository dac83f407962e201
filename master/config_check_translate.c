#include "config_check_translate.h"

#include "lib/json_pointer.h"
#include "shm/table.h"

#define OPERATIONS_MAX 64u

/* One operation that is looked at. */
struct look {
	const struct action_check *a;
	const struct config_operation *op;
	const char *list; /* "translate.request" */
	size_t index;
};

/* Says `what` of `below`, or of the operation. */
static void
mistake(const struct look *l, const char *below, const char *what)
{
	struct buf BUF_CLEAN key = { 0 };
	int line = l->op && l->op->place.line ? l->op->place.line : l->a->line;

	buf_addf(&key, "%s.%s", l->a->key, l->list);
	if (l->op)
		buf_addf(&key, "[%zu]", l->index);
	buf_addf(&key, "%s%s", *below ? "." : "", below);
	buf_addc(&key, '\0');
	mistakes_add(l->a->mistakes, false, line, key.p, "%s", what);
}

static bool
has_star(struct slice pointer)
{
	struct slice token;

	while (json_pointer_next(&pointer, &token)) {
		if (json_pointer_is_star(token))
			return true;
	}
	return false;
}

static bool
ends_in_star(struct slice pointer)
{
	return pointer.n > 1 && memcmp(pointer.p + pointer.n - 2, "/*", 2) == 0;
}

/* False: it has been told. */
static bool
check_pointer(const struct look *l, const char *key, const char *text, bool whole)
{
	struct buf BUF_CLEAN what = { 0 };
	const char *fault = json_pointer_fault(slice_of(text));

	if (fault)
		buf_addf(&what, "\"%s\" %s; write a JSON Pointer, such as /owner/name", text,
			 fault);
	else if (!*text && !whole)
		buf_addf(&what, "it is the whole body; name a part of it, such as /name");
	if (what.n == 0)
		return true;
	buf_addc(&what, '\0');
	mistake(l, key, what.p);
	return false;
}

static void
check_list(const struct look *l, const char *key, const char *const *pointers, size_t count)
{
	if (count > OPERATION_POINTERS_MAX)
		mistake(l, key, "these are more than 32 pointers; make several operations of them");
	for (size_t i = 0; i < count; i++)
		check_pointer(l, key, pointers[i], false);
}

/* One that leads to one place in each object on its way. */
static void
check_place(const struct look *l, const char *key, const char *text)
{
	if (text && check_pointer(l, key, text, false) && ends_in_star(slice_of(text)))
		mistake(l, key, "it ends with *, which names no member; name one behind it");
}

static void
check_rename(const struct look *l)
{
	const struct config_operation *op = l->op;
	struct slice from = slice_of(op->rename), to = slice_of(op->to);

	check_place(l, "rename", op->rename);
	if (!op->to) {
		mistake(l, "", "rename needs a place to go to; give to: /NAME");
		return;
	}
	if (!check_pointer(l, "to", op->to, true))
		return;
	if (slice_eq(from, to))
		mistake(l, "to", "it is where it stands already; name another place");
	else if (ends_in_star(to))
		mistake(l, "to", "it ends with *, which names no member; name one behind it");
	else if (!json_pointer_beside(from, to) && (has_star(from) || has_star(to)))
		mistake(l, "to",
			"with a * what is renamed stays in its object; write the same pointer as "
			"rename has, with another last name");
}

static void
check_kind(const struct look *l)
{
	const struct config_operation *op = l->op;
	unsigned kinds = (op->pick_count > 0) + (op->drop_count > 0) + (op->rename != NULL) +
			 (op->flatten != NULL) + (op->wrap != NULL) + (op->absent != NULL);

	if (kinds != 1)
		mistake(l, "",
			kinds == 0
			    ? "there is nothing to do; give pick, drop, rename, flatten, wrap "
			      "or default"
			    : "these are several operations; make an element of the list of "
			      "each");
	if (op->to && !op->rename)
		mistake(l, "to", "nothing is renamed; remove it, or give rename");
	if (op->value && !op->absent)
		mistake(l, "value", "there is no default; remove it, or give default");
	if (op->absent && !op->value)
		mistake(l, "", "default needs a value; give value");
}

static void
check_operation(const struct look *l)
{
	const struct config_operation *op = l->op;

	check_kind(l);
	check_list(l, "pick", op->pick, op->pick_count);
	check_list(l, "drop", op->drop, op->drop_count);
	if (op->rename)
		check_rename(l);
	check_place(l, "flatten", op->flatten);
	check_place(l, "default", op->absent);
	if (op->wrap && check_pointer(l, "wrap", op->wrap, false) && has_star(slice_of(op->wrap)))
		mistake(l, "wrap", "there is one place to make, so no * can be in it; name it");
}

static void
check_operations(const struct action_check *a, const char *list, const struct config_operation *all,
		 size_t count)
{
	struct look l = { .a = a, .list = list };

	if (count > OPERATIONS_MAX)
		mistake(&l, "", "these are more than 64 operations; let the upstream do some");
	for (size_t i = 0; i < count; i++) {
		l.op = &all[i];
		l.index = i;
		check_operation(&l);
	}
}

void
config_check_translate(const struct action_check *a, const struct config_route *route)
{
	const struct config_action *c = &route->action;
	const struct config_translate *t = &c->translate;
	const struct look all = { .a = a, .list = "translate" };

	check_operations(a, "translate.request", t->request, t->request_count);
	check_operations(a, "translate.response", t->response, t->response_count);
	if (t->request_count + t->response_count > 0 &&
	    ((c->redirect && *c->redirect) || c->respond_status))
		mistake(&all, "",
			"the gateway answers itself, so that there is nothing to translate; remove "
			"it");
}
