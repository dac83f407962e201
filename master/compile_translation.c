#include "compile_translation.h"

#include "lib/json_pointer.h"

static void
add_pointer(struct table_builder *b, struct table_operation *op, const char *text)
{
	struct seg_ref ref = seg_builder_string(&b->seg, slice_of(text));
	uint32_t at = seg_builder_add(&b->seg, RULES_POINTERS, &ref, sizeof ref);

	if (op->count++ == 0)
		op->first = at;
}

static void
add_pointers(struct table_builder *b, struct table_operation *op, const char *const *texts,
	     size_t count)
{
	for (size_t i = 0; i < count; i++)
		add_pointer(b, op, texts[i]);
}

static uint32_t
add_operation(struct table_builder *b, const struct config_operation *c)
{
	struct table_operation op = { .flags = c->optional ? OPERATION_OPTIONAL : 0 };

	if (c->pick_count > 0) {
		op.kind = OPERATION_PICK;
		add_pointers(b, &op, c->pick, c->pick_count);
	} else if (c->drop_count > 0) {
		op.kind = OPERATION_DROP;
		add_pointers(b, &op, c->drop, c->drop_count);
	} else if (c->rename) {
		op.kind = OPERATION_RENAME;
		op.to = seg_builder_string(&b->seg, slice_of(c->to));
		if (json_pointer_beside(slice_of(c->rename), slice_of(c->to)))
			op.flags |= OPERATION_BESIDE;
		add_pointer(b, &op, c->rename);
	} else if (c->absent) {
		op.kind = OPERATION_DEFAULT;
		op.value = seg_builder_string(&b->seg, slice_of(c->value));
		add_pointer(b, &op, c->absent);
	} else {
		op.kind = c->flatten ? OPERATION_FLATTEN : OPERATION_WRAP;
		add_pointer(b, &op, c->flatten ? c->flatten : c->wrap);
	}
	return seg_builder_add(&b->seg, RULES_OPERATIONS, &op, sizeof op);
}

static void
add_operations(struct table_builder *b, const struct config_operation *all, size_t count,
	       uint32_t *first, uint32_t *n)
{
	uint32_t at = 0;

	for (size_t i = 0; i < count; i++)
		at = add_operation(b, &all[i]);
	*n = (uint32_t)count;
	*first = count > 0 ? at + 1 - *n : 0;
}

uint32_t
compile_translation(struct table_builder *b, const struct config_translate *t)
{
	struct table_translation row = {
		.flags = t->required ? TRANSLATION_REQUIRED : 0,
		.max = t->max,
	};

	if (t->request_count + t->response_count == 0)
		return 0;
	add_operations(b, t->request, t->request_count, &row.request_first, &row.request_count);
	add_operations(b, t->response, t->response_count, &row.response_first, &row.response_count);
	return 1 + seg_builder_add(&b->seg, RULES_TRANSLATIONS, &row, sizeof row);
}
