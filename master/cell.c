#include "cell.h"

#include "change.h"
#include "rules.h"

#include "lib/json.h"
#include "lib/xalloc.h"

#include <stdlib.h>

#define FRONTEND SLICE("frontend:")
#define BACKEND SLICE("backend:")

static void
text_free(void *p)
{
	struct buf *text = p;

	if (text)
		buf_deinit(text);
	free(text);
}

void
cell_clear(struct cell *c)
{
	buf_deinit(&c->text);
	map_deinit(&c->fields, text_free);
	*c = (struct cell){ 0 };
}

static void
set_text(struct cell *c, struct slice value)
{
	cell_clear(c);
	c->kind = CELL_TEXT;
	buf_adds(&c->text, value);
}

static void
set_field(struct cell *c, struct slice name, struct slice value)
{
	struct buf **place = (struct buf **)map_put(&c->fields, name);

	c->kind = CELL_FIELDS;
	if (!*place)
		*place = xcalloc(1, sizeof **place);
	(*place)->n = 0;
	buf_adds(*place, value);
}

static struct slice
field_value(const struct map_entry *e)
{
	return buf_slice(e->value);
}

void
cell_copy(struct cell *to, const struct cell *from)
{
	cell_clear(to);
	if (from->kind == CELL_TEXT)
		set_text(to, buf_slice(&from->text));
	for (size_t i = 0; i < from->fields.count; i++)
		set_field(to, map_name(&from->fields.entries[i]),
			  field_value(&from->fields.entries[i]));
}

bool
cell_read(struct cell *c, const struct json *v)
{
	cell_clear(c);
	switch (json_kind(v)) {
	case JSON_NULL:
	case JSON_FALSE:
		return true;
	case JSON_STRING:
		set_text(c, json_text(v));
		return true;
	case JSON_OBJECT:
		break;
	case JSON_TRUE:
	case JSON_NUMBER:
	case JSON_ARRAY:
		return false;
	}
	for (const struct json *f = json_first(v); f; f = json_next(f)) {
		if (json_kind(f) != JSON_STRING)
			return false;
		set_field(c, json_name(f), json_text(f));
	}
	return true;
}

void
cell_write(const struct cell *c, struct buf *out)
{
	switch (c->kind) {
	case CELL_NONE:
		buf_adds(out, SLICE("null"));
		return;
	case CELL_TEXT:
		buf_add_json(out, buf_slice(&c->text));
		return;
	case CELL_FIELDS:
		break;
	}
	buf_addc(out, '{');
	for (size_t i = 0; i < c->fields.count; i++) {
		buf_adds(out, i ? SLICE(",") : SLICE(""));
		buf_add_json(out, map_name(&c->fields.entries[i]));
		buf_addc(out, ':');
		buf_add_json(out, field_value(&c->fields.entries[i]));
	}
	buf_addc(out, '}');
}

bool
cell_apply(struct cell *c, const struct change_op *op)
{
	switch (op->kind) {
	case OP_SET:
		set_text(c, op->value);
		return true;
	case OP_DELETE:
		cell_clear(c);
		return true;
	case OP_SET_FIELD:
		if (c->kind == CELL_TEXT)
			return false;
		set_field(c, op->field, op->value);
		return true;
	case OP_DELETE_FIELD:
		if (c->kind == CELL_TEXT)
			return false;
		text_free(map_take(&c->fields, op->field));
		if (c->fields.count == 0)
			cell_clear(c);
		return true;
	}
	return false;
}

static int
put_backend(const struct cell *c, struct slice name, struct rules *rules)
{
	struct slice *fields;
	int r;

	if (c->fields.count == 0)
		return rules_delete_backend(rules, name);
	fields = xcalloc(2 * c->fields.count, sizeof *fields);
	for (size_t i = 0; i < c->fields.count; i++) {
		fields[2 * i] = map_name(&c->fields.entries[i]);
		fields[2 * i + 1] = field_value(&c->fields.entries[i]);
	}
	r = rules_set_backend(rules, name, fields, 2 * c->fields.count);
	free(fields);
	return r;
}

static struct slice
after(struct slice key, struct slice prefix)
{
	return slice_make(key.p + prefix.n, key.n - prefix.n);
}

int
cell_put(const struct cell *c, struct slice key, struct rules *rules)
{
	/* An empty text is one. */
	struct slice name, text = c->text.n > 0 ? buf_slice(&c->text) : SLICE("");
	enum native_kind kind;

	if (c->kind == CELL_NONE)
		return rules_delete(rules, key);
	if (slice_starts(key, FRONTEND))
		return c->kind == CELL_TEXT
			   ? rules_set_frontend(rules, after(key, FRONTEND), text)
			   : rules_refuse(rules, key, "it is no string; write it with SET");
	if (slice_starts(key, BACKEND))
		return c->kind == CELL_FIELDS
			   ? put_backend(c, after(key, BACKEND), rules)
			   : rules_refuse(rules, key, "it is no hash; write it with HSET");
	if (rules_native_key(key, &kind, &name))
		return c->kind == CELL_TEXT
			   ? rules_set_native(rules, kind, name, text)
			   : rules_refuse(rules, key, "it is no string; write it with SET");
	return rules_refuse(rules, key, "no rule is kept under this name");
}
