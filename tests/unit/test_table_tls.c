/*
 * Look-ups of TLS in the keys segment: names of certificates, hosts with rules for clients, and
 * what the verifier refuses.
 */

#include "lib/tls.h"
#include "shm/table.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

static const struct table_tls usual = { TLS_1_2, TLS_1_3, .ticket_lifetime_s = 3600 };

static void
put(struct seg_builder *b, unsigned section, const void *row, uint32_t size, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		seg_builder_add(b, section, row, size);
}

/* Rows of every kind, and as many names more. */
static void
fill(struct seg_builder *b, unsigned more)
{
	const struct table_certificate c = { .digest = { 1 } };
	const struct table_clients clients = { .required = 1 };
	struct table_tls_name names[64] = { 0 };
	const char *const texts[] = { "example.org", ".example.org", "www.example.org" };
	struct table_client_host hosts[] = { { .clients = 1 }, { .clients = 0 }, { .clients = 2 } };
	const char *const asked[] = { ".example.org", "open.example.org", "example.net" };

	seg_builder_init(b);
	put(b, KEYS_CERTIFICATES, &c, sizeof c, 4);
	put(b, KEYS_CLIENTS, &clients, sizeof clients, 2);
	put(b, KEYS_TICKETS, &(struct table_ticket){ 0 }, sizeof(struct table_ticket), 3);
	for (uint32_t i = 0; i < 4; i++)
		seg_builder_add(b, KEYS_CHOICES, &i, sizeof i);
	for (uint32_t i = 0; i < 3 + more; i++) {
		char text[32];

		snprintf(text, sizeof text, "n%u.example.com", i);
		names[i].name.text = seg_builder_string(b, slice_of(i < 3 ? texts[i] : text));
		names[i].first = i < 3 ? i : 3;
		names[i].count = 1;
	}
	table_tls_add_names(b, names, 3 + more);
	for (uint32_t i = 0; i < 3; i++)
		hosts[i].name.text = seg_builder_string(b, slice_of(asked[i]));
	table_tls_add_hosts(b, hosts, 3);
}

static struct segment *
sealed(struct seg_builder *b)
{
	struct segment *s = NULL;

	assert_int_equal(seg_builder_finish(b, SEGMENT_KEYS, 1, &s), 0);
	seg_builder_deinit(b);
	return s;
}

static struct segment *
table_with(unsigned more)
{
	struct table_tls tls = usual;
	struct seg_builder b;

	fill(&b, more);
	tls.clients = 2;
	put(&b, KEYS_TLS, &tls, sizeof tls, 1);
	return sealed(&b);
}

/* The certificate for a name, -1 for none. */
static int
served(const struct segment *s, const char *name)
{
	uint32_t first, count;

	if (!table_tls_find(s, slice_of(name), &first, &count))
		return -1;
	assert_int_equal(count, 1);
	return (int)table_tls_choice(s, first);
}

static void
test_names(void **state)
{
	struct segment *s = table_with(0);

	assert_int_equal(table_verify_keys(s), 0);
	assert_int_equal(served(s, "example.org"), 0);
	assert_int_equal(served(s, "a.example.org"), 1);
	assert_int_equal(served(s, "www.example.org"), 2);
	assert_int_equal(served(s, "WWW.Example.ORG"), 2);
	assert_int_equal(served(s, "www.example.org."), 2);
	assert_int_equal(served(s, "a.b.example.org"), -1);
	assert_int_equal(served(s, ".example.org"), -1);
	assert_int_equal(served(s, "org"), -1);
	assert_int_equal(served(s, ""), -1);
	assert_int_equal(served(s, "."), -1);
	assert_true(table_tls_choice(s, 4) == TRIE_NONE);
	seg_unref(s);
}

static void
test_long_name(void **state)
{
	struct segment *s = table_with(0);
	char name[300];

	memset(name, 'a', sizeof name);
	memcpy(name + sizeof name - sizeof ".example.org", ".example.org", sizeof ".example.org");
	assert_int_equal(served(s, name), -1);
	assert_int_equal(served(s, name + sizeof name - 1 - 255), 1);
	seg_unref(s);
}

static void
test_many_names(void **state)
{
	struct segment *s = table_with(60);

	assert_int_equal(table_verify_keys(s), 0);
	for (unsigned i = 3; i < 63; i++) {
		char text[32];

		snprintf(text, sizeof text, "n%u.example.com", i);
		assert_int_equal(served(s, text), 3);
	}
	assert_int_equal(served(s, "n63.example.com"), -1);
	seg_unref(s);
}

static void
test_clients(void **state)
{
	struct segment *s = table_with(0);

	assert_int_equal(table_tls_clients(s, SLICE("example.org")), 2);
	assert_int_equal(table_tls_clients(s, SLICE("a.example.org")), 1);
	assert_int_equal(table_tls_clients(s, SLICE("b.a.Example.org")), 1);
	assert_int_equal(table_tls_clients(s, SLICE("open.example.org")), 0);
	assert_int_equal(table_tls_clients(s, SLICE("a.open.example.org")), 1);
	assert_int_equal(table_tls_clients(s, SLICE("")), 2);
	seg_unref(s);
}

static void
test_without(void **state)
{
	struct seg_builder b;
	struct segment *s;
	uint32_t first, count;

	seg_builder_init(&b);
	s = sealed(&b);
	assert_int_equal(table_verify_keys(s), 0);
	assert_null(table_tls(s));
	assert_false(table_tls_find(s, SLICE("example.org"), &first, &count));
	assert_int_equal(table_tls_clients(s, SLICE("example.org")), 0);
	seg_unref(s);
}

static void
refuses(const struct table_tls *tls, unsigned n, unsigned section, const void *row, uint32_t size)
{
	struct seg_builder b;
	struct segment *s;

	fill(&b, 0);
	put(&b, KEYS_TLS, tls, sizeof *tls, n);
	if (section)
		seg_builder_add(&b, section, row, size);
	s = sealed(&b);
	assert_int_equal(table_verify_keys(s), -EBADMSG);
	seg_unref(s);
}

#define WITH(field, value)                                                                         \
	do {                                                                                       \
		struct table_tls tls = usual;                                                      \
		tls.field = (value);                                                               \
		refuses(&tls, 1, 0, NULL, 0);                                                      \
	} while (0)
#define ROW(section, type, ...)                                                                    \
	refuses(&usual, 1, section, &(struct type){ __VA_ARGS__ }, sizeof(struct type))

static void
test_refused(void **state)
{
	const uint32_t outside = 4;

	refuses(&usual, 2, 0, NULL, 0);
	refuses(&usual, 1, KEYS_CHOICES, &outside, sizeof outside);
	WITH(newest, TLS_1_3 + 1);
	WITH(oldest, TLS_1_3 + 1);
	WITH(suites_count, 1);
	WITH(groups_first, 1);
	WITH(default_count, 5);
	WITH(default_first, UINT32_MAX);
	WITH(clients, 3);
	WITH(ticket_lifetime_s, TABLE_TICKET_LIFETIME_MAX + 1);
	ROW(KEYS_CERTIFICATES, table_certificate, .key = { 0, 5000 });
	ROW(KEYS_CERTIFICATES, table_certificate, .chain = { UINT32_MAX, 1 });
	ROW(KEYS_NAMES, table_tls_name, .first = 3, .count = 2);
	ROW(KEYS_NAMES, table_tls_name, .name.text = { 0, 5000 });
	ROW(KEYS_CLIENTS, table_clients, .crl = { 0, 5000 });
	ROW(KEYS_CLIENT_HOSTS, table_client_host, .clients = 3);
	ROW(KEYS_CLIENT_HOSTS, table_client_host, .name.text = { 5000, 1 });
	ROW(KEYS_TICKETS, table_ticket, .name = { 0 });
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),      cmocka_unit_test(test_long_name),
		cmocka_unit_test(test_many_names), cmocka_unit_test(test_clients),
		cmocka_unit_test(test_without),    cmocka_unit_test(test_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
