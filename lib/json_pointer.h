#pragma once

/*
 * json_pointer: places in JSON (RFC 6901): "" is the whole, "/a/0/b~1c" a member "b/c" of the first
 * element of a member "a". Its tokens are compared as they are written, nothing is copied.
 */

#include "slice.h"

struct buf;
struct json;

#define JSON_POINTER_DEPTH 32 /* most tokens */

/* What is wrong with it, as a predicate; NULL: it is a pointer of at most so many tokens. */
const char *json_pointer_fault(struct slice pointer);
/* The next token behind a '/', as it is written; false at the end. */
bool json_pointer_next(struct slice *rest, struct slice *token);
/* Appends the name that a token means. */
void json_pointer_name(struct slice token, struct buf *out);
bool json_pointer_means(struct slice token, struct slice name);
/* The number of an element that it means, SIZE_MAX: none (section 4: no leading zeros; "-" is no
 * element that there is). */
size_t json_pointer_index(struct slice token);
/* The member or the element of v; NULL when there is none. */
struct json *json_pointer_child(struct json *v, struct slice token);

/* Do they differ in their last tokens alone? */
bool json_pointer_beside(struct slice a, struct slice b);

/* Ours, beyond the RFC: a part that is just * stands for each element or member there. */
static inline bool
json_pointer_is_star(struct slice token)
{
	return token.n == 1 && token.p[0] == '*';
}
