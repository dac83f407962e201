#pragma once

/*
 * slice: a borrowed run of bytes. Never owns, never ends in NUL by promise.
 */

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

struct slice {
	const char *p;
	size_t n;
};

#define SLICE(lit) ((struct slice){ (lit), sizeof(lit) - 1 })
#define SLICE_F(s) (int)(s).n, (s).p /* for "%.*s" */

static inline struct slice
slice_of(const char *text)
{
	return (struct slice){ text, text ? strlen(text) : 0 };
}

static inline struct slice
slice_make(const char *p, size_t n)
{
	return (struct slice){ p, n };
}

static inline bool
slice_eq(struct slice a, struct slice b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

static inline char
ascii_lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

/* Equal but for the case of ASCII letters. */
static inline bool
slice_ieq(struct slice a, struct slice b)
{
	if (a.n != b.n)
		return false;
	for (size_t i = 0; i < a.n; i++) {
		if (ascii_lower(a.p[i]) != ascii_lower(b.p[i]))
			return false;
	}
	return true;
}

static inline bool
slice_starts(struct slice s, struct slice prefix)
{
	return s.n >= prefix.n && (prefix.n == 0 || memcmp(s.p, prefix.p, prefix.n) == 0);
}

/* Without spaces and tabs at both ends (OWS, RFC 9110 section 5.6.3). */
static inline struct slice
slice_trim(struct slice s)
{
	while (s.n > 0 && (s.p[0] == ' ' || s.p[0] == '\t')) {
		s.p++;
		s.n--;
	}
	while (s.n > 0 && (s.p[s.n - 1] == ' ' || s.p[s.n - 1] == '\t'))
		s.n--;
	return s;
}

static inline bool
slice_has_control(struct slice s)
{
	for (size_t i = 0; i < s.n; i++) {
		if ((unsigned char)s.p[i] < 0x20 || s.p[i] == 0x7f)
			return true;
	}
	return false;
}

/* The part before the first `c`, or all; `*rest` gets what follows `c` (p == NULL when there was
 * none). */
static inline struct slice
slice_cut(struct slice s, char c, struct slice *rest)
{
	const char *hit = s.n ? memchr(s.p, c, s.n) : NULL;

	if (!hit) {
		*rest = (struct slice){ NULL, 0 };
		return s;
	}
	*rest = (struct slice){ hit + 1, s.n - (size_t)(hit - s.p) - 1 };
	return (struct slice){ s.p, (size_t)(hit - s.p) };
}
