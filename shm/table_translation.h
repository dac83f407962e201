#pragma once

/*
 * table_translation: the parts of SEGMENT_RULES that say how the JSON of a body becomes the JSON
 * that the other side wants: operations on a tree, in their order. Pointers are those of RFC 6901
 * (lib/json_pointer.h); a part that is just * stands for each element or member there. Included by
 * table.h.
 */

#include "segment.h"

enum operation_kind {
	OPERATION_PICK,    /* only what the pointers lead to is left */
	OPERATION_DROP,    /* what they lead to goes */
	OPERATION_RENAME,  /* it stands at `to` from here on */
	OPERATION_FLATTEN, /* its members become those of what it is in */
	OPERATION_WRAP,    /* the whole becomes it, in objects that are made */
	OPERATION_DEFAULT, /* where there is none it is `value` */
	OPERATION_KIND_N
};

#define OPERATION_POINTERS_MAX 32u

#define OPERATION_OPTIONAL 1u /* what is not there is passed over */
#define OPERATION_BESIDE 2u   /* `to` is another name in the same object */

struct table_operation {       /* RULES_OPERATIONS, runs of them belong to translations */
	uint32_t kind;         /* enum operation_kind */
	uint32_t flags;        /* OPERATION_* */
	uint32_t first, count; /* run of RULES_POINTERS, whose elements are struct seg_ref */
	struct seg_ref to;     /* pointer of OPERATION_RENAME */
	struct seg_ref value;  /* JSON of OPERATION_DEFAULT */
};

#define TRANSLATION_REQUIRED 1u /* a body that is no JSON is refused; else it passes as it is */

struct table_translation {                       /* RULES_TRANSLATIONS; actions refer to it */
	uint32_t flags, pad;                     /* TRANSLATION_* */
	uint32_t request_first, request_count;   /* run of RULES_OPERATIONS */
	uint32_t response_first, response_count; /* the same */
	uint64_t max;                            /* bytes of a body, as it came and as it goes */
};

/* NULL for an index outside. */
const struct table_translation *table_translation(const struct segment *rules, uint32_t i);
const struct table_operation *table_operation(const struct segment *rules, uint32_t i);
/* The i-th pointer of an operation. */
struct slice table_operation_pointer(const struct segment *rules, const struct table_operation *op,
				     uint32_t i);

/* For table_verify_rules. */
bool table_translation_ok(const struct segment *rules);
