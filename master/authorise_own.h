#pragma once

/*
 * authorise_own: between authorise.c, which reads the tree, and authorise_values.c, which reads
 * what one of its leaves asks for.
 */

#include "authorise.h"

/* One value of the setting while it is read. */
struct reading {
	struct config_reader *r;
	uint32_t size;
};

/* What a mapping may have, beside `shadow` at the top; ends with a NULL word. */
extern const struct setting_word authorise_keys[];
/* Tells of a mistake; false. */
bool authorise_wrong(struct reading *g, const struct node *n, const char *text);
/* NULL: it is none of them, which is told. */
const struct setting_word *authorise_word(struct reading *g, const struct setting_word *words,
					  const struct node *n);
/* A list, or one value alone. */
bool authorise_values(struct reading *g, const struct node *n, struct authorise *a);
/* A claim or a fact of the certificate, and its values. */
bool authorise_named(struct reading *g, const struct node_pair *pair, struct authorise *a);
