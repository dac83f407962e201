#pragma once

/*
 * point: a place in the history of the rules that somebody names, and what leads from one to
 * another. Unlike a revision it may be what is in force now, whether that is a revision or not.
 */

#include "delta.h"

struct master;
struct revision;

enum point_kind { POINT_REVISION, POINT_NOW, POINT_UNKNOWN };

struct point {
	enum point_kind kind;
	const struct revision *revision; /* NULL: what was before the oldest */
};

/* "current" is what is in force, "previous" the revision before it; else an id. */
struct point point_find(const struct master *m, struct slice name);
/* 0, with the delta added to `out`, which is empty; or -ENOENT with a sentence in `why` when it is
 * not known. Neither point is unknown. */
int point_difference(const struct master *m, struct point from, struct point to, struct delta *out,
		     struct buf *why) __attribute__((warn_unused_result));
/* Its id in JSON; null where there is none. */
void point_write(const struct master *m, struct point p, struct buf *out);
