#pragma once

/*
 * pattern_scan: is there anything in a pattern that is not regular? Knows the syntax of PCRE2 as
 * far as that needs, and errs on the side of refusing; whether the rest is well-formed is PCRE2's
 * to say.
 */

#include "buf.h"

/* NULL when all of it is regular; else what is not, static, and where (byte, from 0). `out` then
 * gets the same pattern with x+ written as xx*: PCRE2's DFA matcher counts how often x+ has
 * matched, so that (x+)+ would make a state of its own for each byte. */
const char *pattern_scan(struct slice text, struct buf *out, size_t *at);
