#include "log.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

/* The one process-wide state of the tree: where a line of the log goes is the same for all of a process. */
static struct {
	char who[32];
	enum log_level level;
	uint64_t dropped;
} logger = { .level = LOG_LEVEL_INFO };

static const char *const level_name[] = { "error", "warn", "info", "debug" };

void
log_setup(const char *who, enum log_level level)
{
	snprintf(logger.who, sizeof logger.who, "%s", who);
	logger.level = level;
}

void
log_set_level(enum log_level level)
{
	logger.level = level;
}

enum log_level
log_level_now(void)
{
	return logger.level;
}

uint64_t
log_dropped(void)
{
	return logger.dropped;
}

void
log_at(enum log_level level, const char *fmt, ...)
{
	char line[2048];
	struct pollfd ready = { .fd = STDERR_FILENO, .events = POLLOUT };
	struct timespec ts;
	struct tm tm;
	va_list args;
	size_t n;
	int m;

	if (level > logger.level)
		return;
	clock_gettime(CLOCK_REALTIME, &ts);
	gmtime_r(&ts.tv_sec, &tm);
	n = strftime(line, sizeof line, "%Y-%m-%dT%H:%M:%S", &tm);
	m = snprintf(line + n, sizeof line - n, ".%03ldZ %s [%s] ", ts.tv_nsec / 1000000, level_name[level], logger.who);
	n += (size_t)m;
	va_start(args, fmt);
	m = vsnprintf(line + n, sizeof line - n - 1, fmt, args);
	va_end(args);
	if (m < 0)
		return;
	n += (size_t)m < sizeof line - n - 1 ? (size_t)m : sizeof line - n - 2;
	line[n++] = '\n';
	/* Room for a line: less than PIPE_BUF, so that a pipe that is ready takes it whole and nothing blocks a loop. */
	if (poll(&ready, 1, 0) != 1 || write(STDERR_FILENO, line, n) != (ssize_t)n)
		logger.dropped++;
}

const char *
log_quote(struct slice s, char *out, size_t cap)
{
	static const char hex[] = "0123456789abcdef";
	size_t n = 0;

	for (size_t i = 0; i < s.n && n + 5 < cap; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (c > 0x20 && c < 0x7f && c != '"' && c != '\\') {
			out[n++] = (char)c;
		} else {
			out[n++] = '\\';
			out[n++] = 'x';
			out[n++] = hex[c >> 4];
			out[n++] = hex[c & 15];
		}
	}
	out[n] = '\0';
	return out;
}
