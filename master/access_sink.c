#include "access_sink.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

int
access_sink_open(const struct config *c, struct buf *error)
{
	const char *name = "access_log";
	int fd = -1;

	switch (c->access_log) {
	case ACCESS_LOG_OFF:
		fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
		break;
	case ACCESS_LOG_STDOUT:
		fd = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
		break;
	case ACCESS_LOG_STDERR:
		fd = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
		break;
	case ACCESS_LOG_FILE:
		name = c->access_log_file;
		fd = open(name, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY, 0640);
		break;
	}
	if (fd >= 0)
		return fd;
	buf_addf(error,
		 "%s: access_log: cannot open %s: %s; choose a file that user %u may write to, or "
		 "`stdout`\n",
		 c->file, name, strerror(errno), (unsigned)geteuid());
	return -errno;
}
