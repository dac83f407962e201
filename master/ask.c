#include "ask.h"

#include "lib/http_head.h"
#include "lib/xalloc.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#define BODY_MAX ((size_t)64 << 20)
#define READ_SIZE ((size_t)65536)

static int
fail(struct buf *why, const char *socket_path, int error)
{
	switch (error) {
	case ENOENT:
	case ENOTDIR:
		buf_addf(why,
			 "there is no socket %s; is the gateway running? If it listens elsewhere, "
			 "name the place by -c FILE or --socket PATH",
			 socket_path);
		break;
	case ECONNREFUSED:
		buf_addf(why, "nobody listens on %s; the gateway has ended, start it again",
			 socket_path);
		break;
	case EACCES:
	case EPERM:
		buf_addf(
		    why,
		    "this user may not use %s; run the command as root or as the gateway's user",
		    socket_path);
		break;
	case EAGAIN:
		buf_addf(why,
			 "no answer on %s in time; look in the gateway's log whether its master is "
			 "alive",
			 socket_path);
		break;
	default:
		buf_addf(why, "%s: %s; look in the gateway's log", socket_path, strerror(error));
	}
	return -1;
}

static int
dial(const struct ask *q, struct buf *why)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct timeval timeout = { .tv_sec = q->timeout_s };
	int fd;

	if (strlen(q->socket) >= sizeof address.sun_path) {
		buf_addf(why,
			 "%s: the path is longer than the 107 bytes of a Unix socket; name another "
			 "by --socket PATH",
			 q->socket);
		return -1;
	}
	memcpy(address.sun_path, q->socket, strlen(q->socket) + 1);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return fail(why, q->socket, errno);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof timeout);
	if (connect(fd, (struct sockaddr *)&address, sizeof address) == 0)
		return fd;
	fail(why, q->socket, errno);
	close(fd);
	return -1;
}

static int
send_all(int fd, const struct ask *q, struct slice bytes, struct buf *why)
{
	while (bytes.n > 0) {
		ssize_t n = send(fd, bytes.p, bytes.n, MSG_NOSIGNAL);

		if (n < 0 && errno != EINTR)
			return fail(why, q->socket, errno);
		if (n > 0)
			bytes = slice_make(bytes.p + n, bytes.n - (size_t)n);
	}
	return 0;
}

/* A gateway that refuses the request may not read its body to the end: what it says then counts. */
static int
send_request(int fd, const struct ask *q, struct buf *why)
{
	struct buf BUF_CLEAN head = { 0 }, broken = { 0 };

	buf_addf(&head, "%s %s HTTP/1.1\r\nHost: yett\r\nAccept: application/json\r\n%s", q->method,
		 q->target, q->fields ? q->fields : "");
	if (strcmp(q->method, "GET") != 0)
		buf_addf(&head, "Content-Length: %zu\r\n", q->body.n);
	if (q->body.n)
		buf_adds(&head, SLICE("Content-Type: application/json\r\n"));
	buf_adds(&head, SLICE("Connection: close\r\n\r\n"));
	if (send_all(fd, q, buf_slice(&head), why) < 0)
		return -1;
	(void)send_all(fd, q, q->body, &broken);
	return 0;
}

/* 1: the answer is whole; 0: more has to come; -1: it is no HTTP. */
static int
take(struct http_parser *p, struct slice in, struct buf *body)
{
	enum http_outcome r;

	do {
		size_t used;

		r = http_parse(p, in, &used);
		for (unsigned i = 0; i < p->spans_n; i++)
			buf_adds(body, p->spans[i]);
		if (r < 0 || body->n > BODY_MAX)
			return -1;
		in = slice_make(in.p + used, in.n - used);
		if (p->done)
			return 1;
	} while (r == HTTP_PAUSED);
	if (!p->head_done)
		http_parser_keep(p);
	return 0;
}

static int
read_answer(int fd, const struct ask *q, struct http_parser *p, struct buf *body, struct buf *why)
{
	char *space = xmalloc(READ_SIZE);
	int whole = 0, error = 0;

	while (whole == 0 && error == 0) {
		ssize_t n = read(fd, space, READ_SIZE);

		if (n > 0)
			whole = take(p, slice_make(space, (size_t)n), body);
		else if (n == 0)
			whole = http_parse_end(p) == HTTP_OK ? 1 : -1;
		else if (errno != EINTR)
			error = errno;
	}
	free(space);
	if (whole == 1)
		return p->llhttp.status_code;
	if (error)
		return fail(why, q->socket, error);
	buf_addf(why,
		 "what answers on %s is not a gateway, or it ended in the middle of its answer; "
		 "look in its log",
		 q->socket);
	return -1;
}

int
ask(const struct ask *q, struct buf *body, struct buf *why)
{
	static const struct http_limits limits = { .head_bytes = 65536, .fields = 100 };
	struct http_scratch *scratch;
	struct http_parser *p;
	int fd = dial(q, why);
	int status = -1;

	if (fd < 0)
		return -1;
	p = xmalloc(sizeof *p);
	scratch = xmalloc(sizeof *scratch);
	http_parser_init(p, HTTP_RESPONSE, &limits, scratch);
	if (send_request(fd, q, why) == 0)
		status = read_answer(fd, q, p, body, why);
	http_parser_deinit(p);
	free(scratch);
	free(p);
	close(fd);
	return status;
}
