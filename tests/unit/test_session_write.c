/* session_write, session_login: sessions begin, go on and end in a real Redis; what one worker does
 * the next one reads. */

#include "worker/await.h"
#include "worker/session_own.h"
#include "worker/snapshot.h"
#include "worker/store.h"
#include "worker/worker.h"

#include "lib/base64.h"
#include "lib/xalloc.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "redis_server.h"

#define PASSWORD "secret"

static struct worker worker; /* too large for the stack */
static struct redis_server server;

/* ---- a worker with a table ---- */

static struct seg_ref
text(struct seg_builder *b, const char *s)
{
	return seg_builder_string(b, slice_of(s));
}

static struct segment *
build_rules(void)
{
	static const char *const names[] = { "corp", "gitlab" };
	struct table_login login = { .idle_s = 3600, .max_s = 86400, .store_ms = 2000 };
	struct table_policy policy = { 0 };
	struct table_builder b;
	struct segment *rules;

	table_builder_init(&b);
	seg_builder_add(&b.seg, RULES_POLICIES, &policy, sizeof policy);
	for (size_t i = 0; i < 2; i++) {
		struct table_issuer issuer = { .algorithms = 1 };
		struct table_provider p = { .name = text(&b.seg, names[i]), .issuer = (uint32_t)i };

		seg_builder_add(&b.seg, RULES_ISSUERS, &issuer, sizeof issuer);
		seg_builder_add(&b.seg, RULES_PROVIDERS, &p, sizeof p);
	}
	login.cookie = text(&b.seg, "yett");
	seg_builder_add(&b.seg, RULES_LOGIN, &login, sizeof login);
	assert_int_equal(table_builder_finish(&b, 1, &rules), 0);
	table_builder_deinit(&b);
	return rules;
}

static struct segment *
build_endpoints(void)
{
	struct table_upstream up = { .count = 1, .weight_total = 1, .stride = 1 };
	struct table_endpoint e = { .weight = 1, .count = 1 };
	struct table_address a = { .family = AF_INET, .port = server.port, .ip = { 127, 0, 0, 1 } };
	struct seg_builder b;
	struct segment *endpoints;

	seg_builder_init(&b);
	up.name = text(&b, "(sessions)");
	seg_builder_add(&b, ENDPOINTS_ADDRESSES, &a, sizeof a);
	seg_builder_add(&b, ENDPOINTS_ENDPOINTS, &e, sizeof e);
	seg_builder_add(&b, ENDPOINTS_UPSTREAMS, &up, sizeof up);
	assert_int_equal(seg_builder_finish(&b, SEGMENT_ENDPOINTS, 1, &endpoints), 0);
	seg_builder_deinit(&b);
	return endpoints;
}

static struct segment *
build_keys(void)
{
	static const struct {
		enum secret_kind kind;
		const char *bytes;
	} secrets[] = { { SECRET_STORE_PASSWORD, PASSWORD },
			{ SECRET_COOKIE, "a key of cookies of 32 bytes...." },
			{ SECRET_TOKENS, "a key of tokens of 32 bytes....." } };
	struct seg_builder b;
	struct segment *keys;

	seg_builder_init(&b);
	for (size_t i = 0; i < sizeof secrets / sizeof secrets[0]; i++) {
		struct table_secret row = { .kind = secrets[i].kind,
					    .bytes = text(&b, secrets[i].bytes) };

		seg_builder_add(&b, KEYS_SECRETS, &row, sizeof row);
	}
	assert_int_equal(seg_builder_finish(&b, SEGMENT_KEYS, 1, &keys), 0);
	seg_builder_deinit(&b);
	return keys;
}

static void
turn(void)
{
	sessions_turn(&worker);
	uv_run(&worker.loop, UV_RUN_NOWAIT);
}

#define UNTIL(condition)                                                                           \
	do {                                                                                       \
		uint64_t until_ = clock_mono_ms() + PATIENCE_MS;                                   \
		while (!(condition)) {                                                             \
			assert_true(clock_mono_ms() < until_);                                     \
			turn();                                                                    \
			usleep(500);                                                               \
		}                                                                                  \
	} while (0)

static int
set_up(void **state)
{
	static struct snapshot table;

	close(listen_free(&server.port));
	redis_start(&server, PASSWORD);
	redis_type(&server, "AUTH " PASSWORD);
	memset(&worker, 0, sizeof worker);
	uv_loop_init(&worker.loop);
	wheel_init(&worker.wheel, uv_now(&worker.loop));
	awaits_init(&worker);
	worker.page = xcalloc(1, sizeof *worker.page);
	worker.wall = time(NULL);
	table = (struct snapshot){ .worker = &worker, .refs = 1, .version = 1 };
	table.segments[SEGMENT_RULES] = build_rules();
	table.segments[SEGMENT_ENDPOINTS] = build_endpoints();
	table.segments[SEGMENT_KEYS] = build_keys();
	worker.table = &table;
	sessions_load(&worker);
	UNTIL(store_is_up(&worker));
	return 0;
}

static int
tear_down(void **state)
{
	session_store_free(&worker);
	uv_run(&worker.loop, UV_RUN_DEFAULT);
	sessions_free(&worker);
	for (int i = 0; i < SEGMENT_N; i++)
		seg_unref(worker.table->segments[i]);
	free(worker.page);
	assert_int_equal(uv_loop_close(&worker.loop), 0);
	redis_kill(&server);
	unlink(server.socket);
	return 0;
}

/* ---- what is asked, and waited for ---- */

struct outcome {
	bool done;
	int error;
	char id[SESSION_ID + 1];
	struct session *session;
	unsigned count;
};

static void
on_made(void *userdata, int error, const char *id)
{
	struct outcome *o = userdata;

	assert_false(o->done);
	o->done = true;
	o->error = error;
	snprintf(o->id, sizeof o->id, "%s", id);
}

static void
on_got(void *userdata, int error, struct session *s)
{
	struct outcome *o = userdata;

	assert_false(o->done);
	o->done = true;
	o->error = error;
	o->session = s ? session_ref(s) : NULL;
}

static void
on_ended(void *userdata, int error, const struct session *s)
{
	struct outcome *o = userdata;

	o->done = true;
	o->error = error;
	if (s)
		snprintf(o->id, sizeof o->id, "%.*s", SLICE_F(s->tokens[0].refresh));
}

static void
on_each(void *userdata, int error, const struct session *s)
{
	struct outcome *o = userdata;

	o->done = s == NULL;
	o->error = error;
	o->count += s != NULL;
}

static struct session *
get(const char *id)
{
	struct outcome o = { 0 };

	assert_int_equal(session_get(&worker, slice_of(id), on_got, &o), 0);
	assert_false(o.done); /* later */
	UNTIL(o.done);
	assert_int_equal(o.error, 0);
	return o.session;
}

static const char *
login(const char *replaces, uint32_t provider, const char *subject, char id[SESSION_ID + 1])
{
	char claims[128], payload[200], token[256];
	struct outcome o = { 0 };
	struct session_draft d = {
		.replaces = slice_of(replaces),
		.provider = provider,
		.subject = slice_of(subject),
		.access = SLICE("access"),
		.refresh = SLICE("refresh"),
		.expires = worker.wall + 60,
		.refresh_expires = INT64_MAX,
	};
	int n = snprintf(claims, sizeof claims, "{\"sub\":\"%s\",\"sid\":\"sid-%s\"}", subject,
			 subject);

	payload[base64url_encode(slice_make(claims, (size_t)n), payload)] = '\0';
	snprintf(token, sizeof token, "e30.%s.x", payload);
	d.id_token = slice_of(token);
	assert_int_equal(session_login(&worker, &d, on_made, &o), 0);
	UNTIL(o.done);
	assert_int_equal(o.error, 0);
	assert_int_equal(strlen(o.id), SESSION_ID);
	memcpy(id, o.id, sizeof o.id);
	return id;
}

static unsigned
sessions_of(const char *subject, const char *sid, bool end)
{
	struct outcome o = { 0 };
	const struct session_users u = { .provider = TRIE_NONE,
					 .subject = slice_of(subject),
					 .sid = slice_of(sid) };

	assert_int_equal(session_of_user(&worker, &u, end, on_each, &o), 0);
	UNTIL(o.done);
	assert_int_equal(o.error, 0);
	return o.count;
}

/* ---- cases ---- */

static void
test_login(void **state)
{
	char id[SESSION_ID + 1];
	struct session *s = get(login("", 0, "alice", id));

	assert_non_null(s);
	assert_string_equal(s->id, id);
	assert_true(slice_eq(s->user, SLICE("alice")));
	assert_true(slice_eq(s->tokens[0].access, SLICE("access")));
	assert_true(slice_eq(s->tokens[0].refresh, SLICE("refresh")));
	assert_true(slice_eq(s->tokens[0].subject, SLICE("alice")));
	assert_int_equal(s->tokens[0].expires, worker.wall + 60);
	assert_true(s->tokens[0].refresh_expires == INT64_MAX);
	assert_true(slice_starts(s->tokens[0].tid, SLICE("corp:")));
	assert_int_equal(s->tokens[1].tid.n, 0);
	assert_int_equal(s->expires, worker.wall + 3600);
	assert_int_equal(s->first, 0);
	session_put(s);
	assert_null(get("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"));
	assert_null(get("no id"));
}

/* A second provider: a new id, the first one's tokens, the same user, no older end. */
static void
test_second_provider(void **state)
{
	char first[SESSION_ID + 1], second[SESSION_ID + 1];
	struct session *s, *before = get(login("", 0, "alice", first));

	worker.wall += 10;
	s = get(login(first, 1, "alice at gitlab", second));
	assert_string_not_equal(first, second);
	assert_null(get(first));
	assert_true(slice_eq(s->user, SLICE("alice")));
	assert_true(slice_eq(s->tokens[0].tid, before->tokens[0].tid));
	assert_true(slice_eq(s->tokens[0].access, SLICE("access")));
	assert_true(slice_eq(s->tokens[1].subject, SLICE("alice at gitlab")));
	assert_int_equal(s->created, before->created);
	assert_int_equal(s->first, 0);
	session_put(before);
	session_put(s);
	assert_int_equal(sessions_of("alice", "", false), 1);
	assert_int_equal(sessions_of("alice at gitlab", "", false), 1);
}

/* The same user again keeps what others gave; another one keeps nothing. */
static void
test_again(void **state)
{
	char a[SESSION_ID + 1], b[SESSION_ID + 1];
	struct session *s;

	login("", 0, "alice", a);
	login(a, 1, "x", b);
	s = get(login(b, 0, "alice", a));
	assert_true(s->tokens[1].tid.n > 0 && s->first == 0);
	session_put(s);
	s = get(login(a, 0, "bob", b));
	assert_true(s->tokens[1].tid.n == 0 && slice_eq(s->user, SLICE("bob")));
	session_put(s);
	assert_int_equal(sessions_of("alice", "", false), 0);
	assert_int_equal(sessions_of("x", "", false), 0);
	assert_null(get(a));
}

static void
test_end(void **state)
{
	char id[SESSION_ID + 1];
	struct outcome o = { 0 }, again = { 0 };

	login("", 0, "alice", id);
	assert_int_equal(session_end(&worker, slice_of(id), on_ended, &o), 0);
	UNTIL(o.done);
	assert_int_equal(o.error, 0);
	assert_string_equal(o.id, "refresh"); /* to be revoked */
	assert_null(get(id));
	assert_int_equal(session_end(&worker, slice_of(id), on_ended, &again), 0);
	assert_false(again.done);
	UNTIL(again.done);
	assert_int_equal(again.error, 0);
	assert_string_equal(again.id, "");
}

static void
test_of_user(void **state)
{
	char id[SESSION_ID + 1];

	login("", 0, "alice", id);
	login("", 0, "alice", id);
	login("", 0, "bob", id);
	assert_int_equal(sessions_of("alice", "sid-bob", true), 0);
	assert_int_equal(sessions_of("alice", "sid-alice", false), 2);
	assert_int_equal(sessions_of("", "sid-nobody", true), 0);
	assert_int_equal(sessions_of("", "", true), 0);
	assert_int_equal(sessions_of("", "sid-bob", true), 1);
	assert_int_equal(sessions_of("bob", "", false), 0);
	login("", 0, "bob", id);
	assert_int_equal(sessions_of("alice", "", true), 2);
	assert_int_equal(sessions_of("alice", "", false), 0);
	assert_int_equal(sessions_of("bob", "", false), 1);
}

static void
test_nobody(void **state)
{
	const struct session_draft d = { .provider = TRIE_NONE };
	struct outcome o = { 0 };
	char id[SESSION_ID + 1];
	struct session *s;

	assert_int_equal(session_login(&worker, &d, on_made, &o), 0);
	UNTIL(o.done);
	s = get(o.id);
	assert_non_null(s);
	assert_true(s->user.n == 0 && s->first == TRIE_NONE && !s->who);
	session_put(s);
	s = get(login(o.id, 0, "alice", id));
	assert_true(slice_eq(s->user, SLICE("alice")));
	session_put(s);
	assert_null(get(o.id));
}

/* What somebody else changes is announced; nothing has to be asked. */
static void
test_announced(void **state)
{
	char id[SESSION_ID + 1], line[200];
	struct session *s = get(login("", 0, "alice", id));
	struct session_entry *e = session_find(worker.sessions, slice_of(id));

	snprintf(line, sizeof line, "HDEL accessToken:%.*s Value", SLICE_F(s->tokens[0].tid));
	session_put(s);
	assert_true(session_is_fresh(worker.sessions, e));
	e->pins++;
	redis_type(&server, line);
	UNTIL(!e->session);
	e->pins--;
	session_settle(worker.sessions, e);
	s = get(id);
	assert_int_equal(s->tokens[0].access.n, 0);
	session_put(s);
	snprintf(line, sizeof line, "DEL session:%s", id);
	redis_type(&server, line);
	UNTIL(!session_find(worker.sessions, slice_of(id)));
	assert_null(get(id));
}

/* Everybody hears of it, and nothing is asked of a store that is not there. */
static void
test_lost(void **state)
{
	char id[SESSION_ID + 1];
	struct outcome o = { 0 }, end = { 0 }, later = { 0 };
	const struct session_draft d = { .provider = TRIE_NONE };

	login("", 0, "alice", id);
	kill(server.pid, SIGSTOP);
	assert_int_equal(session_get(&worker, slice_of(id), on_got, &o), 0);
	assert_int_equal(session_end(&worker, slice_of(id), on_ended, &end), 0);
	turn();
	redis_kill(&server);
	UNTIL(o.done && end.done);
	assert_int_equal(o.error, -EAGAIN);
	assert_int_equal(end.error, -EAGAIN);
	assert_false(store_is_up(&worker));
	assert_int_equal(session_login(&worker, &d, on_made, &later), -EAGAIN);
	assert_int_equal(session_end(&worker, slice_of(id), on_ended, &later), -EAGAIN);
	assert_false(later.done);
}

int
main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(test_##name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		CASE(login),   CASE(second_provider), CASE(again),     CASE(end),
		CASE(of_user), CASE(nobody),          CASE(announced), CASE(lost),
	};

	if (system("command -v redis-server >/dev/null") != 0) {
		print_message("skipped: there is no redis-server\n");
		return 77;
	}
	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
