#pragma once

/*
 * translation_own: one operation on its way through a tree. Part of translation.
 */

#include "translation.h"

#include "lib/json_pointer.h"

struct json;

/* One operation on its way through the tree. */
struct run {
	const struct segment *rules;
	const struct table_operation *op;
	struct json *root;
	struct slice pointer;                 /* that it follows */
	uint32_t element[JSON_POINTER_DEPTH]; /* at each part, where that is a * */
	size_t grown, max;                    /* bytes that it added; may add */
	enum translation_outcome outcome;
	struct buf *fault;
};

#define NO_ELEMENT UINT32_MAX /* it is a member, or was not reached */

/* Where it is an operation's turn: the last part of the pointer, and what it is a part of. */
typedef bool at_fn(struct run *x, struct json *parent, struct slice token);

/* Calls `at` wherever the run's pointer leads; false as soon as it says so, or something on the way
 * is missing. */
bool translation_follow(struct run *x, at_fn *at);
/* These three say what a function above returns. A pointer failed, of which the first `known` parts
 * were followed; there is nothing where it leads, which some do not mind; so many bytes more are
 * needed. */
bool translation_fail(struct run *x, unsigned known);
bool translation_fail_at(struct run *x, struct slice pointer, unsigned known);
bool translation_missing(struct run *x, unsigned known);
bool translation_grow(struct run *x, size_t n);
/* A new {} as the member that a token means; NULL: there are too many. */
struct json *translation_put_object(struct run *x, struct json *parent, struct slice token);
