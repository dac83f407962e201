#pragma once

/* texts: a list that is used in turn: paths, tokens. */

#include "lib/slice.h"

#include <stdint.h>

struct texts {
	struct slice *items;
	size_t count, cap, next;
};

void texts_deinit(struct texts *t);
void texts_add(struct texts *t, struct slice text); /* a copy of it */
/* `pattern` once for each number below `count`, which stands where it has "{n}". */
void texts_expand(struct texts *t, struct slice pattern, uint64_t count);
/* One a line; empty lines do not count. 0 or a negative errno; -ENODATA: none. */
int texts_read(struct texts *t, const char *file) __attribute__((warn_unused_result));
/* There must be one. */
struct slice texts_next(struct texts *t);
