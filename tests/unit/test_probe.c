/* master/probe: real servers in the test's own loop, intervals of a tenth of a second. */

#include "master/probe.h"
#include "master/seen.h"

#include "lib/log.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

#include "dns_server.h"
#include "loop_server.h"

#define OK "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
#define NOT_FOUND "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"
#define BROKEN "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n"

#define ENDPOINTS 400

struct world {
	uv_loop_t loop;
	uv_timer_t pulse;
	struct server server, second;
	struct resolver *resolver;
	struct board_master *board;
	struct prober *prober;
	struct directory directory;
	struct config config; /* of a gateway that listens nowhere */
	struct directory_upstream upstreams[2], *places[2];
	struct directory_endpoint endpoints[ENDPOINTS];
	struct directory_endpoint second_endpoints[ENDPOINTS]; /* the same once more */
	char authorities[ENDPOINTS][64];
	int log, stderr_before; /* what is logged goes to a file of the test */
};

static void
on_changed(void *userdata)
{
}

static void
on_pulse(uv_timer_t *pulse)
{
}

/* The pulse is there since a turn of the loop runs the timers first and then waits, whatever those
 * did. */
#define RUN_UNTIL(w, ms, condition)                                                                \
	do {                                                                                       \
		uint64_t end_ = uv_hrtime() + (uint64_t)(ms)*1000000;                              \
		uv_timer_start(&(w)->pulse, on_pulse, 1, 1);                                       \
		while (!(condition) && uv_hrtime() < end_)                                         \
			uv_run(&(w)->loop, UV_RUN_ONCE);                                           \
		uv_timer_stop(&(w)->pulse);                                                        \
	} while (0)
#define WAIT(w, condition)                                                                         \
	do {                                                                                       \
		RUN_UNTIL(w, 10000, condition);                                                    \
		assert_true(condition);                                                            \
	} while (0)
#define PASS(w, ms) RUN_UNTIL(w, ms, false)

static struct prober *
prober_make(struct world *w)
{
	return prober_new(&w->loop, w->board, w->resolver);
}

static int
setup(void **state)
{
	struct world *w = xcalloc(1, sizeof *w);
	struct rlimit files;

	getrlimit(RLIMIT_NOFILE, &files);
	files.rlim_cur = files.rlim_max < 4096 ? files.rlim_max : 4096; /* both sides are here */
	setrlimit(RLIMIT_NOFILE, &files);

	uv_loop_init(&w->loop);
	uv_timer_init(&w->loop, &w->pulse);
	server_open(&w->server, &w->loop, "0.0.0.0", 0);
	server_open(&w->second, &w->loop, "0.0.0.0", 0);
	assert_int_equal(resolver_new(&w->loop, on_changed, NULL, &w->resolver), 0);
	w->board = xcalloc(1, sizeof *w->board);
	w->prober = prober_make(w);
	w->directory.upstreams = w->places;
	w->directory.upstreams_count = 1;
	w->config.probe_rate = 100000;
	for (int i = 0; i < 2; i++) {
		w->places[i] = &w->upstreams[i];
		w->upstreams[i].name = i ? "two" : "one";
		w->upstreams[i].index = (uint32_t)i + 1;
		w->upstreams[i].endpoints = i ? w->second_endpoints : w->endpoints;
		w->upstreams[i].health = (struct config_health){ .enabled = true,
								 .path = "/isAlive",
								 .interval = 100,
								 .timeout = 400,
								 .fall = 3,
								 .rise = 2 };
	}
	w->log = memfd_create("log", MFD_CLOEXEC);
	w->stderr_before = dup(STDERR_FILENO);
	dup2(w->log, STDERR_FILENO);
	*state = w;
	return 0;
}

/* As of a process that may have few descriptors; the servers may have more. */
static void
few_descriptors(struct world *w)
{
	struct rlimit files, few;

	getrlimit(RLIMIT_NOFILE, &files);
	few = files;
	few.rlim_cur = 252;
	setrlimit(RLIMIT_NOFILE, &few);
	prober_free(w->prober);
	w->prober = prober_make(w);
	setrlimit(RLIMIT_NOFILE, &files);
}

static int
teardown(void **state)
{
	struct world *w = *state;

	dup2(w->stderr_before, STDERR_FILENO);
	close(w->stderr_before);
	close(w->log);
	prober_free(w->prober);
	resolver_free(w->resolver);
	directory_unlink(&w->directory);
	server_close(&w->server);
	server_close(&w->second);
	uv_close((uv_handle_t *)&w->pulse, NULL);
	uv_run(&w->loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&w->loop), 0);
	free(w->board);
	free(w);
	return 0;
}

/* One more endpoint of the first upstream; slot 1 is the first. */
static struct directory_endpoint *
add(struct world *w, const char *host, int port)
{
	size_t i = w->upstreams[0].endpoints_count++;
	struct directory_endpoint *e = &w->endpoints[i];

	snprintf(w->authorities[i], sizeof w->authorities[i], "%s:%d", host, port);
	*e = (struct directory_endpoint){
		.authority = w->authorities[i],
		.host = w->authorities[i],
		.address = { .host = host, .port = (uint16_t)port },
		.base = "",
		.slot = (uint32_t)i + 1,
	};
	return e;
}

static void
watch(struct world *w)
{
	memcpy(w->second_endpoints, w->endpoints, sizeof w->endpoints);
	directory_link(&w->directory);
	resolver_watch(w->resolver, &w->directory);
	prober_watch(w->prober, &w->directory, &w->config, NULL);
}

static const struct board_health *
health(struct world *w, unsigned slot)
{
	return &w->board->health[slot];
}

static enum health_state
state_of(struct world *w, unsigned slot)
{
	return board_get(&w->board->health[slot].state);
}

/* How many lines of the log have this in them. */
static unsigned
logged(struct world *w, const char *text)
{
	char *all = xcalloc(1, 1 << 20);
	ssize_t n = pread(w->log, all, (1 << 20) - 1, 0);
	unsigned count = 0;

	assert_true(n >= 0);
	for (char *p = all; (p = strstr(p, text)); p++)
		count++;
	free(all);
	return count;
}

/* The server's next `n` requests. */
static void
wait_requests(struct world *w, struct server *s, unsigned n)
{
	unsigned before = s->requests;

	WAIT(w, s->requests >= before + n);
}

/* ---- first probes ---- */

static void
test_first_probe_decides(void **state)
{
	static const struct {
		const char *answer;
		bool reset;
		enum health_state state;
		uint32_t seen, status;
		const char *logged;
	} cases[] = {
		{ OK, false, HEALTH_ALIVE, 1, 200, NULL },
		{ "HTTP/1.1 204 x\r\n\r\n", false, HEALTH_ALIVE, 1, 204, NULL },
		{ NOT_FOUND, false, HEALTH_ALIVE, 0, 404, NULL },
		{ BROKEN, false, HEALTH_ALIVE, 0, 503, NULL },
		{ "HTTP/1.1 301 x\r\nContent-Length: 0\r\n\r\n", false, HEALTH_ALIVE, 0, 301,
		  NULL },
		{ "SSH-2.0\r\n\r\n", false, HEALTH_DEAD, 0, 0,
		  "state=dead reason=\"the answer is not HTTP\"" },
		{ "", false, HEALTH_DEAD, 0, 0, "state=dead reason=\"Connection reset by peer\"" },
		{ OK, true, HEALTH_DEAD, 0, 0, "state=dead reason=\"Connection reset by peer\"" },
		{ NULL, false, HEALTH_DEAD, 0, 0, "state=dead reason=\"Connection timed out\"" },
	};
	struct world *w = *state;

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct directory_endpoint *e;
		uint64_t before = uv_hrtime() / 1000000;

		assert_int_equal(ftruncate(w->log, lseek(w->log, 0, SEEK_SET)), 0);
		w->server.answer = cases[i].answer;
		w->server.reset = cases[i].reset;
		w->upstreams[0].endpoints_count = 0;
		e = add(w, "127.0.0.1", w->server.port);
		e->slot = (uint32_t)i + 1; /* a new one each time */
		e->authority = e->host = w->authorities[i];
		snprintf(w->authorities[i], sizeof w->authorities[i], "127.0.0.1:%d",
			 w->server.port);
		watch(w);
		assert_int_equal(state_of(w, e->slot), HEALTH_UNKNOWN);
		WAIT(w, state_of(w, e->slot) != HEALTH_UNKNOWN);
		assert_int_equal(state_of(w, e->slot), cases[i].state);
		assert_int_equal(health(w, e->slot)->seen_2xx, cases[i].seen);
		assert_int_equal(health(w, e->slot)->last_status, cases[i].status);
		assert_int_equal(health(w, e->slot)->died > 0, cases[i].state == HEALTH_DEAD);
		assert_in_range(health(w, e->slot)->checked_ms, before, uv_hrtime() / 1000000);
		if (cases[i].logged)
			assert_int_equal(logged(w, cases[i].logged), 1);
		else
			assert_int_equal(logged(w, "state="), 0);
		server_close(&w->server);
		uv_run(&w->loop, UV_RUN_NOWAIT);
		server_open(&w->server, &w->loop, "0.0.0.0", 0);
	}
}

static void
test_refused(void **state)
{
	struct world *w = *state;

	server_close(&w->server);
	uv_run(&w->loop, UV_RUN_NOWAIT);
	add(w, "127.0.0.1", w->server.port);
	watch(w);
	WAIT(w, state_of(w, 1) == HEALTH_DEAD);
	assert_int_equal(logged(w, "state=dead reason=\"Connection refused\""), 1);
	PASS(w, 500);
	assert_int_equal(logged(w, "state=dead"), 1); /* once, not at each probe */
}

static void
test_slow(void **state)
{
	struct world *w = *state;

	w->server.answer = OK;
	w->server.delay_ms = 40;
	add(w, "127.0.0.1", w->server.port);
	watch(w);
	WAIT(w, state_of(w, 1) == HEALTH_ALIVE);
	w->server.delay_ms = 1000;
	WAIT(w, state_of(w, 1) == HEALTH_DEAD);
	assert_int_equal(health(w, 1)->last_status, 0);
	w->server.delay_ms = 0;
	WAIT(w, state_of(w, 1) == HEALTH_ALIVE);
}

static void
test_new_ones_at_once(void **state)
{
	struct world *w = *state;
	uint64_t before;

	w->server.answer = OK;
	w->upstreams[0].health.interval = 100000;
	for (int i = 0; i < 20; i++)
		add(w, "127.0.0.1", w->server.port);
	before = uv_hrtime();
	watch(w);
	WAIT(w, w->server.requests == 20);
	assert_true(uv_hrtime() - before < 500000000); /* 50 ms */
}

/* ---- fall and rise ---- */

static void
test_page_that_never_was(void **state)
{
	struct world *w = *state;

	w->server.answer = NOT_FOUND;
	add(w, "127.0.0.1", w->server.port);
	watch(w);
	wait_requests(w, &w->server, 6);
	assert_int_equal(state_of(w, 1), HEALTH_ALIVE);
	w->server.answer = OK;
	WAIT(w, health(w, 1)->seen_2xx == 1);
	w->server.answer = NOT_FOUND;
	WAIT(w, state_of(w, 1) == HEALTH_DEAD);
	assert_int_equal(logged(w, "state=dead reason=\"status 404\""), 1);
	w->server.answer = OK;
	WAIT(w, state_of(w, 1) == HEALTH_ALIVE);
	assert_int_equal(logged(w, "state=alive reason=\"status 200\""), 1);
	assert_int_equal(health(w, 1)->last_status, 200);
}

static void
test_fall_and_rise(void **state)
{
	static const struct {
		const char *answer;
		enum health_state expect;
	} steps[] = {
		{ OK, HEALTH_ALIVE },    { BROKEN, HEALTH_ALIVE }, { BROKEN, HEALTH_ALIVE },
		{ BROKEN, HEALTH_DEAD }, { OK, HEALTH_DEAD },      { "", HEALTH_DEAD },
		{ OK, HEALTH_DEAD },     { OK, HEALTH_ALIVE },
	};
	struct world *w = *state;
	uint64_t checked = 0;

	w->server.answer = OK;
	add(w, "127.0.0.1", w->server.port);
	watch(w);
	for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
		w->server.answer = steps[i].answer;
		WAIT(w, health(w, 1)->checked_ms != checked);
		checked = health(w, 1)->checked_ms;
		if (state_of(w, 1) != steps[i].expect)
			fail_msg("probe %zu: state %d", i, (int)state_of(w, 1));
	}
}

static void
test_order_of_deaths(void **state)
{
	struct world *w = *state;
	uint64_t first;

	w->server.answer = w->second.answer = OK;
	add(w, "127.0.0.1", w->server.port);
	add(w, "127.0.0.1", w->second.port);
	watch(w);
	WAIT(w, state_of(w, 1) == HEALTH_ALIVE && state_of(w, 2) == HEALTH_ALIVE);
	assert_int_equal(health(w, 1)->died + health(w, 2)->died, 0);
	w->second.answer = BROKEN;
	WAIT(w, state_of(w, 2) == HEALTH_DEAD);
	w->server.answer = BROKEN;
	WAIT(w, state_of(w, 1) == HEALTH_DEAD);
	assert_true(health(w, 1)->died > health(w, 2)->died);
	first = health(w, 1)->died;
	w->second.answer = OK;
	WAIT(w, state_of(w, 2) == HEALTH_ALIVE);
	w->second.answer = BROKEN;
	WAIT(w, state_of(w, 2) == HEALTH_DEAD);
	assert_true(health(w, 2)->died > first);
}

/* ---- what is asked, and where ---- */

static void
test_request(void **state)
{
	struct world *w = *state;
	struct directory_endpoint *e;
	char expect[128];

	w->server.answer = OK;
	e = add(w, "127.0.0.1", w->server.port);
	e->base = "/base";
	watch(w);
	WAIT(w, w->server.requests);
	snprintf(expect, sizeof expect, "GET /base/isAlive HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n",
		 w->server.port);
	assert_true(strncmp(w->server.request, expect, strlen(expect)) == 0);
	e->authority = e->host = "users.internal:80"; /* the port of the scheme is not named */
	e->base = "";
	e->slot = 2;
	watch(w);
	WAIT(w, w->server.requests == 2);
	assert_true(strncmp(w->server.request, "GET /isAlive HTTP/1.1\r\nHost: users.internal\r\n",
			    45) == 0);
}

static void
test_unix(void **state)
{
	struct world *w = *state;
	struct server other = { .answer = OK };
	struct directory_endpoint *e = add(w, "", 0);
	char folder[] = "/tmp/yett-test-XXXXXX", path[64], authority[80];

	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof path, "%s/s", folder);
	snprintf(authority, sizeof authority, "unix:%s", path);
	server_open_unix(&other, &w->loop, path);
	e->authority = e->host = authority;
	e->address = (struct config_address){ .unix_path = path };
	watch(w);
	WAIT(w, state_of(w, 1) == HEALTH_ALIVE);
	assert_non_null(strstr(other.request, "\r\nHost: localhost\r\n"));
	server_close(&other);
	unlink(path);
	WAIT(w, state_of(w, 1) == HEALTH_DEAD);
	assert_int_equal(logged(w, "reason=\"No such file or directory\""), 1);
	rmdir(folder);
}

static void
test_names(void **state)
{
	struct world *w = *state;

	assert_int_equal(resolver_servers(w->resolver, SLICE("127.0.0.1:1")), 0); /* nobody there */
	w->server.answer = OK;
	add(w, "localhost", w->server.port);
	add(w, "no-such-name.test", w->server.port);
	watch(w);
	WAIT(w, state_of(w, 1) == HEALTH_ALIVE && state_of(w, 2) == HEALTH_DEAD);
	assert_int_equal(logged(w, "address=no-such-name.test"), 1);
	assert_int_equal(logged(w, "reason=\"the name does not resolve\""), 1);
	wait_requests(w, &w->server, 4);
	assert_int_equal(state_of(w, 1), HEALTH_ALIVE);
}

/* A name with three addresses: one refuses, one is silent, one answers. The last one is found, and
 * is then the preferred one. */
static void
test_addresses(void **state)
{
	struct world *w = *state;
	struct server silent = { 0 }, good = { .answer = OK };
	struct dns_server dns = { 0 };
	char servers[32];
	unsigned before;

	dns_open(&dns, &w->loop);
	dns.zones[0] = (struct dns_zone){ .name = "three.test",
					  .a = "127.0.0.2 127.0.0.3 127.0.0.4",
					  .ttl = 300 };
	snprintf(servers, sizeof servers, "127.0.0.1:%d", dns.port);
	assert_int_equal(resolver_servers(w->resolver, slice_of(servers)), 0);
	server_open(&silent, &w->loop, "127.0.0.3", 0);
	server_open(&good, &w->loop, "127.0.0.4", silent.port);
	add(w, "three.test", silent.port);
	watch(w);
	WAIT(w, state_of(w, 1) == HEALTH_ALIVE);
	wait_requests(w, &good, 4);
	assert_int_equal(silent.requests, 1);
	assert_int_equal(logged(w, "state=dead reason=\"Connection timed out\""),
			 1); /* the first probe had no time for it */
	good.answer = "";
	silent.answer = OK; /* now the others stand in within the same probe */
	before = good.requests;
	wait_requests(w, &silent, 3);
	assert_int_equal(good.requests, before + 1);
	assert_int_equal(state_of(w, 1), HEALTH_ALIVE);
	assert_int_equal(logged(w, "state=dead"), 1);
	server_close(&silent);
	server_close(&good);
	dns_close(&dns);
	WAIT(w, state_of(w, 1) == HEALTH_DEAD);
	assert_int_equal(logged(w, "state=dead reason=\"Connection refused\""), 1);
}

/* ---- reloads ---- */

static void
test_undisturbed(void **state)
{
	struct world *w = *state;

	w->server.answer = OK;
	w->server.delay_ms = 60;
	w->upstreams[0].health.interval = 1000;
	w->upstreams[0].health.timeout = 900;
	add(w, "127.0.0.1", w->server.port);
	watch(w);
	WAIT(w, w->server.requests == 1);
	for (int i = 0; i < 20; i++)
		watch(w);
	WAIT(w, state_of(w, 1) == HEALTH_ALIVE);
	assert_int_equal(w->server.accepted, 1);
	w->server.delay_ms = 0;
	for (int i = 0; i < 20; i++) {
		watch(w);
		PASS(w, 3);
	}
	assert_in_range(w->server.accepted, 1, 2);
}

static void
test_interval_shortened(void **state)
{
	struct world *w = *state;

	w->server.answer = OK;
	w->upstreams[0].health.interval = 1000000;
	add(w, "127.0.0.1", w->server.port);
	watch(w);
	WAIT(w, state_of(w, 1) == HEALTH_ALIVE);
	w->upstreams[0].health.interval = 100;
	watch(w);
	wait_requests(w, &w->server, 3);
}

static void
test_leaves_and_comes_back(void **state)
{
	struct world *w = *state;
	unsigned before;

	w->server.answer = OK;
	w->second.answer = NULL;
	add(w, "127.0.0.1", w->server.port);
	add(w, "127.0.0.1", w->second.port);
	watch(w);
	WAIT(w,
	     state_of(w, 1) == HEALTH_ALIVE && w->second.requests == 1); /* that one is under way */
	w->server.answer = BROKEN;
	WAIT(w, state_of(w, 1) == HEALTH_DEAD);
	w->upstreams[0].endpoints_count = 0;
	watch(w);
	before = w->server.requests + w->second.requests;
	PASS(w, 400);
	assert_int_equal(w->server.requests + w->second.requests, before);
	assert_int_equal(state_of(w, 1), HEALTH_DEAD);
	w->server.answer = OK;
	w->upstreams[0].endpoints_count = 2;
	watch(w);
	assert_int_equal(state_of(w, 1), HEALTH_DEAD);
	WAIT(w, state_of(w, 1) == HEALTH_ALIVE);
	/* another endpoint in its slot begins anew */
	w->endpoints[0].authority = w->endpoints[0].host = "127.0.0.7:1";
	w->endpoints[0].address.port = 1;
	watch(w);
	assert_int_equal(state_of(w, 1), HEALTH_UNKNOWN);
	assert_int_equal(health(w, 1)->seen_2xx, 0);
	assert_int_equal(health(w, 1)->last_status, 0);
	WAIT(w, state_of(w, 1) == HEALTH_DEAD);
}

static void
test_switched_off(void **state)
{
	struct world *w = *state;
	unsigned before;

	w->upstreams[0].health.enabled = false;
	w->server.answer = BROKEN;
	add(w, "127.0.0.1", w->server.port);
	watch(w);
	PASS(w, 200);
	assert_int_equal(state_of(w, 1), HEALTH_UNKNOWN);
	assert_int_equal(w->server.accepted, 0);
	w->upstreams[0].health.enabled = true;
	w->server.answer = "";
	watch(w);
	WAIT(w, state_of(w, 1) == HEALTH_DEAD);
	w->upstreams[0].health.enabled = false;
	watch(w);
	assert_int_equal(state_of(w, 1), HEALTH_UNKNOWN);
	before = w->server.accepted;
	PASS(w, 300);
	assert_int_equal(w->server.accepted, before);
}

/* Two upstreams with the same endpoint, one of them without health checks: in either order it is
 * probed, once. */
static void
test_shared(void **state)
{
	struct world *w = *state;

	w->server.answer = OK;
	w->upstreams[0].health.interval = w->upstreams[1].health.interval = 100000;
	add(w, "127.0.0.1", w->server.port);
	w->upstreams[1].endpoints_count = 1;
	w->directory.upstreams_count = 2;
	for (int off = 0; off < 2; off++) {
		w->upstreams[off].health.enabled = false;
		w->upstreams[!off].health.enabled = true;
		watch(w);
		WAIT(w, state_of(w, 1) == HEALTH_ALIVE);
	}
	w->upstreams[1].health.enabled = w->upstreams[0].health.enabled = true;
	w->upstreams[1].health.path = "/other";
	watch(w);
	PASS(w, 100);
	assert_int_equal(w->server.accepted, 1);
}

/* ---- pages that are remembered ---- */

static void
test_remembered(void **state)
{
	struct world *w = *state;
	const char *const *pages;
	char page[128];

	w->server.answer = OK;
	w->second.answer = NOT_FOUND;
	add(w, "127.0.0.1", w->server.port);
	add(w, "127.0.0.1", w->second.port);
	assert_int_equal(prober_seen(w->prober, &pages), 0);
	watch(w);
	WAIT(w, state_of(w, 1) == HEALTH_ALIVE && state_of(w, 2) == HEALTH_ALIVE);
	snprintf(page, sizeof page, "127.0.0.1:%d /isAlive", w->server.port);
	assert_int_equal(prober_seen(w->prober, &pages), 1);
	assert_string_equal(pages[0], page);
	/* as after a restart */
	prober_free(w->prober);
	memset(w->board, 0, sizeof *w->board);
	w->prober = prober_make(w);
	prober_remember(w->prober, page);
	prober_remember(w->prober, page);
	w->server.answer = NOT_FOUND;
	watch(w);
	assert_int_equal(health(w, 1)->seen_2xx, 1);
	WAIT(w, state_of(w, 1) == HEALTH_DEAD && state_of(w, 2) == HEALTH_ALIVE);
	assert_int_equal(prober_seen(w->prober, &pages), 1);
	/* another page never gave one */
	w->upstreams[0].health.path = "/other";
	watch(w);
	assert_int_equal(health(w, 1)->seen_2xx, 0);
	WAIT(w, state_of(w, 1) == HEALTH_ALIVE);
	w->upstreams[0].health.path = "/isAlive";
	watch(w);
	assert_int_equal(health(w, 1)->seen_2xx, 1);
}

static void
test_memory_is_bounded(void **state)
{
	struct world *w = *state;
	const char *const *pages;
	size_t n;
	char page[600];

	for (int i = 0; i < SEEN_MAX + 1000; i++) {
		snprintf(page, sizeof page, "host-%d:80 /isAlive", i);
		prober_remember(w->prober, page);
	}
	memset(page, 'a', sizeof page - 1);
	page[sizeof page - 1] = '\0';
	prober_remember(w->prober, page);
	n = prober_seen(w->prober, &pages);
	assert_int_equal(n, SEEN_MAX);
	w->server.answer = OK;
	add(w, "127.0.0.1", w->server.port);
	watch(w);
	WAIT(w, state_of(w, 1) == HEALTH_ALIVE); /* there is no room: those that nobody knows go */
	assert_int_equal(prober_seen(w->prober, &pages), 1);
	snprintf(page, sizeof page, "127.0.0.1:%d /isAlive", w->server.port);
	assert_string_equal(pages[0], page);
}

/* ---- scale and want ---- */

static void
test_at_most_a_quarter(void **state)
{
	static char hosts[ENDPOINTS][16];
	struct world *w = *state;
	unsigned alive = 0;

	few_descriptors(w);
	w->server.answer = OK;
	w->server.delay_ms = 20;
	w->upstreams[0].health.interval = 300;
	w->upstreams[0].health.timeout = 2000;
	for (int i = 0; i < ENDPOINTS; i++) {
		snprintf(hosts[i], sizeof hosts[i], "127.0.%d.%d", 1 + i / 200, 1 + i % 200);
		add(w, hosts[i], w->server.port);
	}
	watch(w);
	WAIT(w, w->server.requests >= 3 * ENDPOINTS);
	for (unsigned i = 1; i <= ENDPOINTS; i++)
		alive += state_of(w, i) == HEALTH_ALIVE;
	assert_int_equal(alive, ENDPOINTS);
	assert_in_range(w->server.connections_max, 32,
			64 + 8); /* it hears of a close a little later */
}

/* Those of a kind do not all come at the same moment, once each has found its place. */
static void
test_spread(void **state)
{
	enum { N = 100, MS = 1000 };
	static char hosts[N][16];
	struct world *w = *state;
	unsigned busy = 0, before;

	w->server.answer = OK;
	w->upstreams[0].health.interval = MS;
	for (int i = 0; i < N; i++) {
		snprintf(hosts[i], sizeof hosts[i], "127.0.1.%d", 1 + i);
		add(w, hosts[i], w->server.port);
	}
	watch(w);
	WAIT(w, w->server.requests == N);
	PASS(w, 3 * MS / 2);
	for (int i = 0; i < 10; i++) {
		before = w->server.requests;
		PASS(w, MS / 10);
		busy += w->server.requests > before;
	}
	assert_in_range(busy, 7, 10); /* tenths of the interval; jitter alone makes three of them */
}

/* One without counters has health words all the same; one without those is counted. */
static void
test_more_than_the_board_counts(void **state)
{
	enum { N = 200 };
	struct world *w = *state;

	w->server.answer = OK;
	w->upstreams[0].health.interval = 100000;
	for (int i = 0; i < N; i++)
		add(w, "127.0.0.1", w->server.port)->slot = BOARD_ENDPOINTS - N / 2 + (uint32_t)i;
	add(w, "127.0.0.1", w->server.port)->slot = BOARD_HEALTH - 1;
	add(w, "127.0.0.1", w->server.port)->slot = 0;
	watch(w);
	WAIT(w, w->server.requests == N + 1);
	WAIT(w, state_of(w, BOARD_HEALTH - 1) == HEALTH_ALIVE);
	assert_int_equal(state_of(w, BOARD_ENDPOINTS + N / 2 - 1), HEALTH_ALIVE);
	assert_int_equal(state_of(w, 0), HEALTH_UNKNOWN);
	assert_int_equal(w->directory.endpoints, N + 2);
	assert_int_equal(w->directory.uncounted, N / 2 + 2);
	assert_int_equal(w->directory.unprobed, 1);
}

/* What is changed alone is asked for, and left alone is what somebody else still has. */
static void
test_one_upstream_changed(void **state)
{
	struct world *w = *state;
	struct directory_upstream before;

	w->server.answer = w->second.answer = OK;
	w->upstreams[0].health.interval = w->upstreams[1].health.interval = 100000;
	add(w, "127.0.0.1", w->server.port);
	add(w, "127.0.0.1", w->second.port);
	w->upstreams[1].endpoints_count = 1;
	w->directory.upstreams_count = 2;
	watch(w);
	WAIT(w, state_of(w, 1) == HEALTH_ALIVE && state_of(w, 2) == HEALTH_ALIVE);
	before = w->upstreams[0];
	w->upstreams[0].endpoints_count = 0;
	w->upstreams[1].health.interval = 100;
	directory_link(&w->directory);
	prober_change(w->prober, &w->directory, &before, &w->upstreams[0], NULL);
	wait_requests(w, &w->server, 3);
	assert_int_equal(w->second.requests, 1);
}

/* A new endpoint does not wait for its turn behind all others. */
static void
test_new_ones_first(void **state)
{
	struct world *w = *state;

	w->server.answer = w->second.answer = OK;
	w->config.probe_rate = 100;
	for (int i = 0; i < 40; i++)
		add(w, "127.0.0.1", w->server.port);
	watch(w);
	WAIT(w, w->server.requests >= 60); /* all are known, and many wait */
	add(w, "127.0.0.1", w->second.port);
	watch(w);
	wait_requests(w, &w->server, 10); /* in turn it would be 40 */
	assert_int_equal(w->second.requests, 1);
}

/* However short the intervals are, and in turn: each gets its part. */
static void
test_rate(void **state)
{
	struct world *w = *state;
	unsigned before;
	uint64_t begin;

	w->server.answer = OK;
	w->config.probe_rate = 50;
	for (int i = 0; i < 16; i++)
		add(w, "127.0.0.1", w->server.port);
	for (int i = 0; i < 16; i++)
		snprintf(w->authorities[i], sizeof w->authorities[i], "127.0.0.1:%d-%d",
			 w->server.port, i);
	w->upstreams[0].health.interval = 100; /* that is 160 in a second */
	watch(w);
	WAIT(w, w->server.requests >= 16);
	before = w->server.requests;
	begin = uv_hrtime() / 1000000;
	WAIT(w, w->server.requests >= before + 25);
	/* Half a second, less what was kept for a tick. */
	assert_true(uv_hrtime() / 1000000 - begin >= 350);
}

static int
descriptors(void)
{
	DIR *d = opendir("/proc/self/fd");
	int n = 0;

	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

/* That we have no descriptor left says nothing about an endpoint. */
static void
test_want_of_descriptors(void **state)
{
	struct world *w = *state;
	struct rlimit before, less;

	w->server.answer = OK;
	add(w, "127.0.0.1", w->server.port);
	watch(w);
	WAIT(w, state_of(w, 1) == HEALTH_ALIVE);
	PASS(w, 20);
	getrlimit(RLIMIT_NOFILE, &before);
	less = before;
	less.rlim_cur = 3; /* those in use stay */
	assert_true(descriptors() > 3);
	setrlimit(RLIMIT_NOFILE, &less);
	PASS(w, 1000);
	setrlimit(RLIMIT_NOFILE, &before);
	assert_int_equal(state_of(w, 1), HEALTH_ALIVE);
	assert_int_equal(logged(w, "error=\"Too many open files\""), 1);
	wait_requests(w, &w->server, 2);
}

static void
test_of_an_earlier_master(void **state)
{
	struct world *w = *state;
	const struct board_health dead = { .state = HEALTH_DEAD, .died = 7, .checked_ms = 1 };

	w->server.answer = OK;
	w->board->names.endpoint->high = 4; /* so many may have words */
	w->board->health[1] = w->board->health[3] = dead;
	add(w, "127.0.0.1", w->server.port);
	add(w, "127.0.0.1", 1);
	watch(w);
	assert_int_equal(state_of(w, 1), HEALTH_DEAD); /* until it is known better */
	WAIT(w, state_of(w, 1) == HEALTH_ALIVE);
	WAIT(w, state_of(w, 2) == HEALTH_DEAD);
	assert_int_equal(health(w, 2)->died, 8);
	assert_int_equal(state_of(w, 3), HEALTH_UNKNOWN); /* whose that was is gone */
}

static void
test_freed_with_probes_under_way(void **state)
{
	struct world *w = *state;

	few_descriptors(w);
	for (int i = 0; i < 100; i++)
		add(w, "127.0.0.1", w->server.port);
	watch(w);
	WAIT(w, w->server.requests == 64);
}

/* Those that say nothing keep nobody from his turn: a room without power is many of them. */
static void
test_many_silent(void **state)
{
	static char hosts[ENDPOINTS][16];
	struct world *w = *state;

	w->second.answer = OK;
	w->upstreams[0].health.timeout = 60000;
	for (int i = 0; i < ENDPOINTS - 1; i++) {
		snprintf(hosts[i], sizeof hosts[i], "127.0.%d.%d", 1 + i / 200, 1 + i % 200);
		add(w, hosts[i], w->server.port);
	}
	add(w, "127.0.0.1", w->second.port);
	watch(w);
	WAIT(w, state_of(w, ENDPOINTS) == HEALTH_ALIVE);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_first_probe_decides, setup, teardown),
		cmocka_unit_test_setup_teardown(test_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(test_slow, setup, teardown),
		cmocka_unit_test_setup_teardown(test_new_ones_at_once, setup, teardown),
		cmocka_unit_test_setup_teardown(test_page_that_never_was, setup, teardown),
		cmocka_unit_test_setup_teardown(test_fall_and_rise, setup, teardown),
		cmocka_unit_test_setup_teardown(test_order_of_deaths, setup, teardown),
		cmocka_unit_test_setup_teardown(test_request, setup, teardown),
		cmocka_unit_test_setup_teardown(test_unix, setup, teardown),
		cmocka_unit_test_setup_teardown(test_names, setup, teardown),
		cmocka_unit_test_setup_teardown(test_addresses, setup, teardown),
		cmocka_unit_test_setup_teardown(test_undisturbed, setup, teardown),
		cmocka_unit_test_setup_teardown(test_interval_shortened, setup, teardown),
		cmocka_unit_test_setup_teardown(test_leaves_and_comes_back, setup, teardown),
		cmocka_unit_test_setup_teardown(test_switched_off, setup, teardown),
		cmocka_unit_test_setup_teardown(test_shared, setup, teardown),
		cmocka_unit_test_setup_teardown(test_remembered, setup, teardown),
		cmocka_unit_test_setup_teardown(test_memory_is_bounded, setup, teardown),
		cmocka_unit_test_setup_teardown(test_at_most_a_quarter, setup, teardown),
		cmocka_unit_test_setup_teardown(test_spread, setup, teardown),
		cmocka_unit_test_setup_teardown(test_rate, setup, teardown),
		cmocka_unit_test_setup_teardown(test_more_than_the_board_counts, setup, teardown),
		cmocka_unit_test_setup_teardown(test_one_upstream_changed, setup, teardown),
		cmocka_unit_test_setup_teardown(test_new_ones_first, setup, teardown),
		cmocka_unit_test_setup_teardown(test_want_of_descriptors, setup, teardown),
		cmocka_unit_test_setup_teardown(test_of_an_earlier_master, setup, teardown),
		cmocka_unit_test_setup_teardown(test_freed_with_probes_under_way, setup, teardown),
		cmocka_unit_test_setup_teardown(test_many_silent, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
