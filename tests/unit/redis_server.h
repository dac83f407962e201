#pragma once

/*
 * redis_server: a real redis-server on a free port, and a blocking client that types into it.
 * Included after <cmocka.h>, by one file of a test.
 */

#include "lib/buf.h"
#include "lib/clock.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define PATIENCE_MS 5000

struct redis_server {
	pid_t pid;
	uint16_t port;
	int client; /* blocking, to write to the server as anybody would */
	char socket[64];
};

static int
listen_free(uint16_t *port)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t n = sizeof a;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof a), 0);
	assert_int_equal(listen(fd, 16), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &n), 0);
	*port = ntohs(a.sin_port);
	return fd;
}

static int
connect_to(uint16_t port)
{
	struct sockaddr_in a = { .sin_family = AF_INET,
				 .sin_port = htons(port),
				 .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	uint64_t end = clock_mono_ms() + PATIENCE_MS;

	while (clock_mono_ms() < end) {
		int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

		if (connect(fd, (struct sockaddr *)&a, sizeof a) == 0)
			return fd;
		close(fd);
		usleep(2000);
	}
	return -1;
}

static void
redis_start(struct redis_server *s, const char *password)
{
	char port[16];

	snprintf(port, sizeof port, "%u", s->port);
	snprintf(s->socket, sizeof s->socket, "/tmp/test_redis.%u", s->port);
	s->pid = fork();
	assert_true(s->pid >= 0);
	if (s->pid == 0) {
		int null = open("/dev/null", O_RDWR);

		prctl(PR_SET_PDEATHSIG, SIGKILL);
		dup2(null, 1);
		dup2(null, 2);
		execlp("redis-server", "redis-server", "--port", port, "--bind", "127.0.0.1",
		       "--save", "", "--dir", "/tmp", "--unixsocket", s->socket,
		       "--enable-debug-command", "yes", "--requirepass", password, (char *)NULL);
		_exit(127);
	}
	s->client = connect_to(s->port);
	assert_true(s->client >= 0);
}

static void
redis_kill(struct redis_server *s)
{
	if (s->pid <= 0)
		return;
	kill(s->pid, SIGKILL);
	waitpid(s->pid, NULL, 0);
	if (s->client >= 0)
		close(s->client);
	s->client = -1;
	s->pid = 0;
}

static void
read_reply(struct redis_server *s, char *out, size_t cap)
{
	size_t n = 0;

	while (n + 1 < cap && (n < 2 || out[n - 1] != '\n')) {
		struct pollfd p = { .fd = s->client, .events = POLLIN };

		assert_int_equal(poll(&p, 1, PATIENCE_MS), 1);
		ssize_t got = read(s->client, out + n, cap - 1 - n);
		assert_true(got > 0);
		n += (size_t)got;
	}
	out[n] = '\0';
}

/* One command in one line, as typed into redis-cli. The answer must not be an error. */
static void
redis_type(struct redis_server *s, const char *line)
{
	char reply[4096];
	struct buf text BUF_CLEAN = { 0 };

	buf_addf(&text, "%s\r\n", line);
	assert_int_equal(write(s->client, text.p, text.n), (ssize_t)text.n);
	read_reply(s, reply, sizeof reply);
	if (reply[0] == '-')
		fail_msg("%s: %s", line, reply);
}
