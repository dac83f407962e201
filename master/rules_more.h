#pragma once

/*
 * rules_more: what changed behind a file of rules, in another one (PATH.more): a line for each
 * time, of which the first says which rules it stands behind. Each begins with a sum, so that what
 * was not written as a whole is not read, nor what stands behind it.
 */

#include "lib/buf.h"

#include <stdbool.h>
#include <stdint.h>

struct revision;
struct rules;

/* The first line; `base`: that of the rules. */
void rules_more_begin(struct slice base, struct buf *out);
/* Another one: a part (rules_text.h) with its end of line. */
void rules_more_add(struct slice part, struct buf *out);

struct rules_more;

/* Opens what stands behind these rules, which may be nothing. False: there is no such file. */
bool rules_more_open(const char *path, struct slice base, struct rules_more **out);
/* Goes on with so many keys, of one line at most. 1: there is more; 0: that was all. Each line that
 * was read says in its place when it was saved and which revision that was (*revision is freed). */
int rules_more_go(struct rules_more *x, struct rules *r, size_t keys, int64_t *saved_at,
		  struct revision **revision) __attribute__((warn_unused_result));
void rules_more_free(struct rules_more *x); /* NULL is allowed */
