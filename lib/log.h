#pragma once

/*
 * log: one line on stderr, key=value, subject first. error = an operator must act, warn = degraded,
 * info = a change of state of the process, debug = per request. Never a secret, a token, a cookie,
 * a body. A line that would block is dropped and counted. Where stderr is the journal of systemd
 * ($JOURNAL_STREAM), each line begins with its level as sd-daemon(3) has it, which the journal
 * takes off.
 */

#include "slice.h"

#include <stdint.h>

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARN, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

/* `who` names the process in each line ("master", "worker 0"); it is copied. */
void log_setup(const char *who, enum log_level level);
void log_set_level(enum log_level level);
enum log_level log_level_now(void);
uint64_t log_dropped(void);

/* `fmt` starts with the event, then key=value pairs: log_warn("probe endpoint=%s state=dead",
 * name). */
void log_at(enum log_level level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#define log_error(...) log_at(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warn(...) log_at(LOG_LEVEL_WARN, __VA_ARGS__)
#define log_info(...) log_at(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...)                                                                             \
	do {                                                                                       \
		if (log_level_now() >= LOG_LEVEL_DEBUG)                                            \
			log_at(LOG_LEVEL_DEBUG, __VA_ARGS__);                                      \
	} while (0)

/* Lines for people, which are written as they are. */
void log_text(enum log_level level, struct slice lines);

/* Bytes from outside for one %s of a log line: a blank, what is not printable ASCII, a quote or a
 * backslash becomes \xHH; cut to fit. `out` has `cap` bytes. Returns out. */
const char *log_quote(struct slice s, char *out, size_t cap);

/* The same of a sentence, for "%s" between quotes: blanks stay. */
const char *log_words(struct slice s, char *out, size_t cap);
