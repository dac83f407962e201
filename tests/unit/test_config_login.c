/* Login in the file: what is said of it, how it is completed, and what the table says. */

#include "lib/jwt.h"
#include "master/certificates.h"
#include "master/compile.h"
#include "master/config.h"
#include "master/tickets.h"
#include "shm/table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define URL "  url: \"https://Shop.example:443/\"\n"
#define KEYS                                                                                       \
	"  cookie_keys: [0123456789abcdef0123456789abcdef, "                                       \
	"fedcba9876543210fedcba9876543210]\n"                                                      \
	"  token_keys: [abcdef0123456789abcdef0123456789]\n"
#define PROVIDERS                                                                                  \
	"  providers:\n"                                                                           \
	"    corp: {issuer: \"https://id.example/\", client_id: shop, client_secret: hunter2, "    \
	"parameters: {prompt: \"log in\"}}\n"                                                      \
	"    gitlab: {issuer: \"https://gl.example/x\", client_id: lab, scopes: [openid, api], "   \
	"jwks_uri: \"https://gl.example/k\", authorization_endpoint: \"https://gl.example/a\", "   \
	"token_endpoint: \"https://gl.example/t\"}\n"
#define REDIS "  redis: {address: \"s:6380\", username: u, password: hunter2, database: 3}\n"
#define LOGIN "login:\n" URL KEYS PROVIDERS REDIS
#define ROUTE "routes: [{target: h, credentials: [{"
#define END "}]}]\n"

static char folder[] = "/tmp/yett-login-XXXXXX";

static int
enter(void **state)
{
	(void)state;
	return mkdtemp(folder) && chdir(folder) == 0 ? 0 : -1;
}

static int
leave(void **state)
{
	(void)state;
	unlink("t.yaml");
	return chdir("/") == 0 ? rmdir(folder) : -1;
}

static int
load(const char *yaml, struct config **c, struct buf *report)
{
	FILE *f = fopen("t.yaml", "w");
	int r;

	assert_non_null(f);
	assert_true(fputs(yaml, f) >= 0);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(chmod("t.yaml", 0600), 0);
	*c = NULL;
	r = config_load("t.yaml", c, report);
	buf_addc(report, '\0');
	return r;
}

static struct config *
load_good(const char *yaml)
{
	struct buf BUF_CLEAN report = { 0 };
	struct config *c;

	if (load(yaml, &c, &report) != 0)
		fail_msg("%s\n%s", yaml, report.p);
	return c;
}

/* ---- what is said ---- */

static const struct {
	const char *yaml, *told; /* NULL: nothing is wrong */
} cases[] = {
	{ LOGIN, NULL },
	{ LOGIN ROUTE "header: Authorization, value: id_token, provider: corp, form: bearer" END,
	  NULL },
	{ "login:\n" KEYS PROVIDERS REDIS, "login.url: it is missing" },
	{ "login:\n  url: \"https://h/x\"\n" KEYS PROVIDERS REDIS, "login.url: https://h/x is no "
								   "origin" },
	{ "login:\n  url: \"http://h\"\n" KEYS PROVIDERS REDIS, "login.url: over http" },
	{ "login:\n" URL PROVIDERS REDIS, "login.cookie_keys: there is none" },
	{ "login:\n" URL "  cookie_keys: [short]\n" PROVIDERS REDIS,
	  "login.cookie_keys[0]: the key (configuration) has 5 bytes" },
	{ "login:\n" URL KEYS PROVIDERS, "login.redis.address: no Redis" },
	{ "login:\n" URL KEYS REDIS, "login.providers: there is nobody" },
	{ LOGIN "  sequence: [corp, nobody]\n", "login.sequence: there is no provider nobody" },
	{ LOGIN "  sequence: [corp, corp]\n", "login.sequence: corp is named twice" },
	{ LOGIN "  redirects: [\"https://a/b\"]\n", "login.redirects: https://a/b is no origin" },
	{ LOGIN "  home: \"https://evil.example/\"\n", "login.home: it is neither" },
	{ LOGIN "  home: \"//evil.example\"\n", "login.home: it is neither" },
	{ LOGIN "  session: {idle: 2h, max: 1h}\n", "login.session.idle: it is longer" },
	{ LOGIN "  session: {idle: 5s}\n", "login.session.touch: a session that is in use" },
	{ LOGIN "  session: {cookie: __Host-a, insecure_cookie: true}\n",
	  "login.session.cookie: browsers take" },
	{ LOGIN "  session: {cookie: t}\ngate: {sources: [cookie], cookie: t-login}\n",
	  "login.session.cookie: tokens of the gate" },
	{ LOGIN "gate: {issuers: {corp: {secret: 0123456789abcdef0123456789abcdef}}}\n",
	  "login.providers.corp: an issuer of gate.issuers has this name" },
	{ LOGIN "  assertion: {keys: [hunter2]}\n", "login.assertion.keys: the key (configuration)"
						    " cannot be used" },
	{ "login:\n" URL KEYS REDIS "  providers: {a: {issuer: \"http://i\", client_id: c}}\n",
	  "login.providers.a.discovery: over http" },
	{ "login:\n" URL KEYS REDIS
	  "  providers: {a: {issuer: \"https://i\", client_id: c, scopes: [email]}}\n",
	  "login.providers.a.scopes: without openid" },
	{ "login:\n" URL KEYS REDIS
	  "  providers: {a: {issuer: \"https://i\", client_id: c, parameters: {state: x}}}\n",
	  "login.providers.a.parameters: state is the gateway's own" },
	{ "login:\n" URL KEYS REDIS "  providers: {a: {issuer: \"https://i\", client_id: c, "
	  "redirect_uri: \"https://else.example/api/auth/callback\"}}\n",
	  "login.providers.a.redirect_uri: it is not at login.url" },
	{ ROUTE "header: A, value: access_token" END, "there are no sessions" },
	{ LOGIN ROUTE "header: A, value: access_token" END, "provider: value: access_token needs" },
	{ LOGIN ROUTE "header: A, value: access_token, provider: x" END, "there is no provider x" },
	{ ROUTE "header: Content-Length, value: session_token" END, "has a meaning of its own" },
	{ ROUTE "header: x_forwarded.for, value: session_token" END, "has a meaning of its own" },
	{ ROUTE "header: A, value: claims, form: bearer" END, "is no token that could stand" },
	{ ROUTE "header: A, value: claim" END, "claim: value: claim needs it" },
	{ ROUTE "header: A, value: session_token, claim: x" END, "it says nothing with" },
	{ ROUTE "header: A, value: secret" END, "secret: value: secret needs it" },
	{ ROUTE "header: A, value: secret, secret: \"a\\nb\"" END, "no header can carry" },
	{ ROUTE "header: A, value: session_token, user: x" END, "nothing without form: basic" },
	{ ROUTE "header: A, value: session_token, form: basic, user: \"x:y\"" END, "no colon" },
	{ ROUTE "header: A-B, value: session_token}, {header: a_b, value: claims" END,
	  "a_b is told in line 1 already" },
	{ LOGIN ROUTE "header: A, value: assertion, audience: x" END, "no key to sign" },
	{ "gate: {claims: {sub: X-User}, secret: 0123456789abcdef0123456789abcdef}\n" ROUTE
	  "header: x-user, value: session_token" END,
	  "gate.claims has this header" },
};

static void
mistakes_are_told(void **state)
{
	unsigned wrong = 0;

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct buf BUF_CLEAN report = { 0 };
		struct config *c;
		int r = load(cases[i].yaml, &c, &report);

		if (r != (cases[i].told != NULL) ||
		    (cases[i].told && !strstr(report.p, cases[i].told)))
			wrong++, print_message("%s--- said (%d):\n%s--- instead of:\n%s\n",
					       cases[i].yaml, r, report.p,
					       cases[i].told ? cases[i].told : "");
		assert_null(strstr(report.p, "hunter2"));
		config_free(c);
	}
	assert_int_equal(wrong, 0);
}

/* ---- completion ---- */

static void
what_is_left_out_is_completed(void **state)
{
	struct config *c = load_good(LOGIN);
	const struct config_provider *p = c->login.providers;
	const struct config_issuer *i = &c->gate.all[p->issuer];

	(void)state;
	assert_string_equal(c->login.url, "https://shop.example");
	assert_string_equal(p->title, "corp");
	assert_string_equal(p->discovery, "https://id.example/.well-known/openid-configuration");
	assert_string_equal(p->redirect_uri, "https://shop.example/api/auth/callback");
	assert_ptr_equal(i->provider, p);
	assert_string_equal(i->name, "corp");
	assert_string_equal(i->audience[0], "shop");
	assert_int_equal(i->algorithms, JWT_ALGS_PUBLIC);
	assert_null(p[1].discovery); /* all that it would say is given */
	assert_string_equal(c->gate.all[p[1].issuer].jwks_uri, "https://gl.example/k");
	config_free(c);
}

/* The password of who reads rules goes no further than to a login that says nothing of Redis. */
static void
redis_is_that_of_rules(void **state)
{
	const char *of_rules =
	    "redis: {address: \"r:7\", username: r, password: hunter2, database: "
	    "9}\nlogin:\n" URL KEYS PROVIDERS;
	struct buf BUF_CLEAN own = { 0 };
	struct config *c = load_good(of_rules);

	(void)state;
	assert_int_equal(c->login.redis.address.port, 7);
	assert_int_equal(c->login.redis.database, 9);
	assert_string_equal(c->login.redis.username, "r");
	assert_string_equal(c->login.redis.password.bytes, "hunter2");
	config_free(c);
	buf_addf(&own, "%s  redis: {username: s}\n", of_rules);
	buf_addc(&own, '\0');
	c = load_good(own.p);
	assert_int_equal(c->login.redis.address.port, 7);
	assert_int_equal(c->login.redis.database, 9);
	assert_string_equal(c->login.redis.username, "s");
	assert_null(c->login.redis.password.bytes);
	config_free(c);
}

/* ---- the table ---- */

struct made {
	struct config *c;
	struct directory_slots slots;
	struct directory *d;
	struct segment *rules, *keys;
	struct compile_report *report;
};

static void
make(struct made *m, const char *yaml)
{
	struct buf BUF_CLEAN warnings = { 0 };

	*m = (struct made){ .c = load_good(yaml) };
	m->slots = (struct directory_slots){ slots_new(100), slots_new(100), slots_new(100),
					     slots_new(100), slots_new(100) };
	m->d = directory_build(m->c, NULL, NULL, &m->slots, &warnings);
	assert_int_equal(
	    compile_rules(m->c, NULL, true, m->d, &m->slots, NULL, 1, true, &m->rules, &m->report),
	    0);
	assert_int_equal(compile_keys(m->c, NULL, m->d, NULL, &(struct certificates){ 0 },
				      &(struct tickets){ 0 }, NULL, 1, &m->keys),
			 0);
	assert_int_equal(table_verify_rules(m->rules), 0);
	assert_int_equal(table_verify_keys(m->keys), 0);
}

static void
drop(struct made *m)
{
	seg_unref(m->rules);
	seg_unref(m->keys);
	compile_report_free(m->report);
	directory_free(m->d);
	slots_free(m->slots.upstreams);
	slots_free(m->slots.endpoints);
	slots_free(m->slots.routes);
	slots_free(m->slots.limits);
	slots_free(m->slots.seen_upstreams);
	config_free(m->c);
}

static void
is_text(const struct segment *s, struct seg_ref ref, const char *text)
{
	struct slice is = seg_string(s, ref);

	if (!slice_eq(is, slice_of(text)))
		fail_msg("\"%.*s\" is not \"%s\"", SLICE_F(is), text);
}

static void
rows_of_login(void **state)
{
	const struct table_provider *p;
	const struct table_login *l;
	struct made m;

	(void)state;
	make(&m, LOGIN "  redirects: [\"https://UI.example\"]\n");
	l = table_login(m.rules);
	p = table_provider(m.rules, 0);
	assert_non_null(l);
	is_text(m.rules, l->origin, "https://shop.example");
	is_text(m.rules, l->cookie, "__Host-yett");
	assert_int_equal(l->idle_s, 4 * 3600);
	assert_int_equal(l->sequence_count, 2);
	assert_int_equal(l->redirects_count, 1);
	assert_int_equal(l->store_db, 3);
	assert_int_equal(l->store, m.d->sessions);
	assert_int_equal(l->issuers, UINT64_C(1) << p->issuer |
					 UINT64_C(1) << table_provider(m.rules, 1)->issuer);
	assert_null(directory_find(m.d, SOURCE_FILE, SLICE("(sessions)")));
	assert_int_equal(table_providers(m.rules), 2);
	is_text(m.rules, p->parameters, "&prompt=log%20in");
	is_text(m.rules, p->authorization, ""); /* as its discovery will say */
	is_text(m.rules, table_provider(m.rules, 1)->authorization, "https://gl.example/a");
	is_text(m.rules, table_provider(m.rules, 1)->scope, "openid api");
	assert_true(slice_eq(table_secret(m.keys, SECRET_COOKIE, 1),
			     SLICE("fedcba9876543210fedcba9876543210")));
	assert_true(slice_eq(table_secret(m.keys, SECRET_STORE_PASSWORD, 0), SLICE("hunter2")));
	drop(&m);
}

static void
rows_of_credentials(void **state)
{
	const struct table_credential *c;
	struct made m;

	(void)state;
	make(&m,
	     LOGIN "routes:\n"
		   "- {path: /a, target: h, credentials: [{header: X-S, value: secret, secret: "
		   "one}]}\n"
		   "- {path: /b, target: h, cookies: none, credentials: [{header: Authorization, "
		   "value: access_token, provider: gitlab, form: basic}, {header: X-S, value: "
		   "secret, secret: two}, {header: G, value: git, provider: gitlab}]}\n");
	assert_int_equal(seg_count(m.rules, RULES_CREDENTIALS), 4);
	for (uint32_t i = 0; (c = table_credential(m.rules, i)) != NULL; i++) {
		struct slice field = seg_string(m.rules, c->field);

		if (c->value == CREDENTIAL_SECRET)
			assert_int_equal(table_secret(m.keys, SECRET_STATIC, c->number).n, 3);
		else
			assert_int_equal(c->provider, 1);
		if (slice_eq(field, SLICE("Authorization")))
			is_text(m.rules, c->user, "oauth2");
		if (c->value == CREDENTIAL_GIT) {
			is_text(m.rules, c->text, "https://gl.example");
			assert_int_equal(c->form, CREDENTIAL_BASE64);
		}
	}
	assert_true(table_strips(m.rules, SLICE("x_s")));
	assert_false(table_strips(m.rules, SLICE("authorization")));
	drop(&m);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mistakes_are_told),
		cmocka_unit_test(what_is_left_out_is_completed),
		cmocka_unit_test(redis_is_that_of_rules),
		cmocka_unit_test(rows_of_login),
		cmocka_unit_test(rows_of_credentials),
	};

	return cmocka_run_group_tests(tests, enter, leave);
}
