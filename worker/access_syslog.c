#include "access_syslog.h"

#include "worker.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define BATCH 64
#define PRIORITY (3 * 8 + 6) /* daemon, informational */

bool
access_syslog_open(struct worker *w, int fd)
{
	struct sockaddr_storage peer = { 0 };
	int type = 0;
	socklen_t n = sizeof peer, size = sizeof type;

	if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) < 0 || type != SOCK_DGRAM)
		return false;
	memset(&w->log_peer, 0, sizeof w->log_peer);
	if (getpeername(fd, (struct sockaddr *)&peer, &n) == 0 && peer.ss_family == AF_UNIX)
		memcpy(&w->log_peer, &peer, sizeof w->log_peer);
	return true;
}

/* RFC 5424 section 6.2, up to the message. The time is that of sending: to a second, as a batch has
 * one. */
static size_t
write_header(char *out, size_t size)
{
	char host[256] = "-", moment[32];
	time_t now = time(NULL);
	struct tm tm;
	int n;

	gmtime_r(&now, &tm);
	strftime(moment, sizeof moment, "%Y-%m-%dT%H:%M:%SZ", &tm);
	if (gethostname(host, sizeof host - 1) < 0 || !*host)
		snprintf(host, sizeof host, "-");
	n = snprintf(out, size, "<%d>1 %s %s yett %d access - ", PRIORITY, moment, host,
		     (int)getpid());
	return n > 0 && (size_t)n < size ? (size_t)n : 0;
}

/* Whoever listened at that path has begun anew. */
static void
reconnect(const struct worker *w)
{
	if (w->log_peer.sun_family == AF_UNIX)
		(void)!connect(w->log_fd, (const struct sockaddr *)&w->log_peer,
			       sizeof w->log_peer);
}

/* Messages sent, or -1. */
static int
send_lines(const struct worker *w, struct mmsghdr *messages, unsigned count)
{
	int sent = sendmmsg(w->log_fd, messages, count, MSG_DONTWAIT | MSG_NOSIGNAL);

	if (sent >= 0 || (errno != ECONNREFUSED && errno != ECONNRESET && errno != ENOTCONN))
		return sent;
	reconnect(w); /* of UDP that was the answer to an earlier one */
	return sendmmsg(w->log_fd, messages, count, MSG_DONTWAIT | MSG_NOSIGNAL);
}

ssize_t
access_syslog_write(struct worker *w)
{
	char header[400];
	size_t header_n = write_header(header, sizeof header);
	struct iovec parts[BATCH][2];
	struct mmsghdr messages[BATCH];
	struct slice rest = buf_slice(&w->log);
	unsigned count = 0;
	ssize_t done = 0;
	int sent;

	for (; count < BATCH && rest.n > 0; count++) {
		struct slice line = slice_cut(rest, '\n', &rest);

		parts[count][0] = (struct iovec){ header, header_n };
		parts[count][1] = (struct iovec){ (char *)(uintptr_t)line.p, line.n };
		messages[count] = (struct mmsghdr){
			.msg_hdr = { .msg_iov = parts[count], .msg_iovlen = 2 },
		};
	}
	sent = send_lines(w, messages, count);
	if (sent < 0 && errno == EMSGSIZE) {
		board_add(&w->page->counts.counter[COUNTER_log_dropped], 1);
		sent = 1;
	}
	assert(sent <= (int)count);
	for (int i = 0; i < sent; i++)
		done += (ssize_t)parts[i][1].iov_len + 1;
	return sent < 0 ? -1 : done;
}
