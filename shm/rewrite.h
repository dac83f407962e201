#pragma once

/*
 * rewrite: the path that an upstream gets, made of the segments of the one that was asked for: "$1"
 * to "$9" stand for a segment as it came (%2F stays %2F), "$3*" for the third one and all behind
 * it, with a slash before each; "$$" is a dollar sign. What is not there is empty. The path is
 * canonical, so that no segment is "." or ".." or has a slash. Bytes in, bytes out.
 */

#include "lib/slice.h"

/* NULL, or what is wrong with such a text, and the remedy. */
const char *rewrite_fault(struct slice to);
/* Bytes that rewrite_put writes. */
size_t rewrite_size(struct slice to, struct slice path);
/* Returns what follows. */
char *rewrite_put(char *o, struct slice to, struct slice path);
