#include "access_sink.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

const char *
access_sink_unfit(mode_t mode)
{
	if (S_ISDIR(mode))
		return "it is a folder; name a file in it";
	if (S_ISSOCK(mode))
		return "it is a socket; choose a file, a FIFO, or `stdout`";
	if (S_ISBLK(mode))
		return "it is a block device; choose a file, a FIFO, or `stdout`";
	return NULL;
}

static int
refuse(const struct config *c, const char *name, const char *why, int error, struct buf *out)
{
	buf_addf(out, "%s: access_log: cannot open %s: %s\n", c->file, name, why);
	return -error;
}

static int
open_file(const struct config *c, struct buf *error)
{
	const char *name = c->access_log_file, *why = NULL;
	struct stat st;
	int e;
	/* Not blocking: to open a FIFO would wait for its reader, and to write to a full one holds
	 * up a worker. */
	int fd =
	    open(name, O_WRONLY | O_CREAT | O_APPEND | O_NONBLOCK | O_CLOEXEC | O_NOCTTY, 0640);

	e = errno;
	if (fd >= 0 ? fstat(fd, &st) == 0 : stat(name, &st) == 0) {
		why = access_sink_unfit(st.st_mode);
		if (fd < 0 && e == ENXIO && S_ISFIFO(st.st_mode))
			why = "nobody reads this FIFO; start its reader first";
	}
	if (fd >= 0 && !why)
		return fd;
	if (fd >= 0) {
		close(fd);
		e = EINVAL;
	}
	if (why)
		return refuse(c, name, why, e, error);
	buf_addf(error,
		 "%s: access_log: cannot open %s: %s; choose a file that user %u may write to, or "
		 "`stdout`\n",
		 c->file, name, strerror(e), (unsigned)geteuid());
	return -e;
}

/* What we were given, with a mode of its own: O_NONBLOCK on that would be of everybody who shares
 * it, and a shell may have opened it without O_APPEND. As it is, where it cannot be opened again.
 */
static int
open_own(int given)
{
	char name[32];
	int fd;

	snprintf(name, sizeof name, "/proc/self/fd/%d", given);
	fd = open(name, O_WRONLY | O_APPEND | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
	return fd >= 0 ? fd : fcntl(given, F_DUPFD_CLOEXEC, 3);
}

static int
connect_syslog(const struct config_address *to)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons(to->port) };
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6, .sin6_port = htons(to->port) };
	const struct sockaddr *address = (const struct sockaddr *)&in6;
	socklen_t n = sizeof in6;
	int fd;

	if (to->unix_path) {
		snprintf(un.sun_path, sizeof un.sun_path, "%s", to->unix_path);
		address = (const struct sockaddr *)&un;
		n = sizeof un;
	} else if (inet_pton(AF_INET, to->host, &in.sin_addr) == 1) {
		address = (const struct sockaddr *)&in;
		n = sizeof in;
	} else {
		(void)!inet_pton(AF_INET6, to->host, &in6.sin6_addr); /* the parser has seen it */
	}
	fd = socket(address->sa_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd >= 0 && connect(fd, address, n) < 0) {
		int error = errno;

		close(fd);
		errno = error;
		fd = -1;
	}
	return fd;
}

int
access_sink_open(const struct config *c, struct buf *error)
{
	const char *name = "access_log";
	int fd = -1;

	switch (c->access_log) {
	case ACCESS_LOG_OFF:
		name = "/dev/null";
		fd = open(name, O_WRONLY | O_CLOEXEC);
		break;
	case ACCESS_LOG_STDOUT:
		name = "stdout";
		fd = open_own(STDOUT_FILENO);
		break;
	case ACCESS_LOG_STDERR:
		name = "stderr";
		fd = open_own(STDERR_FILENO);
		break;
	case ACCESS_LOG_FILE:
		return open_file(c, error);
	case ACCESS_LOG_SYSLOG:
		name = c->access_log_file;
		fd = connect_syslog(&c->access_log_syslog);
		break;
	}
	return fd >= 0 ? fd : refuse(c, name, strerror(errno), errno, error);
}
