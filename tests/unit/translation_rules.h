#pragma once

/*
 * translation_rules: a segment that has operations on JSON and nothing else, for the unit test and
 * the fuzz target.
 */

#include "shm/table.h"

#include <stdlib.h>

struct rule {
	enum operation_kind kind;
	const char *pointers; /* with blanks between */
	const char *to, *value;
	uint32_t flags;
};

/* All of them are one run from 0. */
static inline struct segment *
translation_rules(const struct rule *rules, size_t count)
{
	struct seg_builder b;
	struct segment *s = NULL;

	seg_builder_init(&b);
	for (size_t i = 0; i < count; i++) {
		struct table_operation op = { .kind = rules[i].kind, .flags = rules[i].flags };
		struct slice rest = slice_of(rules[i].pointers);

		op.to = seg_builder_string(&b, slice_of(rules[i].to ? rules[i].to : ""));
		op.value = seg_builder_string(&b, slice_of(rules[i].value ? rules[i].value : ""));
		while (rest.p) {
			struct slice text = slice_cut(rest, ' ', &rest);
			struct seg_ref ref = seg_builder_string(&b, text);
			uint32_t at = seg_builder_add(&b, RULES_POINTERS, &ref, sizeof ref);

			op.first = op.count++ == 0 ? at : op.first;
		}
		seg_builder_add(&b, RULES_OPERATIONS, &op, sizeof op);
	}
	if (seg_builder_finish(&b, SEGMENT_RULES, 1, &s))
		abort();
	seg_builder_deinit(&b);
	return s;
}
