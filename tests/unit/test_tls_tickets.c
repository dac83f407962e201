/* tls: sessions that are resumed, and those that must not be. */

#include "tls_pair.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#include "tls_talk.h"

static const struct tls_ticket_key ticket_keys[] = {
	{ "name of key one", "thirty-two bytes of the key one" },
	{ "name of key two", "thirty-two bytes of the key two" },
	{ "name of key 3..", "thirty-two bytes of the key 3.." },
};

/* Connects again with what the last connection left. */
static bool
resumes(struct pair *p, struct tls_resumption *r)
{
	pair_connect(p, PAIR_NAME);
	tls_session_offer(p->client.session, r);
	pair_run(p);
	assert_true(pair_established(p));
	assert_int_equal(tls_session_resumed(p->server.session),
			 tls_session_resumed(p->client.session));
	pair_talk(p);
	return tls_session_resumed(p->server.session);
}

static struct tls_resumption *
resumption_of(struct pair *p)
{
	struct tls_resumption *r;

	pair_connect(p, PAIR_NAME);
	pair_run(p);
	assert_true(pair_established(p));
	assert_false(tls_session_resumed(p->server.session));
	r = tls_session_take_resumption(p->client.session);
	assert_non_null(r);
	return r;
}

/* Tickets of TLS 1.3 come after the handshake: also to a client that has given its buffers back by
 * then. */
static void
tickets_come_to_parked_sessions(void **state)
{
	for (size_t v = 0; v < COUNT(versions); v++) {
		struct pair *p = pair_new(versions[v], NULL);
		struct tls_resumption *r;

		p->park = true;
		p->piece = 50;
		tls_server_tickets(p->server.context, ticket_keys, 1, 3600);
		r = resumption_of(p);
		pair_talk(p);
		assert_true(resumes(p, r));
		tls_resumption_free(r);
		pair_free(p);
	}
}

static void
tickets_resume_at_whoever_has_the_keys(void **state)
{
	for (size_t v = 0; v < COUNT(versions); v++) {
		struct pair *p = pair_new(versions[v], NULL);
		struct tls_resumption *r;
		struct tls_context *other;

		tls_server_tickets(p->server.context, ticket_keys, 1, 3600);
		r = resumption_of(p);
		assert_true(resumes(p, r));
		/* Another process, the keys of which were turned on twice. */
		other = p->server.context;
		p->server.context = tls_server_new(
		    &(struct tls_settings){ .newest = TLS_1_3, .pick = pair_pick, .pick_arg = p });
		tls_context_unref(other);
		tls_server_tickets(
		    p->server.context,
		    (struct tls_ticket_key[]){ ticket_keys[2], ticket_keys[1], ticket_keys[0] }, 3,
		    3600);
		assert_true(resumes(p, r));
		tls_server_tickets(p->server.context, ticket_keys + 1, 2, 3600);
		assert_false(resumes(p, r)); /* its key is gone */
		tls_server_tickets(p->server.context,
				   &(struct tls_ticket_key){ "name of key one", "another key" }, 1,
				   3600);
		assert_false(resumes(p, r));
		tls_server_tickets(p->server.context, NULL, 0, 0);
		assert_false(resumes(p, r));
		tls_resumption_free(r);
		pair_free(p);
	}
}

static void
tickets_grow_old(void **state)
{
	struct pair *p[COUNT(versions)];
	struct tls_resumption *r[COUNT(versions)];

	for (size_t v = 0; v < COUNT(versions); v++) {
		p[v] = pair_new(versions[v], NULL);
		tls_server_tickets(p[v]->server.context, ticket_keys, 1, 1);
		r[v] = resumption_of(p[v]);
	}
	nanosleep(&(struct timespec){ .tv_sec = 1, .tv_nsec = 100000000 }, NULL);
	for (size_t v = 0; v < COUNT(versions); v++) {
		assert_false(resumes(p[v], r[v]));
		tls_server_tickets(p[v]->server.context, ticket_keys, 1, 60);
		assert_true(v == 1 ||
			    resumes(p[v], r[v])); /* in TLS 1.3 the client has let go of it */
		tls_resumption_free(r[v]);
		pair_free(p[v]);
	}
}

static void
a_ticket_never_stands_for_a_client_certificate(void **state)
{
	for (size_t v = 0; v < COUNT(versions); v++) {
		struct tls_settings c = *versions[v];
		struct pair *p;
		struct tls_resumption *r;

		c.own = pair_certificates.client_own;
		p = pair_new(NULL, &c);
		tls_server_tickets(p->server.context, ticket_keys, 1, 3600);
		r = resumption_of(p);
		p->choice.trust = pair_certificates.trust;
		p->choice.required = true;
		assert_false(resumes(p, r));
		assert_true(tls_session_peer_certificate(p->server.session).n > 0);
		/* The other way round it says nothing of the client. */
		tls_resumption_free(r);
		r = resumption_of(p);
		p->choice.trust = NULL;
		resumes(p, r);
		assert_int_equal(tls_session_peer_certificate(p->server.session).n, 0);
		tls_resumption_free(r);
		pair_free(p);
	}
}

/* In TLS 1.2 a session has one suite for good (RFC 5246 section 7.4.1.3); when another would be
 * chosen now, it is begun anew. */
static void
a_ticket_of_another_suite_is_passed_over(void **state)
{
	struct pair *p = pair_new(versions[0], NULL);
	struct tls_resumption *r;

	tls_server_tickets(p->server.context, ticket_keys, 1, 3600);
	p->choice.certificates[0] = pair_certificates.rsa_own;
	r = resumption_of(p);
	assert_true(resumes(p, r));
	p->choice.certificates[0] = pair_certificates.ecdsa_own;
	assert_false(resumes(p, r));
	tls_resumption_free(r);
	r = tls_session_take_resumption(p->client.session);
	assert_non_null(r);
	assert_true(resumes(p, r));
	tls_resumption_free(r);
	pair_free(p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tickets_come_to_parked_sessions),
		cmocka_unit_test(tickets_resume_at_whoever_has_the_keys),
		cmocka_unit_test(tickets_grow_old),
		cmocka_unit_test(a_ticket_never_stands_for_a_client_certificate),
		cmocka_unit_test(a_ticket_of_another_suite_is_passed_over),
	};

	return cmocka_run_group_tests(tests, pair_make_certificates, pair_free_certificates);
}
