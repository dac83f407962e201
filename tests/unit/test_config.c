/* Texts of YAML: what is said of each, what comes out of it, and that no secret ever does. */

#include "lib/log.h"
#include "master/config.h"
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

static char folder[] = "/tmp/yett-config-XXXXXX";

static void
write_file(const char *name, struct slice text, mode_t mode)
{
	FILE *f = fopen(name, "w");

	assert_non_null(f);
	if (text.n > 0)
		assert_int_equal(fwrite(text.p, 1, text.n, f), text.n);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(chmod(name, mode), 0);
}

static int
enter(void **state)
{
	static const char *const variables[] = { "RUNTIME_DIRECTORY", "STATE_DIRECTORY",
						 "CREDENTIALS_DIRECTORY" };

	(void)state;
	for (size_t i = 0; i < sizeof variables / sizeof variables[0]; i++)
		unsetenv(variables[i]);
	setenv("YETT_TEST_SECRET", "from-the-environment-0123456789ab", 1);
	setenv("YETT_TEST_EMPTY", "", 1);
	unsetenv("YETT_TEST_UNSET");
	if (!mkdtemp(folder) || chdir(folder) < 0 || mkdir("credentials", 0700) < 0)
		return -1;
	write_file("secret", SLICE("from-a-file-0123456789abcdefghijk\n"), 0600);
	write_file("open", SLICE("from-an-open-file-0123456789abcde"), 0644);
	write_file("empty", SLICE("\n"), 0600);
	write_file("page.html", SLICE("<h1>oh</h1>"), 0644);
	write_file("credentials/jwt", SLICE("from-a-credential-0123456789abcdef\n\n"), 0600);
	return 0;
}

static int
leave(void **state)
{
	static const char *const files[] = { "secret",          "open",  "empty", "page.html",
					     "credentials/jwt", "t.yaml" };

	(void)state;
	for (size_t i = 0; i < sizeof files / sizeof files[0]; i++)
		unlink(files[i]);
	return rmdir("credentials") == 0 && chdir("/") == 0 ? rmdir(folder) : -1;
}

static int
load(const char *yaml, struct config **c, struct buf *report)
{
	int r;

	write_file("t.yaml", slice_of(yaml), 0600);
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

/* Any route, so that there is no warning that there is none. */
#define ROUTE "routes: [{target: \"h:1\"}]\n"
#define TAGLESS                                                                                    \
	"2: redis.cluster: keys of redx and riox (frontend:, backend:) have no hash tag, so that " \
	"a cluster spreads them over its nodes, and no change of a host is one transaction; keep " \
	"them in one Redis or one that sentinels watch, or push rules of our own (yett apply) "    \
	"and "                                                                                     \
	"remove redis.dialect and compatibility\n"
#define TLS "listeners: [{address: \":1\", tls: true}]\n"

static const struct {
	const char *yaml;
	int result;
	const char *report; /* without the lines' "t.yaml:" */
} told[] = {
	{ ROUTE, 0, "" },
	/* limits */
	{ ROUTE "rates: {r: 5/minute burst 9 per identity}\nlimits: {rates: [r, 10/s]}\n", 0, "" },
	{ ROUTE "limits: {rates: [lgin]}\nrates: {login: 5/minute}\n", 1,
	  "2: limits.rates: there is no \"lgin\" in rates; did you mean \"login\"?\n" },
	{ ROUTE "limits: {concurrency: up}\n", 1,
	  "2: limits.concurrency: there is no \"up\" in concurrency; give it there, or write 10 "
	  "per "
	  "identity\n" },
	{ "routes: [{target: h, rates: [often]}]\n", 1,
	  "1: routes[0].rates: there is no \"often\" in rates; give it there, or write "
	  "10/second\n" },
	{ ROUTE "rates: {r: 10/fortnight}\n", 1,
	  "2: rates.r.limit: \"10/fortnight\" is no rate; write 10/second, 100/minute, 1000/hour "
	  "or "
	  "10000/day\n" },
	{ ROUTE "rates: {r: {limit: 1/day, burst: 40}}\n", 1,
	  "2: rates.r.burst: such a burst takes longer than 31 days to come back; make it "
	  "smaller\n" },
	{ ROUTE "rates: {r: {limit: 1/day, per: []}}\n", 1,
	  "2: rates.r.per: the list is empty; write all, for one count of all together\n" },
	{ ROUTE "rates: {1st: 1/day}\n", 1,
	  "2: rates.1st: a name that begins with a digit reads as a limit; choose another\n" },
	{ ROUTE "concurrency: {c: 1/s}\n", 1,
	  "2: concurrency.c.limit: \"1/s\" is a rate, and this is a number of requests at a time; "
	  "write 10\n" },
	{ ROUTE
	  "limits: {rates: [1/s, 2/s, 3/s, 4/s, 5/s, 6/s, 7/s, 8/s, 9/s], concurrency: [1, 2, "
	  "3, 4, 5, 6, 7, 8]}\n",
	  1, "2: limits: these are 17 limits with those of all routes; 16 are possible\n" },
	{ "routes:\n- {target: \"h:1\", path: /a, rewrite: \"/b$2*\"}\n", 0, "" },
	{ "routes:\n- {target: \"h:1\", path: /a, rewrite: \"/b$rest\"}\n", 1,
	  "2: routes[0].rewrite: \"/b$rest\" has a variable that there is not; there are $1 to $9 "
	  "for one segment of the path and $1* to $9* for all from there on ($$ is a dollar "
	  "sign)\n" },
	{ "routes:\n- {target: \"h:1\", path: /a, rewrite: /b//c, strip_prefix: true}\n", 1,
	  "2: routes[0].rewrite: \"/b//c\" is no path in its canonical form; write /path, with "
	  "other characters as percent triplets\n"
	  "2: routes[0].rewrite: it makes the whole path; remove strip_prefix, add_prefix and "
	  "replace_prefix\n" },
	{ "routes:\n- {path: /a, redirect_store: {upstream: s}}\nupstreams: {s: {endpoints: "
	  "[\"h:1\"]}}\n",
	  1, "2: routes[0].redirect_store: source is missing; give it\n" },
	{ "routes:\n- {path: /a, redirect_store: {upstream: s, source: \"https://$rest\"}}\n"
	  "upstreams: {s: {endpoints: [\"h:1\"]}}\n",
	  1,
	  "2: routes[0].redirect_store.source: \"https://$rest\" names no host; write "
	  "https://host/path, or $host for the client's\n" },
	{ "routes:\n- {path: /a, redirect_store: {upstream: s, source: \"https://a$rest\"}}\n", 1,
	  "2: routes[0].redirect_store.upstream: there is no upstream \"s\" in upstreams; name it "
	  "there, or write target: host:port\n" },
	{ "compatibility: renku\nserver: {rateLimits: {enabled: true, rate: 2.5, burst: "
	  "4}}\n" ROUTE,
	  0, "" },
	{ "compatibility: renku\nserver: {rateLimits: {enabled: true, rate: fast}, port: "
	  "1}\n" ROUTE,
	  1,
	  "2: server: of renku's server, rateLimits with enabled, rate and burst is understood "
	  "alone; "
	  "remove it\n"
	  "2: server.rateLimits.rate: \"fast\" is no number of requests a second; write 10, or "
	  "0.5\n" },
	{ ROUTE "rates: {r: {limit: 1/s, per: [address, 'header:x_user']}}\n"
		"gate: {claims: {sub: X-User}}\n",
	  1, "2: rates.r.per: \"header:x_user\" is what a client says there; write claim:sub\n" },
	{ "gate: {claims: {id: auth_id}}\n"
	  "routes: [{target: h, rates: [1/s per header:Auth-Id]}]\n",
	  1,
	  "2: routes[0].rates: \"header:Auth-Id\" is what a client says there; write claim:id\n" },
	{ "compatibility: renku\nserver: {rateLimits: {enabled: 'yes', rate: 5}}\n" ROUTE, 1,
	  "2: server.rateLimits.enabled: \"yes\" is neither true nor false; write one of the "
	  "two\n" },
	{ "compatibility: renku\nserver: {rateLimits: {enabled: true, rate: 5, burst: 5 per "
	  "all}}\n" ROUTE,
	  1, "2: server.rateLimits.burst: \"5 per all\" is no number of requests; write 20\n" },
	{ "compatibility: renku\nserver: {rateLimits: {enabled: true, rate: [5]}}\n" ROUTE, 1,
	  "2: server.rateLimits.rate: \"?\" is no number of requests a second; write 10, or "
	  "0.5\n" },
	{ "compatibility: renku\nserver: {rateLimits: 5}\n" ROUTE, 1,
	  "2: server.rateLimits: of renku's server, rateLimits with enabled, rate and burst is "
	  "understood alone; remove it\n" },
	{ "", 0,
	  " routes: warning: there are no routes and no Redis, so every request is answered 404; "
	  "add routes\n" },
	{ "# nothing\n", 0,
	  " routes: warning: there are no routes and no Redis, so every request is answered 404; "
	  "add routes\n" },
	{ "redis: {address: \"h:1\"}\n", 0, "" },

	/* shape */
	{ "[a]\n", 1,
	  "1: a mapping belongs here, not a list; write its keys below it, indented\n" },
	{ ROUTE "listener: []\n", 1, "2: listener: unknown key; did you mean \"listeners\"?\n" },
	{ ROUTE "timeouts: {conect: 1s}\n", 1,
	  "2: timeouts.conect: unknown key; did you mean \"connect\"?\n" },
	{ ROUTE "timeouts.connect: 1s\n", 1,
	  "2: timeouts.connect: unknown key; write each part of the name on a level of its own\n" },
	{ ROUTE "secret: x\n", 1, "2: secret: unknown key; there is gate.secret\n" },
	{ ROUTE "qwertyuiop: 1\n", 1,
	  "2: qwertyuiop: unknown key; remove it, or look in `yett help settings`\n" },
	{ ROUTE "<<: {a: b}\n", 1,
	  "2: <<: unknown key; merging of mappings is not supported, repeat the keys here\n" },
	{ ROUTE "\"\": 1\n", 1, "2: unknown key; remove it, or look in `yett help settings`\n" },
	{ ROUTE "a\\\tb: 1\n", 1,
	  "2: a\\?b: unknown key; remove it, or look in `yett help settings`\n" },
	{ ROUTE "timeouts: {connect: 1s, connect: 2s}\n", 1,
	  "2: timeouts.connect: this key stands in line 2 already; remove one of the two\n" },
	{ ROUTE "log_level: info\nlog_level: debug\n", 1,
	  "3: log_level: this key stands in line 2 already; remove one of the two\n" },
	{ ROUTE "{a: b}: c\n", 1, "2: a mapping cannot be a key; write a name\n" },
	{ ROUTE "timeouts: 5s\n", 1,
	  "2: timeouts: a mapping belongs here, not a single value; write its keys below it, "
	  "indented\n" },
	{ ROUTE "log_level: [info]\n", 1,
	  "2: log_level: a single value belongs here, not a list; write it behind the colon\n" },
	{ ROUTE "listeners: {address: \":1\"}\n", 1,
	  "2: listeners: a list belongs here, not a mapping; write [a, b], or one element a line "
	  "behind \"- \"\n" },
	{ ROUTE "upstreams: [a]\n", 1,
	  "2: upstreams: a mapping belongs here, not a list; write its keys below it, indented\n" },
	{ ROUTE "user:\n", 1, "2: user: the value is missing; give one, or remove the key\n" },
	{ ROUTE "timeouts:\ngate:\n  protect:\n", 0, "" },

	/* TLS */
	{ ROUTE "listeners: [{address: \":1\", tls: true}]\n", 1,
	  "2: listeners: a listener speaks TLS, but there is no certificate; write tls: "
	  "{certificates: [{certificate: FILE, key: FILE}]}\n" },
	{ ROUTE "tls: {certificates: [{key: k}]}\n", 1,
	  "2: tls.certificates[0]: it names no file; write {certificate: FILE, key: FILE} or "
	  "{directory: FOLDER}\n"
	  "2: tls.certificates: warning: no listener speaks TLS, so they are not used; write "
	  "listeners: [{address: \":8443\", tls: true}]\n" },
	{ ROUTE TLS "tls: {certificates: [{directory: credentials, key: k}]}\n", 1,
	  "3: tls.certificates[0]: a directory stands alone, its keys are in it; remove "
	  "certificate "
	  "and key, or make them an entry of their own\n" },
	{ ROUTE TLS "tls: {certificates: [{certificate: /c, key: k, key_credential: n}]}\n", 1,
	  "3: tls.certificates[0]: key and key_credential are two places of one key; remove one\n"
	  "3: tls.certificates[0]: there are no credentials (CREDENTIALS_DIRECTORY is not set); "
	  "put "
	  "LoadCredential=n:PATH into the unit\n" },
	{ ROUTE TLS "tls: {certificates: [/nowhere/c]}\n", 1,
	  "3: tls.certificates[0]: /nowhere/c cannot be read: there is no such file; check the "
	  "path\n" },
	{ ROUTE TLS "tls: {certificates: [{directory: /nowhere/d}]}\n", 1,
	  "3: tls.certificates[0]: /nowhere/d cannot be read: there is no such file; check the "
	  "path\n" },
	{ ROUTE "tls: {min_version: \"1.3\", max_version: \"1.2\"}\n", 1,
	  "2: tls.max_version: it is older than tls.min_version; raise it, or lower the other\n" },
	{ ROUTE "tls: {min_version: \"1.1\"}\n", 1,
	  "2: tls.min_version: \"1.1\" is not known here; did you mean \"1.2\"? Known are 1.2 "
	  "or 1.3\n" },
	{ ROUTE "tls: {suites: [TLS_RSA_WITH_AES_128_CBC_SHA], groups: [x448]}\n", 1,
	  "2: tls.suites: \"TLS_RSA_WITH_AES_128_CBC_SHA\" is not offered; write IANA's name of "
	  "one "
	  "with forward secrecy and AES-GCM or ChaCha20, such as TLS_AES_128_GCM_SHA256\n"
	  "2: tls.groups: \"x448\" is not offered; write secp256r1, x25519, secp384r1 or "
	  "secp521r1\n" },
	{ ROUTE "tls: {suites: [TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256]}\n", 1,
	  "2: tls.suites: none of them is of TLS 1.3, so whoever speaks that is refused; add one, "
	  "such as TLS_AES_128_GCM_SHA256, or write max_version: \"1.2\"\n" },
	{ ROUTE "tls: {suites: [TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256], min_version: \"1.3\"}\n", 1,
	  "2: tls.suites: none of them is of TLS 1.3, so whoever speaks that is refused; add one, "
	  "such as TLS_AES_128_GCM_SHA256\n" },
	{ ROUTE "tls: {suites: [TLS_AES_128_GCM_SHA256], max_version: \"1.2\"}\n", 1,
	  "2: tls.suites: none of them is of TLS 1.2, so whoever speaks nothing newer is refused; "
	  "add one, such as TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256\n" },
	{ ROUTE "tls: {suites: [TLS_AES_128_GCM_SHA256]}\n", 0,
	  "2: tls.suites: warning: none of them is of TLS 1.2, so whoever speaks nothing newer is "
	  "refused; add one, such as TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, or write "
	  "min_version: \"1.3\"\n" },
	{ ROUTE "tls: {clients: {verify: required}}\n", 1,
	  "2: tls.clients: certificates of clients are asked for, but nothing says who signs them; "
	  "give ca: FILE\n" },
	{ ROUTE "tls: {clients: {ca: /c}}\n", 0,
	  "2: tls.clients: warning: no certificate is asked for, so ca is not used; write verify: "
	  "required\n" },
	{ ROUTE "tls: {clients: {verify: optional, ca: /dev/null}}\n", 1,
	  "2: tls.clients: /dev/null cannot be read: it is no regular file; name a regular "
	  "file\n" },
	{ ROUTE "tls: {hosts: [{host: a.example}, {host: A.example}, {host: \"b:1\"}]}\n", 1,
	  "2: tls.hosts[1]: a.example stands in line 2 already; remove one of the two\n"
	  "2: tls.hosts[2]: a handshake knows no port; write the name alone\n" },
	{ ROUTE "tls: {tickets: redis}\n", 1,
	  "2: tls.tickets: no Redis is configured to keep them; give redis.address, or write true\n"
	  "2: tls.tickets: nothing seals the keys in Redis; give tls.ticket_secret: {file: PATH}, "
	  "the "
	  "same to all gateways\n" },
	{ ROUTE "tls: {ticket_secret: short}\n", 1,
	  "2: tls.ticket_secret: it has 5 bytes, which can be guessed; give at least 32 at "
	  "random\n" },
	{ ROUTE "tls: {ticket_lifetime: 8d}\n", 1,
	  "2: tls.ticket_lifetime: \"8d\" is out of range; write a duration from 3s to 7d\n" },

	/* syntax */
	{ "a: [\n", 1,
	  "2: column 1: did not find expected node content while parsing a flow node; mend the "
	  "syntax there\n" },
	{ "timeouts:\n\tconnect: 1s\n", 1,
	  "2: column 1: found character that cannot start any token while scanning for the next "
	  "token; indent with spaces, a tab cannot stand there\n" },
	{ "routes:\n  - host: *.example.org\n", 1,
	  "2: column 12: did not find expected alphabetic or numeric character while scanning an "
	  "alias; a text that begins with * or & needs quotes\n" },
	{ "a: b: c\n", 1,
	  "1: column 5: mapping values are not allowed in this context; a text with \": \" in it "
	  "needs quotes, or the line above is indented otherwise\n" },
	{ "a: *b\n", 1, "1: column 4: found undefined alias; define it above with &NAME\n" },
	{ "a: \"\\0\"\n", 1, "1: column 4: a text holds a NUL byte; remove it\n" },
	{ "# \xff\n", 1, "1: column 3: the text is not UTF-8; save the file as UTF-8\n" },
	{ "log_level: !env X\n", 1,
	  "1: column 12: tags of your own are not understood; remove the one here\n" },
	{ ROUTE "---\nlog_level: info\n", 1,
	  "2: column 1: a second document begins here; there can be only one, remove the "
	  "\"---\"\n" },
	{ "a: &a [*a]\n", 1,
	  "1: column 1: nested deeper than 64 levels; is an alias inside of what it names?\n" },

	/* values */
	{ ROUTE "timeouts: {connect: 5 s}\n", 1,
	  "2: timeouts.connect: \"5 s\" is not a duration; write a duration from 1ms to 1h\n" },
	{ ROUTE "timeouts: {connect: off}\n", 1,
	  "2: timeouts.connect: \"off\" is out of range; write a duration from 1ms to 1h\n" },
	{ ROUTE "workers: many\n", 1,
	  "2: workers: \"many\" is not a number; write a number from 1 to 255, or auto\n" },
	{ ROUTE "workers: 256\n", 1,
	  "2: workers: \"256\" is out of range; write a number from 1 to 255, or auto\n" },
	{ ROUTE "table_header: maybe\n", 1,
	  "2: table_header: \"maybe\" is neither true nor false; write true or false\n" },
	{ ROUTE "forwarded: apend\n", 1,
	  "2: forwarded: \"apend\" is not known here; did you mean \"append\"? Known are replace "
	  "or append\n" },
	{ ROUTE "compatibility: nginx\n", 1,
	  "2: compatibility: \"nginx\" is not known here; write none, redx, riox, a-shine, renku "
	  "or naavre\n" },
	{ ROUTE "gate: {algorithms: [RS255]}\n", 1,
	  "2: gate.algorithms: \"RS255\" is not known here; did you mean \"RS256\"? Known are "
	  "HS256, HS384, HS512, RS256, "
	  "RS384, RS512, PS256, PS384, PS512, ES256, ES384 or EdDSA\n" },
	{ ROUTE "gate: {algorithms: []}\n", 1,
	  "2: gate.algorithms: the list is empty; name at least one, or remove the key\n" },
	{ ROUTE "gate: {realm: 'a\"b'}\n", 1,
	  "2: gate.realm: \"a\"b\" has a quote, a backslash or a letter beyond ASCII; remove "
	  "it\n" },
	{ ROUTE "gate: {cookie: \"a b\"}\n", 1,
	  "2: gate.cookie: \"a b\" is not the name of a header or cookie; use letters, digits, '-' "
	  "and '_'\n" },
	{ ROUTE "gate: {issuer: \"a\\r\\nb\"}\n", 1,
	  "2: gate.issuer: \"a??b\" has a control character; remove it\n" },
	{ ROUTE "access_log: access.log\n", 1,
	  "2: access_log: \"access.log\" is neither off, stdout, stderr, syslog nor a path; write "
	  "a file with its folder, such as /var/log/yett/access.log\n" },
	{ ROUTE "trusted_proxies: [10.0.0.0/33]\n", 1,
	  "2: trusted_proxies: \"10.0.0.0/33\" is no network; write address/bits, such as "
	  "10.0.0.0/8\n" },
	{ ROUTE "tracing: {endpoint: \"http://c/v1/traces\", sample: 1.1}\n", 1,
	  "2: tracing.sample: \"1.1\" is no number from 0 to 1; write one such as 0.01, with nine "
	  "digits behind the point at most\n" },
	{ ROUTE "tracing: {endpoint: \"http://c/v1/traces\", sample: 0.0000000001}\n", 1,
	  "2: tracing.sample: \"0.0000000001\" is no number from 0 to 1; write one such as 0.01, "
	  "with nine digits behind the point at most\n" },
	{ ROUTE "tracing: {endpoint: \"grpc://c:4317\"}\n", 1,
	  "2: tracing.endpoint: spans cannot be posted there: it begins with neither https:// nor "
	  "http://; write http://HOST:4318/v1/traces, and a key in tracing.secret\n" },
	{ ROUTE "tracing: {endpoint: \"http://c/v1/traces\", header: Host}\n", 1,
	  "2: tracing.header: this header has a meaning of its own; choose another\n" },
	{ ROUTE "tracing: {endpoint: \"https://c/v1/traces\", secret: \"a\\tb\"}\n", 1,
	  "2: tracing.secret: it has control characters, which no header can have; write it in one "
	  "line\n" },
	{ ROUTE "tracing: {trust: [10.0.0.0/8]}\n", 0,
	  "2: tracing: warning: without tracing.endpoint it has no effect; name a collector "
	  "there\n" },
	{ ROUTE "tracing: {endpoint: \"http://c:4318/\", secret: s}\n", 0,
	  "2: tracing.endpoint: warning: it has no path; collectors take spans at /v1/traces\n"
	  "2: tracing.secret: warning: over http anybody on the way can read it; write https:// in "
	  "tracing.endpoint\n" },
	{ ROUTE "dns: [localhost]\n", 1,
	  "2: dns: \"localhost\" is no IP address with a port; write 127.0.0.1:53 or [::1]:53\n" },

	/* addresses */
	{ ROUTE "listeners: [8080]\n", 1,
	  "2: listeners[0].address: this is a number, not a host; before a port write a colon, and "
	  "quote it: \":8080\"\n" },
	{ ROUTE "listeners: [localhost]\n", 1,
	  "2: listeners[0].address: the port is missing; write host:port or :port\n" },
	{ ROUTE "listeners: [\":99999\"]\n", 1,
	  "2: listeners[0].address: the port is not a number from 1 to 65535; write host:port\n" },
	{ ROUTE "listeners: [\"::1:80\"]\n", 1,
	  "2: listeners[0].address: an IPv6 address needs brackets; write [address]:port\n" },
	{ ROUTE "listeners: [\"1.2.3.400:80\"]\n", 1,
	  "2: listeners[0].address: this is no IPv4 address; write four numbers from 0 to 255\n" },
	{ ROUTE "listeners: [\"unix:\"]\n", 1,
	  "2: listeners[0].address: the path of the socket is missing; write "
	  "unix:/path/of/socket\n" },
	{ ROUTE "listeners: []\n", 1,
	  "2: listeners: there is no listener; name at least one, such as \":8080\"\n" },
	{ ROUTE "listeners: [{}]\n", 1, "2: listeners[0]: address is missing; give it\n" },
	{ ROUTE "listeners: [\":80\",\n \"[::1]:80\", \":80\"]\n", 1,
	  "3: listeners[2].address: :80 is listened on already (listeners[0].address); remove one "
	  "of the two\n" },
	{ ROUTE "admin: {listen: \"10.0.0.1:9180\"}\n", 0,
	  "2: admin.listen: warning: 10.0.0.1:9180 is not loopback: whoever reaches it sees the "
	  "upstreams; use 127.0.0.1 unless a firewall guards it\n" },
	{ ROUTE "redis: {address: \"redis://:hunter2@h:1\"}\n", 1,
	  "2: redis.address: a URL does not belong here; write host:port\n" },
	{ ROUTE "redis: {address: \":hunter2@h:1\"}\n", 1,
	  "2: redis.address: a user or password does not belong in an address; write host:port\n" },
	{ ROUTE "redis: {sentinel: {addresses: [\"a:1\", b]}}\n", 0, "" },
	{ ROUTE "redis: {cluster: [\"a:1\", \"[::1]:2\"]}\n", 0, "" },
	{ ROUTE "redis: {sentinel: {master: m}}\n", 1,
	  "2: redis.sentinel: no sentinel is named; give addresses: [HOST:PORT]\n" },
	{ ROUTE "redis: {address: \"h:1\", cluster: [\"a:1\"]}\n", 1,
	  "2: redis: it is at an address, found by sentinel, or a cluster; write one of the "
	  "three\n" },
	{ ROUTE "redis: {sentinel: {addresses: [a]}, cluster: [\"a:1\"]}\n", 1,
	  "2: redis: it is at an address, found by sentinel, or a cluster; write one of the "
	  "three\n" },
	{ ROUTE "redis: {sentinel: {addresses: [\"a:x\"]}}\n", 1,
	  "2: redis.sentinel.addresses: it is no list of HOST:PORT; write such as "
	  "[\"r1:6379\"]\n" },
	{ ROUTE "redis: {cluster: [\"unix:/x\"]}\n", 1,
	  "2: redis.cluster: it is no list of HOST:PORT; write such as [\"r1:6379\"]\n" },
	{ ROUTE "redis: {cluster: [a], database: 1}\n", 1,
	  "2: redis.database: a cluster has no databases but 0; remove it\n" },
	{ ROUTE "redis: {cluster: [a], dialect: redx}\n", 1, TAGLESS },
	{ ROUTE "redis: {cluster: [a]}\ncompatibility: riox\ngate: {protect: []}\n", 1, TAGLESS },
	{ ROUTE "redis: {cluster: [a]}\nsuspension: {redis_keys: true}\n", 1,
	  "2: redis.cluster: suspension.redis_keys looks for keys without a hash tag, which a "
	  "cluster spreads over its nodes; keep them in one Redis or one that sentinels watch, or "
	  "suspend by yett suspend and write suspension.redis_keys: false\n" },
	{ ROUTE "redis: {database: 1}\n", 0,
	  "2: redis: warning: without redis.address no Redis is used; give it, or remove the "
	  "section\n" },

	/* paths */
	{ ROUTE "gate: {secret: {file: secret}, protect: [api]}\n", 1,
	  "2: gate.protect[0].path: \"api\" does not begin with '/'; write /path\n" },
	{ "routes: [{target: h, path: \"/a%2Fb\"}]\n", 1,
	  "1: routes[0].path: \"/a%2Fb\" can be read in more than one way (';' or a triplet such "
	  "as %2F); requests for such paths are ambiguous, choose another path\n" },
	{ "routes: [{target: h, path: \"/a;b\"}]\n", 1,
	  "1: routes[0].path: \"/a;b\" can be read in more than one way (';' or a triplet such as "
	  "%2F); requests for such paths are ambiguous, choose another path\n" },
	{ "routes: [{target: h, path: \"/a?b\"}]\n", 1,
	  "1: routes[0].path: \"/a?b\" is not the path of a URL; write other characters than "
	  "letters, digits and -._~ as percent triplets, and no query\n" },
	{ "routes: [{target: h, path: \"/%00\"}]\n", 1,
	  "1: routes[0].path: \"/%00\" is not the path of a URL; write other characters than "
	  "letters, digits and -._~ as percent triplets, and no query\n" },
	{ "routes: [{target: h, path: \"\"}]\n", 1,
	  "1: routes[0].path: the value is empty; give one, or remove the key\n" },

	/* routes and upstreams */
	{ "routes: [{path: /}]\n", 1,
	  "1: routes[0]: the route leads nowhere; give upstream: NAME or target: host:port\n" },
	{ "upstreams: {users: {endpoints: [h]}}\nroutes:\n - path: /a\n   upstream: usrs\n - "
	  "{path: /b, upstream: users}\n",
	  1,
	  "4: routes[0].upstream: there is no upstream \"usrs\" in upstreams; did you mean "
	  "\"users\"?\n" },
	{ "upstreams: {users: {endpoints: [h]}}\nroutes: [{upstream: users, target: h}]\n", 1,
	  "2: routes[0].upstream: the route has an upstream and a target; remove one of the "
	  "two\n" },
	{ "upstreams: {users: {endpoints: [h]}}\n" ROUTE, 0,
	  "1: upstreams.users: warning: no route uses this upstream; add one, or remove it\n" },
	{ "upstreams:\n  users: {}\n" ROUTE, 1,
	  "2: upstreams.users: endpoints is missing; give it\n"
	  "2: upstreams.users: warning: no route uses this upstream; add one, or remove it\n" },
	{ "upstreams: {a b: {endpoints: [h]}}\n" ROUTE, 1,
	  "1: upstreams.a b: \"a b\" has a character that a name cannot have; use letters, digits, "
	  "'.', '_' and '-'\n" },
	{ "upstreams: {u: {endpoints: []}}\nroutes: [{upstream: u}]\n", 1,
	  "1: upstreams.u.endpoints: there is no endpoint; name at least one, such as "
	  "\"127.0.0.1:9001\"\n" },
	{ "upstreams: {u: {endpoints: [h, \"H:80\", \"h:81\"]}}\nroutes: [{upstream: u}]\n", 1,
	  "1: upstreams.u.endpoints[1]: H:80 is an endpoint of this upstream already; remove it, "
	  "or use weight for a larger share\n" },
	{ "upstreams: {u: {endpoints: [\"https://h\", \"https://H:443/\"]}}\nroutes: [{upstream: "
	  "u}]\n",
	  1,
	  "1: upstreams.u.endpoints[1]: https://H:443/ is an endpoint of this upstream already; "
	  "remove it, or use weight for a larger share\n" },
	{ "upstreams: {u: {endpoints: [\"https://h\"], tls: {ca: /no/ca.pem}}}\nroutes: "
	  "[{upstream: u}]\n",
	  1,
	  "1: upstreams.u.tls: /no/ca.pem cannot be read: there is no such file; check the "
	  "path\n" },
	{ "upstreams: {u: {endpoints: [\"https://h\"], tls: {insecure_skip_verify: true}}}\n"
	  "routes: [{upstream: u}]\n",
	  0,
	  "1: upstreams.u.tls.insecure_skip_verify: warning: whoever answers in the place of an "
	  "https "
	  "endpoint is taken for it, and can read and change all that passes; give tls.ca "
	  "instead\n" },
	{ "upstreams: {u: {endpoints: [\"https://h\"], tls: {insecure_skip_verify: true, "
	  "pin_sha256: "
	  "[x]}}}\nroutes: [{upstream: u}]\n",
	  1,
	  "1: upstreams.u.tls.insecure_skip_verify: warning: whoever answers in the place of an "
	  "https "
	  "endpoint is taken for it, and can read and change all that passes; give tls.ca instead\n"
	  "1: upstreams.u.tls.pin_sha256: \"x\" is no SHA-256 in base64; write what this says: "
	  "openssl "
	  "x509 -in CERTIFICATE -pubkey -noout | openssl pkey -pubin -outform der | openssl dgst "
	  "-sha256 -binary | base64\n" },
	{ "routes:\n - {host: A.example, path: /a, target: h}\n - {host: a.example., path: /a/, "
	  "target: h}\n",
	  1,
	  "3: routes[1]: the route in line 2 has the same host and path, so that this one would "
	  "never match; remove one of the two\n" },
	{ "routes:\n - {path: /a, target: h}\n - {path: /a, exact: true, target: h}\n - {path: "
	  "/a/, exact: true, target: h}\n",
	  0, "" },
	{ "routes:\n - {name: x, path: /a, target: h}\n - {name: x, path: /b, target: h}\n", 1,
	  "3: routes[1]: the route in line 2 is named x already; choose another name\n" },
	{ "routes: [{host: \"a.*.b\", target: h}]\n", 1,
	  "1: routes[0].host: \"a.*.b\" is no host; write a name, name:port, or *.domain for all "
	  "names below a domain\n" },
	{ "routes: [{host: \"*.b:80\", target: h}]\n", 1,
	  "1: routes[0].host: \"*.b:80\" joins a wildcard with a port or an address; write "
	  "*.domain alone\n" },

	/* the gate */
	{ ROUTE "gate: {protect: [/api]}\n", 1,
	  "2: gate.secret: something is protected, but there is no secret to verify tokens with; "
	  "give gate.secret: {file: PATH}\n" },
	{ ROUTE "compatibility: riox\n", 1,
	  " gate.secret: something is protected by the profile, but there is no secret to verify "
	  "tokens with; give gate.secret: {file: PATH}\n" },
	{ ROUTE "gate:\n  protect: [/api]\n  secret: {env: YETT_TEST_EMPTY}\n", 1,
	  "4: gate.secret: the secret is empty (env YETT_TEST_EMPTY); without one everybody could "
	  "sign tokens, put one there\n" },
	{ ROUTE "gate:\n  protect: [/api]\n  secret: {file: empty}\n", 1, NULL },
	{ ROUTE "gate:\n  protect: [/api]\n  secret: {env: YETT_TEST_UNSET}\n", 1,
	  "4: gate.secret: the environment variable YETT_TEST_UNSET is not set; set it where the "
	  "gateway is started\n" },
	{ ROUTE "gate:\n  protect: [/api]\n  secret: {credential: jwt}\n", 1,
	  "4: gate.secret: there are no credentials (CREDENTIALS_DIRECTORY is not set); put "
	  "LoadCredential=jwt:PATH into the unit\n" },
	{ ROUTE "gate:\n  protect: [/api]\n  secret: {fiel: x}\n", 1,
	  "4: gate.secret: \"fiel\" is no place of a secret; write {file: PATH}, {env: NAME} or "
	  "{credential: NAME}\n" },
	{ ROUTE "gate:\n  protect: [/api]\n  secret: [hunter2]\n", 1,
	  "4: gate.secret: this is no secret; write {file: PATH}, {env: NAME}, {credential: NAME} "
	  "or a text\n" },
	{ ROUTE "gate:\n  protect: [/api]\n  secret: hunter2\n", 0,
	  "4: gate.secret: warning: the secret has 7 bytes, which can be guessed; use at least 32 "
	  "random ones\n" },
	{ ROUTE "gate:\n  secret: {file: secret}\n", 0,
	  "3: gate.secret: warning: nothing in this file is protected, so that only rules of the "
	  "store can need the secret; name paths in gate.protect\n" },
	{ "routes: [{target: w, auth: required}]\ngate:\n  secret: {file: secret}\n", 0, "" },
	{ "routes: [{target: w, auth: required}]\ngate:\n  secret: hunter2\n", 0,
	  "3: gate.secret: warning: the secret has 7 bytes, which can be guessed; use at least 32 "
	  "random ones\n" },
	{ "routes: [{target: w, auth: required}]\ngate: {algorithms: [RS256],\n  public_key: x}\n",
	  1,
	  "3: gate.public_key: the key (configuration) cannot be used: it is no public key or "
	  "certificate in PEM; give the issuer's public key in PEM, and its algorithm in "
	  "gate.algorithms\n" },
	{ "routes: [{target: w, auth: required}]\ngate:\n  secret: {file: secret}\n"
	  "  algorithms: [RS256]\n",
	  1,
	  "1: routes[0].auth: a token is needed, but there is nothing to verify it with; give "
	  "gate.secret or gate.public_key, and its algorithm in gate.algorithms\n" },
	{ ROUTE "gate:\n  claims: {id: auth_id,\n    sub: Auth-Id}\n", 1,
	  "4: gate.claims.sub: the header Auth-Id is that of claim id already; choose another\n" },
	{ ROUTE "gate: {claims: {id: Host}}\n", 1,
	  "2: gate.claims.id: the header Host has a meaning of its own; choose another\n" },

	/* pages and limits */
	{ ROUTE "error_pages: {600: page.html}\n", 1,
	  "2: error_pages.600: \"600\" is out of range; write a number from 400 to 599\n" },
	{ ROUTE "limits: {uri: 64k}\n", 1,
	  "2: limits.uri: it is larger than limits.head, which it is a part of; raise "
	  "limits.head\n" },
	{ ROUTE "health: {timeout: 3s}\n", 0,
	  "2: health.timeout: warning: it is longer than health.interval; a slow probe delays the "
	  "next one\n" },

	/* every mistake, in the order of the lines, and the second section after the first */
	{ "routes: [{path: x}]\nworkers: 0\nlog_level: loud\nx: 1\ngate: {leeway: 2h}\n", 1,
	  "1: routes[0].path: \"x\" does not begin with '/'; write /path\n"
	  "1: routes[0]: the route leads nowhere; give upstream: NAME or target: host:port\n"
	  "2: workers: \"0\" is out of range; write a number from 1 to 255, or auto\n"
	  "3: log_level: \"loud\" is not known here; write error, warn, info or debug\n"
	  "4: x: unknown key; remove it, or look in `yett help settings`\n"
	  "5: gate.leeway: \"2h\" is out of range; write a duration from off to 1h\n" },
};

static void
mistakes_are_told(void **state)
{
	unsigned wrong = 0;

	(void)state;
	for (size_t i = 0; i < sizeof told / sizeof told[0]; i++) {
		struct buf BUF_CLEAN report = { 0 }, expected = { 0 };
		struct slice rest = slice_of(told[i].report);
		struct config *c;
		int r = load(told[i].yaml, &c, &report);

		while (rest.p && rest.n > 0) {
			struct slice line = slice_cut(rest, '\n', &rest);

			buf_addf(&expected, "t.yaml:%.*s\n", SLICE_F(line));
		}
		buf_addc(&expected, '\0');
		config_free(c);
		if (r != told[i].result || (told[i].report && strcmp(report.p, expected.p) != 0))
			wrong++,
			    print_message("%s--- said (%d):\n%s--- instead of (%d):\n%s",
					  told[i].yaml, r, report.p, told[i].result, expected.p);
		assert_null(strstr(report.p, "hunter2"));
	}
	assert_int_equal(wrong, 0);
}

static void
only_files_are_read(void **state)
{
	struct buf BUF_CLEAN report = { 0 };
	struct config *c = NULL;

	(void)state;
	assert_int_equal(config_load("nowhere.yaml", &c, &report), 2);
	assert_int_equal(config_load("credentials", &c, &report), 2);
	assert_int_equal(mkfifo("pipe", 0600), 0);
	assert_int_equal(config_load("pipe", &c, &report), 2);
	unlink("pipe");
	assert_null(c);
	buf_addc(&report, '\0');
	assert_string_equal(report.p,
			    "nowhere.yaml: cannot be read: there is no such file; check the path\n"
			    "credentials: cannot be read: it is a folder; name a file\n"
			    "pipe: cannot be read: it is no regular file; name a regular file\n");
}

/* Nine lines that would be a thousand million values. */
static void
bombs_are_refused(void **state)
{
	struct buf BUF_CLEAN yaml = { 0 }, report = { 0 };
	struct config *c;

	(void)state;
	buf_adds(&yaml, SLICE("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"));
	for (int i = 1; i < 9; i++) {
		buf_addf(&yaml, "a%d: &a%d [", i, i);
		for (int k = 0; k < 10; k++)
			buf_addf(&yaml, "%s*a%d", k ? ", " : "", i - 1);
		buf_adds(&yaml, SLICE("]\n"));
	}
	buf_addc(&yaml, '\0');
	assert_int_equal(load(yaml.p, &c, &report), 1);
	assert_non_null(strstr(report.p, "more than 1000000 values"));
}

static void
deep_nesting_is_refused(void **state)
{
	struct buf BUF_CLEAN yaml = { 0 }, report = { 0 };
	struct config *c;

	(void)state;
	for (int i = 0; i < 70; i++)
		buf_adds(&yaml, SLICE("["));
	for (int i = 0; i < 70; i++)
		buf_adds(&yaml, SLICE("]"));
	buf_addc(&yaml, '\0');
	assert_int_equal(load(yaml.p, &c, &report), 1);
	assert_non_null(strstr(report.p, "deeper than 64"));
}

static void
mistakes_are_bounded(void **state)
{
	struct buf BUF_CLEAN yaml = { 0 }, report = { 0 };
	struct config *c;

	(void)state;
	for (int i = 0; i < 1000; i++)
		buf_addf(&yaml, "k%d: 1\n", i);
	buf_addc(&yaml, '\0');
	assert_int_equal(load(yaml.p, &c, &report), 1);
	assert_non_null(strstr(report.p, "t.yaml: and 800 more\n"));
}

/* ---- what comes out ---- */

static void
defaults(void **state)
{
	struct config *c = load_good(ROUTE);

	(void)state;
	assert_int_equal(c->profile, PROFILE_NONE);
	assert_int_equal(c->listeners_count, 1);
	assert_int_equal(c->listeners[0].address.port, 8080);
	assert_null(c->listeners[0].address.host);
	assert_int_equal(c->listeners[0].place.line, 0);
	assert_string_equal(c->admin_socket.unix_path, "/run/yett/admin.sock");
	assert_null(c->admin_listen.text);
	assert_in_range(c->workers, 1, 255);
	assert_string_equal(c->state_dir, "/var/lib/yett");
	assert_string_equal(c->user, "");
	assert_false(c->redis.configured);
	assert_int_equal(c->redis.max_path_length, UINT32_MAX);
	assert_int_equal(c->gate.protect_count, 0);
	assert_int_equal(c->gate.sources, TOKEN_FROM_BEARER | TOKEN_FROM_BASIC | TOKEN_FROM_COOKIE);
	assert_int_equal(c->gate.algorithms, 1);
	assert_int_equal(c->gate.leeway_s, 60);
	assert_null(c->gate.secret.bytes);
	assert_int_equal(c->timeouts.connect, 5000);
	assert_int_equal(c->timeouts.first_byte, 60000);
	assert_int_equal(c->timeouts.idle, 60000);
	assert_int_equal(c->timeouts.tunnel_idle, 3600000);
	assert_int_equal(c->timeouts.total, 0);
	assert_int_equal(c->keepalive, 75000);
	assert_int_equal(c->keepalive_requests, 1000);
	assert_int_equal(c->upstream_idle, 4000);
	assert_int_equal(c->limit_body, 1 << 20);
	assert_int_equal(c->limit_head, 32768);
	assert_int_equal(c->limit_fields, 100);
	assert_int_equal(c->retries, 2);
	assert_int_equal(c->drain, 30000);
	assert_true(c->health.enabled);
	assert_string_equal(c->health.path, "/isAlive");
	assert_int_equal(c->health.interval, 2000);
	assert_int_equal(c->health.timeout, 1000);
	assert_int_equal(c->health.fall, 3);
	assert_int_equal(c->health.rise, 2);
	assert_int_equal(c->no_route_status, 404);
	assert_false(c->forwarded_append || c->all_down_fail || c->reveal_version);
	assert_int_equal(c->access_log, ACCESS_LOG_STDOUT);
	assert_int_equal(c->log_level, LOG_LEVEL_INFO);
	assert_int_equal(c->dns_servers.n, 0);
	config_free(c);
}

static void
routes_and_upstreams(void **state)
{
	struct config *c = load_good(
	    "upstreams:\n"
	    "  users:\n"
	    "    endpoints: [127.0.0.1:9001, \"http://Users.Internal/base/\", {address: "
	    "\"[::1]:81\", weight: 2}, unix:u.sock]\n"
	    "    health: {path: /health, interval: 5s}\n"
	    "    all_down: fail\n"
	    "health: {fall: 7}\n"
	    "routes:\n"
	    "  - {host: \"API.example.org:8080\", path: \"/%61//b/../c/\", upstream: users, "
	    "strip_prefix: true, add_prefix: /v2/,\n"
	    "     host_header: upstream, priority: -3, timeouts: {total: 90s}, body_limit: off}\n"
	    "  - {host: \"*.Example.org\", target: \"http://10.0.0.1\", exact: true, path: /x/, "
	    "host_header: Other.example}\n"
	    "  - {target: 10.0.0.1:80, path: /y}\n");
	const struct config_upstream *u = &c->upstreams[0], *made = &c->upstreams[1];
	const struct config_route *r = c->routes;

	(void)state;
	assert_int_equal(c->upstreams_count, 2);
	assert_string_equal(u->name, "users");
	assert_int_equal(u->endpoints_count, 4);
	assert_string_equal(u->endpoints[0].address.host, "127.0.0.1");
	assert_int_equal(u->endpoints[0].address.port, 9001);
	assert_string_equal(u->endpoints[0].base, "");
	assert_int_equal(u->endpoints[0].weight, 1);
	assert_string_equal(u->endpoints[1].address.host, "users.internal");
	assert_int_equal(u->endpoints[1].address.port, 80);
	assert_string_equal(u->endpoints[1].base, "/base");
	assert_string_equal(u->endpoints[2].address.host, "::1");
	assert_int_equal(u->endpoints[2].weight, 2);
	assert_int_equal(u->endpoints[2].place.line, 3);
	assert_non_null(strstr(u->endpoints[3].address.unix_path, "/u.sock"));
	assert_int_equal(u->endpoints[3].address.unix_path[0], '/');
	assert_string_equal(u->health.path, "/health");
	assert_int_equal(u->health.interval, 5000);
	assert_int_equal(u->health.fall, 7); /* of the whole, though it stands below */
	assert_true(u->all_down_fail);

	assert_string_equal(made->name, "10.0.0.1:80");
	assert_int_equal(made->endpoints_count, 1);
	assert_int_equal(made->endpoints[0].weight, 1);
	assert_int_equal(made->health.fall, 7);

	assert_string_equal(r[0].host, "api.example.org:8080");
	assert_string_equal(r[0].path, "/a/c");
	assert_true(r[0].strip && r[0].upstream_host && !r[0].exact);
	assert_string_equal(r[0].add_prefix, "/v2");
	assert_string_equal(r[0].set_host, "");
	assert_int_equal(r[0].priority, -3);
	assert_int_equal(r[0].timeouts.total, 90000);
	assert_int_equal(r[0].timeouts.connect, UINT32_MAX);
	assert_true(r[0].body == INT64_MAX);
	assert_int_equal(r[0].place.line, 8);
	assert_string_equal(r[1].host, "*.example.org");
	assert_string_equal(r[1].path, "/x/");
	assert_string_equal(r[1].set_host, "other.example");
	assert_string_equal(r[1].upstream, "10.0.0.1:80");
	assert_true(r[1].body == UINT64_MAX);
	assert_string_equal(r[2].upstream, "10.0.0.1:80");
	assert_string_equal(r[2].host, "");
	config_free(c);
}

static void
the_gate(void **state)
{
	struct config *c =
	    load_good(ROUTE "gate:\n"
			    "  protect: [/api/, {path: /w, methods: [put, DELETE], exact: true}]\n"
			    "  except: [/api/login, {path: /api/open, prefix: true}]\n"
			    "  algorithms: [HS256, HS512]\n"
			    "  secret: {file: secret}\n"
			    "  audience: [a, b]\n"
			    "  claims: {id: auth_id, sub: X-User}\n"
			    "  sources: cookie\n");
	const struct config_gate *g = &c->gate;

	(void)state;
	assert_int_equal(g->protect_count, 2);
	assert_string_equal(g->protect[0].path, "/api");
	assert_false(g->protect[0].exact);
	assert_int_equal(g->protect[0].methods, 0);
	assert_true(g->protect[1].exact);
	assert_int_equal(g->protect[1].methods, 1u << METHOD_PUT | 1u << METHOD_DELETE);
	assert_true(g->except[0].exact);
	assert_false(g->except[1].exact);
	assert_int_equal(g->algorithms, 5);
	assert_int_equal(g->secret.n, 33);
	assert_memory_equal(g->secret.bytes, "from-a-file-0123456789abcdefghijk", 33);
	assert_int_equal(g->audience_count, 2);
	assert_string_equal(g->audience[1], "b");
	assert_int_equal(g->claims_count, 2);
	assert_string_equal(g->claims[1].claim, "sub");
	assert_string_equal(g->claims[1].header, "X-User");
	assert_int_equal(g->sources, TOKEN_FROM_COOKIE);
	config_free(c);
}

static void
other_values(void **state)
{
	struct config *c = load_good(
	    ROUTE "listeners: [\"[::1]:0\", unix:run/http.sock, {address: \"LocalHost:81\"}]\n"
		  "admin: {socket: run/a.sock, listen: \"127.0.0.1:9180\"}\n"
		  "run_dir: run/\n"
		  "redis: {address: redis.internal, max_path_length: unlimited, database: 3, "
		  "dialect: riox}\n"
		  "limits: {body: off, keepalive_requests: off}\n"
		  "trusted_proxies: [10.0.0.0/8, \"::1\"]\n"
		  "dns: [\"127.0.0.1:5353\", \"[::1]\"]\n"
		  "error_pages: {502: page.html, 404: {file: page.html}}\n"
		  "access_log: ./access.log\n"
		  "log_level: debug\n");

	(void)state;
	assert_string_equal(c->listeners[0].address.host, "::1");
	assert_int_equal(c->listeners[0].address.port, 0);
	assert_non_null(strstr(c->listeners[1].address.unix_path, "/run/http.sock"));
	assert_string_equal(c->listeners[2].address.host, "localhost");
	assert_non_null(strstr(c->admin_socket.unix_path, "/run/a.sock"));
	assert_int_equal(c->admin_listen.port, 9180);
	assert_int_equal(c->run_dir[0], '/');
	assert_string_equal(strrchr(c->run_dir, '/'), "/run");
	assert_true(c->redis.configured);
	assert_int_equal(c->redis.address.port, 6379);
	assert_int_equal(c->redis.max_path_length, UINT32_MAX);
	assert_int_equal(c->redis.dialect, DIALECT_RIOX);
	assert_true(c->limit_body == INT64_MAX);
	assert_int_equal(c->keepalive_requests, 0);
	assert_string_equal(c->trusted_proxies[1], "::1/128");
	assert_true(slice_eq(c->dns_servers, SLICE("127.0.0.1:5353,[::1]:53")));
	assert_int_equal(c->pages_count, 2);
	assert_int_equal(c->pages[1].status, 404);
	assert_true(slice_eq(c->pages[1].html, SLICE("<h1>oh</h1>")));
	assert_int_equal(c->access_log, ACCESS_LOG_FILE);
	assert_string_equal(strrchr(c->access_log_file, '/'), "/access.log");
	assert_int_equal(c->log_level, LOG_LEVEL_DEBUG);
	assert_int_equal(c->file[0], '/');
	config_free(c);
}

static void
aliases_are_followed(void **state)
{
	struct config *c = load_good("upstreams:\n  a: &a {endpoints: [h]}\n  b: *a\nroutes: "
				     "[{upstream: a, path: /a}, {upstream: b, path: /b}]\n");

	(void)state;
	assert_string_equal(c->upstreams[1].endpoints[0].address.host, "h");
	config_free(c);
}

static void
profiles_change_defaults_only(void **state)
{
	struct config *c =
	    load_good(ROUTE "compatibility: riox\ngate: {secret: {env: YETT_TEST_SECRET}}\n");

	(void)state;
	assert_int_equal(c->redis.dialect, DIALECT_RIOX);
	assert_int_equal(c->redis.max_path_length, 3);
	assert_int_equal(c->timeouts.connect, 3000);
	assert_int_equal(c->timeouts.idle, 300000);
	assert_int_equal(c->limit_body, 10 << 20);
	assert_true(c->forwarded_append);
	assert_int_equal(c->no_route_status, 502);
	assert_int_equal(c->gate.protect_count, 1);
	assert_string_equal(c->gate.protect[0].path, "/api");
	assert_int_equal(c->gate.except_count, 2);
	assert_int_equal(c->gate.except[1].methods, 1u << METHOD_POST);
	assert_int_equal(c->gate.sources, TOKEN_FROM_BEARER | TOKEN_FROM_BARE);
	assert_true(c->scrub_internal_origin && !c->scrub_user_delete);
	config_free(c);

	c = load_good(ROUTE "compatibility: riox\nno_route: 404\ngate: {protect: [], except: [/x], "
			    "sources: [cookie]}\n");
	assert_int_equal(c->no_route_status, 404);
	assert_int_equal(c->gate.protect_count, 0);
	assert_int_equal(c->gate.except_count, 1);
	assert_int_equal(c->gate.except[0].methods, 0); /* none of the profile's second entry */
	assert_int_equal(c->gate.sources, TOKEN_FROM_COOKIE);
	config_free(c);

	c = load_good(ROUTE "compatibility: redx\n");
	assert_int_equal(c->redis.dialect, DIALECT_REDX);
	assert_int_equal(c->redis.max_path_length, 1);
	config_free(c);

	c = load_good(ROUTE "compatibility: a-shine\n");
	assert_int_equal(c->gate.sources, TOKEN_FROM_BEARER | TOKEN_FROM_COOKIE);
	assert_string_equal(c->gate.claims[0].header, "auth_id");
	assert_true(c->scrub_user_delete && !c->scrub_internal_origin);
	config_free(c);
}

/* ---- secrets ---- */

static void
secrets_come_from_four_places(void **state)
{
	static const struct {
		const char *text, *value, *origin;
	} cases[] = {
		{ "{file: secret}", "from-a-file-0123456789abcdefghijk", "file" },
		{ "{env: YETT_TEST_SECRET}", "from-the-environment-0123456789ab",
		  "env YETT_TEST_SECRET" },
		{ "{credential: jwt}", "from-a-credential-0123456789abcdef\n",
		  "credential jwt" }, /* one newline is removed */
		{ "\"from the configuration 0123456789ab\"", "from the configuration 0123456789ab",
		  "configuration" },
	};

	(void)state;
	setenv("CREDENTIALS_DIRECTORY", "credentials", 1);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct buf BUF_CLEAN yaml = { 0 }, out = { 0 };
		struct config *c;

		buf_addf(&yaml,
			 ROUTE
			 "gate: {protect: [/], secret: %s}\nredis: {address: h, password: %s}\n",
			 cases[i].text, cases[i].text);
		buf_addc(&yaml, '\0');
		c = load_good(yaml.p);
		assert_true(slice_eq(slice_make(c->gate.secret.bytes, c->gate.secret.n),
				     slice_of(cases[i].value)));
		assert_true(slice_eq(slice_make(c->redis.password.bytes, c->redis.password.n),
				     slice_of(cases[i].value)));
		assert_int_equal(
		    strncmp(c->gate.secret.origin, cases[i].origin, strlen(cases[i].origin)), 0);
		config_effective(c, false, &out);
		config_effective(c, true, &out);
		assert_null(memmem(out.p, out.n, cases[i].value, 8));
		assert_non_null(memmem(out.p, out.n, "<redacted-3", 11));
		config_free(c);
	}
	unsetenv("CREDENTIALS_DIRECTORY");
}

static void
readable_secrets_are_warned_of(void **state)
{
	struct buf BUF_CLEAN report = { 0 };
	struct config *c;

	(void)state;
	assert_int_equal(load(ROUTE "gate: {protect: [/], secret: {file: open}}\n", &c, &report),
			 0);
	assert_non_null(strstr(
	    report.p,
	    "/open has mode 0644, so others than its owner can read the secret; chmod 600 "));
	config_free(c);
	report.n = 0;
	write_file("t.yaml",
		   SLICE(ROUTE "gate: {protect: [/], secret: 0123456789abcdef0123456789abcdef}\n"),
		   0640);
	assert_int_equal(config_load("t.yaml", &c, &report), 0);
	buf_addc(&report, '\0');
	assert_string_equal(report.p, "t.yaml:2: gate.secret: warning: t.yaml has mode 0640, so "
				      "others than its owner can read the secret; "
				      "chmod 600 t.yaml\n");
	config_free(c);
	report.n = 0;
	setenv("CREDENTIALS_DIRECTORY", "credentials", 1);
	assert_int_equal(chmod("credentials/jwt", 0440), 0);
	assert_int_equal(
	    load(ROUTE "gate: {protect: [/], secret: {credential: jwt}}\n", &c, &report), 0);
	assert_string_equal(report.p, ""); /* systemd sees to that folder */
	config_free(c);
	unsetenv("CREDENTIALS_DIRECTORY");
}

/* ---- effective, restart, socket ---- */

static void
effective_tells_origins(void **state)
{
	static const char *const lines[] = {
		"compatibility: redx  # t.yaml:5\n",
		"timeouts.connect: 1s  # t.yaml:3\n",
		"timeouts.idle: 5m  # profile redx\n",
		"timeouts.drain: 30s  # default\n",
		"run_dir: /run/of-systemd  # env RUNTIME_DIRECTORY\n",
		"admin.socket: /run/of-systemd/admin.sock  # default\n",
		"upstreams.u.health.path: /isAlive  # as health.path\n",
		"upstreams.u.health.fall: 9  # t.yaml:4\n",
		"upstreams.u.endpoints[0].address: h  # t.yaml:4\n",
		"routes[0].timeouts.connect: 1s  # as timeouts.connect\n",
		"routes[0].upstream: h:1  # named after the target\n",
		"routes[1].body_limit: off  # t.yaml:2\n",
		"gate.claims: {}  # default\n",
		"trusted_proxies: []  # default\n",
		"redis.password: none  # default\n",
		"gate.realm: \"a b\"  # t.yaml:6\n",
	};
	struct buf BUF_CLEAN out = { 0 }, json = { 0 };
	struct config *c;

	(void)state;
	setenv("RUNTIME_DIRECTORY", "/run/of-systemd:/run/other", 1);
	c = load_good("routes: [{target: \"h:1\"}, {path: /u, upstream: u,\n"
		      " body_limit: off}]\n"
		      "timeouts: {connect: 1s}\n"
		      "upstreams: {u: {endpoints: [h], health: {fall: 9}}}\n"
		      "compatibility: redx\n"
		      "gate: {realm: a b}\n");
	unsetenv("RUNTIME_DIRECTORY");
	config_effective(c, false, &out);
	config_effective(c, true, &json);
	buf_addc(&out, '\0');
	buf_addc(&json, '\0');
	for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
		if (!strstr(out.p, lines[i]))
			fail_msg("no line %sin\n%s", lines[i], out.p);
	}
	assert_non_null(strstr(
	    json.p,
	    "{\"path\": \"timeouts.connect\", \"value\": \"1s\", \"origin\": \"t.yaml:3\"}"));
	assert_non_null(strstr(json.p, "\"settings\": ["));
	config_free(c);
}

static void
what_a_reload_cannot_change(void **state)
{
	struct config *a =
	    load_good(ROUTE "workers: 2\nlisteners: [\":80\", \":81\"]\nlog_level: info\n");
	struct config *same = load_good(
	    ROUTE "listeners: [{address: \":80\"}, \":81\"]\nworkers: 2\nlog_level: debug\n");
	struct config *other =
	    load_good(ROUTE "workers: 3\nlisteners: [\":80\"]\nrun_dir: /run/other\n");
	struct buf BUF_CLEAN report = { 0 };

	(void)state;
	assert_int_equal(config_restart_needed(a, same, &report), 0);
	assert_int_equal(report.n, 0);
	assert_int_equal(config_restart_needed(a, other, &report), 4);
	buf_addc(&report, '\0');
	assert_string_equal(
	    report.p,
	    "listeners: [\":80\"] in the file, but [\":80\", \":81\"] is in force; restart the "
	    "gateway to change it\n"
	    "admin.socket: /run/other/admin.sock in the file, but /run/yett/admin.sock is in "
	    "force; restart the gateway to change it\n"
	    "workers: 3 in the file, but 2 is in force; restart the gateway to change it\n"
	    "run_dir: /run/other in the file, but /run/yett is in force; restart the gateway to "
	    "change it\n");
	config_free(a);
	config_free(same);
	config_free(other);
}

static void
socket_is_found_without_secrets(void **state)
{
	static const struct {
		const char *yaml, *end;
	} cases[] = {
		{ "gate: {secret: {env: YETT_TEST_UNSET}}\n", "/run/yett/admin.sock" },
		{ "run_dir: here\nwrong: [\n]\n", "/here/admin.sock" },
		{ "admin: {socket: x.sock}\nrun_dir: here\n", "/x.sock" },
		{ "admin: {socket: unix:/a/b}\n", "/a/b" },
	};
	struct buf BUF_CLEAN report = { 0 }, none = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct buf BUF_CLEAN path = { 0 };

		write_file("t.yaml", slice_of(cases[i].yaml), 0600);
		assert_int_equal(config_admin_socket("t.yaml", &path, &report), 0);
		assert_true(path.n >= strlen(cases[i].end) && path.p[0] == '/');
		assert_memory_equal(path.p + path.n - strlen(cases[i].end), cases[i].end,
				    strlen(cases[i].end));
	}
	assert_int_equal(report.n, 0);
	assert_int_equal(config_admin_socket("nowhere", &none, &report), 2);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mistakes_are_told),
		cmocka_unit_test(only_files_are_read),
		cmocka_unit_test(bombs_are_refused),
		cmocka_unit_test(deep_nesting_is_refused),
		cmocka_unit_test(mistakes_are_bounded),
		cmocka_unit_test(defaults),
		cmocka_unit_test(routes_and_upstreams),
		cmocka_unit_test(the_gate),
		cmocka_unit_test(other_values),
		cmocka_unit_test(aliases_are_followed),
		cmocka_unit_test(profiles_change_defaults_only),
		cmocka_unit_test(secrets_come_from_four_places),
		cmocka_unit_test(readable_secrets_are_warned_of),
		cmocka_unit_test(effective_tells_origins),
		cmocka_unit_test(what_a_reload_cannot_change),
		cmocka_unit_test(socket_is_found_without_secrets),
	};

	return cmocka_run_group_tests(tests, enter, leave);
}
