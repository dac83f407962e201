/*
 * The server's side of TLS. The first byte of the input says how: which version, whether the rest
 * is all that the server gets, or is laid over what a client of ours says (from the place that the
 * next two bytes name), in which pieces, and whether the buffers are given back in between. Random
 * numbers are the same in each run, so that an input is.
 *
 * Whatever comes: what is read fits, a failure stays one, and the end is believed only of a peer
 * that proved it.
 */

#define OPENSSL_API_COMPAT 0x10100000L /* random numbers of one's own are the old way only */

#include "tests/unit/tls_pair.h"

#include <openssl/rand.h>

#define SEED 0x9e3779b97f4a7c15

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint64_t state = SEED;

static int
same_bytes(unsigned char *out, int n)
{
	for (int i = 0; i < n; i++) {
		state = state * 6364136223846793005u + 1442695040888963407u;
		out[i] = (unsigned char)(state >> 33);
	}
	return 1;
}

static int
same_status(void)
{
	return 1;
}

static struct pair *
once(bool old)
{
	static const RAND_METHOD same = { .bytes = same_bytes,
					  .pseudorand = same_bytes,
					  .status = same_status };
	static const struct tls_ticket_key key = { "the name of it", "and the key" };
	static struct pair *pairs[2];

	if (!pairs[old]) {
		struct tls_settings client = { .oldest = old ? TLS_1_2 : TLS_1_3,
					       .newest = old ? TLS_1_2 : TLS_1_3 };

		RAND_set_rand_method(&same);
		if (!pairs[!old] && pair_make_certificates(NULL) != 0)
			abort();
		pairs[old] = pair_new(NULL, &client);
		tls_server_tickets(pairs[old]->server.context, &key, 1, 3600);
	}
	return pairs[old];
}

/* Lays the bytes over what the client has said since last time. */
static void
disturb(struct buf *said, size_t *done, size_t from, const uint8_t *data, size_t size)
{
	for (; *done < said->n; ++*done) {
		if (*done >= from && *done - from < size)
			said->p[*done] = (char)data[*done - from];
	}
}

/* All of a client's life, some of it wrong. */
static void
with_client(struct pair *p, size_t from, const uint8_t *data, size_t size)
{
	size_t done = 0, said = 0;
	bool moved = true;

	while (moved) {
		moved = pair_carry(p, &p->server, &p->client);
		if (tls_session_established(p->client.session) && p->client.last >= 0 &&
		    said++ == 0) {
			if (pair_say(&p->client, SLICE("one line")) == 0)
				tls_session_close(p->client.session, &p->client.out);
		}
		disturb(&p->client.out, &done, from, data, size);
		moved = pair_carry(p, &p->client, &p->server) || moved;
		assert(p->server.n <= 8);
		if (p->server.last < 0 || p->server.last == TLS_CLOSED)
			break;
	}
}

static void
alone(struct pair *p, const uint8_t *data, size_t size)
{
	buf_add(&p->client.out, data, size);
	while (pair_carry(p, &p->client, &p->server) && p->server.last >= 0)
		;
	assert(!tls_session_established(p->server.session));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice nothing = { NULL, 0 };
	struct pair *p;
	int last;

	if (size < 3)
		return 0;
	p = once(data[0] & 1);
	state = SEED;
	p->piece = data[0] >> 3;
	p->park = data[0] & 4;
	pair_connect(p, PAIR_NAME);
	if (data[0] & 2)
		alone(p, data + 1, size - 1);
	else
		with_client(p, (size_t)data[1] << 4 | data[2], data + 3, size - 3);
	last = p->server.last;
	if (last < 0) {
		assert(tls_session_why(p->server.session)[0] != '\0');
		if (!tls_session_established(p->server.session))
			assert(tls_session_handshake(p->server.session, &nothing, &p->server.out) ==
			       last);
		assert(!tls_session_park(p->server.session));
	}
	if (last == TLS_CLOSED)
		assert(tls_session_established(p->server.session));
	return 0;
}
