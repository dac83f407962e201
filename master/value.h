#pragma once

/*
 * value: one value between its text and its field, by the type of its row in the settings table.
 * Knows no YAML, no lines.
 */

#include "settings.h"

struct value_env {
	struct arena *arena; /* strings of the configuration */
	const char *folder;  /* of the configuration file: relative paths start there */
};

/* Is it a list of texts (SETTING_FLAGS and the like), read by value_list and value_item? */
bool value_is_list(const struct setting *s);
/* Writes the field of the struct at `base`. False: `why` says what is wrong, and the remedy; it
 * never repeats what could be a password. Not for secrets, lists and children. */
bool value_parse(const struct value_env *e, const struct setting *s, struct slice text, void *base,
		 struct buf *why);
/* Empties a list and makes room for n items. */
void value_list(const struct value_env *e, const struct setting *s, size_t n, void *base);
bool value_item(const struct value_env *e, const struct setting *s, struct slice text, void *base,
		struct buf *why);
/* All bits set: the compiler takes what the row inherits. */
bool value_is_unset(const struct setting *s, const void *base);
void value_unset(const struct setting *s, void *base);
/* Sets the field as that of another row of the same type is. */
void value_copy(const struct setting *to, void *base, const struct setting *from,
		const void *from_base);

/* A setting's value as it would be written; secrets redacted. Not for children. */
void value_format(const struct setting *s, const void *base, bool json, struct buf *out);
/* A number of a numeric type, in the largest unit that fits: "5s", "1m", "off". */
void value_format_number(enum setting_type type, int64_t value, struct buf *out);
