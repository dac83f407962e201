/* The settings table: every row is whole, its example and its range are what the reader takes. */

#include "lib/xalloc.h"
#include "master/config.h"
#include "master/number.h"
#include "master/settings.h"
#include "master/value.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#define SHA256 "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"

static char folder[] = "/tmp/yett-settings-XXXXXX";

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
load(const struct buf *yaml, struct config **c, struct buf *report)
{
	FILE *f = fopen("t.yaml", "w");

	assert_non_null(f);
	if (yaml->n > 0)
		assert_int_equal(fwrite(yaml->p, 1, yaml->n, f), yaml->n);
	assert_int_equal(fclose(f), 0);
	*c = NULL;
	return config_load("t.yaml", c, report);
}

/* "a.b" and a value as "{a: {b: VALUE}}", within the braces. */
static void
nest(const char *path, const char *value, struct buf *out)
{
	unsigned depth = 0;

	for (const char *p = path; *p; p++) {
		if (*p == '.')
			buf_adds(out, SLICE(": {"));
		else
			buf_addc(out, *p);
		depth += *p == '.';
	}
	buf_addf(out, ": %s", value);
	while (depth-- > 0)
		buf_addc(out, '}');
}

/* Parts of a good login. */
#define LOGIN_URL "url: \"https://h.example\", redis: {address: h}, "
#define COOKIE_KEYS "cookie_keys: [0123456789abcdef0123456789abcdef], "
#define TOKEN_KEYS "token_keys: [abcdef0123456789abcdef0123456789], "
#define PROVIDER "issuer: \"https://i.example\", client_id: a"
#define PROVIDERS "providers: {corp: {" PROVIDER "}, gitlab: {" PROVIDER "}}, "
#define LOGIN "{login: {" LOGIN_URL COOKIE_KEYS TOKEN_KEYS
#define LOGIN_WHOLE LOGIN PROVIDERS
#define CREDENTIAL LOGIN_WHOLE "}, routes: [{target: h, credentials: [{header: A, "

#define HUB "{gate: {secret: x}, routes: [{auth: required, hub: {"

/* A good configuration in which the name of a child is this. */
static void
configuration_named(const struct setting *s, const char *name, struct buf *out)
{
	struct buf BUF_CLEAN parent = { 0 }, map = { 0 };
	static const struct {
		const char *path, *value;
	} values[] = {
		{ "upstreams.*", "{endpoints: [h]}" },
		{ "policies.*", "{}" },
		{ "api_keys.*", "{sha256: " SHA256 "}" },
		{ "rates.*", "1/s" },
		{ "concurrency.*", "1" },
		{ "gate.issuers.*", "{secret: x}" },
		{ "admin.users.*", "read" },
		{ "admin.api.tokens.*", "{role: read, secret: x}" },
		{ "", "t.yaml" }, /* also good for the name of a header */
	};
	size_t i = 0;

	buf_addf(&parent, "%.*s", (int)(strlen(s->path) - 2), s->path);
	buf_addc(&parent, '\0');
	while (values[i].path[0] && strcmp(s->path, values[i].path) != 0)
		i++;
	buf_addf(&map, "{%s: %s}", name, values[i].value);
	buf_addc(&map, '\0');
	if (strcmp(parent.p, "gate.issuers.*.required") == 0) {
		buf_addf(out, "{gate: {issuers: {corp: {secret: x, required: %s}}}}", map.p);
		return;
	}
	if (strcmp(parent.p, "login.providers") == 0) {
		buf_addf(out, LOGIN "providers: {%s: {" PROVIDER "}}}}", name);
		return;
	}
	if (strcmp(parent.p, "login.providers.*.parameters") == 0) {
		buf_addf(out, LOGIN "providers: {p: {" PROVIDER ", parameters: %s}}}}", map.p);
		return;
	}
	if (strncmp(parent.p, "routes[].", 9) == 0) {
		buf_addf(out, "{routes: [{target: h, ");
		nest(parent.p + 9, map.p, out);
		buf_addf(out, "}]}");
		return;
	}
	buf_addc(out, '{');
	nest(parent.p, map.p, out);
	buf_addc(out, '}');
}

/* A good configuration in which the setting has this value. `needed` stands beside it, unless it is
 * the setting itself. */
static void
configuration_with(const struct setting *s, const char *value, struct buf *out)
{
	static const struct {
		const char *prefix, *before, *needed, *after;
	} places[] = {
		{ "listeners[].tls",
		  "{tls: {certificates: [none.pem]}, listeners: [{address: \":1\", ", "", "}]}" },
		{ "tls.certificates[].directory", "{tls: {certificates: [{", "", "}]}}" },
		{ "tls.certificates[].", "{tls: {certificates: [{", "certificate: none.pem, ",
		  "}]}}" },
		{ "tls.redirect_http", "{tls: {redirect_port: 443, ", "", "}}" },
		{ "tls.clients.", "{tls: {clients: {", "ca: none.pem, ", "}}}" },
		{ "tls.hosts[].clients.", "{tls: {hosts: [{host: a.example, clients: {",
		  "ca: none.pem, ", "}}]}}" },
		{ "tls.tickets", "{tls: {", "", "}}" },
		{ "tls.hosts[].", "{tls: {hosts: [{", "host: a.example, ", "}]}}" },
		{ "listeners[].", "{trusted_proxies: [\"::1\"], listeners: [{", "address: \":1\", ",
		  "}]}" },
		{ "gate.issuers.*.required.*.",
		  "{gate: {issuers: {corp: {secret: x, required: {azp: {", "", "}}}}}}" },
		{ "gate.issuers.*.secret", "{gate: {issuers: {corp: {", "", "}}}}" },
		{ "gate.issuers.*.discovery", "{gate: {issuers: {corp: {issuer: x, ", "", "}}}}" },
		{ "gate.issuers.*.allow_http", "{gate: {issuers: {corp: {jwks_uri: \"http://h/\", ",
		  "", "}}}}" },
		{ "gate.issuers.*.", "{gate: {issuers: {corp: {allow_http: true, ",
		  "jwks_uri: \"http://h/\", ", "}}}}" },
		{ "gate.development", "{listeners: [{address: \"127.0.0.1:1\"}], gate: {", "",
		  "}}" },
		{ "gate.cors.", "{gate: {secret: x, is_auth: /a, cors: {",
		  "origins: [\"http://a\"], ", "}}}" },
		{ "gate.protect[].", "{gate: {secret: x, protect: [{", "path: /p, ", "}]}}" },
		{ "gate.claims.*.", "{gate: {claims: {id: {", "header: auth_id, ", "}}}}" },
		{ "gate.except[].", "{gate: {except: [{", "path: /p, ", "}]}}" },
		{ "gate.delegate[].", "{gate: {delegate: [{", "", "}]}}" },
		{ "login.url", "{login: {redis: {address: h}, " COOKIE_KEYS TOKEN_KEYS PROVIDERS,
		  "", "}}" },
		{ "login.redis.sentinel.",
		  "{login: {url: \"https://h.example\", " COOKIE_KEYS TOKEN_KEYS PROVIDERS
		  "redis: {sentinel: {",
		  "addresses: [h], ", "}}}}" },
		{ "login.redis.cluster",
		  "{login: {url: \"https://h.example\", " COOKIE_KEYS TOKEN_KEYS PROVIDERS
		  "redis: {",
		  "", "}}}" },
		{ "login.redis.",
		  "{login: {url: \"https://h.example\", " COOKIE_KEYS TOKEN_KEYS PROVIDERS
		  "redis: {",
		  "address: h, ", "}}}" },
		{ "login.cookie_keys[].",
		  "{login: {" LOGIN_URL TOKEN_KEYS PROVIDERS "cookie_keys: [{", "", "}]}}" },
		{ "login.cookie_keys", "{login: {" LOGIN_URL TOKEN_KEYS PROVIDERS, "", "}}" },
		{ "login.token_keys[].",
		  "{login: {" LOGIN_URL COOKIE_KEYS PROVIDERS "token_keys: [{", "", "}]}}" },
		{ "login.token_keys", "{login: {" LOGIN_URL COOKIE_KEYS PROVIDERS, "", "}}" },
		{ "login.providers.*.parameters.*.",
		  LOGIN "providers: {corp: {" PROVIDER ", parameters: {a: {", "", "}}}}}}" },
		{ "login.providers.*.issuer", LOGIN "providers: {corp: {client_id: a, ", "",
		  "}}}}" },
		{ "login.providers.*.client_id",
		  LOGIN "providers: {corp: {issuer: "
			"\"https://i.example\", ",
		  "", "}}}}" },
		{ "login.providers.*.redirect_uri",
		  "{login: {url: \"https://shop.example\", redis: "
		  "{address: h}, " COOKIE_KEYS TOKEN_KEYS "providers: {corp: {" PROVIDER ", ",
		  "", "}}}}" },
		{ "login.providers.*.", LOGIN "providers: {corp: {" PROVIDER ", ", "", "}}}}" },
		{ "login.providers", LOGIN, "", "}}" },
		{ "login.assertion.keys[].", LOGIN PROVIDERS "assertion: {keys: [{", "", "}]}}}" },
		{ "login.", LOGIN PROVIDERS, "", "}}" },
		{ "routes[].credentials[].header",
		  "{routes: [{target: h, credentials: [{value: "
		  "session_token, ",
		  "", "}]}]}" },
		{ "routes[].credentials[].claim", CREDENTIAL "value: claim, ", "", "}]}]}" },
		{ "routes[].credentials[].audience",
		  CREDENTIAL "value: exchanged, provider: corp, ", "", "}]}]}" },
		{ "routes[].credentials[].scope",
		  CREDENTIAL "value: exchanged, audience: a, provider: corp, ", "", "}]}]}" },
		{ "routes[].credentials[].url", CREDENTIAL "value: git, provider: corp, ", "",
		  "}]}]}" },
		{ "routes[].credentials[].secret", CREDENTIAL "value: secret, ", "", "}]}]}" },
		{ "routes[].credentials[].user",
		  CREDENTIAL "value: id_token, provider: corp, form: basic, ", "", "}]}]}" },
		{ "routes[].credentials[].value", CREDENTIAL "provider: corp, ", "", "}]}]}" },
		{ "routes[].credentials[].", CREDENTIAL "value: access_token, ", "provider: corp, ",
		  "}]}]}" },
		{ "routes[].credentials", LOGIN_WHOLE "}, routes: [{target: h, ", "", "}]}" },
		{ "policies.*.protect[].", "{gate: {secret: x}, policies: {p: {protect: [{",
		  "path: /p, ", "}]}}}" },
		{ "policies.*.except[].", "{policies: {p: {except: [{", "path: /p, ", "}]}}}" },
		{ "api_keys.*.", "{api_keys: {k: {", "sha256: " SHA256 ", ", "}}}" },
		{ "policies.*.", "{gate: {secret: x}, policies: {p: {", "", "}}}" },
		{ "policies", "{gate: {secret: x}, ", "", "}" },
		{ "upstreams.*.endpoints[].", "{upstreams: {u: {endpoints: [{", "address: h, ",
		  "}]}}}" },
		{ "upstreams.*.fallback",
		  "{upstreams: {users: {endpoints: [h]}, u: {endpoints: [i], ", "", "}}}" },
		{ "upstreams.*.sticky.samesite", "{upstreams: {u: {endpoints: [h], sticky: {",
		  "secure: true, ", "}}}}" },
		{ "upstreams.*.", "{upstreams: {u: {", "endpoints: [h], ", "}}}" },
		{ "cascade.enabled", "{redis: {address: h}, cascade: {", "", "}}" },
		{ "statistics.flush", "{redis: {address: h}, statistics: {", "", "}}" },
		{ "routes[].redirect.", "{routes: [{redirect: {", "to: /x, ", "}}]}" },
		{ "routes[].redirect_store.upstream",
		  "{upstreams: {renku: {endpoints: [h]}}, routes: [{redirect_store: {",
		  "source: \"http://a\", ", "}}]}" },
		{ "routes[].redirect_store.",
		  "{upstreams: {renku: {endpoints: [h]}}, routes: [{redirect_store: {upstream: "
		  "renku, ",
		  "source: \"http://a\", ", "}}]}" },
		{ "routes[].respond.", "{routes: [{respond: {", "status: 404, ", "}}]}" },
		{ "routes[].cors.", "{routes: [{target: h, cors: {", "origins: [\"http://a\"], ",
		  "}}]}" },
		{ "routes[].hub.targets[].", HUB "allow: [service.example], targets: [{",
		  "host: service.example, ", "}]}}]}" },
		{ "routes[].hub.targets", HUB "allow: [service.example], ", "", "}}]}" },
		{ "routes[].hub.credential",
		  LOGIN_WHOLE "}, gate: {secret: x}, routes: [{auth: required, hub: {allow: [a], ",
		  "", "}}]}" },
		{ "routes[].hub.", HUB, "allow: [a], ", "}}]}" },
		{ "routes[].mirror.",
		  "{upstreams: {shadow: {endpoints: [h]}}, routes: [{target: h, mirror: {",
		  "upstream: shadow, ", "}}]}" },
		{ "routes[].split_by",
		  "{upstreams: {u: {endpoints: [h]}}, routes: [{split: [{upstream: u}], ", "",
		  "}]}" },
		{ "routes[].split[].",
		  "{upstreams: {users: {endpoints: [h]}, u: {endpoints: [h]}}, routes: [{split: "
		  "[{upstream: u}, {",
		  "upstream: users, ", "}]}]}" },
		{ "routes[].split",
		  "{upstreams: {users: {endpoints: [h]}, canary: {endpoints: [i]}}, routes: [{", "",
		  "}]}" },
		{ "routes[].request_headers.set.*.",
		  "{routes: [{target: h, request_headers: {set: {X-A: {", "", "}}}}]}" },
		{ "routes[].request_headers.add.*.",
		  "{routes: [{target: h, request_headers: {add: {X-A: {", "", "}}}}]}" },
		{ "routes[].response_headers.set.*.",
		  "{routes: [{target: h, response_headers: {set: {X-A: {", "", "}}}}]}" },
		{ "routes[].response_headers.add.*.",
		  "{routes: [{target: h, response_headers: {add: {X-A: {", "", "}}}}]}" },
		{ "routes[].issuers",
		  "{gate: {issuers: {corp: {secret: x}, partner: {secret: y}}}, routes: [{target: "
		  "h, ",
		  "", "}]}" },
		{ "routes[].auth", "{gate: {secret: x}, routes: [{target: h, ", "", "}]}" },
		{ "routes[].upstream", "{upstreams: {users: {endpoints: [h]}}, routes: [{", "",
		  "}]}" },
		{ "routes[].fallback",
		  "{upstreams: {users: {endpoints: [h]}}, routes: [{target: i, ", "", "}]}" },
		{ "routes[].rates", "{rates: {login: 1/s}, routes: [{target: h, ", "", "}]}" },
		{ "rates.*.", "{redis: {address: h}, rates: {r: {", "limit: 1/s, ", "}}}" },
		{ "concurrency.*.", "{concurrency: {r: {", "limit: 1, ", "}}}" },
		{ "routes[].client_certificate[].", "{routes: [{target: h, client_certificate: [{",
		  "name: cn, ", "}]}]}" },
		{ "routes[].headers[].", "{routes: [{target: h, headers: [{", "name: X-A, ",
		  "}]}]}" },
		{ "routes[].query[].", "{routes: [{target: h, query: [{", "name: a, ", "}]}]}" },
		{ "routes[].translate.request[].rename",
		  "{routes: [{target: h, translate: {request: [{", "to: /other, ", "}]}}]}" },
		{ "routes[].translate.request[].to",
		  "{routes: [{target: h, translate: {request: [{", "rename: /other, ", "}]}}]}" },
		{ "routes[].translate.request[].default",
		  "{routes: [{target: h, translate: {request: [{", "value: 1, ", "}]}}]}" },
		{ "routes[].translate.request[].value",
		  "{routes: [{target: h, translate: {request: [{", "default: /v, ", "}]}}]}" },
		{ "routes[].translate.request[].optional",
		  "{routes: [{target: h, translate: {request: [{", "drop: /a, ", "}]}}]}" },
		{ "routes[].translate.request[].", "{routes: [{target: h, translate: {request: [{",
		  "", "}]}}]}" },
		{ "routes[].translate.response[].rename",
		  "{routes: [{target: h, translate: {response: [{", "to: /other, ", "}]}}]}" },
		{ "routes[].translate.response[].to",
		  "{routes: [{target: h, translate: {response: [{", "rename: /other, ", "}]}}]}" },
		{ "routes[].translate.response[].default",
		  "{routes: [{target: h, translate: {response: [{", "value: 1, ", "}]}}]}" },
		{ "routes[].translate.response[].value",
		  "{routes: [{target: h, translate: {response: [{", "default: /v, ", "}]}}]}" },
		{ "routes[].translate.response[].optional",
		  "{routes: [{target: h, translate: {response: [{", "drop: /a, ", "}]}}]}" },
		{ "routes[].translate.response[].",
		  "{routes: [{target: h, translate: {response: [{", "", "}]}}]}" },
		{ "routes[].", "{routes: [{", "target: h, ", "}]}" },
		{ "routes", "{upstreams: {users: {endpoints: [h]}}, ", "", "}" },
		{ "error_pages.*.", "{error_pages: {502: {", "", "}}}" },
		{ "gate.claims.*.", "{gate: {claims: {id: {", "", "}}}}" },
		{ "gate.protect", "{gate: {secret: x, ", "", "}}" },
		{ "fallback", "{upstreams: {users: {endpoints: [h]}}, ", "", "}" },
		{ "redis.sentinel.", "{redis: {sentinel: {", "addresses: [h], ", "}}}" },
		{ "redis.plugins[].stickiness.", "{redis: {address: h, plugins: [{stickiness: {",
		  "cookie: c, ", "}}]}}" },
		{ "redis.plugins[].", "{redis: {address: h, plugins: [{", "", "}]}}" },
		{ "admin.users.*.", "{admin: {users: {\"1\": {", "", "}}}}" },
		{ "admin.api.tokens.*.role", "{admin: {api: {tokens: {ci: {", "secret: x, ",
		  "}}}}}" },
		{ "admin.api.tokens.*.secret", "{admin: {api: {tokens: {ci: {", "role: read, ",
		  "}}}}}" },
		{ "admin.api.listen[].", "{admin: {api: {allow_unauthenticated: true, listen: [{",
		  "", "}]}}}" },
		{ "admin.api.listen", "{admin: {api: {allow_unauthenticated: true, ", "", "}}}" },
		{ "", "{", "", "}" },
	};
	const char *dot = strrchr(s->path, '.'), *key = dot ? dot + 1 : s->path;
	size_t i = 0, n;
	bool own;

	if (strcmp(key, "*") == 0) {
		configuration_named(s, value, out);
		return;
	}
	while (strncmp(s->path, places[i].prefix, strlen(places[i].prefix)) != 0)
		i++;
	n = strlen(places[i].prefix);
	own = strncmp(places[i].needed, key, strlen(key)) == 0;
	buf_addf(out, "%s%s", places[i].before, own ? "" : places[i].needed);
	nest(n > 0 && s->path[n - 1] != '.' ? key : s->path + n, value, out);
	buf_addf(out, "%s", places[i].after);
}

/* 0, or what the reader says. */
static int
try_value(const struct setting *s, const char *value, struct buf *report)
{
	struct buf BUF_CLEAN yaml = { 0 };
	struct config *c;
	int r;

	configuration_with(s, value, &yaml);
	r = load(&yaml, &c, report);
	if (r == 1)
		buf_addf(report, "in: %.*s\n", SLICE_F(yaml));
	buf_addc(report, '\0');
	config_free(c);
	return r;
}

static void
rows_are_whole(void **state)
{
	(void)state;
	for (size_t i = 0; i < settings_count; i++) {
		const struct setting *s = &settings[i];

		assert_ptr_equal(setting_find(slice_of(s->path)), s); /* no path twice */
		assert_true(s->width > 0);
		assert_non_null(s->example);
		assert_non_null(s->text);
		assert_int_equal(s->text[strlen(s->text) - 1], '.');
		assert_true(s->min <= s->max || s->type == SETTING_ADDRESS ||
			    s->type == SETTING_FLAGS);
		if (s->inherit) {
			const struct setting *from = setting_find(slice_of(s->inherit));

			assert_non_null(from);
			assert_int_equal(from->type, s->type);
			assert_int_equal(from->width, s->width);
			assert_true(from->min == s->min && from->max == s->max);
		}
		if (s->children && s->children->alone)
			assert_non_null(setting_find(slice_of(s->children->alone)));
	}
	for (size_t i = 0; i < setting_profiles_count; i++)
		assert_non_null(setting_find(slice_of(setting_profiles[i].path)));
}

static void
examples_are_accepted(void **state)
{
	(void)state;
	assert_int_equal(setenv("JWT_SECRET_KEY", "0123456789abcdef0123456789abcdef", 1), 0);
	assert_int_equal(setenv("CREDENTIALS_DIRECTORY", "/nowhere", 1), 0);
	for (size_t i = 0; i < settings_count; i++) {
		struct buf BUF_CLEAN report = { 0 };
		const struct setting *s = &settings[i];
		int r = try_value(s, s->example, &report);

		/* The user and files of the examples need not be on this machine. */
		if (r == 1 && (strstr(report.p, "there is no such file") ||
			       strstr(report.p, "there is no user")))
			continue;
		if (r != 0)
			fail_msg("%s: %s", s->path, report.p);
	}
}

static bool
is_numeric(const struct setting *s)
{
	return s->type == SETTING_INT || s->type == SETTING_SIGNED || s->type == SETTING_DURATION ||
	       s->type == SETTING_SECONDS || s->type == SETTING_SIZE;
}

/* As text in the smallest unit. */
static void
write_number(const struct setting *s, int64_t v, char *out, size_t cap)
{
	bool duration = s->type == SETTING_DURATION || s->type == SETTING_SECONDS;

	snprintf(out, cap, "%lld%s", (long long)v, duration ? "ms" : "");
}

static void
ranges_are_kept(void **state)
{
	(void)state;
	for (size_t i = 0; i < settings_count; i++) {
		const struct setting *s = &settings[i];
		const struct {
			int64_t value;
			int result;
		} cases[] = { { s->min, 0 }, { s->max, 0 }, { s->min - 1, 1 }, { s->max + 1, 1 } };

		if (!is_numeric(s))
			continue;
		for (size_t k = 0; k < 4; k++) {
			struct buf BUF_CLEAN report = { 0 };
			char text[32];

			write_number(s, cases[k].value, text, sizeof text);
			if (try_value(s, text, &report) == cases[k].result)
				continue;
			/* Where two limits must fit together, the largest alone does not. */
			if (strstr(report.p, "raise limits.head"))
				continue;
			if (strstr(report.p, "or raise max"))
				continue;
			fail_msg("%s: %s: %s", s->path, text, report.p);
		}
	}
}

static void
defaults_are_read_back(void **state)
{
	struct buf BUF_CLEAN none = { 0 }, report = { 0 }, first = { 0 };
	struct config *c;

	(void)state;
	unsetenv("RUNTIME_DIRECTORY");
	assert_int_equal(load(&none, &c, &report), 0);
	for (size_t i = 0; i < settings_count; i++) {
		const struct setting *s = &settings[i];
		struct buf BUF_CLEAN now = { 0 };
		int64_t v;

		if (strchr(s->path, '[') || strchr(s->path, '*') || !s->initial || s->children)
			continue;
		value_format(s, c, false, &now);
		if (!is_numeric(s) ||
		    (s->words && number_parse(s->type, slice_of(s->initial), &v) != NUMBER_OK))
			continue;
		/* Written another way ("60s" as "1m"), but the same. */
		assert_int_equal(number_parse(s->type, slice_of(s->initial), &v), NUMBER_OK);
		if (s->type == SETTING_SECONDS)
			v /= 1000;
		assert_int_equal(number_load((const char *)c + s->offset, s->width), (uint64_t)v);
	}
	config_free(c);
}

static void
numbers_are_read(void **state)
{
	static const struct {
		enum setting_type type;
		const char *text;
		enum number_fault fault;
		int64_t value;
		const char *again;
	} cases[] = {
		{ SETTING_DURATION, "5", NUMBER_OK, 5000, "5s" },
		{ SETTING_DURATION, "500ms", NUMBER_OK, 500, "500ms" },
		{ SETTING_DURATION, "90s", NUMBER_OK, 90000, "90s" },
		{ SETTING_DURATION, "120s", NUMBER_OK, 120000, "2m" },
		{ SETTING_DURATION, "10m", NUMBER_OK, 600000, "10m" },
		{ SETTING_DURATION, "2h", NUMBER_OK, 7200000, "2h" },
		{ SETTING_DURATION, "7d", NUMBER_OK, 604800000, "7d" },
		{ SETTING_DURATION, "off", NUMBER_OK, 0, "off" },
		{ SETTING_DURATION, "0", NUMBER_OK, 0, "off" },
		{ SETTING_DURATION, "", NUMBER_MALFORMED, 0, NULL },
		{ SETTING_DURATION, "s", NUMBER_MALFORMED, 0, NULL },
		{ SETTING_DURATION, "1.5s", NUMBER_MALFORMED, 0, NULL },
		{ SETTING_DURATION, "5 s", NUMBER_MALFORMED, 0, NULL },
		{ SETTING_DURATION, "-5s", NUMBER_MALFORMED, 0, NULL },
		{ SETTING_DURATION, "5w", NUMBER_MALFORMED, 0, NULL },
		{ SETTING_DURATION, "99999999999999999999s", NUMBER_HUGE, 0, NULL },
		{ SETTING_DURATION, "9223372036854775807d", NUMBER_HUGE, 0, NULL },
		{ SETTING_SIZE, "1", NUMBER_OK, 1, "1" },
		{ SETTING_SIZE, "64k", NUMBER_OK, 65536, "64k" },
		{ SETTING_SIZE, "10M", NUMBER_OK, 10485760, "10m" },
		{ SETTING_SIZE, "1g", NUMBER_OK, 1073741824, "1g" },
		{ SETTING_SIZE, "1025", NUMBER_OK, 1025, "1025" },
		{ SETTING_SIZE, "1kb", NUMBER_MALFORMED, 0, NULL },
		{ SETTING_INT, "12", NUMBER_OK, 12, "12" },
		{ SETTING_INT, "-1", NUMBER_MALFORMED, 0, NULL },
		{ SETTING_INT, "0x10", NUMBER_MALFORMED, 0, NULL },
		{ SETTING_SIGNED, "-12", NUMBER_OK, -12, "-12" },
		{ SETTING_SIGNED, "-", NUMBER_MALFORMED, 0, NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct buf BUF_CLEAN again = { 0 };
		int64_t v;

		assert_int_equal(number_parse(cases[i].type, slice_of(cases[i].text), &v),
				 cases[i].fault);
		if (cases[i].fault != NUMBER_OK)
			continue;
		assert_int_equal(v, cases[i].value);
		value_format_number(cases[i].type, v, &again);
		buf_addc(&again, '\0');
		assert_string_equal(again.p, cases[i].again);
	}
}

static void
nearest_names(void **state)
{
	static const struct {
		const char *prefix, *key, *hint;
	} cases[] = {
		{ "", "listener", "; did you mean \"listeners\"?" },
		{ "", "uptsreams", "; did you mean \"upstreams\"?" },
		{ "", "Routes", "; did you mean \"routes\"?" },
		{ "timeouts", "conect", "; did you mean \"connect\"?" },
		{ "timeouts", "firstbyte", "; did you mean \"first_byte\"?" },
		{ "routes[]", "hots", "; did you mean \"host\"?" },
		{ "routes[]", "strip-prefix", "; did you mean \"strip_prefix\"?" },
		{ "upstreams.*", "endpoint", "; did you mean \"endpoints\"?" },
		{ "upstreams.*.health", "pth", "; did you mean \"path\"?" },
		{ "", "secret", "; there is gate.secret" },
		{ "", "weight", "; there is routes[].split[].weight" },
		{ "", "zzzzzzzzzzzz", "" },
		{ "", "a-key-that-is-much-longer-than-any-that-we-know-of-here", "" },
		{ "", "", "" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct buf BUF_CLEAN hint = { 0 };

		setting_suggest(slice_of(cases[i].prefix), slice_of(cases[i].key), &hint);
		buf_addc(&hint, '\0');
		assert_string_equal(hint.p, cases[i].hint);
	}
}

static void
descriptions(void **state)
{
	static const struct {
		const char *path, *type, *initial;
	} cases[] = {
		{ "timeouts.connect", "duration from 1ms to 1h", "5s" },
		{ "timeouts.total", "duration from off to 7d", "off" },
		{ "limits.body", "size from off to 1024g", "1m" },
		{ "workers", "number from 1 to 255, or auto", "auto" },
		{ "all_down", "one of last, fail", "last" },
		{ "gate.algorithms",
		  "list of HS256, HS384, HS512, RS256, RS384, RS512, PS256, PS384, PS512, ES256, "
		  "ES384, EdDSA",
		  "[HS256]" },
		{ "run_dir", "file or folder", "$RUNTIME_DIRECTORY, else /run/yett" },
		{ "upstreams.*.health.path", "path of a URL", "as health.path" },
		{ "listeners[].address", "address to listen on", "required" },
		{ "redis.password", "secret", "none" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		const struct setting *s = setting_find(slice_of(cases[i].path));
		struct buf BUF_CLEAN type = { 0 }, initial = { 0 };

		assert_non_null(s);
		setting_describe_type(s, &type);
		setting_describe_default(s, &initial);
		buf_addc(&type, '\0');
		buf_addc(&initial, '\0');
		assert_string_equal(type.p, cases[i].type);
		assert_string_equal(initial.p, cases[i].initial);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_are_whole),   cmocka_unit_test(examples_are_accepted),
		cmocka_unit_test(ranges_are_kept),  cmocka_unit_test(defaults_are_read_back),
		cmocka_unit_test(numbers_are_read), cmocka_unit_test(nearest_names),
		cmocka_unit_test(descriptions),
	};

	return cmocka_run_group_tests(tests, enter, leave);
}
