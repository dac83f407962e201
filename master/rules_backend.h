#pragma once

/*
 * rules_backend: one backend made from the fields of its hash. Knows what a good name, server,
 * score and setting is; keeps nothing.
 */

#include "rules.h"

/* NULL when a name may stand. */
const char *rules_name_fault(struct slice name);
bool rules_is_utf8(struct slice text);
/* A plain decimal number. NULL, or what is wrong with it. */
const char *rules_score_parse(struct slice text, double *out);
/* From name, value, name, value... as HGETALL gives them. NULL when a field is at fault; *why then
 * says which and why, with a NUL behind. */
struct rules_backend *backend_make(struct slice name, const struct slice *fields, size_t count,
				   struct buf *why);
/* The last holder's call frees it. */
void backend_free(struct rules_backend *b);
bool backend_same(const struct rules_backend *a, const struct rules_backend *b);
/* Its hash as a JSON object of strings, names sorted. */
void backend_write(const struct rules_backend *b, struct buf *out);
