/* tls: sessions against each other, whole, cut, changed and parked. */

#include "tls_pair.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#include "tls_talk.h"

#define SAYS(side, text) assert_memory_equal((side).plain, text, sizeof(text) - 1)

static void
every_combination_talks(void **state)
{
	static const char *const groups[] = { "secp256r1", "x25519", "secp384r1" };
	static const char *const suites[] = {
		"TLS_AES_128_GCM_SHA256",
		"TLS_AES_256_GCM_SHA384",
		"TLS_CHACHA20_POLY1305_SHA256",
		"TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
		"TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
		"TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
		"TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
		"TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
		"TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
	};

	for (size_t g = 0; g < COUNT(groups); g++) {
		for (size_t i = 0; i < COUNT(suites); i++) {
			uint16_t group[] = { tls_group_parse(slice_of(groups[g])), 0 };
			int suite[] = { tls_suite_parse(slice_of(suites[i])), 0 };
			bool old = strstr(suites[i], "ECDHE") != NULL;
			struct tls_settings c = old ? only_12 : only_13;
			struct tls_settings s = { .newest = TLS_1_3, .groups = group };
			struct pair *p;

			assert_true(group[0] && suite[0]);
			c.suites = suite;
			p = pair_new(&s, &c); /* in TLS 1.3 some have to say hello again */
			if (strstr(suites[i], "RSA_WITH") || g == 1)
				p->choice.certificates[0] = pair_certificates.rsa_own;
			if (strstr(suites[i], "ECDSA") && g > 0)
				p->choice.certificates[0] = pair_certificates.p384_own;
			pair_connect(p, PAIR_NAME);
			pair_run(p);
			assert_true(pair_established(p));
			assert_string_equal(tls_session_version(p->server.session),
					    old ? "TLSv1.2" : "TLSv1.3");
			pair_talk(p);
			pair_free(p);
		}
	}
}

static void
names_are_parsed(void **state)
{
	assert_int_equal(tls_suite_parse(SLICE("TLS_RSA_WITH_AES_128_CBC_SHA")), 0);
	assert_int_equal(tls_group_parse(SLICE("secp256k1")), 0);
	assert_int_equal(tls_group_parse(SLICE("x25519")), 0x1d);
}

static void
cuts_at_every_byte_change_nothing(void **state)
{
	for (size_t v = 0; v < COUNT(versions); v++) {
		for (size_t piece = 1; piece < 8; piece++) {
			struct pair *p = pair_new(versions[v], NULL);

			p->piece = piece;
			pair_connect(p, PAIR_NAME);
			pair_run(p);
			assert_true(pair_established(p));
			pair_talk(p);
			tls_session_close(p->server.session, &p->server.out);
			pair_run(p);
			assert_int_equal(p->client.last, TLS_CLOSED);
			pair_free(p);
		}
	}
}

/* A handshake and a request that end at each byte: what came is never taken for whole, and all is
 * given back. */
static void
an_end_at_every_byte_is_seen(void **state)
{
	for (size_t v = 0; v < COUNT(versions); v++) {
		struct pair *whole = pair_new(versions[v], NULL);
		size_t total;

		pair_connect(whole, PAIR_NAME);
		pair_run(whole);
		pair_talk(whole);
		total = whole->client.out.n;
		pair_free(whole);
		for (size_t end = 0; end < total; end += 3) {
			struct pair *p = pair_new(versions[v], NULL);
			struct slice in;
			size_t n;

			pair_connect(p, PAIR_NAME);
			while (pair_carry(p, &p->server, &p->client) && p->client.out.n <= end)
				pair_carry(p, &p->client, &p->server);
			in = slice_make(p->client.out.p + p->client.taken,
					end > p->client.taken && end < p->client.out.n
					    ? end - p->client.taken
					    : 0);
			if (!tls_session_established(p->server.session))
				assert_int_not_equal(
				    tls_session_handshake(p->server.session, &in, &p->server.out),
				    TLS_CLOSED);
			else
				assert_int_equal(tls_session_read(p->server.session, &in,
								  p->server.plain, 100, &n,
								  &p->server.out),
						 TLS_MORE);
			pair_free(p);
		}
	}
}

static void
a_changed_byte_is_refused(void **state)
{
	for (size_t v = 0; v < COUNT(versions); v++) {
		struct pair *p = pair_new(versions[v], NULL);
		struct slice in;
		size_t n;

		pair_connect(p, PAIR_NAME);
		pair_run(p);
		assert_int_equal(pair_say(&p->client, SLICE("a secret")), 0);
		p->client.out.p[p->client.out.n - 1] ^= 1;
		in = slice_make(p->client.out.p + p->client.taken,
				p->client.out.n - p->client.taken);
		assert_int_equal(tls_session_read(p->server.session, &in, p->server.plain, 100, &n,
						  &p->server.out),
				 -EPROTO);
		assert_int_equal(n, 0);
		assert_string_equal(tls_session_why(p->server.session),
				    "a record was changed on its way");
		pair_carry(p, &p->server, &p->client);
		assert_int_equal(p->client.last, -ECONNABORTED);
		/* And stays so. */
		assert_int_equal(pair_say(&p->server, SLICE("more")), -EPROTO);
		assert_false(tls_session_park(p->server.session));
		pair_free(p);
	}
}

static void
large_writes_arrive_in_order(void **state)
{
	static char text[200001];

	for (size_t i = 0; i < sizeof text; i++)
		text[i] = (char)(i * 7 + i / 251);
	for (size_t v = 0; v < COUNT(versions); v++) {
		for (unsigned n = 1; n < 64; n += 31) {
			struct pair *p = pair_new(versions[v], NULL);
			struct slice parts[64];
			size_t at = 0;

			for (unsigned i = 0; i < n; i++) {
				size_t size = i + 1 == n ? sizeof text - at : i * 97 % 3000;

				parts[i] = slice_make(text + at, size);
				at += size;
			}
			pair_connect(p, PAIR_NAME);
			pair_run(p);
			assert_int_equal(
			    tls_session_write(p->server.session, parts, n, &p->server.out), 0);
			pair_run(p);
			assert_int_equal(p->client.n, sizeof text);
			assert_memory_equal(p->client.plain, text, sizeof text);
			pair_free(p);
		}
	}
}

/* A head and a short body are one record; a long answer begins with short ones. */
static void
records_are_coalesced(void **state)
{
	struct pair *p = pair_new(&only_13, NULL);
	static char body[65536];
	struct slice parts[] = { SLICE("head"), SLICE(" and "), SLICE("body") };
	struct slice long_parts[] = { SLICE("head"), slice_make(body, sizeof body) };
	size_t before, records = 0;

	pair_connect(p, PAIR_NAME);
	pair_run(p);
	before = p->server.out.n;
	assert_int_equal(tls_session_write(p->server.session, parts, 3, &p->server.out), 0);
	assert_int_equal(p->server.out.n - before, 5 + 13 + 1 + 16 + 2); /* padded to 16 */
	pair_run(p);
	SAYS(p->client, "head and body");
	pair_talk(p);
	before = p->server.out.n;
	assert_int_equal(tls_session_write(p->server.session, long_parts, 2, &p->server.out), 0);
	for (size_t at = before; at < p->server.out.n; records++) {
		size_t n = (size_t)(uint8_t)p->server.out.p[at + 3] << 8 |
			   (uint8_t)p->server.out.p[at + 4];

		assert_true(n >= 5);
		assert_true(records >= 4 || n <= 4096 + 32);
		at += 5 + n;
	}
	assert_int_equal(records, 4 + 4);
	pair_free(p);
}

static void
a_small_room_is_enough(void **state)
{
	struct pair *p = pair_new(NULL, NULL);
	struct slice in;
	char plain[3], all[64];
	size_t n, have = 0;
	int r;

	pair_connect(p, PAIR_NAME);
	pair_run(p);
	assert_int_equal(pair_say(&p->client, SLICE("in three pieces")), 0);
	in = slice_make(p->client.out.p + p->client.taken, p->client.out.n - p->client.taken);
	do {
		r = tls_session_read(p->server.session, &in, plain, sizeof plain, &n,
				     &p->server.out);
		memcpy(all + have, plain, n);
		have += n;
	} while (r == TLS_ROOM);
	assert_int_equal(r, TLS_MORE);
	assert_int_equal(have, 15);
	assert_memory_equal(all, "in three pieces", 15);
	pair_free(p);
}

static void
parked_between_every_two_records(void **state)
{
	for (size_t v = 0; v < COUNT(versions); v++) {
		struct pair *p = pair_new(versions[v], NULL);

		p->park = true;
		pair_connect(p, PAIR_NAME);
		assert_false(tls_session_park(p->server.session));
		pair_run(p);
		for (int i = 0; i < 100; i++) {
			assert_true(tls_session_park(p->server.session));
			assert_true(tls_session_park(p->client.session));
			pair_talk(p);
		}
		p->piece = 7; /* within a record it cannot be */
		for (int i = 0; i < 10; i++)
			pair_talk(p);
		assert_true(tls_session_park(p->server.session));
		tls_session_close(p->server.session, &p->server.out);
		pair_run(p);
		assert_int_equal(p->client.last, TLS_CLOSED);
		pair_free(p);
	}
}

/* Buffers go from one session to another, and each goes on where it was. */
static void
parked_sessions_share_buffers(void **state)
{
	struct pair *p = pair_new(&only_12, NULL), *q = pair_new(&only_13, NULL);

	pair_connect(p, PAIR_NAME);
	pair_connect(q, PAIR_NAME);
	pair_run(p);
	pair_run(q);
	for (int i = 0; i < 20; i++) {
		struct side *sides[] = { &p->server, &q->client, &p->client, &q->server };

		for (int k = 0; k < 4; k++)
			assert_true(tls_session_park(sides[(i + k) % 4]->session));
		pair_talk(p);
		if (i % 3 == 0)
			pair_talk(q);
	}
	pair_free(p);
	pair_free(q);
}

static void
a_close_is_heard_once_and_half_way(void **state)
{
	for (size_t v = 0; v < COUNT(versions); v++) {
		struct pair *p = pair_new(versions[v], NULL);
		size_t n;

		pair_connect(p, PAIR_NAME);
		pair_run(p);
		tls_session_close(p->client.session, &p->client.out);
		n = p->client.out.n;
		tls_session_close(p->client.session, &p->client.out);
		assert_int_equal(p->client.out.n, n);
		pair_carry(p, &p->client, &p->server);
		assert_int_equal(p->server.last, TLS_CLOSED);
		assert_int_equal(pair_say(&p->server, SLICE("the rest")), 0);
		pair_carry(p, &p->server, &p->client);
		SAYS(p->client, "the rest");
		pair_free(p);
	}
}

static void
versions_without_a_common_one_fail(void **state)
{
	struct pair *p = pair_new(&only_13, &only_12);

	pair_connect(p, PAIR_NAME);
	pair_run(p);
	assert_int_equal(p->server.last, -EPROTO);
	assert_string_equal(tls_session_why(p->server.session), "no version of TLS in common");
	assert_int_equal(p->client.last, -ECONNABORTED);
	pair_free(p);
}

static void
plain_http_is_no_tls(void **state)
{
	struct pair *p = pair_new(NULL, NULL);
	struct slice in = SLICE("GET / HTTP/1.1\r\nHost: a.example\r\n\r\n");

	pair_connect(p, PAIR_NAME);
	assert_int_equal(tls_session_handshake(p->server.session, &in, &p->server.out), -EPROTO);
	assert_true(p->server.out.n == 7 && p->server.out.p[0] == 21);
	pair_free(p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_combination_talks),
		cmocka_unit_test(names_are_parsed),
		cmocka_unit_test(cuts_at_every_byte_change_nothing),
		cmocka_unit_test(an_end_at_every_byte_is_seen),
		cmocka_unit_test(a_changed_byte_is_refused),
		cmocka_unit_test(large_writes_arrive_in_order),
		cmocka_unit_test(records_are_coalesced),
		cmocka_unit_test(a_small_room_is_enough),
		cmocka_unit_test(parked_between_every_two_records),
		cmocka_unit_test(parked_sessions_share_buffers),
		cmocka_unit_test(a_close_is_heard_once_and_half_way),
		cmocka_unit_test(versions_without_a_common_one_fail),
		cmocka_unit_test(plain_http_is_no_tls),
	};

	return cmocka_run_group_tests(tests, pair_make_certificates, pair_free_certificates);
}
