#pragma once

/*
 * cell: what stands under one key of the store, in source form: a text, or a hash of texts, as in
 * Redis. Judges nothing but the form; what is a good rule `struct rules` knows.
 */

#include "lib/buf.h"
#include "lib/map.h"

struct change_op;
struct json;
struct rules;

enum cell_kind { CELL_NONE, CELL_TEXT, CELL_FIELDS };

struct cell {
	enum cell_kind kind;
	struct buf text;
	struct map fields; /* by name: struct buf, malloc'd */
};

void cell_clear(struct cell *c);
void cell_copy(struct cell *to, const struct cell *from);
/* null and false are no value. False when it is no text, and no object of texts. */
bool cell_read(struct cell *c, const struct json *v);
/* JSON. */
void cell_write(const struct cell *c, struct buf *out);
/* Hashes without fields are gone, as in Redis. False when the operation is for the other kind. */
bool cell_apply(struct cell *c, const struct change_op *op);
/* Sets what the key stands for, as if it had been read from Redis: 1, 0 or -1 (rules.h). */
int cell_put(const struct cell *c, struct slice key, struct rules *rules);
