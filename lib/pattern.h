#pragma once

/*
 * pattern: regular expressions that take time in proportion to the text, whoever wrote them and
 * whoever wrote the text. PCRE2's syntax, matched by its DFA matcher, without all that is not
 * regular (references back, look-around, recursion, atomic groups, verbs, callouts, conditions);
 * bytes, not characters of Unicode. The whole text has to match. The only file that includes
 * <pcre2.h>.
 */

#include "slice.h"

#define PATTERN_MAX 1024       /* bytes of a pattern */
#define PATTERN_COMPILED 16384 /* bytes that it may become */
#define PATTERN_SUBJECT 8192   /* bytes of a text; longer ones are PATTERN_LIMIT */

struct pattern;

struct pattern_error {
	size_t at;      /* byte in the pattern, from 1 */
	char text[160]; /* what is wrong; remedy */
};

/* NULL and *error when it is none of these. */
struct pattern *pattern_new(struct slice text, struct pattern_error *error);
void pattern_free(struct pattern *p); /* NULL is allowed */

enum { PATTERN_NO, PATTERN_YES, PATTERN_LIMIT /* it would take too long to say */ };
int pattern_match(const struct pattern *p, struct slice subject);
