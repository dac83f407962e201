#pragma once

/*
 * mistakes: what is wrong with a configuration, collected while it is read and told in the order of
 * the lines.
 */

#include "lib/buf.h"

#include <stdarg.h>

#define MISTAKES_SHOWN 200 /* more are counted, not listed */
/* A line of another place than the file is MISTAKES_LINES * i + its line, and places[i] says which
 * place that is; of one that has no lines (a variable) the line is 0. */
#define MISTAKES_LINES (1 << 26)
#define MISTAKES_PLACES 32

struct mistake {
	int line;  /* 0: of no line */
	size_t at; /* in the order in which they were found */
	bool warning;
	char *text;
};

struct mistakes {
	struct mistake *items;
	size_t count, cap;
	size_t errors;                       /* those that are no warnings */
	const char *places[MISTAKES_PLACES]; /* from 1 */
};

void mistakes_deinit(struct mistakes *m);
/* `key`: path of the setting, "" for the file as a whole. The text says what is wrong and, behind a
 * semicolon, the remedy. Control characters in it (they came out of the file) become '?'. */
void mistakes_add(struct mistakes *m, bool warning, int line, const char *key, const char *fmt, ...)
    __attribute__((format(printf, 5, 6)));
/* The same, for who has the arguments of its own caller. */
void mistakes_vadd(struct mistakes *m, bool warning, int line, const char *key, const char *fmt,
		   va_list args) __attribute__((format(printf, 5, 0)));
/* "FILE:LINE", or what else a line means. */
void mistakes_where(const struct mistakes *m, const char *file, int line, struct buf *out);
/* One line each: "FILE:LINE: KEY: TEXT". */
void mistakes_write(struct mistakes *m, const char *file, struct buf *out);
/* Of such lines the first that is no warning, or the last. */
struct slice mistakes_first(const char *report);
