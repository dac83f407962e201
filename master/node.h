#pragma once

/*
 * node: makes nodes of a document, for what translates older forms of a configuration into our own
 * before it is read. They belong to the arena; a node that is put below another one is borrowed.
 */

#include "document.h"

/* `room`: most elements or pairs that it is going to have. */
struct node *node_new(struct arena *arena, enum node_kind kind, int line, size_t room);
/* The text is copied. */
struct node *node_scalar(struct arena *arena, struct slice text, int line);
/* The last element of a list; the last pair of a mapping, whose key is of the value's line. */
void node_push(struct node *list, const struct node *item);
void node_put(struct arena *arena, struct node *mapping, const char *key, const struct node *value);
