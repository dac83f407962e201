/*
 * The store against a real redis-server on a free port, and against servers that misbehave. Skipped
 * where there is no redis-server.
 */

#include "master/store_redis.h"

#include <errno.h>

#include <stdarg.h>
#include <setjmp.h>
#include <cmocka.h>

#include "redis_server.h"

#define QUICK_MS 1000 /* ten times what is promised */

struct fixture {
	uv_loop_t loop;
	struct rules *rules;
	struct history history;
	struct store_redis *store;
	struct config_redis configs[2], *config; /* the one before must outlive the next */
	struct store_redis_status status;
	unsigned changes;
	struct redis_server server;
};

/* The store asks for names through the resolver; only literal addresses occur here. */
void
resolver_once(struct resolver *r, const char *host,
	      void (*done)(void *userdata, const struct resolved *a, size_t n), void *userdata)
{
	done(userdata, NULL, 0);
}

/* ---- the loop ---- */

static void
on_changed(void *userdata)
{
	struct fixture *f = userdata;

	f->changes++;
}

static const struct store_redis_ops ops = { .changed = on_changed };

static void
on_tick(uv_timer_t *timer)
{
}

typedef bool (*condition)(struct fixture *f, const char *arg);

static bool
run_until(struct fixture *f, condition c, const char *arg, uint64_t patience)
{
	uint64_t end = clock_mono_ms() + patience;
	uv_timer_t tick;
	bool met;

	uv_update_time(&f->loop);
	uv_timer_init(&f->loop, &tick);
	uv_timer_start(&tick, on_tick, 1, 1);
	for (;;) {
		store_redis_get_status(f->store, &f->status);
		met = c(f, arg);
		if (met || clock_mono_ms() > end)
			break;
		uv_run(&f->loop, UV_RUN_ONCE);
	}
	uv_close((uv_handle_t *)&tick, NULL);
	uv_run(&f->loop, UV_RUN_NOWAIT);
	return met;
}

#define await(f, c, arg, patience)                                                                 \
	do {                                                                                       \
		uint64_t start_ = clock_mono_ms();                                                 \
		if (!run_until(f, c, arg, patience))                                               \
			fail_msg("%s(%s) not within %d ms; state %d \"%s\" frontends %zu "         \
				 "backends %zu refused %zu "                                       \
				 "withheld %zu",                                                   \
				 #c, arg ? (const char *)arg : "", (int)(patience),                \
				 (f)->status.state, (f)->status.error,                             \
				 rules_frontends((f)->rules), rules_backends((f)->rules),          \
				 rules_refusals((f)->rules), (f)->status.withheld);                \
		print_message("%s %s %d ms\n", #c, arg ? (const char *)arg : "",                   \
			      (int)(clock_mono_ms() - start_));                                    \
	} while (0)

static const struct rules_frontend *
find_frontend(struct fixture *f, const char *url)
{
	for (size_t i = 0; i < rules_frontends(f->rules); i++) {
		if (strcmp(rules_frontend_at(f->rules, i)->url, url) == 0)
			return rules_frontend_at(f->rules, i);
	}
	return NULL;
}

static bool
is_up(struct fixture *f, const char *arg)
{
	return f->status.state == REDIS_UP;
}

static bool
is_down(struct fixture *f, const char *reason)
{
	return f->status.state == REDIS_DOWN && strstr(f->status.error, reason);
}

static bool
is_loading(struct fixture *f, const char *arg)
{
	return f->status.state == REDIS_LOADING;
}

static bool
never(struct fixture *f, const char *arg)
{
	return false;
}

static bool
has_frontend(struct fixture *f, const char *url)
{
	return find_frontend(f, url) != NULL;
}

static bool
lacks_frontend(struct fixture *f, const char *url)
{
	return !find_frontend(f, url);
}

static bool
has_server(struct fixture *f, const char *text) /* "backend server" */
{
	struct slice server, name = slice_cut(slice_of(text), ' ', &server);
	const struct rules_backend *b = rules_backend_find(f->rules, name);

	for (size_t i = 0; b && i < b->servers_count; i++) {
		if (slice_eq(slice_of(b->servers[i].text), server))
			return true;
	}
	return false;
}

static bool
is_refused(struct fixture *f, const char *key)
{
	return rules_refusal_find(f->rules, slice_of(key)) != NULL;
}

static bool
is_not_refused(struct fixture *f, const char *key)
{
	return !is_refused(f, key);
}

static bool
withholds(struct fixture *f, const char *count)
{
	return f->status.withheld == (size_t)atoi(count);
}

static bool
counts_frontends(struct fixture *f, const char *count)
{
	return rules_frontends(f->rules) == (size_t)atoi(count);
}

/* "COUNT NEWEST", once nothing is being read. */
static bool
has_revisions(struct fixture *f, const char *text)
{
	const struct revision *newest = history_newest(&f->history);
	char is[80];

	snprintf(is, sizeof is, "%zu %s", f->history.count, newest ? newest->id : "-");
	return f->status.settled && strcmp(is, text) == 0;
}

/* ---- setting up ---- */

/* A fresh configuration like the one before; f->config, to be changed before configure(). */
static struct config_redis *
config_next(struct fixture *f)
{
	struct config_redis *next = f->config == &f->configs[0] ? &f->configs[1] : &f->configs[0];

	if (f->config)
		*next = *f->config;
	else
		*next = (struct config_redis){
			.configured = true,
			.address = { .text = "127.0.0.1", .host = "127.0.0.1" },
			.username = "",
			.timeout = 2000,
			.compare_interval = 120000,
		};
	next->address.port = f->server.port;
	f->config = next;
	return next;
}

static void
store_start(struct fixture *f)
{
	store_redis_configure(f->store, config_next(f));
}

static int
setup_bare(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);

	uv_loop_init(&f->loop);
	f->rules = rules_new();
	f->store = store_redis_new(&f->loop, NULL, NULL, f->rules, &f->history, &ops, f);
	f->server.client = -1;
	*state = f;
	return 0;
}

static int
setup(void **state)
{
	struct fixture *f;

	setup_bare(state);
	f = *state;
	close(listen_free(&f->server.port));
	redis_start(&f->server, "");
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	store_redis_free(f->store);
	uv_run(&f->loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&f->loop), 0);
	redis_kill(&f->server);
	unlink(f->server.socket);
	rules_free(f->rules);
	history_deinit(&f->history);
	free(f);
	return 0;
}

static void
begin(struct fixture *f)
{
	store_start(f);
	await(f, is_up, NULL, PATIENCE_MS);
}

/* ---- cases ---- */

static void
test_reads_what_is_there(void **state)
{
	struct fixture *f = *state;

	redis_type(&f->server, "SET frontend:test.com/a/ b1");
	redis_type(&f->server, "HSET backend:b1 10.0.0.1:80 0 10.0.0.2:80 5 _max_score 7");
	redis_type(&f->server, "SET session:1 x");
	begin(f);
	assert_true(f->status.tracking && f->status.loaded && f->status.compared_wall > 0);
	assert_int_equal(f->changes, 1);
	assert_true(has_frontend(f, "test.com/a/"));
	assert_true(has_server(f, "b1 10.0.0.2:80"));
	assert_int_equal(rules_frontends(f->rules), 1);
}

static void
test_unix_socket(void **state)
{
	struct fixture *f = *state;

	config_next(f)->address =
	    (struct config_address){ .text = "unix", .unix_path = f->server.socket };
	store_redis_configure(f->store, f->config);
	await(f, is_up, NULL, PATIENCE_MS);
	redis_type(&f->server, "SET frontend:u.com b");
	await(f, has_frontend, "u.com", QUICK_MS);
}

static void
test_name_that_does_not_resolve(void **state)
{
	struct fixture *f = *state;

	config_next(f)->address.host = "redis.invalid";
	store_redis_configure(f->store, f->config);
	await(f, is_down, "does not resolve", QUICK_MS);
}

static void
test_empty_is_loaded(void **state)
{
	struct fixture *f = *state;

	begin(f);
	assert_true(f->status.loaded);
	assert_int_equal(f->changes, 1);
}

static void
test_raw_writes_are_seen(void **state)
{
	struct fixture *f = *state;

	begin(f);
	redis_type(&f->server, "SET frontend:new.com n");
	await(f, has_frontend, "new.com", QUICK_MS);
	redis_type(&f->server, "HSET backend:n 127.0.0.1:9001 0");
	await(f, has_server, "n 127.0.0.1:9001", QUICK_MS);
	redis_type(&f->server, "HSET backend:n 127.0.0.1:9002 0");
	await(f, has_server, "n 127.0.0.1:9002", QUICK_MS);
	redis_type(&f->server, "DEL frontend:new.com");
	await(f, lacks_frontend, "new.com", QUICK_MS);
	redis_type(&f->server, "SET frontend:soon.com n PX 150");
	await(f, has_frontend, "soon.com", QUICK_MS);
	await(f, lacks_frontend, "soon.com", PATIENCE_MS);
}

static void
test_many_keys(void **state)
{
	struct fixture *f = *state;

	redis_type(&f->server, "DEBUG POPULATE 3000 frontend");
	redis_type(&f->server, "DEBUG POPULATE 3000 session");
	begin(f);
	assert_int_equal(rules_frontends(f->rules), 3000);
}

static void
test_bad_keys_are_refused_alone(void **state)
{
	struct fixture *f = *state;

	redis_type(&f->server, "SET frontend:a.com b");
	redis_type(&f->server, "HSET backend:b 127.0.0.1:1 0");
	redis_type(&f->server, "LPUSH frontend:list.com x");
	redis_type(&f->server, "SET backend:string x");
	redis_type(&f->server, "HSET backend:score 127.0.0.1:1 many");
	redis_type(&f->server, "SET \"frontend:cr\\r\\n.com\" b");
	begin(f);
	assert_true(has_frontend(f, "a.com") && has_server(f, "b 127.0.0.1:1"));
	assert_true(is_refused(f, "frontend:list.com") && is_refused(f, "backend:string"));
	assert_true(is_refused(f, "backend:score") && is_refused(f, "frontend:cr\r\n.com"));
	assert_true(rules_is_refused(f->rules, SLICE("backend:score")));
	/* With a good version before it, that one stays. */
	redis_type(&f->server, "HSET backend:b 127.0.0.1:2 nan");
	await(f, is_refused, "backend:b", QUICK_MS);
	assert_true(has_server(f, "b 127.0.0.1:1") && !has_server(f, "b 127.0.0.1:2"));
	assert_false(rules_is_refused(f->rules, SLICE("backend:b")));
	redis_type(&f->server, "HSET backend:b 127.0.0.1:2 3");
	await(f, is_not_refused, "backend:b", QUICK_MS);
	assert_true(has_server(f, "b 127.0.0.1:2"));
	redis_type(&f->server, "DEL backend:score");
	await(f, is_not_refused, "backend:score", QUICK_MS);
}

static void
test_huge_value_is_refused_alone(void **state)
{
	struct fixture *f = *state;

	redis_type(&f->server, "SET frontend:a.com b");
	redis_type(&f->server, "SETRANGE frontend:huge.com 40000000 x");
	redis_type(&f->server, "SET frontend:z.com b");
	store_start(f);
	/* It comes twice: with others, and alone. */
	await(f, is_up, NULL, 4 * PATIENCE_MS);
	assert_true(is_refused(f, "frontend:huge.com") && has_frontend(f, "a.com") &&
		    has_frontend(f, "z.com"));
	redis_type(&f->server, "SET frontend:huge.com b");
	await(f, has_frontend, "huge.com", QUICK_MS);
	assert_true(is_not_refused(f, "frontend:huge.com"));
}

static void
test_flush_is_withheld(void **state)
{
	struct fixture *f = *state;

	redis_type(&f->server, "MSET frontend:a.com b frontend:b.com b frontend:c.com b");
	begin(f);
	redis_type(&f->server, "FLUSHALL");
	await(f, withholds, "3", QUICK_MS);
	assert_int_equal(rules_frontends(f->rules), 3);
	/* One comes back; the others still stand. */
	redis_type(&f->server, "SET frontend:a.com b2");
	await(f, withholds, "2", QUICK_MS);
	assert_int_equal(rules_frontends(f->rules), 3);
	assert_string_equal(find_frontend(f, "a.com")->backend, "b2");
	store_redis_compare(f->store, true);
	await(f, withholds, "0", QUICK_MS);
	assert_int_equal(rules_frontends(f->rules), 1);
}

static void
test_mass_loss(void **state)
{
	struct fixture *f = *state;

	redis_type(&f->server,
		   "MSET frontend:1 b frontend:2 b frontend:3 b frontend:4 b frontend:5 b "
		   "frontend:6 b frontend:7 b");
	begin(f);
	redis_type(&f->server,
		   "DEL frontend:1 frontend:2 frontend:3"); /* three of seven: a named wish */
	await(f, counts_frontends, "4", QUICK_MS);
	redis_type(&f->server, "DEL frontend:4 frontend:5 frontend:6 frontend:7");
	await(f, withholds, "4", QUICK_MS);
	assert_int_equal(rules_frontends(f->rules), 4);
	/* A comparison that shows no more than half of what stands as gone applies it. */
	redis_type(&f->server, "MSET frontend:a b frontend:b b frontend:c b frontend:d b");
	await(f, counts_frontends, "8", QUICK_MS);
	assert_int_equal(f->status.withheld, 4);
	store_redis_compare(f->store, false);
	await(f, withholds, "0", QUICK_MS);
	assert_int_equal(rules_frontends(f->rules), 4);
	assert_true(has_frontend(f, "d"));
}

static void
test_deletions_one_by_one_are_one_batch(void **state)
{
	struct fixture *f = *state;

	redis_type(
	    &f->server,
	    "MSET frontend:1 b frontend:2 b frontend:3 b frontend:4 b frontend:5 b frontend:6 b");
	begin(f);
	redis_type(&f->server, "DEL frontend:1");
	redis_type(&f->server, "DEL frontend:2");
	redis_type(&f->server, "DEL frontend:3");
	redis_type(&f->server, "DEL frontend:4");
	await(f, withholds, "4", QUICK_MS);
	assert_int_equal(rules_frontends(f->rules), 6);
}

static void
test_replacing_is_no_deletion(void **state)
{
	struct fixture *f = *state;

	redis_type(&f->server, "HSET backend:b 127.0.0.1:1 0");
	begin(f);
	redis_type(&f->server,
		   "DEL backend:b"); /* as redx's PUT: DEL and HSET, not in one transaction */
	run_until(f, never, NULL, 5);
	redis_type(&f->server, "HSET backend:b 127.0.0.1:2 0");
	for (int i = 0; i < 100 && !has_server(f, "b 127.0.0.1:2"); i++) {
		assert_int_equal(rules_backends(f->rules), 1);
		run_until(f, never, NULL, 2);
	}
	assert_true(has_server(f, "b 127.0.0.1:2"));
}

static void
test_restart(void **state)
{
	struct fixture *f = *state;

	redis_type(&f->server, "MSET frontend:a.com b frontend:b.com b");
	begin(f);
	redis_kill(&f->server);
	await(f, is_down, "", QUICK_MS);
	await(f, is_down, "refused", QUICK_MS);
	assert_int_equal(rules_frontends(f->rules), 2);
	run_until(f, never, NULL, 2500); /* the pauses have grown to their longest */
	redis_start(&f->server, "");
	await(f, is_up, NULL, 2000);
	/* It kept nothing: everything at once is no wish of anybody's. */
	assert_int_equal(f->status.withheld, 2);
	assert_int_equal(rules_frontends(f->rules), 2);
	redis_type(&f->server, "SET frontend:c.com b");
	await(f, has_frontend, "c.com", QUICK_MS);
}

static void
test_start_while_down(void **state)
{
	struct fixture *f = *state;

	redis_type(&f->server, "SET frontend:a.com b");
	redis_kill(&f->server);
	rules_set_frontend(f->rules, SLICE("old.com"), SLICE("b"));
	store_start(f);
	await(f, is_down, "refused", QUICK_MS);
	assert_false(f->status.loaded);
	assert_true(has_frontend(f, "old.com"));
	redis_start(&f->server, "");
	await(f, is_up, NULL, 2000);
	assert_int_equal(f->status.withheld, 1);
	assert_true(f->status.loaded && has_frontend(f, "old.com"));
}

static void
test_password(void **state)
{
	struct fixture *f = *state;

	redis_kill(&f->server);
	redis_start(&f->server, "s3cret");
	store_start(f);
	await(f, is_down, "NOAUTH", QUICK_MS);
	config_next(f)->password = (struct config_secret){ .bytes = "wr0ng", .n = 5 };
	store_redis_configure(f->store, f->config);
	await(f, is_down, "WRONGPASS", QUICK_MS);
	assert_null(strstr(f->status.error, "wr0ng"));
	config_next(f)->password = (struct config_secret){ .bytes = "s3cret", .n = 6 };
	store_redis_configure(f->store, f->config);
	await(f, is_up, NULL, QUICK_MS);
	config_next(f)->username = "default";
	f->config->database = 3;
	store_redis_configure(f->store, f->config);
	await(f, is_up, NULL, QUICK_MS);
	redis_type(&f->server, "AUTH s3cret");
	redis_type(&f->server, "SELECT 3");
	redis_type(&f->server, "SET frontend:db3.com b");
	await(f, has_frontend, "db3.com", QUICK_MS);
}

static void
test_hearing_connection_dies(void **state)
{
	struct fixture *f = *state;
	int64_t since;

	begin(f);
	since = f->status.compared_wall;
	redis_type(&f->server, "CLIENT KILL TYPE pubsub");
	await(f, is_down, "", QUICK_MS);
	await(f, is_up, NULL, QUICK_MS);
	assert_true(f->status.compared_wall >= since);
	redis_type(&f->server, "SET frontend:again.com b");
	await(f, has_frontend, "again.com", QUICK_MS);
}

static void
test_server_without_tracking(void **state)
{
	struct fixture *f = *state;

	redis_type(&f->server, "ACL SETUSER default -client|tracking");
	begin(f);
	assert_false(f->status.tracking);
	redis_type(&f->server, "SET frontend:polled.com b");
	await(f, has_frontend, "polled.com", 3000);
}

static void
test_server_that_hangs(void **state)
{
	struct fixture *f = *state;

	redis_type(&f->server, "SET frontend:a.com b");
	config_next(f)->timeout = 400;
	store_redis_configure(f->store, f->config);
	await(f, is_up, NULL, QUICK_MS);
	kill(f->server.pid, SIGSTOP);
	await(f, is_down, "no answer in time", PATIENCE_MS);
	assert_true(has_frontend(f, "a.com"));
	kill(f->server.pid, SIGCONT);
	await(f, is_up, NULL, 2000);
}

/* The frontends can be read, the backends that they name cannot. */
static void
test_half_of_it_is_nothing(void **state)
{
	struct fixture *f = *state;

	redis_type(&f->server, "SET frontend:a.com b");
	redis_type(&f->server, "SET frontend:gone.com b");
	redis_type(&f->server, "HSET backend:b 127.0.0.1:1 0");
	begin(f);
	redis_type(&f->server, "ACL SETUSER default -hgetall");
	redis_type(&f->server,
		   "EVAL \"redis.call('SET', 'frontend:a.com', 'b2') redis.call('DEL', "
		   "'frontend:gone.com') return redis.call('HSET', 'backend:b2', '127.0.0.1:2', "
		   "0)\" 0");
	await(f, is_down, "NOPERM", QUICK_MS);
	run_until(f, never, NULL, 1000); /* and in the comparisons that follow */
	assert_string_equal(find_frontend(f, "a.com")->backend, "b");
	assert_true(has_frontend(f, "gone.com"));
	assert_int_equal(rules_frontends(f->rules), 2);
	assert_int_equal(rules_backends(f->rules), 1);
	assert_int_equal(f->changes, 1);
	redis_type(&f->server, "ACL SETUSER default +hgetall");
	await(f, is_up, NULL, 3000);
	assert_string_equal(find_frontend(f, "a.com")->backend, "b2");
	assert_true(has_server(f, "b2 127.0.0.1:2") && lacks_frontend(f, "gone.com"));
	assert_int_equal(f->changes, 2);
}

/* ---- servers that are none ---- */

/* In a process of its own: answers the first words of every connection with `says` and keeps it. */
static void
fake_start(struct fixture *f, const char *says)
{
	int fd = listen_free(&f->server.port);

	f->server.pid = fork();
	assert_true(f->server.pid >= 0);
	if (f->server.pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;) {
			int client = accept(fd, NULL, NULL);
			char words[4096];

			if (read(client, words, sizeof words) <= 0 ||
			    write(client, says, strlen(says)) < 0)
				_exit(1);
		}
	}
	close(fd);
	f->server.client = -1;
}

static void
test_rubbish(void **state)
{
	static const struct {
		const char *says, *reason;
	} cases[] = {
		{ "HTTP/1.1 400 Bad Request\r\n\r\n", "no Redis protocol" },
		{ "", "no answer in time" },
		{ "$100\r\nabc", "no answer in time" },
		{ "*2147483647\r\n", "no Redis protocol" },
		{ "*-7\r\n", "no Redis protocol" },
		{ "+OK\r\n+OK\r\n+OK\r\n+OK\r\n+OK\r\n+OK\r\n", "not asked for" },
		{ "-ERR max number of clients reached\r\n", "max number of clients" },
		{ ":1\r\n:1\r\n:1\r\n", "" },
		{ "+OK\r\n*3\r\n$7\r\nmessage\r\n:1\r\n*-1\r\n", "" },
		{ "+OK\r\n*2\r\n$1\r\n0\r\n*1\r\n$3\r\nabc\r\n", "" },
	};
	struct fixture *f = *state;

	rules_set_frontend(f->rules, SLICE("kept.com"), SLICE("b"));
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		fake_start(f, cases[i].says);
		config_next(f)->timeout = 200;
		store_redis_configure(f->store, f->config);
		await(f, is_down, cases[i].reason, PATIENCE_MS);
		assert_true(has_frontend(f, "kept.com"));
		redis_kill(&f->server);
	}
}

static void
test_loading(void **state)
{
	struct fixture *f = *state;

	fake_start(f, "-LOADING Redis is loading the dataset in memory\r\n");
	store_start(f);
	await(f, is_loading, NULL, PATIENCE_MS);
}

/* A server that does not know the command repeats what it was given. */
static void
test_password_is_not_repeated(void **state)
{
	struct fixture *f = *state;

	fake_start(f, "-ERR unknown command 'AUTH', with args beginning with: 's3cret'\r\n");
	config_next(f)->password = (struct config_secret){ .bytes = "s3cret", .n = 6 };
	store_redis_configure(f->store, f->config);
	await(f, is_down, "password", PATIENCE_MS);
	assert_null(strstr(f->status.error, "s3cret"));
}

/* Each connection gets the beginning of an answer, and then a byte of it every 50 ms. */
static void
trickle_start(struct fixture *f)
{
	int fd = listen_free(&f->server.port);

	f->server.pid = fork();
	assert_true(f->server.pid >= 0);
	for (int clients[16], n = 0; f->server.pid == 0;) {
		struct pollfd p = { .fd = fd, .events = POLLIN };

		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (n < 16 && poll(&p, 1, 50) == 1) {
			clients[n] = accept(fd, NULL, NULL);
			send(clients[n++], "$100000\r\n", 9, MSG_NOSIGNAL);
		}
		usleep(50000);
		for (int i = 0; i < n; i++)
			send(clients[i], "a", 1, MSG_NOSIGNAL);
	}
	close(fd);
	f->server.client = -1;
}

static void
test_slow_answer_has_an_end(void **state)
{
	struct fixture *f = *state;
	uint64_t start;

	trickle_start(f);
	config_next(f)->timeout = 200;
	store_redis_configure(f->store, f->config);
	start = clock_mono_ms();
	await(f, is_down, "no answer in time", PATIENCE_MS);
	assert_true(clock_mono_ms() - start >= 1800); /* ten times the timeout */
}

static void
test_off(void **state)
{
	struct fixture *f = *state;

	config_next(f)->configured = false;
	store_redis_configure(f->store, f->config);
	store_redis_get_status(f->store, &f->status);
	assert_int_equal(f->status.state, REDIS_OFF);
}

/* ---- revisions ---- */

#define XADD "XADD yett:revisions "
#define FIELDS " who me why because digest d delta []"

static void
test_revisions(void **state)
{
	struct fixture *f = *state;
	char line[200];

	redis_type(&f->server, XADD "5-0" FIELDS);
	redis_type(&f->server, XADD "5-1" FIELDS);
	begin(f);
	await(f, has_revisions, "2 5-1", QUICK_MS);
	assert_string_equal(f->history.at[0]->who, "me");
	assert_int_equal(f->history.at[0]->keys, 0);
	for (int i = 6; i < 70; i++) {
		snprintf(line, sizeof line, XADD "%d-0" FIELDS, i);
		redis_type(&f->server, line);
	}
	await(f, has_revisions, "50 69-0", QUICK_MS);
	assert_string_equal(f->history.at[0]->id, "20-0");
	/* What the stream does not hold is no history. */
	redis_type(&f->server, "XDEL yett:revisions 69-0");
	await(f, has_revisions, "49 68-0", QUICK_MS);
	redis_type(&f->server, "DEL yett:revisions");
	await(f, has_revisions, "0 -", QUICK_MS);
	redis_type(&f->server, XADD "70-0" FIELDS);
	await(f, has_revisions, "1 70-0", QUICK_MS);
}

static bool
has_history_error(struct fixture *f, const char *text)
{
	return f->status.state == REDIS_UP && strstr(f->status.history_error, text);
}

static void
test_bad_revisions(void **state)
{
	struct fixture *f = *state;

	redis_type(&f->server, "SET frontend:a.com b");
	redis_type(&f->server, "SET yett:revisions x");
	begin(f);
	await(f, has_history_error, "WRONGTYPE", QUICK_MS);
	assert_true(has_frontend(f, "a.com"));
	assert_false(f->status.settled);
	redis_type(&f->server, "DEL yett:revisions");
	redis_type(&f->server, XADD "5-0 x y");
	await(f, has_revisions, "1 5-0", QUICK_MS);
	assert_null(f->history.at[0]->delta);
}

/* It ends the connection, but not again and again. */
static void
test_huge_revision(void **state)
{
	struct fixture *f = *state;

	redis_type(&f->server, "SET frontend:a.com b");
	begin(f);
	redis_type(&f->server, "EVAL \"return redis.call('XADD','yett:revisions','5-0','delta',"
			       "string.rep('x',17000000))\" 0");
	await(f, has_history_error, "too large", PATIENCE_MS);
	redis_type(&f->server, "SET frontend:b.com b");
	await(f, has_frontend, "b.com", QUICK_MS);
	redis_type(&f->server, "DEL yett:revisions");
	await(f, has_revisions, "0 -", QUICK_MS);
}

int
main(void)
{
	const struct CMUnitTest without[] = {
		cmocka_unit_test_setup_teardown(test_rubbish, setup_bare, teardown),
		cmocka_unit_test_setup_teardown(test_loading, setup_bare, teardown),
		cmocka_unit_test_setup_teardown(test_password_is_not_repeated, setup_bare,
						teardown),
		cmocka_unit_test_setup_teardown(test_name_that_does_not_resolve, setup_bare,
						teardown),
		cmocka_unit_test_setup_teardown(test_slow_answer_has_an_end, setup_bare, teardown),
		cmocka_unit_test_setup_teardown(test_off, setup_bare, teardown),
	};
	const struct CMUnitTest with[] = {
		cmocka_unit_test_setup_teardown(test_reads_what_is_there, setup, teardown),
		cmocka_unit_test_setup_teardown(test_unix_socket, setup, teardown),
		cmocka_unit_test_setup_teardown(test_empty_is_loaded, setup, teardown),
		cmocka_unit_test_setup_teardown(test_raw_writes_are_seen, setup, teardown),
		cmocka_unit_test_setup_teardown(test_many_keys, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bad_keys_are_refused_alone, setup, teardown),
		cmocka_unit_test_setup_teardown(test_huge_value_is_refused_alone, setup, teardown),
		cmocka_unit_test_setup_teardown(test_flush_is_withheld, setup, teardown),
		cmocka_unit_test_setup_teardown(test_mass_loss, setup, teardown),
		cmocka_unit_test_setup_teardown(test_deletions_one_by_one_are_one_batch, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_replacing_is_no_deletion, setup, teardown),
		cmocka_unit_test_setup_teardown(test_restart, setup, teardown),
		cmocka_unit_test_setup_teardown(test_start_while_down, setup, teardown),
		cmocka_unit_test_setup_teardown(test_password, setup, teardown),
		cmocka_unit_test_setup_teardown(test_hearing_connection_dies, setup, teardown),
		cmocka_unit_test_setup_teardown(test_server_without_tracking, setup, teardown),
		cmocka_unit_test_setup_teardown(test_server_that_hangs, setup, teardown),
		cmocka_unit_test_setup_teardown(test_half_of_it_is_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(test_revisions, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bad_revisions, setup, teardown),
		cmocka_unit_test_setup_teardown(test_huge_revision, setup, teardown),
	};
	int failed;

	signal(SIGPIPE, SIG_IGN);
	failed = cmocka_run_group_tests(without, NULL, NULL);
	if (system("command -v redis-server >/dev/null") != 0) {
		print_message("no redis-server: the tests against a real one are skipped\n");
		return failed;
	}
	return failed + cmocka_run_group_tests(with, NULL, NULL);
}
