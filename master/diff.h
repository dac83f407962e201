#pragma once

/*
 * diff: a delta in terms of rules, for operators: which were added, removed and changed, and in
 * those that changed which of their keys.
 */

#include "delta.h"

struct json;

/* What the keys of the store are to an operator. */
struct diff_kind {
	const char *name;    /* "route" */
	struct slice prefix; /* "yett:route:" */
	bool native;         /* its value is JSON text, in a string */
};

/* Of a key, with *name behind its prefix; one that is none of these is a "key". */
const struct diff_kind *diff_kind_of(struct slice key, struct slice *name);
/* NULL: there is none of this name. */
const struct diff_kind *diff_kind_named(const char *name);

/* {"added":[{"kind","name","value"}],"removed":[the same],"changed":[{"kind","name","changes":
 * [{"key","before","after"}]}]}; a value that is refused is false, and "changes" is null where
 * either is. */
void diff_write(const struct delta *d, struct buf *out);
