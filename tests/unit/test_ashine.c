/* Files of a-shine: what is said of each, and what our own settings are by them. */

#include "master/config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define SECRET "0123456789abcdef0123456789abcdef"

static char folder[] = "/tmp/yett-ashine-XXXXXX";

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
	unlink("gateway.conf.yaml");
	return chdir("/") == 0 ? rmdir(folder) : -1;
}

/* The environment that its documents ask for, or what a case says. */
static void
set_environment(const char *host, const char *secret)
{
	unsetenv("RUNTIME_DIRECTORY");
	unsetenv("STATE_DIRECTORY");
	setenv("REDIS_PORT", "6380", 1);
	setenv("REDIS_PASSWORD", "password123", 1);
	if (host)
		setenv("REDIS_HOST", host, 1);
	else
		unsetenv("REDIS_HOST");
	if (!host)
		unsetenv("REDIS_PORT");
	if (secret)
		setenv("JWT_SECRET_KEY", secret, 1);
	else
		unsetenv("JWT_SECRET_KEY");
}

static int
load(const char *yaml, struct config **c, struct buf *report)
{
	FILE *f = fopen("gateway.conf.yaml", "w");
	int r;

	assert_non_null(f);
	fputs(yaml, f);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(chmod("gateway.conf.yaml", 0600), 0);
	*c = NULL;
	r = config_load("gateway.conf.yaml", c, report);
	buf_addc(report, '\0');
	return r;
}

#define OPEN "  services: {non-authenticated: [{name: U, path: /user, target: http://u:1}"
#define CLOSED "  services: {authenticated: [{name: A, path: /a, target: http://a:1}"

/* What is said; each line begins with "gateway.conf.yaml:". */
static const struct {
	const char *yaml, *host, *secret;
	int result;
	const char *report; /* of all that is said, this is in it; "": nothing is */
} told[] = {
	{ "gateway:\n" OPEN "]}\n", "h", SECRET, 0, "" },
	{ "gateway:\n" CLOSED "]}\n", "h", SECRET, 0, "" },
	{ "gateway:\n" OPEN "], authenticated: }\n", NULL, NULL, 0, "" },
	{ "gateway:\n" CLOSED ", {name: B, route: /b, target: b:1}]}\n", "h", SECRET, 0, "" },
	{ "gateway:\n" CLOSED ", {path: /b, route: /b, target: b:1}]}\n", "h", SECRET, 0, "" },
	/* of its reader, which knows no case */
	{ "gateway:\n  LISTENADDR: ':1'\n" OPEN "]}\n", "h", SECRET, 0, "" },

	/* a path there is */
	{ "gateway:\n" CLOSED ", {name: B, target: b:1}]}\n", "h", SECRET, 1,
	  ":2: gateway.services.authenticated[1]: the service has no path; give path: /NAME" },
	{ "gateway:\n" CLOSED ",\n {name: B, path: '', target: b:1}]}\n", "h", SECRET, 1,
	  ":3: gateway.services.authenticated[1]: the service has no path" },
	{ "gateway:\n" OPEN ",\n {route: , path: , target: b:1}]}\n", "h", SECRET, 1,
	  ":3: gateway.services.non-authenticated[1]: the service has no path" },
	{ "gateway:\n  services: [{name: B, target: b:1, authenticated: true}]\n", "h", SECRET, 1,
	  ":2: gateway.services[0]: the service has no path" },
	{ "gateway:\n" CLOSED ", {path: /b, route: /c, target: b:1}]}\n", "h", SECRET, 1,
	  "path and route are two names for one; remove one of the two" },
	{ "gateway:\n" CLOSED ", {path: '/b/{id}', target: b:1}]}\n", "h", SECRET, 1,
	  "patterns in a path are not supported; name the path" },
	{ "gateway:\n" CLOSED ", {path: b, target: b:1}]}\n", "h", SECRET, 1,
	  ":2: routes[2].path: " },
	{ "gateway:\n" CLOSED ", {path: /b}]}\n", "h", SECRET, 1,
	  "the service has no target; give target: http://HOST:PORT" },
	{ "gateway:\n" CLOSED ",\n {path: /b, target: 'ftp://b'}]}\n", "h", SECRET, 1,
	  ":3: routes[2].target: " },

	/* what is not understood */
	{ "gateway:\n  listenAdr: ':1'\n" OPEN "]}\n", "h", SECRET, 1,
	  ":2: gateway: a-shine has no key listenAdr here; did you mean \"listenAddr\"?" },
	{ "gateway:\n" OPEN ", {path: /b, target: b:1, allowedGroups: [x]}]}\n", "h", SECRET, 1,
	  "a-shine has no key allowedGroups here" },
	{ "gateway:\n  cors: {allowedOrigin: x}\n" OPEN "]}\n", "h", SECRET, 1,
	  ":2: gateway.cors: a-shine has no key allowedOrigin here; did you mean "
	  "\"allowedOrigins\"?" },
	{ "gateway:\n  services: {authenticate: []}\n", "h", SECRET, 1,
	  "gateway.services: a-shine has no key authenticate here; did you mean "
	  "\"authenticated\"?" },
	{ "gateway:\n  services: {authenticated: {a: b}}\n", "h", SECRET, 1,
	  "a list belongs here" },
	{ "gateway:\n  services: {authenticated: [a]}\n", "h", SECRET, 1,
	  "a mapping belongs here" },
	{ "gateway: [a]\n", "h", SECRET, 1, "a mapping belongs here" },
	{ "gateway:\n  services: x\n", "h", SECRET, 1, "a mapping belongs here" },
	{ "gateway:\n" OPEN "]}\n  Services: []\n", "h", SECRET, 1,
	  ":3: gateway: Services stands in line 2 already; remove one of the two" },
	{ "gateway:\n" OPEN "]}\nlistener: x\n", "h", SECRET, 1,
	  ":3: listener: unknown key; did you mean \"listeners\"?" },
	{ "gateway:\n" OPEN "]}\nlisteners: [':1']\n", "h", SECRET, 1,
	  "listeners: this key stands in line" },
	{ "gateway:\n  services: [{path: /b, target: b:1, authenticated: maybe}]\n", "h", SECRET, 1,
	  "authenticated is true or false" },
	{ "gateway:\n  services: [{path: /b, target: b:1, allowedGroups: [x]}]\n", "h", SECRET, 1,
	  "without authenticated: true nobody is known here" },

	{ "gateway:\n" CLOSED "]}\nredis: x\n", "h", SECRET, 1,
	  ":3: redis: a mapping belongs here" },
	{ "gateway:\n" CLOSED "]}\ngate: [x]\n", "h", SECRET, 1,
	  ":3: gate: a mapping belongs here" },
	{ "gateway:\n" CLOSED "]}\ncascade: x\n", "h", SECRET, 1,
	  ":3: cascade: a mapping belongs here" },
	{ "gateway:\n" CLOSED "]}\nredis: {}\nredis: {address: 'r:1'}\n", "h", SECRET, 1,
	  ":4: redis: this key stands in line" },
	{ "gateway:\n" CLOSED "]}\ngateway:\n" OPEN "]}\n", "h", SECRET, 1,
	  ":3: gateway: unknown key" },

	/* two for one path; and the order */
	{ "gateway:\n  services: {non-authenticated: [{path: /a/, target: u:1}],\n"
	  "    authenticated: [{path: /a, target: a:1}]}\n",
	  "h", SECRET, 1,
	  ":3: gateway.services.authenticated[0]: /a is the path of the service in line 2 "
	  "already" },
	{ "gateway:\n  services: {non-authenticated: [{path: /a, target: u:1}],\n"
	  "    authenticated: [{path: /a/b, target: a:1}]}\n",
	  "h", SECRET, 0,
	  ":3: gateway.services.authenticated[0]: warning: a-shine sends what is below /a/b to the "
	  "service in line 2, which comes before; here the longest path wins" },
	{ "gateway:\n  services: {non-authenticated: [{path: /a/b, target: u:1}],\n"
	  "    authenticated: [{path: /a, target: a:1}, {path: /ab, target: b:1}]}\n",
	  "h", SECRET, 0, "" },

	/* the environment */
	{ "gateway:\n" CLOSED "]}\n", "h", "", 1,
	  "gate.secret: the secret is empty (env JWT_SECRET_KEY); without one everybody could "
	  "sign" },
	{ "gateway:\n" CLOSED "]}\n", "h", NULL, 1,
	  "gate.secret: the environment variable JWT_SECRET_KEY is not set" },
	{ "gateway:\n" CLOSED "]}\n", NULL, SECRET, 1, "but no Redis; set REDIS_HOST" },
	{ "gateway:\n" CLOSED "]}\nredis: {address: 'r:1'}\n", NULL, SECRET, 0, "" },
	{ "gateway:\n" CLOSED "]}\ngate: {secret: " SECRET "}\n", "h", NULL, 0, "" },
	{ "gateway:\n" CLOSED "]}\ncascade: {enabled: false}\n", "h", SECRET, 0,
	  "cascade: warning: routes have cascade: true" },
	{ "gateway:\n" OPEN "]}\n", NULL, "x", 0, "the secret has 1 bytes" },
	{ "gateway:\n" CLOSED "]}\n", "h h", SECRET, 1, "redis.address: " },

	/* CORS */
	{ "gateway:\n  cors: {allowedOrigins: ['*'], allowedCredentials: true}\n" OPEN "]}\n", "h",
	  SECRET, 0, ":2: gateway.cors.allowedCredentials: warning: browsers send no credentials" },
	{ "gateway:\n  cors: {allowedOrigins: ['https://a'], maxAge: 86401}\n" OPEN "]}\n", "h",
	  SECRET, 0, ":2: gateway.cors.maxAge: warning: no browser keeps it for more than a day" },
	{ "gateway:\n  cors: {allowedOrigins: ['https://a'], maxAge: x}\n" OPEN "]}\n", "h", SECRET,
	  1, "cors.max_age: " },
	{ "gateway:\n  cors: {allowedOrigins: ['a b']}\n" OPEN "]}\n", "h", SECRET, 1,
	  "cors.origins" },
	{ "gateway:\n  cors: {allowedMethods: [GET]}\n" OPEN "]}\n", "h", SECRET, 0,
	  "gateway.cors: warning: without allowedOrigins there is no CORS" },
	{ "gateway:\n  cors: {allowedOrigins: []}\n" OPEN "]}\n", "h", SECRET, 0,
	  "gateway.cors: warning: without allowedOrigins there is no CORS" },
};

static void
test_what_is_told(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof told / sizeof told[0]; i++) {
		struct buf BUF_CLEAN report = { 0 };
		struct config *c;
		int r;

		set_environment(told[i].host, told[i].secret);
		r = load(told[i].yaml, &c, &report);
		if (r != told[i].result || !strstr(report.p, told[i].report) ||
		    (!*told[i].report && *report.p))
			fail_msg("%s%d\n%s", told[i].yaml, r, report.p);
		config_free(c);
	}
}

static struct config *
load_good(const char *yaml)
{
	struct buf BUF_CLEAN report = { 0 };
	struct config *c;

	set_environment("cache.internal", SECRET);
	if (load(yaml, &c, &report) != 0)
		fail_msg("%s\n%s", yaml, report.p);
	return c;
}

static void
test_all_of_it(void **state)
{
	struct config *c =
	    load_good("gateway:\n  listenAddr: localhost:8000\n"
		      "  cors: {allowedOrigins: ['https://a.test'], allowedMethods: [GET, PUT],\n"
		      "    allowedHeaders: [X-A], allowedCredentials: true, maxAge: 60}\n"
		      "  services:\n"
		      "    non-authenticated: [{name: User management, path: /user/, target: "
		      "'http://u:8000/base'}]\n"
		      "    authenticated: [{name: User management, route: /a/b, target: "
		      "'https://a'}]\n"
		      "log_level: debug\nredis: {database: 3}\n");
	const struct config_route *r = c->routes;

	(void)state;
	assert_int_equal(c->profile, PROFILE_ASHINE);
	assert_int_equal(c->listeners_count, 1);
	assert_string_equal(c->listeners[0].address.text, "localhost:8000");
	assert_string_equal(c->redis.address.text, "cache.internal:6380");
	assert_int_equal(c->redis.database, 3);
	assert_string_equal(c->redis.password.bytes, "password123");
	assert_string_equal(c->gate.secret.bytes, SECRET);
	assert_int_equal(c->routes_count, 4);
	assert_string_equal(r[0].name, "User-management");
	assert_string_equal(r[0].path, "/user");
	assert_true(r[0].strip && !r[0].exact && r[0].action.auth == AUTH_INHERIT);
	assert_string_equal(r[0].upstream, "u:8000/base");
	assert_int_equal(r[0].place.line, 6);
	assert_true(r[1].exact && r[1].action.respond_status == 404);
	assert_string_equal(r[1].path, "/user");
	assert_string_equal(r[2].name, ""); /* it is another's */
	assert_true(r[2].action.auth == AUTH_REQUIRED && r[2].target.tls);
	assert_int_equal(r[2].place.line, 7);
	assert_int_equal(r[2].action.cors.origins_count, 1);
	assert_int_equal(r[2].action.cors.methods_count, 2);
	assert_int_equal(r[2].action.cors.headers_count, 1);
	assert_true(r[2].action.cors.credentials && r[2].action.cors.max_age_s == 60);
	config_free(c);
}

static void
test_flat_list(void **state)
{
	struct config *c = load_good("gateway:\n  services:\n"
				     "  - {name: a, route: /a, target: 'http://a:1'}\n"
				     "  - {name: b, route: /, target: 'http://b:1', authenticated: "
				     "true, allowedGroups: []}\n");

	(void)state;
	assert_string_equal(c->listeners[0].address.text, ":80");
	assert_int_equal(c->routes_count, 3); /* of / there is no other spelling */
	assert_int_equal(c->routes[0].action.auth, AUTH_INHERIT);
	assert_int_equal(c->routes[2].action.auth, AUTH_REQUIRED);
	assert_true(c->routes[2].cascade && !c->routes[0].cascade);
	assert_true(c->cascade.enabled && c->cascade.services_count == 1);
	assert_int_equal(c->routes[2].action.cors.origins_count, 0);
	config_free(c);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_is_told),
		cmocka_unit_test(test_all_of_it),
		cmocka_unit_test(test_flat_list),
	};

	return cmocka_run_group_tests(tests, enter, leave);
}
