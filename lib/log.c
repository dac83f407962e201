#include "log.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* The one process-wide state of the tree: where a line of the log goes is the same for all of a
 * process. */
static struct {
	char who[32];
	enum log_level level;
	uint64_t dropped;
	const char *prefix[LOG_LEVEL_DEBUG + 1]; /* of a line of each level */
	int fd; /* where lines go: stderr, or a description of its pipe of our own */
	bool opened, is_socket;
} logger = { .level = LOG_LEVEL_INFO, .fd = STDERR_FILENO, .prefix = { "", "", "", "" } };

static const char *const level_name[] = { "error", "warn", "info", "debug" };

/* "device:inode" of the stream that a unit's output is, which may have been redirected since
 * (systemd.exec(5)). */
static bool
is_journal(const struct stat *st)
{
	const char *stream = getenv("JOURNAL_STREAM");
	unsigned long long dev, ino;

	return stream && sscanf(stream, "%llu:%llu", &dev, &ino) == 2 && dev == st->st_dev &&
	       ino == st->st_ino;
}

/* A pipe that nobody reads must not stop a loop. It is shared with other processes, so that
 * O_NONBLOCK must be set on a description of our own; files and terminals do not block for long. */
static void
log_open(void)
{
	static const char *const journal[] = { "<3>", "<4>", "<6>", "<7>" };
	struct stat st;
	int fd;

	if (logger.opened || fstat(STDERR_FILENO, &st) < 0)
		return;
	logger.opened = true;
	logger.is_socket = S_ISSOCK(st.st_mode);
	if (is_journal(&st))
		memcpy(logger.prefix, journal, sizeof journal);
	if (!S_ISFIFO(st.st_mode))
		return;
	fd = open("/proc/self/fd/2", O_WRONLY | O_NONBLOCK | O_CLOEXEC);
	if (fd >= 0)
		logger.fd = fd;
}

static ssize_t
log_write(const char *line, size_t n)
{
	struct pollfd ready = { .fd = logger.fd, .events = POLLOUT };

	if (logger.is_socket)
		return send(logger.fd, line, n, MSG_DONTWAIT | MSG_NOSIGNAL);
	return poll(&ready, 1, 0) == 1 ? write(logger.fd, line, n) : -1;
}

void
log_setup(const char *who, enum log_level level)
{
	snprintf(logger.who, sizeof logger.who, "%s", who);
	logger.level = level;
	log_open();
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
	struct timespec ts;
	struct tm tm;
	va_list args;
	size_t n;
	int m;

	if (level > logger.level)
		return;
	clock_gettime(CLOCK_REALTIME, &ts);
	gmtime_r(&ts.tv_sec, &tm);
	n = (size_t)snprintf(line, sizeof line, "%s", logger.prefix[level]);
	n += strftime(line + n, sizeof line - n, "%Y-%m-%dT%H:%M:%S", &tm);
	m = snprintf(line + n, sizeof line - n, ".%03ldZ %s [%s] ", ts.tv_nsec / 1000000,
		     level_name[level], logger.who);
	n += (size_t)m;
	va_start(args, fmt);
	m = vsnprintf(line + n, sizeof line - n - 1, fmt, args);
	va_end(args);
	if (m < 0)
		return;
	n += (size_t)m < sizeof line - n - 1 ? (size_t)m : sizeof line - n - 2;
	line[n++] = '\n';
	if (log_write(line, n) != (ssize_t)n) /* less than PIPE_BUF: a pipe takes it whole or not */
		logger.dropped++;
}

void
log_text(enum log_level level, struct slice lines)
{
	while (lines.p && lines.n > 0) {
		struct slice line = slice_cut(lines, '\n', &lines);

		if (line.n)
			dprintf(STDERR_FILENO, "%s%.*s\n", logger.prefix[level], SLICE_F(line));
	}
}

static const char *
quote(struct slice s, unsigned char least, char *out, size_t cap)
{
	static const char hex[] = "0123456789abcdef";
	size_t n = 0;

	for (size_t i = 0; i < s.n && n + 5 < cap; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (c >= least && c < 0x7f && c != '"' && c != '\\') {
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

const char *
log_quote(struct slice s, char *out, size_t cap)
{
	return quote(s, ' ' + 1, out, cap);
}

const char *
log_words(struct slice s, char *out, size_t cap)
{
	return quote(s, ' ', out, cap);
}
