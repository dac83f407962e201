/*
 * Translations of bodies: their rows, and whether they hold together.
 */

#include "table_translation.h"

#include "table.h"
#include "verify.h"

const struct table_translation *
table_translation(const struct segment *rules, uint32_t i)
{
	return seg_at(rules, RULES_TRANSLATIONS, i, sizeof(struct table_translation));
}

const struct table_operation *
table_operation(const struct segment *rules, uint32_t i)
{
	return seg_at(rules, RULES_OPERATIONS, i, sizeof(struct table_operation));
}

struct slice
table_operation_pointer(const struct segment *rules, const struct table_operation *op, uint32_t i)
{
	const struct seg_ref *ref = seg_at(rules, RULES_POINTERS, op->first + i, sizeof *ref);

	return ref ? seg_string(rules, *ref) : SLICE("");
}

bool
table_translation_ok(const struct segment *s)
{
	uint32_t translations, operations, pointers;
	uint32_t all_operations = seg_count(s, RULES_OPERATIONS);
	uint32_t all_pointers = seg_count(s, RULES_POINTERS);
	bool ok = true;
	const struct table_translation *t =
	    section(s, RULES_TRANSLATIONS, sizeof *t, &translations, &ok);
	const struct table_operation *op =
	    section(s, RULES_OPERATIONS, sizeof *op, &operations, &ok);
	const struct seg_ref *pointer = section(s, RULES_POINTERS, sizeof *pointer, &pointers, &ok);

	for (uint32_t i = 0; i < translations; i++)
		ok &= run_ok(t[i].request_first, t[i].request_count, all_operations) &&
		      run_ok(t[i].response_first, t[i].response_count, all_operations);
	for (uint32_t i = 0; i < operations; i++)
		ok &= op[i].kind < OPERATION_KIND_N && op[i].count > 0 &&
		      op[i].count <= OPERATION_POINTERS_MAX &&
		      run_ok(op[i].first, op[i].count, all_pointers) && ref_ok(s, op[i].to) &&
		      ref_ok(s, op[i].value);
	for (uint32_t i = 0; i < pointers; i++)
		ok &= ref_ok(s, pointer[i]);
	return ok;
}
