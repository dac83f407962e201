/*
 * peer: lib/tls over a blocking socket, so that others can be asked whether they understand it.
 *
 * usage: tls-peer server CERTIFICATE KEY [CERTIFICATE KEY]   prints its port, echoes lines, for
 * ever tls-peer client PORT ROOTS NAME                     sends its input, prints as much of the
 * answer
 *
 * Environment: TLS_PARK=1 gives the buffers back whenever that is possible, TLS_TRUST=FILE asks the
 * client for a certificate. The server says of each connection how it was made or why it failed.
 */

#include "lib/buf.h"
#include "lib/tls_session.h"

#include <arpa/inet.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static struct tls_choice choice;

static void
die(const char *what, const char *why)
{
	fprintf(stderr, "tls-peer: %s: %s\n", what, why);
	exit(1);
}

static struct buf
read_file(const char *path)
{
	struct buf b = { 0 };
	FILE *f = fopen(path, "r");
	size_t n = 1;

	if (!f)
		die(path, "cannot be opened");
	for (; n > 0; b.n += n) {
		buf_reserve(&b, 65536);
		n = fread(b.p + b.n, 1, 65536, f);
	}
	fclose(f);
	return b;
}

static struct tls_trust *
read_trust(const char *path)
{
	struct buf pem = read_file(path);
	const char *why;
	unsigned left_out;
	struct tls_trust *t = tls_trust_new(buf_slice(&pem), slice_make(NULL, 0), &left_out, &why);

	if (!t)
		die(path, why);
	if (left_out > 0)
		fprintf(stderr, "tls-peer: %s: %u left out\n", path, left_out);
	buf_deinit(&pem);
	return t;
}

static bool
pick(void *arg, struct slice name, struct tls_choice *out)
{
	*out = choice;
	return !slice_eq(name, SLICE("nobody.example"));
}

static void
flush(int fd, struct buf *out)
{
	for (size_t at = 0; at < out->n;) {
		ssize_t n = send(fd, out->p + at, out->n - at, MSG_NOSIGNAL);

		if (n <= 0)
			break;
		at += (size_t)n;
	}
	out->n = 0;
}

static bool
fetch(int fd, char *room, size_t size, struct slice *in)
{
	ssize_t n = in->n > 0 ? 1 : recv(fd, room, size, 0);

	if (n > 0 && in->n == 0)
		*in = slice_make(room, (size_t)n);
	return n > 0;
}

/* True: made. */
static bool
shake(int fd, struct tls_session *s, struct slice *in, char *room, size_t size, struct buf *out)
{
	int r = tls_session_handshake(s, in, out);

	flush(fd, out);
	while (r == TLS_MORE && fetch(fd, room, size, in)) {
		r = tls_session_handshake(s, in, out);
		flush(fd, out);
	}
	if (r != 0)
		printf("failed: %s\n", r == TLS_MORE ? "cut off" : tls_session_why(s));
	return r == 0;
}

static void
describe(const struct tls_session *s)
{
	struct slice name = tls_session_name(s);

	printf("%s %s name=%.*s alpn=%s%s%s\n", tls_session_version(s), tls_session_suite(s),
	       SLICE_F(name), tls_session_alpn(s) ? tls_session_alpn(s) : "-",
	       tls_session_resumed(s) ? " resumed" : "",
	       tls_session_peer_certificate(s).n ? " certificate" : "");
}

/* What comes goes to `to` (-1: back to the peer) until the peer has closed, or it is enough. */
static void
relay(int fd, struct tls_session *s, struct slice in, int to, size_t enough)
{
	static char room[65536], plain[65536];
	struct buf out = { 0 };
	int r = TLS_MORE;
	size_t n, total = 0;

	while (r >= 0 && r != TLS_CLOSED && total < enough &&
	       (r == TLS_ROOM || fetch(fd, room, sizeof room, &in))) {
		struct slice text;

		r = tls_session_read(s, &in, plain, sizeof plain, &n, &out);
		text = slice_make(plain, n);
		total += n;
		if (to >= 0 && n > 0 && write(to, plain, n) < 0)
			break;
		if (to < 0 && n > 0 && tls_session_write(s, &text, 1, &out) < 0)
			break;
		if (getenv("TLS_PARK"))
			tls_session_park(s);
		flush(fd, &out);
	}
	if (total >= enough)
		r = TLS_CLOSED;
	if (r == TLS_CLOSED)
		tls_session_close(s, &out);
	flush(fd, &out);
	printf("%s\n", r == TLS_CLOSED ? "closed" : r < 0 ? tls_session_why(s) : "cut off");
	buf_deinit(&out);
}

static void
serve(int fd, struct tls_context *context)
{
	struct tls_session *s = tls_session_new(context);
	struct buf out = { 0 };
	struct slice in = { NULL, 0 };
	char room[16384];

	if (shake(fd, s, &in, room, sizeof room, &out)) {
		describe(s);
		relay(fd, s, in, -1, SIZE_MAX);
	}
	fflush(stdout);
	buf_deinit(&out);
	tls_session_free(s);
	close(fd);
}

static void
server(int argc, char **argv)
{
	static const char *const http[] = { "http/1.1", NULL };
	static const struct tls_ticket_key key = { "a ticket key ..",
						   "of thirty-two bytes, or nearly" };
	struct tls_context *context =
	    tls_server_new(&(struct tls_settings){ .newest = TLS_1_3, .pick = pick, .alpn = http });
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t n = sizeof a;
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	const char *why;

	for (int i = 2; i + 1 < argc; i += 2) {
		struct buf chain = read_file(argv[i]), secret = read_file(argv[i + 1]);

		choice.certificates[choice.n++] =
		    tls_certificate_new(buf_slice(&chain), buf_slice(&secret), &why);
		if (!choice.certificates[choice.n - 1])
			die(argv[i], why);
		buf_deinit(&chain);
		buf_deinit(&secret);
	}
	if (getenv("TLS_TRUST")) {
		choice.trust = read_trust(getenv("TLS_TRUST"));
		choice.required = true;
	}
	tls_server_tickets(context, &key, 1, 3600);
	if (bind(listener, (struct sockaddr *)&a, n) < 0 || listen(listener, 64) < 0 ||
	    getsockname(listener, (struct sockaddr *)&a, &n) < 0)
		die("socket", strerror(errno));
	printf("%d\n", ntohs(a.sin_port));
	fflush(stdout);
	for (;;)
		serve(accept(listener, NULL, NULL), context);
}

static int
client(char **argv)
{
	struct tls_settings settings = { .newest = TLS_1_3, .trust = read_trust(argv[3]) };
	struct tls_context *context = tls_client_new(&settings);
	struct tls_session *s = tls_session_new(context);
	struct sockaddr_in a = { .sin_family = AF_INET,
				 .sin_port = htons((uint16_t)atoi(argv[2])),
				 .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct buf out = { 0 };
	struct slice in = { NULL, 0 }, text;
	char room[16384], question[4096];
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ssize_t n = read(0, question, sizeof question);

	if (connect(fd, (struct sockaddr *)&a, sizeof a) < 0 || n < 0)
		die("connect", strerror(errno));
	if (tls_session_set_peer(s, argv[4]) < 0)
		die(argv[4], "is no name");
	text = slice_make(question, (size_t)n);
	if (shake(fd, s, &in, room, sizeof room, &out)) {
		describe(s);
		fflush(stdout);
		if (tls_session_write(s, &text, 1, &out) < 0)
			die("write", tls_session_why(s));
		flush(fd, &out);
		relay(fd, s, in, 1, text.n);
	}
	buf_deinit(&out);
	tls_session_free(s);
	tls_context_unref(context);
	tls_trust_unref(settings.trust);
	return 0;
}

int
main(int argc, char **argv)
{
	signal(SIGPIPE, SIG_IGN);
	if (argc >= 4 && strcmp(argv[1], "server") == 0)
		server(argc, argv);
	if (argc == 5 && strcmp(argv[1], "client") == 0)
		return client(argv);
	fprintf(stderr, "usage: tls-peer server CERTIFICATE KEY... | client PORT ROOTS NAME\n");
	return 2;
}
