/* Files of TLS: what is read, what is refused and why, and what goes on when the next one is bad.
 */

#include "certificate.h"

#include "lib/clock.h"
#include "master/certificates.h"
#include "master/compile.h"
#include "master/tickets.h"

#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[] = "/tmp/yett-certificates-XXXXXX";

struct pems {
	struct certificate_made root, middle, ecdsa, rsa, other, expired, future, nameless;
};
static struct pems made;

static int
enter(void **state)
{
	struct certificate_maker m = { .kind = "P-256" };

	(void)state;
	made.root = certificate_make(&m);
	m = (struct certificate_maker){ NULL, "P-256", 0, 0, made.root.key, made.root.x509 };
	made.middle = certificate_make(&m);
	m = (struct certificate_maker){
		"DNS:a.example,DNS:*.Wild.example", "P-256", 0, 0, made.middle.key, made.middle.x509
	};
	made.ecdsa = certificate_make(&m);
	made.other = certificate_make(&m);
	m.kind = "RSA";
	made.rsa = certificate_make(&m);
	m = (struct certificate_maker){ "DNS:a.example", "P-256",         -7200,
					-3600,           made.middle.key, made.middle.x509 };
	made.expired = certificate_make(&m);
	m.from = 3600;
	m.to = 7200;
	made.future = certificate_make(&m);
	m = (struct certificate_maker){ "IP:127.0.0.1",  "P-256",         0, 0,
					made.middle.key, made.middle.x509 };
	made.nameless = certificate_make(&m);
	return mkdtemp(folder) && chdir(folder) == 0 ? 0 : -1;
}

static int
leave(void **state)
{
	struct certificate_made *all[] = {
		&made.root,  &made.middle,  &made.ecdsa,  &made.rsa,
		&made.other, &made.expired, &made.future, &made.nameless
	};
	char command[128];

	(void)state;
	for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
		certificate_unmake(all[i]);
	snprintf(command, sizeof command, "rm -r %s", folder);
	return chdir("/") == 0 && system(command) == 0 ? 0 : -1;
}

static void
put(const char *name, struct slice a, struct slice b)
{
	FILE *f = fopen(name, "w");

	assert_non_null(f);
	assert_int_equal(fwrite(a.p, 1, a.n, f), a.n);
	if (b.n > 0)
		assert_int_equal(fwrite(b.p, 1, b.n, f), b.n);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(chmod(name, 0600), 0);
}

static void
put_pair(const struct certificate_made *m)
{
	put("a.pem", buf_slice(&m->pem), buf_slice(&made.middle.pem));
	put("a.key", buf_slice(&m->key_pem), SLICE(""));
}

static struct config_certificate one = { .file = "a.pem", .key = "a.key", .key_path = "a.key" };

static struct config
config_of(struct config_certificate *certificates, size_t count)
{
	return (struct config){ .tls = { .certificates = certificates,
					 .certificates_count = count,
					 .default_certificate = "" } };
}

static struct certificates *
load(const struct certificates *before)
{
	struct config c = config_of(&one, 1);

	return certificates_load(&c, before);
}

static void
what_cannot_serve_is_refused(void **state)
{
	static const struct {
		struct certificate_made *certificate, *key;
		const char *why;
	} cases[] = {
		{ &made.ecdsa, &made.ecdsa, "" },
		{ &made.rsa, &made.rsa, "" },
		{ &made.ecdsa, &made.other,
		  "a.pem with a.key cannot serve: the key is not that of "
		  "the certificate; give the chain" },
		{ &made.ecdsa, &made.rsa, "the key is not that of the certificate" },
		{ &made.expired, &made.expired, "a.pem: the certificate has expired; renew it" },
		{ &made.future, &made.future, "a.pem: the certificate is not valid yet" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct certificates *c;

		put("a.pem", buf_slice(&cases[i].certificate->pem), buf_slice(&made.middle.pem));
		put("a.key", buf_slice(&cases[i].key->key_pem), SLICE(""));
		c = load(NULL);
		assert_int_equal(c->pairs_count, 1);
		if (*cases[i].why)
			assert_non_null(strstr(c->pairs[0].trouble, cases[i].why));
		else
			assert_string_equal(c->pairs[0].trouble, "");
		/* What clients alone would refuse is better than nothing. */
		assert_int_equal(c->pairs[0].pair != NULL, cases[i].certificate == cases[i].key);
		assert_int_equal(c->pairs[0].error < 0, cases[i].certificate != cases[i].key);
		certificates_free(c);
	}
}

static void
assert_trouble(const char *why)
{
	struct certificates *c = load(NULL);
	const char *trouble = c->pairs[0].trouble ? c->pairs[0].trouble : "nothing";

	if (!strstr(trouble, why))
		fail_msg("\"%s\" is not in \"%s\"", why, trouble);
	certificates_free(c);
}

static void
half_a_file_is_refused(void **state)
{
	struct slice chain = buf_slice(&made.middle.pem), key = buf_slice(&made.ecdsa.key_pem);

	(void)state;
	put("a.key", key, SLICE(""));
	put("a.pem", SLICE(""), SLICE(""));
	assert_trouble("it is no certificate in PEM");
	for (size_t n = 1; n < chain.n - 30; n += 97) {
		put("a.pem", buf_slice(&made.ecdsa.pem), slice_make(chain.p, n));
		if (n >= 28)
			assert_trouble("a certificate of the chain cannot be read");
	}
	put("a.pem", buf_slice(&made.ecdsa.pem), chain);
	for (size_t n = 0; n < key.n - 30; n += 41) {
		put("a.key", slice_make(key.p, n), SLICE(""));
		assert_trouble("it is no private key in PEM");
	}
	unlink("a.key");
	assert_trouble("a.key cannot be read: there is no such file");
}

static void
chains_are_looked_at(void **state)
{
	(void)state;
	put_pair(&made.ecdsa);
	put("a.pem", buf_slice(&made.ecdsa.pem), buf_slice(&made.root.pem));
	assert_trouble("the chain is not in order");
	put("a.pem", buf_slice(&made.ecdsa.pem), SLICE(""));
	assert_trouble("");
}

/* The bad one stays away whatever it is, as long as the one of before is good. */
static void
the_one_before_goes_on(void **state)
{
	static const struct {
		struct certificate_made *certificate, *key;
	} bad[] = {
		{ &made.ecdsa, &made.other },
		{ &made.expired, &made.expired },
		{ &made.future, &made.future },
	};
	struct certificates *first, *next;

	(void)state;
	put_pair(&made.ecdsa);
	first = load(NULL);
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		put_pair(bad[i].certificate);
		put("a.key", buf_slice(&bad[i].key->key_pem), SLICE(""));
		next = load(first);
		assert_ptr_equal(next->pairs[0].pair, first->pairs[0].pair);
		assert_true(next->pairs[0].stale);
		assert_true(*next->pairs[0].trouble);
		assert_true(certificates_same(first, next));
		certificates_free(first);
		first = next;
	}
	unlink("a.pem");
	next = load(first);
	assert_ptr_equal(next->pairs[0].pair, first->pairs[0].pair);
	certificates_free(first);
	put_pair(&made.rsa);
	first = load(next);
	assert_ptr_not_equal(next->pairs[0].pair, first->pairs[0].pair);
	assert_false(first->pairs[0].stale);
	assert_string_equal(first->pairs[0].trouble, "");
	assert_false(certificates_same(first, next));
	certificates_free(first);
	certificates_free(next);
}

/* One that has expired makes place for whatever there is. */
static void
an_expired_one_yields(void **state)
{
	struct certificates *first, *next;

	(void)state;
	put_pair(&made.expired);
	first = load(NULL);
	put_pair(&made.future);
	next = load(first);
	assert_false(next->pairs[0].stale);
	assert_ptr_not_equal(next->pairs[0].pair, first->pairs[0].pair);
	certificates_free(first);
	certificates_free(next);
}

static void
stamps_tell_what_was_written(void **state)
{
	struct file_stamp before, now;

	(void)state;
	put_pair(&made.ecdsa);
	before = now = file_stamp("a.key");
	assert_false(file_stamp_same(&before, &now)); /* it may be written again in this tick */
	sleep(3);
	before = file_stamp("a.key");
	now = file_stamp("a.key");
	assert_true(file_stamp_same(&before, &now));
	assert_int_equal(chmod("a.key", 0640), 0);
	sleep(3);
	now = file_stamp("a.key");
	assert_false(file_stamp_same(&before, &now));
	before = file_stamp("nowhere");
	assert_false(file_stamp_same(&before, &before));
}

static struct certificates *
load_folder(const struct certificates *before)
{
	struct config_certificate folder_row = { .directory = "d" };
	struct config c = config_of(&folder_row, 1);

	return certificates_load(&c, before);
}

static void
folders_come_and_go(void **state)
{
	struct certificates *first, *next;

	(void)state;
	first = load_folder(NULL);
	assert_non_null(strstr(first->pairs[0].trouble, "d cannot be read"));
	certificates_free(first);
	assert_int_equal(mkdir("d", 0700), 0);
	put("d/b.crt", buf_slice(&made.ecdsa.pem), buf_slice(&made.middle.pem));
	put("d/b.key", buf_slice(&made.ecdsa.key_pem), SLICE(""));
	put("d/a.pem", buf_slice(&made.rsa.pem), buf_slice(&made.rsa.key_pem));
	put("d/.hidden.pem", SLICE("x"), SLICE(""));
	put("d/readme", SLICE("x"), SLICE(""));
	first = load_folder(NULL);
	assert_int_equal(first->pairs_count, 2);
	assert_string_equal(first->pairs[0].file, "d/a.pem");
	assert_string_equal(first->pairs[1].key, "d/b.key");
	assert_true(first->pairs[0].pair && first->pairs[1].pair);
	assert_int_equal(rename("d", "gone"), 0);
	next = load_folder(first); /* that it cannot be read takes nothing away */
	assert_int_equal(next->pairs_count, 3);
	assert_true(next->pairs[0].pair && next->pairs[1].pair && next->pairs[0].stale);
	certificates_free(first);
	assert_int_equal(rename("gone", "d"), 0);
	unlink("d/b.crt");
	put("d/c.crt", buf_slice(&made.other.pem), SLICE(""));
	first = load_folder(next);
	assert_int_equal(first->pairs_count, 2);
	assert_false(first->pairs[0].stale);
	assert_non_null(strstr(first->pairs[1].trouble, "d/c.key cannot be read"));
	assert_null(first->pairs[1].pair);
	certificates_free(first);
	certificates_free(next);
}

static void
revocation_lists_end(void **state)
{
	struct config c = config_of(NULL, 0);
	struct buf BUF_CLEAN good = certificate_revoke(&made.root, NULL, 3600);
	struct buf BUF_CLEAN ended = certificate_revoke(&made.root, NULL, -60);
	struct certificates *first, *next;

	(void)state;
	c.tls.clients = (struct config_clients){ CLIENTS_REQUIRED, "ca.pem", "crl.pem" };
	put("ca.pem", buf_slice(&made.root.pem), SLICE(""));
	put("crl.pem", buf_slice(&ended), SLICE(""));
	first = certificates_load(&c, NULL);
	assert_non_null(strstr(first->trusts[0].trouble, "the revocation list has expired"));
	assert_non_null(first->trusts[0].trust);
	put("crl.pem", buf_slice(&good), SLICE(""));
	next = certificates_load(&c, first);
	assert_string_equal(next->trusts[0].trouble, "");
	certificates_free(first);
	put("crl.pem", SLICE("nothing"), SLICE(""));
	first = certificates_load(&c, next);
	assert_non_null(strstr(first->trusts[0].trouble, "it is no revocation list in PEM"));
	assert_ptr_equal(first->trusts[0].trust, next->trusts[0].trust);
	put("crl.pem", buf_slice(&ended), SLICE(""));
	certificates_free(next);
	next = certificates_load(&c, first);
	assert_ptr_equal(first->trusts[0].trust, next->trusts[0].trust);
	put("ca.pem", buf_slice(&made.root.key_pem), SLICE(""));
	certificates_free(first);
	first = certificates_load(&c, NULL);
	assert_null(first->trusts[0].trust);
	assert_non_null(strstr(first->trusts[0].trouble, "there is no certificate in PEM"));
	certificates_free(first);
	certificates_free(next);
}

/* ---- what the table says ---- */

static const struct table_certificate *
choice(const struct segment *keys, const char *name, uint32_t i)
{
	uint32_t first, count;

	if (!table_tls_find(keys, slice_of(name), &first, &count) || i >= count)
		return NULL;
	return table_certificate(keys, table_tls_choice(keys, first + i));
}

static bool
is_of(const struct segment *keys, const struct table_certificate *c,
      const struct certificate_made *m)
{
	return c && slice_eq(seg_string(keys, c->key), buf_slice(&m->key_pem));
}

static void
the_table_chooses_by_name(void **state)
{
	static const char *const names[] = { "expired", "nameless", "rsa", "ecdsa" };
	const struct certificate_made *pairs[] = { &made.expired, &made.nameless, &made.rsa,
						   &made.ecdsa };
	const char *suites[] = { "TLS_AES_128_GCM_SHA256" }, *groups[] = { "x25519" };
	struct tickets tickets = { .n = 2, .keys = { { { 1 }, { 2 } }, { { 3 }, { 4 } } } };
	struct config_tls_host host = { .host = "*.inside.example",
					.clients = { CLIENTS_OPTIONAL, "roots.pem", NULL } };
	struct config_certificate rows[4];
	struct config c = config_of(rows, 4);
	struct certificates *files;
	struct segment *keys;
	const struct table_tls *tls;
	char paths[4][2][32];

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		snprintf(paths[i][0], 32, "%s.crt", names[i]);
		snprintf(paths[i][1], 32, "%s.key", names[i]);
		put(paths[i][0], buf_slice(&pairs[i]->pem), buf_slice(&made.middle.pem));
		put(paths[i][1], buf_slice(&pairs[i]->key_pem), SLICE(""));
		rows[i] =
		    (struct config_certificate){ .file = paths[i][0], .key_path = paths[i][1] };
	}
	put("roots.pem", buf_slice(&made.root.pem), SLICE(""));
	c.tls.hosts = &host;
	c.tls.hosts_count = 1;
	c.tls.suites = suites;
	c.tls.groups = groups;
	c.tls.suites_count = c.tls.groups_count = 1;
	c.tls.tickets = TICKETS_OWN;
	c.tls.ticket_lifetime_s = 60;
	c.tls.max_version = TLS_1_3;
	files = certificates_load(&c, NULL);
	assert_int_equal(
	    compile_keys(&c, NULL, &(struct directory){ 0 }, NULL, files, &tickets, NULL, 1, &keys),
	    0);
	assert_int_equal(table_verify_keys(keys), 0);
	tls = table_tls(keys);
	assert_non_null(tls);
	assert_int_equal(seg_count(keys, KEYS_CERTIFICATES), 4);
	assert_int_equal(seg_count(keys, KEYS_TICKETS), 2);
	assert_true(is_of(keys, choice(keys, "A.example", 0), &made.ecdsa));
	assert_true(is_of(keys, choice(keys, "a.example", 1), &made.rsa));
	assert_null(choice(keys, "a.example", 2)); /* beside good ones none that has expired */
	assert_true(is_of(keys, choice(keys, "x.wild.example", 0), &made.ecdsa));
	assert_null(choice(keys, "x.y.wild.example", 0));
	assert_null(choice(keys, "wild.example", 0));
	assert_null(choice(keys, "127.0.0.1", 0));
	/* The default is the name of the first one in the configuration, by whichever is best. */
	assert_true(is_of(keys, table_certificate(keys, table_tls_choice(keys, tls->default_first)),
			  &made.ecdsa));
	assert_int_equal(tls->default_count, 2);
	assert_int_equal(tls->clients, 0);
	assert_int_equal(table_tls_clients(keys, SLICE("deep.down.inside.example")), 1);
	assert_int_equal(table_tls_clients(keys, SLICE("a.example")), 0);
	assert_int_equal(tls->suites_count, 1);
	assert_int_equal(tls->groups_first, 1);
	seg_unref(keys);
	c.tls.tickets = TICKETS_OFF;
	assert_int_equal(
	    compile_keys(&c, NULL, &(struct directory){ 0 }, NULL, files, &tickets, NULL, 1, &keys),
	    0);
	assert_int_equal(seg_count(keys, KEYS_TICKETS), 0);
	seg_unref(keys);
	certificates_free(files);
}

/* ---- tickets ---- */

#define LIFETIME 300

static void
ticket_keys_turn(void **state)
{
	struct tickets t, again;
	struct buf BUF_CLEAN why = { 0 };
	struct tls_ticket_key first;
	struct stat st;
	bool changed;

	(void)state;
	assert_int_equal(tickets_load(&t, ".", LIFETIME, 1000, &why), 0);
	assert_int_equal(t.n, 0);
	assert_int_equal(tickets_turn(&t, LIFETIME, 1000, &changed), 0);
	assert_true(changed && t.n == 1);
	first = t.keys[0];
	assert_int_equal(tickets_turn(&t, LIFETIME, 1099, &changed), 0);
	assert_false(changed);
	assert_int_equal(tickets_turn(&t, LIFETIME, 1100, &changed), 0);
	assert_true(changed && t.n == 2);
	assert_memory_equal(&t.keys[1], &first, sizeof first);
	assert_memory_not_equal(&t.keys[0], &first, sizeof first);
	assert_int_equal(tickets_turn(&t, LIFETIME, 1200, &changed), 0);
	assert_int_equal(t.n, 3);
	assert_int_equal(stat("tickets.key", &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	/* The next master has the same; it forgets what is too old, as we do. */
	assert_int_equal(tickets_load(&again, ".", LIFETIME, 1250, &why), 0);
	assert_int_equal(again.n, 3);
	assert_memory_equal(again.keys, t.keys, sizeof t.keys);
	tickets_deinit(&again);
	assert_int_equal(tickets_load(&again, ".", LIFETIME, 1300, &why), 0);
	assert_int_equal(again.n, 2);
	tickets_deinit(&again);
	assert_int_equal(tickets_load(&again, ".", LIFETIME, 10, &why), 0);
	assert_int_equal(again.n, 0); /* of another clock */
	tickets_deinit(&again);
	assert_int_equal(tickets_turn(&t, LIFETIME, 1300, &changed), 0);
	assert_int_equal(t.n, 3);
	assert_memory_not_equal(&t.keys[2], &first, sizeof first);
	assert_int_equal(tickets_turn(&t, LIFETIME, 9000, &changed), 0);
	assert_int_equal(t.n, 1);
	tickets_forget(&t);
	assert_int_equal(access("tickets.key", F_OK), -1);
	tickets_deinit(&t);
}

/* Of its period the fleet's key seals, and ours opens what it had sealed until then. */
static void
a_fleet_has_keys_in_common(void **state)
{
	struct tls_ticket_key keys[4];
	struct buf BUF_CLEAN why = { 0 };
	struct tickets t;
	bool changed;

	(void)state;
	for (size_t i = 0; i < 4; i++)
		tickets_random(&keys[i]);
	assert_int_equal(tickets_load(&t, ".", LIFETIME, 1010, &why), 0);
	assert_int_equal(tickets_turn_shared(&t, LIFETIME, 1010, &changed), 0);
	assert_true(changed && t.n == 1 && !tickets_shared(&t, 1000));
	assert_true(tickets_put(&t, &keys[2], 1000));
	assert_true(tickets_shared(&t, 1000) && !tickets_shared(&t, 900));
	assert_memory_equal(&t.keys[0], &keys[2], sizeof keys[2]);
	assert_false(tickets_put(&t, &keys[2], 1000));
	assert_true(tickets_put(&t, &keys[1], 900));
	assert_int_equal(t.n, 3);
	assert_memory_equal(&t.keys[2], &keys[1], sizeof keys[1]);
	assert_false(tickets_put(&t, &keys[0], 800));
	/* No other is made while there is one. */
	assert_int_equal(tickets_turn_shared(&t, LIFETIME, 1150, &changed), 0);
	assert_false(changed);
	assert_true(tickets_put(&t, &keys[3], 1100));
	assert_memory_equal(&t.keys[0], &keys[3], sizeof keys[3]);
	assert_int_equal(t.n, 3);
	assert_int_equal(tickets_turn_shared(&t, LIFETIME, 1500, &changed), 0);
	assert_true(changed && t.n == 1 && !tickets_shared(&t, 1500));
	tickets_forget(&t);
	tickets_deinit(&t);
}

static void
a_broken_file_of_keys_is_told(void **state)
{
	static const char *const texts[] = { "", "yett tickets 1\n0", "nonsense and more of it" };
	struct tickets t;
	bool changed;

	(void)state;
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		struct buf BUF_CLEAN why = { 0 };

		put("tickets.key", slice_of(texts[i]), SLICE(""));
		assert_int_equal(tickets_load(&t, ".", LIFETIME, 1000, &why), -EBADMSG);
		assert_int_equal(t.n, 0);
		assert_int_equal(tickets_turn(&t, LIFETIME, 1000, &changed), 0);
		tickets_deinit(&t);
		assert_int_equal(tickets_load(&t, ".", LIFETIME, 1000, &why), 0);
		assert_int_equal(t.n, 1);
		tickets_deinit(&t);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_cannot_serve_is_refused),
		cmocka_unit_test(half_a_file_is_refused),
		cmocka_unit_test(chains_are_looked_at),
		cmocka_unit_test(the_one_before_goes_on),
		cmocka_unit_test(an_expired_one_yields),
		cmocka_unit_test(stamps_tell_what_was_written),
		cmocka_unit_test(folders_come_and_go),
		cmocka_unit_test(revocation_lists_end),
		cmocka_unit_test(the_table_chooses_by_name),
		cmocka_unit_test(ticket_keys_turn),
		cmocka_unit_test(a_fleet_has_keys_in_common),
		cmocka_unit_test(a_broken_file_of_keys_is_told),
	};

	return cmocka_run_group_tests(tests, enter, leave);
}
