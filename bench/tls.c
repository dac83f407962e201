/*
 * tls: what a server's side of TLS costs, Yett's and OpenSSL's: handshakes, whole and resumed, and
 * records. Both talk to the same client (OpenSSL's) through memory, in turns; only the time of the
 * server's calls counts, in processor time. ECDSA P-256, AES-128-GCM.
 *
 * usage: bench-tls [HANDSHAKES [NAME]]   in each of five rounds, 200 when not said; one setting
 * only
 */

#include "tls_server.h"

#include "lib/buf.h"

#include <assert.h>
#include <malloc.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define ROUNDS 5
#define RECORDS 200

static double
now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static void
shake_hands(const struct server *s, void *connection, SSL *client, double *spent)
{
	struct buf wire = { 0 }, back = { 0 };
	char plain[16384];

	for (bool made = false; !made;) {
		double start;

		made = SSL_do_handshake(client) == 1;
		wire.n = back.n = 0;
		bio_drain(SSL_get_wbio(client), &wire);
		start = now_us();
		if (wire.n > 0)
			s->take(connection, buf_slice(&wire), &back);
		*spent += now_us() - start;
		BIO_write(SSL_get_rbio(client), back.p, (int)back.n);
	}
	SSL_read(client, plain, sizeof plain); /* the ticket */
	buf_deinit(&wire);
	buf_deinit(&back);
}

static double
records_us(const struct server *s, void *connection, size_t record)
{
	static char text[16000];
	struct buf wire = { 0 };
	double start = now_us(), spent;

	for (int i = 0; i < RECORDS; i++) {
		wire.n = 0;
		s->say(connection, slice_make(text, record), &wire);
	}
	spent = now_us() - start;
	buf_deinit(&wire);
	return spent / RECORDS;
}

/* One connection; the server's time, or with `record` that for one of this size. The client offers
 * the session, or gives one when there is none. */
static double
connect_once(const struct server *s, SSL_CTX *clients, SSL_SESSION **session, size_t record)
{
	SSL *client = client_new(clients);
	double start = now_us(), spent, records = 0;
	void *connection = s->start(s);

	spent = now_us() - start;
	SSL_set_connect_state(client);
	if (*session)
		SSL_set_session(client, *session);
	shake_hands(s, connection, client, &spent);
	assert(!*session || SSL_session_reused(client));
	if (!*session)
		*session = SSL_get1_session(client);
	if (record > 0)
		records = records_us(s, connection, record);
	start = now_us();
	s->end(connection);
	spent += now_us() - start;
	client_free(client);
	return record > 0 ? records : spent;
}

static int
by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double
handshake_us(const struct server *s, SSL_CTX *clients, bool resumes, int times)
{
	SSL_SESSION *session = NULL;
	double *all = calloc((size_t)times, sizeof *all), middle;

	connect_once(s, clients, &session, 0);
	for (int i = 0; i < times; i++) {
		SSL_SESSION *none = NULL;

		all[i] = connect_once(s, clients, resumes ? &session : &none, 0);
		SSL_SESSION_free(none);
	}
	SSL_SESSION_free(session);
	qsort(all, (size_t)times, sizeof *all, by_size);
	middle = all[times / 2];
	free(all);
	return middle;
}

static double
record_us(const struct server *s, SSL_CTX *clients, size_t record)
{
	SSL_SESSION *session = NULL;
	double us = connect_once(s, clients, &session, record);

	SSL_SESSION_free(session);
	return us;
}

/* In turns; the median of the rounds, and of their ratios. */
static void
compare(const char *what, const struct server s[2], SSL_CTX *clients, const struct setting *t,
	int times, size_t record)
{
	double us[2][ROUNDS], ratio[ROUNDS];

	for (int round = 0; round < ROUNDS; round++) {
		for (int i = 0; i < 2; i++)
			us[i][round] = record ? record_us(&s[i], clients, record)
					      : handshake_us(&s[i], clients, t->resumes, times);
		ratio[round] = us[0][round] / us[1][round];
	}
	for (int i = 0; i < 2; i++)
		qsort(us[i], ROUNDS, sizeof us[i][0], by_size);
	qsort(ratio, ROUNDS, sizeof ratio[0], by_size);
	printf("%-24s %-12s %8.2f %8.2f %8.2f\n", t->name, what, us[0][ROUNDS / 2],
	       us[1][ROUNDS / 2], ratio[ROUNDS / 2]);
}

/* What a connection that is idle has on the heap; Yett's has given its buffers back. */
static void
weigh(const struct server *s, const struct setting *t, SSL_CTX *clients)
{
	enum { MANY = 500, FIRST = 100 }; /* the first are for what stays */
	void *connections[MANY];
	size_t before = 0;

	for (int i = -FIRST; i < MANY; i++) {
		SSL *client = client_new(clients);
		void *connection = s->start(s);

		SSL_set_connect_state(client);
		shake_hands(s, connection, client, &(double){ 0 });
		s->rest(connection);
		client_free(client);
		if (i >= 0)
			connections[i] = connection;
		else
			s->end(connection);
		if (i == -1)
			before = mallinfo2().uordblks;
	}
	printf("%-24s %-12s %8zu bytes, %s\n", t->name, "idle",
	       (mallinfo2().uordblks - before) / MANY, s->name);
	for (int i = 0; i < MANY; i++)
		s->end(connections[i]);
}

int
main(int argc, char **argv)
{
	static const struct setting settings[] = {
		{ "TLS 1.2 P-256", "P-256", TLS1_2_VERSION, false },
		{ "TLS 1.2 X25519", "X25519:P-256", TLS1_2_VERSION, false },
		{ "TLS 1.2 resumed", "P-256", TLS1_2_VERSION, true },
		{ "TLS 1.3 P-256", "P-256", TLS1_3_VERSION, false },
		{ "TLS 1.3 X25519", "X25519", TLS1_3_VERSION, false },
		{ "TLS 1.3 P-256 resumed", "P-256", TLS1_3_VERSION, true },
		{ "TLS 1.3 X25519 resumed", "X25519", TLS1_3_VERSION, true },
	};
	int times = argc > 1 ? atoi(argv[1]) : 200;
	struct server s[2];

	server_init();
	server_yett(&s[0]);
	printf("%-24s %-12s %8s %8s %8s\n", "us of processor time", "", "yett", "openssl", "ratio");
	for (size_t i = 0; i < sizeof settings / sizeof settings[0]; i++) {
		const struct setting *t = &settings[i];
		SSL_CTX *clients;

		if (argc > 2 && strcmp(argv[2], t->name) != 0)
			continue;
		clients = clients_new(t);
		server_openssl(&s[1], t);
		compare("handshake", s, clients, t, times, 0);
		if (!t->resumes && t->group[0] == 'P') {
			compare("write 1 KB", s, clients, t, times, 1000);
			compare("write 16 KB", s, clients, t, times, 16000);
			weigh(&s[0], t, clients);
			weigh(&s[1], t, clients);
		}
		SSL_CTX_free(clients);
		s[1].deinit(&s[1]);
	}
	s[0].deinit(&s[0]);
	return 0;
}
