#pragma once

/*
 * json: reading JSON that somebody hostile may have written. Checked in full before cJSON builds a
 * tree of it: RFC 8259 to the letter, UTF-8, bounded in size and depth, no member name twice in an
 * object (two readers would take different ones), no U+0000 (strings of a tree end at it), nothing
 * behind the value. Names are compared with their case.
 */

#include "slice.h"

struct buf;
struct json; /* a value; the root owns all below it */

enum json_kind {
	JSON_NULL,
	JSON_FALSE,
	JSON_TRUE,
	JSON_NUMBER,
	JSON_STRING,
	JSON_ARRAY,
	JSON_OBJECT
};

/* `bytes_max`: longest text; `depth_max`: objects and arrays within each other, at most
 * JSON_DEPTH_MAX (a lone number has depth 0). 0; -EINVAL for what is no JSON, nested too deep or
 * names a member twice; -E2BIG for a text that is too long. */
#define JSON_DEPTH_MAX 64
int json_parse(struct slice text, size_t bytes_max, unsigned depth_max, struct json **out)
    __attribute__((warn_unused_result));
/* The same for a tree that json_write gives back with each number as it was written, however long
 * or large (json_number_text). The numbers stay in `text`, which has to outlive the tree. */
int json_parse_exact(struct slice text, size_t bytes_max, unsigned depth_max, struct json **out)
    __attribute__((warn_unused_result));
void json_free(struct json *root); /* NULL is allowed */

enum json_kind json_kind(const struct json *v);
/* A member of an object; NULL when there is none, or v is NULL or no object. */
const struct json *json_get(const struct json *v, const char *name);
/* What a path leads to: the name of a member, or names with dots between, from object to object;
 * names may have dots themselves, and the member whose name is all of the path comes first. NULL
 * when there is none. */
const struct json *json_find(const struct json *v, struct slice path);
/* Bytes of a string, p == NULL for anything else (NULL too). They live as long as the root.
 * (json_string is a name of jansson, which libjwt brings along.) */
struct slice json_text(const struct json *v);
/* A finite number? */
bool json_number(const struct json *v, double *out);
/* As it was written, of a tree that was parsed exactly; p == NULL for anything else. */
struct slice json_number_text(const struct json *v);
/* The first element of an array or member of an object, then its successors; NULL at the end. */
const struct json *json_first(const struct json *v);
const struct json *json_next(const struct json *v);
/* As text without blanks, names in their order, appended. */
void json_write(const struct json *v, struct buf *out);
/* The name of a member; p == NULL for what is none. */
struct slice json_name(const struct json *v);

/* ---- changing a tree ---- */

/* As json_first and json_next, of what may be changed. */
struct json *json_own_first(struct json *v);
struct json *json_own_next(struct json *v);
/* {}, a root. */
struct json *json_object(void);
/* Takes an element or member out of what it is in: it is a root from here on, and keeps its name.
 */
void json_take(struct json *parent, struct json *v);
/* A root becomes the last member of an object, under this name; or under the one that it kept. That
 * there is no other of the name is the caller's to see to. */
void json_put(struct json *object, const char *name, struct json *v);
void json_put_back(struct json *object, struct json *v);
/* Another name for a member, in its place. */
void json_rename(struct json *v, const char *name);
/* Does an object have a name twice? */
bool json_repeats(const struct json *object);
