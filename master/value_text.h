#pragma once

/*
 * value_text: the part of value that reads texts: names, paths, addresses, hosts. For value.c
 * alone.
 */

#include "value.h"

bool value_text_parse(const struct value_env *e, const struct setting *s, struct slice text,
		      void *base, struct buf *why);
/* Appends `text` to why; false. */
bool value_refuse(struct buf *why, const char *text);
/* Repeats a value in a message, but for what could hold a password ("redis://:secret@host"). */
void value_echo(struct slice text, struct buf *why);
bool value_length(const struct setting *s, struct slice text, struct buf *why);
/* What is wrong with the characters; NULL: nothing. */
const char *value_fault(const struct setting *s, struct slice text);
