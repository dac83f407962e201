#include "systemd.h"

#include "lib/clock.h"
#include "lib/log.h"
#include "lib/xalloc.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define WAITING_MAX 4096 /* a manager that is further behind does not come back */

struct systemd_note {
	struct systemd_note *next;
	int *fds;
	size_t fds_count, n;
	char text[];
};

static int
notify_connect(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	size_t n = strlen(path);
	int fd;

	if ((path[0] != '/' && path[0] != '@') || n >= sizeof address.sun_path)
		return -1;
	memcpy(address.sun_path, path, n);
	if (path[0] == '@')
		address.sun_path[0] = '\0';
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -1;
	if (connect(fd, (struct sockaddr *)&address,
		    (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n)) < 0) {
		close(fd);
		return -1;
	}
	return fd;
}

/* $WATCHDOG_USEC counts when $WATCHDOG_PID is ours or absent (sd_watchdog_enabled(3)). */
static uint64_t
watchdog_interval(void)
{
	const char *usec = getenv("WATCHDOG_USEC");
	const char *pid = getenv("WATCHDOG_PID");

	if (!usec || (pid && strtoul(pid, NULL, 10) != (unsigned long)getpid()))
		return 0;
	return strtoull(usec, NULL, 10) / 2000;
}

void
systemd_init(struct systemd *s)
{
	const char *path = getenv("NOTIFY_SOCKET");

	*s = (struct systemd){ .fd = path ? notify_connect(path) : -1 };
	if (s->fd >= 0)
		s->watchdog_ms = watchdog_interval();
	unsetenv("NOTIFY_SOCKET");
	unsetenv("WATCHDOG_USEC");
	unsetenv("WATCHDOG_PID");
}

void
systemd_inherit(struct systemd *s, int fd, uint64_t watchdog_ms)
{
	systemd_deinit(s);
	*s = (struct systemd){ .fd = fd, .watchdog_ms = watchdog_ms };
}

static void
note_drop(struct systemd *s)
{
	struct systemd_note *note = s->first;

	s->first = note->next;
	s->waiting--;
	for (size_t i = 0; i < note->fds_count; i++)
		close(note->fds[i]);
	free(note->fds);
	free(note);
}

void
systemd_deinit(struct systemd *s)
{
	while (s->first)
		note_drop(s);
	if (s->fd >= 0)
		close(s->fd);
	s->fd = -1;
}

/* False: later. A manager that is gone hears nothing more. */
static bool
note_send(struct systemd *s, const char *text, size_t n, const int *fds, size_t fds_count)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(SYSTEMD_KEEP_MAX * sizeof(int))];
	} control = { 0 };
	struct iovec part = { .iov_base = (char *)text, .iov_len = n };
	struct msghdr m = { .msg_iov = &part, .msg_iovlen = 1 };
	struct cmsghdr *c;

	if (fds_count > 0) {
		m.msg_control = control.bytes;
		m.msg_controllen = CMSG_SPACE(fds_count * sizeof *fds);
		c = CMSG_FIRSTHDR(&m);
		assert(c);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(fds_count * sizeof *fds);
		memcpy(CMSG_DATA(c), fds, fds_count * sizeof *fds);
	}
	while (sendmsg(s->fd, &m, MSG_NOSIGNAL) < 0) {
		if (errno == EINTR)
			continue;
		return errno != EAGAIN && errno != ENOBUFS && errno != ETOOMANYREFS;
	}
	return true;
}

static void
note_wait(struct systemd *s, const char *text, size_t n, const int *fds, size_t fds_count)
{
	struct systemd_note *note;

	if (s->waiting == WAITING_MAX) {
		log_error("systemd error=\"it does not read what it is told\"");
		return;
	}
	note = xmalloc(sizeof *note + n);
	*note = (struct systemd_note){ .n = n, .fds = xcalloc(fds_count + 1, sizeof *fds) };
	memcpy(note->text, text, n);
	for (size_t i = 0; i < fds_count; i++) {
		int copy = fcntl(fds[i], F_DUPFD_CLOEXEC, 0);

		if (copy >= 0)
			note->fds[note->fds_count++] = copy;
	}
	if (s->first)
		s->last->next = note;
	else
		s->first = note;
	s->last = note;
	s->waiting++;
}

static void
note_say(struct systemd *s, const char *text, const int *fds, size_t fds_count)
{
	size_t n = strlen(text);

	if (s->fd >= 0 && (s->first || !note_send(s, text, n, fds, fds_count)))
		note_wait(s, text, n, fds, fds_count);
}

static void __attribute__((format(printf, 2, 3))) notify(struct systemd *s, const char *fmt, ...)
{
	char message[1024];
	va_list args;
	int n;

	if (s->fd < 0)
		return;
	va_start(args, fmt);
	n = vsnprintf(message, sizeof message, fmt, args);
	va_end(args);
	if (n > 0)
		note_say(s, message, NULL, 0);
}

/* A status is one line, whatever a mistake in a configuration says. */
static int
first_line(const char *status)
{
	return (int)strcspn(status, "\r\n");
}

void
systemd_ready(struct systemd *s, const char *status)
{
	notify(s, "READY=1\nMAINPID=%d\nSTATUS=%.*s", (int)getpid(), first_line(status), status);
}

void
systemd_reloading(struct systemd *s)
{
	notify(s, "RELOADING=1\nMONOTONIC_USEC=%" PRIu64 "\nSTATUS=reloading",
	       clock_mono_ns() / 1000);
}

void
systemd_stopping(struct systemd *s, uint64_t ms)
{
	notify(s, "STOPPING=1\nEXTEND_TIMEOUT_USEC=%" PRIu64 "\nSTATUS=draining", ms * 1000);
}

void
systemd_status(struct systemd *s, const char *status)
{
	notify(s, "STATUS=%.*s", first_line(status), status);
}

void
systemd_keep(struct systemd *s, const char *name, const int *fds, size_t n)
{
	char message[128];

	if (n == 0)
		return;
	snprintf(message, sizeof message, "FDSTORE=1\nFDNAME=%s", name);
	note_say(s, message, fds, n < SYSTEMD_KEEP_MAX ? n : SYSTEMD_KEEP_MAX);
}

void
systemd_forget(struct systemd *s, const char *name)
{
	notify(s, "FDSTOREREMOVE=1\nFDNAME=%s", name);
}

void
systemd_feed(struct systemd *s, uint64_t now_ms)
{
	static const char fed[] = "WATCHDOG=1";

	if (s->fd < 0 || s->watchdog_ms == 0)
		return;
	if (note_send(s, fed, sizeof fed - 1, NULL, 0)) /* of no use when it comes late */
		s->fed_ms = now_ms;
}

void
systemd_tick(struct systemd *s, uint64_t now_ms)
{
	while (s->first &&
	       note_send(s, s->first->text, s->first->n, s->first->fds, s->first->fds_count))
		note_drop(s);
	if (now_ms - s->fed_ms >= s->watchdog_ms)
		systemd_feed(s, now_ms);
}
