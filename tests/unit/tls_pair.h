#pragma once

/*
 * tls_pair: a server and a client of TLS with memory between them.
 */

#include "certificate.h"
#include "lib/tls_session.h"

#include <stdlib.h>

#define PAIR_NAME "a.example"

/* Made once, for all tests. */
struct pair_certificates {
	struct certificate_made authority, ecdsa, p384, rsa, client, stranger;
	struct tls_certificate *ecdsa_own, *p384_own, *rsa_own, *client_own, *stranger_own;
	struct tls_trust *trust;
};

static struct pair_certificates pair_certificates;

static inline struct tls_certificate *
pair_own(const struct certificate_made *made)
{
	const char *why;
	struct tls_certificate *c =
	    tls_certificate_new(buf_slice(&made->pem), buf_slice(&made->key_pem), &why);

	assert(c);
	return c;
}

static inline int
pair_make_certificates(void **state)
{
	struct pair_certificates *p = &pair_certificates;
	struct certificate_maker m = { .kind = "P-256" };
	const char *why;
	unsigned left_out;

	p->authority = certificate_make(&m);
	p->stranger = certificate_make(
	    &(struct certificate_maker){ .names = "DNS:stranger", .kind = "P-256" });
	m.signer = p->authority.key;
	m.issuer = p->authority.x509;
	m.names = "DNS:" PAIR_NAME ",DNS:*.wild.example,IP:127.0.0.1";
	p->ecdsa = certificate_make(&m);
	m.kind = "P-384";
	p->p384 = certificate_make(&m);
	m.kind = "RSA";
	p->rsa = certificate_make(&m);
	m.kind = "P-256";
	m.names = "DNS:client.example";
	p->client = certificate_make(&m);
	p->ecdsa_own = pair_own(&p->ecdsa);
	p->p384_own = pair_own(&p->p384);
	p->rsa_own = pair_own(&p->rsa);
	p->client_own = pair_own(&p->client);
	p->stranger_own = pair_own(&p->stranger);
	p->trust =
	    tls_trust_new(buf_slice(&p->authority.pem), slice_make(NULL, 0), &left_out, &why);
	return p->trust ? 0 : -1;
}

static inline int
pair_free_certificates(void **state)
{
	struct pair_certificates *p = &pair_certificates;

	tls_certificate_unref(p->ecdsa_own);
	tls_certificate_unref(p->p384_own);
	tls_certificate_unref(p->rsa_own);
	tls_certificate_unref(p->client_own);
	tls_certificate_unref(p->stranger_own);
	tls_trust_unref(p->trust);
	certificate_unmake(&p->authority);
	certificate_unmake(&p->ecdsa);
	certificate_unmake(&p->p384);
	certificate_unmake(&p->rsa);
	certificate_unmake(&p->client);
	certificate_unmake(&p->stranger);
	return 0;
}

struct side {
	struct tls_context *context;
	struct tls_session *session;
	struct buf out; /* on its way to the other */
	size_t taken;   /* of that by the other */
	char plain[1 << 18];
	size_t n;
	int last; /* what the last call said */
};

struct pair {
	struct side server, client;
	struct tls_choice choice;
	size_t piece; /* bytes that travel at once; 0: all there are */
	bool park;    /* whenever it is possible */
};

static inline bool
pair_pick(void *arg, struct slice name, struct tls_choice *choice)
{
	struct pair *p = arg;

	if (slice_eq(name, SLICE("nobody.example")))
		return false;
	*choice = p->choice;
	return true;
}

/* As `server` and `client` say; zero for what is usual. */
static inline struct pair *
pair_new(const struct tls_settings *server, const struct tls_settings *client)
{
	struct pair *p = calloc(1, sizeof *p);
	struct tls_settings s = { .newest = TLS_1_3 }, c = s;

	if (server)
		s = *server;
	if (client)
		c = *client;
	s.pick = pair_pick;
	s.pick_arg = p;
	if (!c.trust)
		c.trust = pair_certificates.trust;
	p->choice = (struct tls_choice){ .certificates = { pair_certificates.ecdsa_own }, .n = 1 };
	p->server.context = tls_server_new(&s);
	p->client.context = tls_client_new(&c);
	return p;
}

/* New sessions of the same contexts. */
static inline void
pair_connect(struct pair *p, const char *name)
{
	for (struct side *s = &p->server;; s = &p->client) {
		tls_session_free(s->session);
		s->session = tls_session_new(s->context);
		s->taken = s->out.n = s->n = 0;
		if (s == &p->client)
			break;
	}
	assert(tls_session_set_peer(p->client.session, name) == 0);
}

static inline void
pair_free(struct pair *p)
{
	tls_session_free(p->server.session);
	tls_session_free(p->client.session);
	tls_context_unref(p->server.context);
	tls_context_unref(p->client.context);
	buf_deinit(&p->server.out);
	buf_deinit(&p->client.out);
	free(p);
}

/* What `from` has sent goes to `to`, a piece of it. True: something happened. */
static inline bool
pair_carry(struct pair *p, struct side *from, struct side *to)
{
	size_t n = from->out.n - from->taken, before = to->out.n, got = 0;
	struct slice in;
	bool done;

	if (p->piece && n > p->piece)
		n = p->piece;
	in = slice_make(n ? from->out.p + from->taken : NULL, n);
	if (p->park)
		tls_session_park(to->session);
	to->last = 0;
	done = tls_session_established(to->session);
	if (!done)
		to->last = tls_session_handshake(to->session, &in, &to->out);
	if (to->last == 0 && tls_session_established(to->session))
		to->last = tls_session_read(to->session, &in, to->plain + to->n,
					    sizeof to->plain - to->n, &got, &to->out);
	from->taken += n - in.n;
	to->n += got;
	return n > in.n || to->out.n > before;
}

/* Until nothing moves any more. */
static inline void
pair_run(struct pair *p)
{
	bool moved = true;

	while (moved) {
		moved = pair_carry(p, &p->server, &p->client);
		moved = pair_carry(p, &p->client, &p->server) || moved;
	}
}

static inline bool
pair_established(const struct pair *p)
{
	return tls_session_established(p->server.session) &&
	       tls_session_established(p->client.session);
}

static inline int
pair_say(struct side *s, struct slice text)
{
	return tls_session_write(s->session, &text, 1, &s->out);
}
