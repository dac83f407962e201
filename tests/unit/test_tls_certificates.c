/* tls: whose certificates are believed, on either side, and which of its own a server shows. */

#include "tls_pair.h"

#include "lib/sha256.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#include "tls_talk.h"

static void
client_certificates_are_asked_for(void **state)
{
	static const struct {
		struct tls_certificate **own;
		bool required;
		int outcome;
		bool known;
	} cases[] = {
		{ &pair_certificates.client_own, true, 0, true },
		{ &pair_certificates.client_own, false, 0, true },
		{ NULL, true, -EKEYREJECTED, false },
		{ NULL, false, 0, false },
		{ &pair_certificates.stranger_own, true, -EKEYREJECTED, false },
		{ &pair_certificates.stranger_own, false, 0, false },
	};

	for (size_t v = 0; v < COUNT(versions); v++) {
		for (size_t i = 0; i < COUNT(cases); i++) {
			struct tls_settings c = *versions[v];
			struct slice peer;
			struct pair *p;

			c.own = cases[i].own ? *cases[i].own : NULL;
			p = pair_new(NULL, &c);
			p->choice.trust = pair_certificates.trust;
			p->choice.required = cases[i].required;
			pair_connect(p, PAIR_NAME);
			pair_run(p);
			if (cases[i].outcome) {
				assert_int_equal(p->server.last, cases[i].outcome);
			} else {
				assert_true(pair_established(p));
				peer = tls_session_peer_certificate(p->server.session);
				assert_int_equal(peer.n > 0, cases[i].known);
				pair_talk(p);
			}
			pair_free(p);
		}
	}
}

static void
servers_are_verified(void **state)
{
	static const struct {
		const char *name;
		bool stranger;
		const char *why;
	} cases[] = {
		{ PAIR_NAME, false, "" },
		{ "x.wild.example", false, "" },
		{ "127.0.0.1", false, "" },
		{ "b.example", false, "the certificate is not of this name" },
		{ "wild.example", false, "the certificate is not of this name" },
		{ "127.0.0.2", false, "the certificate is not of this name" },
		{ "stranger", true, "no root that is trusted signed the certificate" },
	};

	for (size_t v = 0; v < COUNT(versions); v++) {
		for (size_t i = 0; i < COUNT(cases); i++) {
			struct pair *p = pair_new(versions[v], NULL);

			if (cases[i].stranger)
				p->choice.certificates[0] = pair_certificates.stranger_own;
			pair_connect(p, cases[i].name);
			pair_run(p);
			assert_string_equal(tls_session_why(p->client.session), cases[i].why);
			assert_int_equal(tls_session_established(p->client.session),
					 cases[i].why[0] == '\0');
			if (cases[i].why[0] == '\0')
				pair_talk(p);
			if (cases[i].name[0] == '1')
				assert_null(tls_session_name(p->server.session).p);
			pair_free(p);
		}
	}
}

static void
pin_of(const struct certificate_made *made, uint8_t pin[32])
{
	unsigned char *der = NULL;
	int n = i2d_PUBKEY(made->key, &der);

	assert_true(sha256(slice_make((char *)der, (size_t)n), pin));
	OPENSSL_free(der);
}

static void
keys_are_pinned(void **state)
{
	static const struct {
		bool trust, stranger, own, other, both;
		const char *why;
	} cases[] = {
		{ .trust = true, .own = true, .why = "" },
		{ .trust = true, .both = true, .why = "" },
		{ .trust = true,
		  .other = true,
		  .why = "the certificate's key is none of those that are pinned" },
		/* A pin is no reason to trust a certificate, unless nothing else is asked. */
		{ .trust = true,
		  .own = true,
		  .stranger = true,
		  .why = "no root that is trusted signed the certificate" },
		{ .own = true, .stranger = true, .why = "" },
		{ .own = true, .why = "" },
		{ .other = true, .why = "the certificate's key is none of those that are pinned" },
	};

	for (size_t v = 0; v < COUNT(versions); v++) {
		for (size_t i = 0; i < COUNT(cases); i++) {
			struct tls_settings c = *versions[v];
			uint8_t pins[2][32];
			struct pair *p;

			pin_of(cases[i].stranger ? &pair_certificates.stranger
						 : &pair_certificates.ecdsa,
			       pins[cases[i].both ? 1 : 0]);
			if (cases[i].other || cases[i].both)
				pin_of(&pair_certificates.rsa, pins[0]);
			c.trust = cases[i].trust ? pair_certificates.trust : NULL;
			c.pins = (const uint8_t(*)[32])pins;
			c.pins_n = cases[i].both ? 2 : 1;
			p = pair_new(NULL, NULL);
			tls_context_unref(p->client.context);
			p->client.context = tls_client_new(&c);
			if (cases[i].stranger)
				p->choice.certificates[0] = pair_certificates.stranger_own;
			pair_connect(p,
				     cases[i].trust && cases[i].stranger ? "stranger" : PAIR_NAME);
			pair_run(p);
			assert_string_equal(tls_session_why(p->client.session), cases[i].why);
			assert_int_equal(tls_session_established(p->client.session),
					 cases[i].why[0] == '\0');
			if (cases[i].why[0] == '\0')
				pair_talk(p);
			pair_free(p);
		}
	}
}

static void
dates_count(void **state)
{
	struct certificate_maker m = {
		.names = "DNS:" PAIR_NAME,
		.kind = "P-256",
		.from = -7200,
		.to = -3600,
		.signer = pair_certificates.authority.key,
		.issuer = pair_certificates.authority.x509,
	};
	struct certificate_made late = certificate_make(&m), early;
	struct tls_certificate *late_own = pair_own(&late), *early_own;
	struct pair *p = pair_new(NULL, NULL);
	time_t from, to;

	m.from = 3600;
	m.to = 7200;
	early = certificate_make(&m);
	early_own = pair_own(&early);
	tls_certificate_dates(late_own, &from, &to);
	assert_true(from < to && to < time(NULL) && to > time(NULL) - 7200);
	p->choice.certificates[0] = late_own;
	pair_connect(p, PAIR_NAME);
	pair_run(p);
	assert_string_equal(tls_session_why(p->client.session), "the certificate has expired");
	assert_true(p->server.last < 0);
	p->choice.certificates[0] = early_own;
	pair_connect(p, PAIR_NAME);
	pair_run(p);
	assert_string_equal(tls_session_why(p->client.session), "the certificate is not valid yet");
	tls_certificate_unref(late_own);
	tls_certificate_unref(early_own);
	certificate_unmake(&late);
	certificate_unmake(&early);
	pair_free(p);
}

static void
revoked_certificates_are_refused(void **state)
{
	const struct certificate_made *authority = &pair_certificates.authority;
	const struct {
		X509 *revoked;
		long to;
		const char *why;
	} cases[] = {
		{ NULL, 3600, "" },
		{ pair_certificates.stranger.x509, 3600, "" }, /* a number of somebody else */
		{ pair_certificates.client.x509, 3600, "the certificate is revoked" },
		{ NULL, -3600, "the revocation list has expired" },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct buf list = certificate_revoke(authority, cases[i].revoked, cases[i].to);
		struct tls_settings c = { .newest = TLS_1_3 };
		struct pair *p;
		const char *why;
		unsigned left_out;

		c.own = pair_certificates.client_own;
		p = pair_new(NULL, &c);
		p->choice.trust =
		    tls_trust_new(buf_slice(&authority->pem), buf_slice(&list), &left_out, &why);
		p->choice.required = true;
		assert_non_null(p->choice.trust);
		pair_connect(p, PAIR_NAME);
		pair_run(p);
		assert_string_equal(tls_session_why(p->server.session), cases[i].why);
		tls_trust_unref(p->choice.trust);
		pair_free(p);
		buf_deinit(&list);
	}
}

/* Root, another authority, certificate: the server sends the two, in order. */
static void
a_chain_leads_to_the_root(void **state)
{
	struct certificate_maker m = { .kind = "P-384",
				       .signer = pair_certificates.authority.key,
				       .issuer = pair_certificates.authority.x509 };
	struct certificate_made middle = certificate_make(&m), leaf;
	struct buf chain = { 0 };
	struct tls_certificate *own, *alone;
	struct pair *p = pair_new(NULL, NULL);
	const char *why;

	m = (struct certificate_maker){ .kind = "P-256",
					.names = "DNS:" PAIR_NAME,
					.signer = middle.key,
					.issuer = middle.x509 };
	leaf = certificate_make(&m);
	buf_adds(&chain, buf_slice(&leaf.pem));
	buf_adds(&chain, buf_slice(&middle.pem));
	own = tls_certificate_new(buf_slice(&chain), buf_slice(&leaf.key_pem), &why);
	alone = pair_own(&leaf);
	assert_non_null(own);
	p->choice.certificates[0] = own;
	pair_connect(p, PAIR_NAME);
	pair_run(p);
	assert_true(pair_established(p));
	p->choice.certificates[0] = alone;
	pair_connect(p, PAIR_NAME);
	pair_run(p);
	assert_string_equal(tls_session_why(p->client.session),
			    "no root that is trusted signed the certificate");
	tls_certificate_unref(own);
	tls_certificate_unref(alone);
	certificate_unmake(&middle);
	certificate_unmake(&leaf);
	buf_deinit(&chain);
	pair_free(p);
}

static void
bad_pairs_are_refused(void **state)
{
	struct pair_certificates *c = &pair_certificates;
	struct slice chain = buf_slice(&c->ecdsa.pem), key = buf_slice(&c->ecdsa.key_pem);
	const char *why;

	assert_null(tls_certificate_new(chain, buf_slice(&c->rsa.key_pem), &why));
	assert_string_equal(why, "the key is not that of the certificate");
	assert_null(tls_certificate_new(chain, buf_slice(&c->client.key_pem), &why));
	assert_string_equal(why, "the key is not that of the certificate");
	assert_null(tls_certificate_new(slice_make(NULL, 0), key, &why));
	assert_string_equal(why,
			    "it is no certificate in PEM with a key of RSA, P-256, P-384 or P-521");
	assert_null(tls_certificate_new(key, key, &why));
	assert_null(tls_certificate_new(chain, SLICE("nothing"), &why));
	assert_string_equal(why, "it is no private key in PEM of a kind that TLS knows");
	assert_null(tls_certificate_new(chain, slice_make(key.p, key.n / 2), &why));
	assert_true(tls_certificate_fits(c->ecdsa_own, SLICE("A.Example")));
	assert_true(tls_certificate_fits(c->ecdsa_own, SLICE("b.wild.example")));
	assert_false(tls_certificate_fits(c->ecdsa_own, SLICE("c.b.wild.example")));
	assert_false(tls_certificate_fits(c->ecdsa_own, SLICE(".wild.example")));
	assert_false(tls_certificate_fits(c->ecdsa_own, SLICE("example")));
}

static void
names_and_protocols_are_chosen(void **state)
{
	static const char *const h2_first[] = { "h2", "http/1.1", NULL };
	static const char *const http[] = { "http/1.1", NULL }, *const other[] = { "smtp", NULL };

	for (size_t v = 0; v < COUNT(versions); v++) {
		struct tls_settings s = *versions[v], c = s;
		struct pair *p;

		s.alpn = http;
		c.alpn = h2_first;
		p = pair_new(&s, &c);
		pair_connect(p, "x.wild.example");
		pair_run(p);
		assert_string_equal(tls_session_alpn(p->server.session), "http/1.1");
		assert_true(slice_eq(tls_session_name(p->server.session), SLICE("x.wild.example")));
		pair_connect(p, "nobody.example");
		pair_run(p);
		assert_int_equal(p->server.last, -EPROTO);
		assert_string_equal(tls_session_why(p->server.session),
				    "the name is not served here");
		assert_int_equal(p->client.last, -ECONNABORTED);
		pair_free(p);
		c.alpn = other;
		p = pair_new(&s, &c);
		pair_connect(p, PAIR_NAME);
		pair_run(p);
		assert_string_equal(tls_session_why(p->server.session),
				    "no application protocol in common");
		pair_free(p);
	}
}

static bool
shows(const struct pair *p, const struct certificate_made *made)
{
	struct slice seen = tls_session_peer_certificate(p->client.session);
	unsigned char *der = NULL;
	int n = i2d_X509(made->x509, &der);
	bool same = slice_eq(seen, slice_make((const char *)der, (size_t)n));

	OPENSSL_free(der);
	return same;
}

/* The old have RSA, the others the cheaper one. */
static void
the_certificate_is_one_that_the_client_knows(void **state)
{
	int rsa[] = { tls_suite_parse(SLICE("TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256")), 0 };
	struct tls_settings old = only_12;
	struct pair *p = pair_new(NULL, NULL);
	struct tls_choice both = {
		.certificates = { pair_certificates.ecdsa_own, pair_certificates.rsa_own },
		.n = 2,
	};

	p->choice = both;
	pair_connect(p, PAIR_NAME);
	pair_run(p);
	assert_true(shows(p, &pair_certificates.ecdsa));
	pair_free(p);
	old.suites = rsa;
	p = pair_new(NULL, &old);
	p->choice = both;
	pair_connect(p, PAIR_NAME);
	pair_run(p);
	assert_true(shows(p, &pair_certificates.rsa));
	pair_talk(p);
	pair_free(p);
}

/* Who is let in already is asked of other lists, and of other roots. */
static void
a_peer_is_looked_up_again(void **state)
{
	const struct certificate_made *authority = &pair_certificates.authority;
	const struct {
		const struct certificate_made *root;
		X509 *revoked;
		long to;
		bool good;
	} cases[] = {
		{ authority, NULL, 3600, true },
		{ authority, pair_certificates.ecdsa.x509, 3600, true },
		{ authority, pair_certificates.client.x509, 3600, false },
		{ authority, NULL, -3600, false },
		{ &pair_certificates.stranger, NULL, 3600, false },
	};

	for (size_t v = 0; v < COUNT(versions); v++) {
		struct tls_settings c = *versions[v];
		struct pair *p;

		c.own = pair_certificates.client_own;
		p = pair_new(NULL, &c);
		p->choice.trust = pair_certificates.trust;
		pair_connect(p, PAIR_NAME);
		pair_run(p);
		assert_true(pair_established(p));
		for (size_t i = 0; i < COUNT(cases); i++) {
			struct buf list =
			    certificate_revoke(cases[i].root, cases[i].revoked, cases[i].to);
			const char *why;
			unsigned left_out;
			struct tls_trust *t = tls_trust_new(buf_slice(&cases[i].root->pem),
							    buf_slice(&list), &left_out, &why);

			assert_non_null(t);
			assert_int_equal(tls_session_is_trusted(p->server.session, t),
					 cases[i].good);
			tls_trust_unref(t);
			buf_deinit(&list);
		}
		pair_talk(p);
		pair_free(p);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(client_certificates_are_asked_for),
		cmocka_unit_test(a_peer_is_looked_up_again),
		cmocka_unit_test(servers_are_verified),
		cmocka_unit_test(keys_are_pinned),
		cmocka_unit_test(dates_count),
		cmocka_unit_test(revoked_certificates_are_refused),
		cmocka_unit_test(a_chain_leads_to_the_root),
		cmocka_unit_test(bad_pairs_are_refused),
		cmocka_unit_test(names_and_protocols_are_chosen),
		cmocka_unit_test(the_certificate_is_one_that_the_client_knows),
	};

	return cmocka_run_group_tests(tests, pair_make_certificates, pair_free_certificates);
}
