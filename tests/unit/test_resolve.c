/* master/resolve: against a name server of our own in the test's loop, which answers, changes, lies
 * and is silent. */

#include "master/resolve.h"

#include "lib/log.h"
#include "lib/xalloc.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "dns_server.h"

/* ---- the test's loop ---- */

struct world {
	uv_loop_t loop;
	uv_timer_t pulse;
	struct dns_server dns, second;
	struct resolver *resolver;
	unsigned changed;
	unsigned once;
	size_t once_n;
	struct resolved once_first;
};

static void
on_changed(void *userdata)
{
	((struct world *)userdata)->changed++;
}

static void
use(struct world *w, const struct dns_server *d)
{
	char servers[64];

	snprintf(servers, sizeof servers, "127.0.0.1:%d", d->port);
	assert_int_equal(resolver_servers(w->resolver, slice_of(servers)), 0);
}

static int
setup(void **state)
{
	struct world *w = xcalloc(1, sizeof *w);

	uv_loop_init(&w->loop);
	uv_timer_init(&w->loop, &w->pulse);
	dns_open(&w->dns, &w->loop);
	dns_open(&w->second, &w->loop);
	assert_int_equal(resolver_new(&w->loop, on_changed, w, &w->resolver), 0);
	use(w, &w->dns);
	*state = w;
	return 0;
}

static int
teardown(void **state)
{
	struct world *w = *state;

	resolver_free(w->resolver);
	dns_close(&w->dns);
	dns_close(&w->second);
	uv_close((uv_handle_t *)&w->pulse, NULL);
	uv_run(&w->loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&w->loop), 0);
	free(w);
	return 0;
}

static void
on_pulse(uv_timer_t *pulse)
{
}

/* Runs the loop until the condition holds, at most so long. The pulse is there since a turn of the
 * loop runs the timers first and then waits, whatever those did. */
#define RUN_UNTIL(w, ms, condition)                                                                \
	do {                                                                                       \
		uint64_t end_ = uv_hrtime() + (uint64_t)(ms)*1000000;                              \
		uv_timer_start(&(w)->pulse, on_pulse, 5, 5);                                       \
		while (!(condition) && uv_hrtime() < end_)                                         \
			uv_run(&(w)->loop, UV_RUN_ONCE);                                           \
		uv_timer_stop(&(w)->pulse);                                                        \
	} while (0)
#define WAIT(w, condition)                                                                         \
	do {                                                                                       \
		RUN_UNTIL(w, 15000, condition);                                                    \
		assert_true(condition);                                                            \
	} while (0)
#define PASS(w, ms) RUN_UNTIL(w, ms, false)

/* Watches these names, space between them. */
static void
watch(struct world *w, const char *names)
{
	struct directory_endpoint endpoints[8] = { 0 };
	struct directory_upstream upstream = { .endpoints = endpoints }, *place = &upstream;
	struct directory d = { .upstreams = &place, .upstreams_count = 1 };
	char copy[512], *rest = copy, *word;

	snprintf(copy, sizeof copy, "%s", names);
	while ((word = strsep(&rest, " ")) && *word)
		endpoints[upstream.endpoints_count++].address =
		    (struct config_address){ .host = word, .port = 80 };
	endpoints[upstream.endpoints_count++].address.unix_path = "/nowhere";
	resolver_watch(w->resolver, &d);
}

/* What is known of a name: "?" before it has settled, then its addresses with spaces between. */
static const char *
known(struct world *w, const char *host)
{
	static char text[2048];
	const struct resolved *a;
	uint64_t generation;
	bool settled;
	size_t n = resolver_get(w->resolver, host, &a, &generation, &settled), at = 0;

	text[0] = '\0';
	if (!settled)
		return "?";
	for (size_t i = 0; i < n; i++) {
		char one[INET6_ADDRSTRLEN];

		inet_ntop(a[i].family, a[i].ip, one, sizeof one);
		at += (size_t)snprintf(text + at, sizeof text - at, "%s%s", i ? " " : "", one);
	}
	return text;
}

static uint64_t
generation(struct world *w, const char *host)
{
	const struct resolved *a;
	uint64_t g;
	bool settled;

	resolver_get(w->resolver, host, &a, &g, &settled);
	return g;
}

/* ---- the tests ---- */

static void
test_answers(void **state)
{
	struct world *w = *state;
	const struct dns_zone zones[] = {
		{ .name = "four.test", .a = "10.0.0.2 10.0.0.1 10.0.0.2", .ttl = 300 },
		{ .name = "six.test", .aaaa = "fd00::2 fd00::1", .ttl = 300 },
		{ .name = "both.test", .a = "10.0.0.9", .aaaa = "::5", .ttl = 300 },
		{ .name = "none.test", .mode = DNS_NXDOMAIN },
		{ .name = "empty.test", .ttl = 300 },
		{ .name = "fail.test", .mode = DNS_SERVFAIL },
		{ .name = "alias.test",
		  .a = "10.0.0.7",
		  .ttl = 300,
		  .cname = "real.test",
		  .cname_ttl = 300 },
		{ .name = "many.test",
		  .ttl = 300,
		  .a = "10.0.0.20 10.0.0.19 10.0.0.18 10.0.0.17 10.0.0.16 10.0.0.15 10.0.0.14 "
		       "10.0.0.13 10.0.0.12 "
		       "10.0.0.11 10.0.0.10 10.0.0.9 10.0.0.8 10.0.0.7 10.0.0.6 10.0.0.5 10.0.0.4 "
		       "10.0.0.3" },
	};

	memcpy(w->dns.zones, zones, sizeof zones);
	assert_true(resolver_settled(w->resolver));
	watch(w, "four.test six.test both.test none.test empty.test fail.test Alias.TEST");
	assert_false(resolver_settled(w->resolver));
	assert_string_equal(known(w, "four.test"), "?");
	assert_int_equal(w->dns.asked + w->changed, 0);
	WAIT(w, resolver_settled(w->resolver));
	assert_int_equal(w->changed, 7);
	assert_string_equal(known(w, "four.test"), "10.0.0.1 10.0.0.2");
	assert_string_equal(known(w, "FOUR.test"), "10.0.0.1 10.0.0.2");
	assert_string_equal(known(w, "six.test"), "fd00::1 fd00::2");
	assert_string_equal(known(w, "both.test"), "10.0.0.9 ::5");
	assert_string_equal(known(w, "none.test"), "");
	assert_string_equal(known(w, "empty.test"), "");
	assert_string_equal(known(w, "fail.test"), "");
	assert_string_equal(known(w, "alias.test"), "10.0.0.7");
	assert_string_equal(known(w, "other.test"), "?");
	watch(w, "many.test");
	WAIT(w, resolver_settled(w->resolver));
	assert_string_equal(
	    known(w, "many.test"),
	    "10.0.0.3 10.0.0.4 10.0.0.5 10.0.0.6 10.0.0.7 10.0.0.8 10.0.0.9 10.0.0.10 "
	    "10.0.0.11 10.0.0.12 10.0.0.13 10.0.0.14 10.0.0.15 10.0.0.16 10.0.0.17 "
	    "10.0.0.18");
	assert_string_equal(known(w, "four.test"), "?"); /* forgotten */
}

static void
test_literals(void **state)
{
	struct world *w = *state;

	w->dns.others = DNS_SILENT;
	watch(w, "10.1.2.3 ::1 [fd00::7]");
	assert_true(resolver_settled(w->resolver));
	assert_string_equal(known(w, "10.1.2.3"), "10.1.2.3");
	assert_string_equal(known(w, "::1"), "::1");
	assert_string_equal(known(w, "[fd00::7]"), "fd00::7");
	PASS(w, 300);
	assert_int_equal(w->dns.asked + w->changed, 0);
}

static void
test_localhost(void **state)
{
	struct world *w = *state;

	int before = dup(STDERR_FILENO), log = memfd_create("log", MFD_CLOEXEC);
	char lines[4096] = "";

	w->dns.others = DNS_SILENT;
	log_set_level(LOG_LEVEL_DEBUG); /* each answer is a line */
	dup2(log, STDERR_FILENO);
	watch(w, "localhost");
	RUN_UNTIL(w, 5000, resolver_settled(w->resolver));
	PASS(w, 1500); /* has no TTL: not asked again for a minute */
	dup2(before, STDERR_FILENO);
	log_set_level(LOG_LEVEL_INFO);
	assert_true(pread(log, lines, sizeof lines - 1, 0) > 0);
	close(before);
	close(log);
	assert_non_null(strstr(known(w, "localhost"), "127.0.0.1"));
	assert_non_null(strstr(lines, "name=localhost"));
	assert_null(strstr(strstr(lines, "name=localhost") + 1, "name=localhost"));
	assert_int_equal(w->changed, 1);
	assert_int_equal(w->dns.asked, 0);
}

static void
test_refresh(void **state)
{
	struct world *w = *state;
	struct dns_zone *z = w->dns.zones;
	uint64_t before, start;

	z[0] = (struct dns_zone){ .name = "a.test", .a = "10.0.0.1 10.0.0.2", .ttl = 1 };
	z[1] = (struct dns_zone){ .name = "zero.test", .a = "10.0.0.1", .ttl = 0 };
	z[2] = (struct dns_zone){ .name = "long.test", .a = "10.0.0.1", .ttl = 1000000 };
	z[3] = (struct dns_zone){ .name = "cname.test",
				  .a = "10.0.0.1",
				  .ttl = 1000,
				  .cname = "x.test",
				  .cname_ttl = 1 };
	watch(w, "a.test zero.test long.test cname.test");
	WAIT(w, resolver_settled(w->resolver));
	start = uv_now(&w->loop);
	before = generation(w, "a.test");
	z[0].a = "10.0.0.2 10.0.0.1"; /* the same set */
	WAIT(w, z[0].asked >= 2 && z[1].asked >= 2 && z[3].asked >= 2);
	PASS(w, 50);
	assert_in_range(uv_now(&w->loop) - start, 900, 10000);
	assert_int_equal(w->changed, 4);
	assert_int_equal(generation(w, "a.test"), before);
	z[0].a = "10.0.0.3";
	z[0].aaaa = "::9";
	WAIT(w, w->changed == 5);
	assert_string_equal(known(w, "a.test"), "10.0.0.3 ::9");
	assert_true(generation(w, "a.test") > before);
	assert_int_equal(z[2].asked, 1);
}

/* After each kind of failure the old addresses serve on, and the name comes back. */
static void
test_kept(void **state)
{
	static const enum dns_mode modes[] = { DNS_NXDOMAIN, DNS_SERVFAIL, DNS_BROKEN, DNS_SILENT,
					       DNS_NOISE };
	static const char *const names[] = { "a.test", "b.test", "c.test", "d.test", "e.test" };
	struct world *w = *state;
	struct dns_zone *z = w->dns.zones;
	uint64_t generations[5];

	for (size_t i = 0; i < 5; i++)
		z[i] = (struct dns_zone){ .name = names[i], .a = "10.0.0.1", .ttl = 1 };
	watch(w, "a.test b.test c.test d.test e.test");
	WAIT(w, resolver_settled(w->resolver));
	for (size_t i = 0; i < 5; i++) {
		generations[i] = generation(w, names[i]);
		z[i].mode = modes[i];
		z[i].asked = 0;
	}
	WAIT(w, z[0].asked && z[1].asked && z[2].asked && z[3].asked && z[4].asked);
	PASS(w, 500);
	for (size_t i = 0; i < 5; i++) {
		assert_string_equal(known(w, names[i]), "10.0.0.1");
		assert_int_equal(generation(w, names[i]), generations[i]);
		z[i].mode = DNS_ANSWER;
		z[i].a = "10.0.0.2";
	}
	assert_int_equal(w->changed, 5);
	WAIT(w, w->changed == 10);
	for (size_t i = 0; i < 5; i++)
		assert_string_equal(known(w, names[i]), "10.0.0.2");
}

/* Who does not answer may have moved: asked for before the TTL is over, ever less often. */
static void
test_doubt(void **state)
{
	struct world *w = *state;
	struct dns_zone *z = w->dns.zones;

	z[0] = (struct dns_zone){ .name = "a.test", .a = "10.0.0.1", .ttl = 1000 };
	watch(w, "a.test");
	WAIT(w, resolver_settled(w->resolver));
	resolver_doubt(w->resolver, NULL);
	resolver_doubt(w->resolver, "10.0.0.1");
	resolver_doubt(w->resolver, "other.test");
	resolver_doubt(w->resolver, "A.test"); /* within a second */
	PASS(w, 1100);
	assert_int_equal(w->dns.asked, 1);
	resolver_doubt(w->resolver, "A.test");
	WAIT(w, z[0].asked == 2);
	PASS(w, 1100);
	z[0].a = "10.0.0.2";
	resolver_doubt(w->resolver, "a.test"); /* within two */
	PASS(w, 1100);
	assert_int_equal(z[0].asked, 2);
	resolver_doubt(w->resolver, "a.test");
	WAIT(w, w->changed == 2);
	assert_string_equal(known(w, "a.test"), "10.0.0.2");
}

/* A name that fails is asked for again, less and less often; the first failure settles it. */
static void
test_backoff(void **state)
{
	struct world *w = *state;
	struct dns_zone *z = w->dns.zones;

	z[0] = (struct dns_zone){ .name = "a.test", .mode = DNS_NXDOMAIN };
	watch(w, "a.test");
	WAIT(w, resolver_settled(w->resolver));
	assert_int_equal(w->changed, 1);
	PASS(w, 2500); /* at 0, 1 and 3 s */
	assert_int_equal(z[0].asked, 2);
	assert_int_equal(w->changed, 1);
	z[0] = (struct dns_zone){ .name = "a.test", .a = "10.0.0.1", .ttl = 300 };
	WAIT(w, w->changed == 2);
	assert_string_equal(known(w, "a.test"), "10.0.0.1");
}

static void
test_silence_of_one_holds_up_nobody(void **state)
{
	struct world *w = *state;
	struct dns_zone *z = w->dns.zones;

	z[0] = (struct dns_zone){ .name = "silent.test", .mode = DNS_SILENT };
	z[1] = (struct dns_zone){ .name = "a.test", .a = "10.0.0.1", .ttl = 300 };
	watch(w, "silent.test a.test");
	WAIT(w, strcmp(known(w, "a.test"), "10.0.0.1") == 0);
	assert_int_equal(z[0].asked, 1);
	assert_false(resolver_settled(w->resolver));
	z[0] = (struct dns_zone){ .name = "silent.test", .a = "10.0.0.2", .ttl = 300 };
	WAIT(w, resolver_settled(w->resolver)); /* asked again after a second */
	assert_string_equal(known(w, "silent.test"), "10.0.0.2");
}

static void
test_forgotten(void **state)
{
	struct world *w = *state;
	struct dns_zone *z = w->dns.zones;

	z[0] = (struct dns_zone){ .name = "a.test", .a = "10.0.0.1", .ttl = 1 };
	z[1] = (struct dns_zone){ .name = "silent.test", .mode = DNS_SILENT };
	watch(w, "a.test silent.test");
	WAIT(w, z[1].asked && strcmp(known(w, "a.test"), "10.0.0.1") == 0);
	watch(w, "");
	assert_true(resolver_settled(w->resolver));
	w->changed = z[0].asked = 0;
	z[1].mode = DNS_ANSWER;
	z[1].a = "10.0.0.3";
	z[1].ttl = 300;
	PASS(w, 1500); /* the late answer comes to nobody */
	assert_int_equal(z[0].asked, 0);
	assert_int_equal(w->changed, 0);
	watch(w, "a.test");
	assert_string_equal(known(w, "a.test"), "?");
	WAIT(w, resolver_settled(w->resolver));
}

/* The number of a set is not used again, or a table compiled from an old one would pass for
 * current. */
static void
test_generation_never_comes_back(void **state)
{
	struct world *w = *state;
	uint64_t before = 0;

	w->dns.zones[0] = (struct dns_zone){ .name = "a.test", .a = "10.0.0.1", .ttl = 300 };
	for (int i = 0; i < 3; i++) {
		watch(w, "a.test");
		WAIT(w, resolver_settled(w->resolver));
		assert_true(generation(w, "a.test") > before);
		before = generation(w, "a.test");
		watch(w, "");
	}
}

#define NAMES 500

/* n0.test ... n499.test, and a.test as the last. */
static void
watch_many(struct world *w)
{
	static char names[NAMES + 1][16] = { [NAMES] = "a.test" };
	struct directory_endpoint endpoints[NAMES + 1] = { 0 };
	struct directory_upstream upstream = { .endpoints = endpoints,
					       .endpoints_count = NAMES + 1 },
				  *place = &upstream;
	struct directory d = { .upstreams = &place, .upstreams_count = 1 };

	for (int i = 0; i <= NAMES; i++) {
		if (i < NAMES)
			snprintf(names[i], sizeof names[i], "n%d.test", i);
		endpoints[i].address = (struct config_address){ .host = names[i], .port = 80 };
	}
	resolver_watch(w->resolver, &d);
}

/* Who is answered waits for no more than that it shows that the others are not. */
static void
test_silence_of_many_holds_up_nobody(void **state)
{
	struct world *w = *state;

	w->dns.zones[0] = (struct dns_zone){ .name = "a.test", .a = "10.0.0.1", .ttl = 300 };
	w->dns.others = DNS_SILENT;
	watch_many(w);
	WAIT(w, w->dns.asked > 0);
	assert_int_equal(w->dns.asked, 64); /* the others wait for their turn */
	RUN_UNTIL(w, 5000, w->changed == 1);
	assert_string_equal(known(w, "a.test"), "10.0.0.1");
	w->dns.others = DNS_NXDOMAIN;
	WAIT(w, resolver_settled(w->resolver));
	assert_int_equal(w->changed, NAMES + 1);
	w->second.zones[0] = (struct dns_zone){ .name = "a.test", .a = "10.0.0.2", .ttl = 300 };
	w->second.others = DNS_SILENT;
	use(w, &w->second); /* all are asked for again: who was late comes last */
	WAIT(w, w->changed == NAMES + 2);
	assert_string_equal(known(w, "a.test"), "10.0.0.2");
	assert_in_range(w->second.asked, 1, 64);
}

static void
test_servers(void **state)
{
	static const char *const bad[] = { "nonsense", "ns.test:53", "127.0.0.1:x",
					   "127.0.0.1:53,,"
					   "x" };
	struct world *w = *state;

	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		assert_int_equal(resolver_servers(w->resolver, slice_of(bad[i])), -EINVAL);
	w->dns.others = DNS_SILENT;
	w->second.zones[0] = (struct dns_zone){ .name = "a.test", .a = "10.0.0.5", .ttl = 300 };
	watch(w, "a.test");
	WAIT(w, w->dns.asked == 1);
	assert_string_equal(known(w, "a.test"), "?");
	use(w, &w->second); /* with the question open */
	WAIT(w, resolver_settled(w->resolver));
	assert_string_equal(known(w, "a.test"), "10.0.0.5");
	use(w, &w->second);
	PASS(w, 50);
	assert_int_equal(w->second.zones[0].asked, 1); /* nothing has changed */
	w->dns.zones[0] = (struct dns_zone){ .name = "a.test", .a = "10.0.0.6", .ttl = 300 };
	use(w, &w->dns);
	WAIT(w, w->changed == 2); /* asked at once, the TTL does not count */
	assert_string_equal(known(w, "a.test"), "10.0.0.6");
}

static void
on_once(void *userdata, const struct resolved *a, size_t n)
{
	struct world *w = userdata;

	w->once++;
	w->once_n = n;
	if (n)
		w->once_first = a[0];
}

static void
test_once(void **state)
{
	static const struct {
		const char *host;
		size_t n;
		const char *first;
	} cases[] = {
		{ "a.test", 2, "10.0.0.1" },
		{ "none.test", 0, "" },
		{ "10.9.8.7", 1, "10.9.8.7" },
		{ "[fd00::1]", 1, "fd00::1" },
		{ "fd00::2", 1, "fd00::2" },
		{ "", 0, "" },
		{ "a..b", 0, "" },
	};
	struct world *w = *state;

	w->dns.zones[0] = (struct dns_zone){ .name = "a.test", .a = "10.0.0.1 10.0.0.2", .ttl = 1 };
	for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		char text[INET6_ADDRSTRLEN] = "";

		resolver_once(w->resolver, cases[i].host, on_once, w);
		assert_int_equal(w->once, i); /* not from within the call */
		WAIT(w, w->once == i + 1);
		assert_int_equal(w->once_n, cases[i].n);
		assert_in_range(w->dns.asked, 1, i < 5 ? 2 : 3); /* no literal among them */
		if (w->once_n)
			inet_ntop(w->once_first.family, w->once_first.ip, text, sizeof text);
		assert_string_equal(text, cases[i].first);
	}
	assert_int_equal(w->changed, 0);
	w->dns.others = DNS_SILENT;
	w->once_n = 7;
	for (int i = 0; i < 100; i++) /* under way and waiting, when the resolver ends */
		resolver_once(w->resolver, "silent.test", on_once, w);
	PASS(w, 50);
	w->once = 0;
	resolver_free(w->resolver);
	assert_int_equal(w->once, 100);
	assert_int_equal(w->once_n, 0);
	assert_int_equal(resolver_new(&w->loop, on_changed, w, &w->resolver), 0);
}

/* No server at all: the kernel says so, which is a failure like any other. */
static void
test_no_server(void **state)
{
	struct world *w = *state;
	struct dns_server gone = { 0 };

	dns_open(&gone, &w->loop);
	dns_close(&gone);
	use(w, &gone);
	watch(w, "a.test");
	WAIT(w, resolver_settled(w->resolver));
	assert_string_equal(known(w, "a.test"), "");
}

static void
write_file(const char *path, const char *fmt, ...)
{
	char text[256];
	va_list args;
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	va_start(args, fmt);
	vsnprintf(text, sizeof text, fmt, args);
	va_end(args);
	if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text))
		_exit(3);
	close(fd);
}

/* In a mount namespace of its own, where the system's files are ours. Exit status 77: the kernel
 * does not let us. */
static int
system_files_child(struct world *w, const char *hosts, const char *resolv)
{
	if (unshare(CLONE_NEWNS) < 0 && unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0)
		return 77;
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount(hosts, "/etc/hosts", NULL, MS_BIND, NULL) < 0 ||
	    mount(resolv, "/etc/resolv.conf", NULL, MS_BIND, NULL) < 0)
		return 77;
	if (resolver_new(&w->loop, on_changed, w, &w->resolver) < 0)
		return 4;
	watch(w, "host.test");
	RUN_UNTIL(w, 5000, resolver_settled(w->resolver));
	if (strcmp(known(w, "host.test"), "10.0.0.1") != 0)
		return 5;
	write_file(hosts, "10.0.0.2 host.test\n");
	RUN_UNTIL(w, 5000, w->changed == 2);
	if (strcmp(known(w, "host.test"), "10.0.0.2") != 0)
		return 6;
	w->dns.zones[0] =
	    (struct dns_zone){ .name = "short.other.test", .a = "10.0.0.9", .ttl = 300 };
	use(w, &w->dns);
	watch(w, "host.test short");
	RUN_UNTIL(w, 5000, resolver_settled(w->resolver));
	if (strcmp(known(w, "short"), "") != 0)
		return 7;
	write_file(resolv, "nameserver 192.0.2.1\nsearch other.test\n");
	RUN_UNTIL(w, 5000, strcmp(known(w, "short"), "10.0.0.9") == 0);
	return strcmp(known(w, "short"), "10.0.0.9") == 0 ? 0 : 8;
}

static void
test_system_files(void **state)
{
	struct world *w = *state;
	char hosts[] = "/tmp/yett-test-hosts-XXXXXX", resolv[] = "/tmp/yett-test-resolv-XXXXXX";
	int status;
	pid_t child;

	close(mkstemp(hosts));
	close(mkstemp(resolv));
	write_file(hosts, "10.0.0.1 host.test\n");
	write_file(resolv, "nameserver 192.0.2.1\n");
	child = fork();
	if (child == 0) {
		uv_loop_fork(&w->loop);
		_exit(system_files_child(w, hosts, resolv));
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	unlink(hosts);
	unlink(resolv);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == 77)
		skip();
	assert_int_equal(WEXITSTATUS(status), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_answers, setup, teardown),
		cmocka_unit_test_setup_teardown(test_literals, setup, teardown),
		cmocka_unit_test_setup_teardown(test_localhost, setup, teardown),
		cmocka_unit_test_setup_teardown(test_refresh, setup, teardown),
		cmocka_unit_test_setup_teardown(test_kept, setup, teardown),
		cmocka_unit_test_setup_teardown(test_doubt, setup, teardown),
		cmocka_unit_test_setup_teardown(test_backoff, setup, teardown),
		cmocka_unit_test_setup_teardown(test_silence_of_one_holds_up_nobody, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_forgotten, setup, teardown),
		cmocka_unit_test_setup_teardown(test_generation_never_comes_back, setup, teardown),
		cmocka_unit_test_setup_teardown(test_silence_of_many_holds_up_nobody, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_servers, setup, teardown),
		cmocka_unit_test_setup_teardown(test_once, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_server, setup, teardown),
		cmocka_unit_test_setup_teardown(test_system_files, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
