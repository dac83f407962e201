#include "store.h"

#include "behind.h"
#include "session.h"
#include "snapshot.h"
#include "store_target.h"
#include "worker.h"

#include "lib/log.h"
#include "lib/redis_link.h"
#include "lib/redis_tag.h"
#include "lib/tls.h"
#include "lib/xalloc.h"

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/un.h>

#define RETRY_MIN_MS 100
#define RETRY_MAX_MS 1000
#define CALLS_MAX 8192        /* that wait for their answer */
#define COMING_MAX 1024       /* that wait for the link */
#define HOPS_MAX 5            /* from node to node of a cluster, before a pause */
#define TAG "{yett-sessions}" /* of all keys in a cluster: they are on one node */

struct store_call {
	struct list link;
	struct store *store;
	store_fn fn; /* NULL: nobody wants to know any more */
	void *userdata;
	struct slice *argv; /* until there is a link to send it over; one piece of memory */
	size_t argc;
};

struct store {
	struct worker *worker;
	struct store_target to;
	struct behind *behind; /* of TLS; NULL: plain, or the table lacks what it needs */
	struct redis_login login;
	char where[80];
	struct redis_link *link; /* NULL: a pause */
	struct redis_conn *ask;  /* NULL: it is not up, or not yet */
	bool tracks, dirty, told;
	unsigned turn, at; /* which of the addresses is next; which is in use */
	unsigned hops;     /* since it was up */
	uint32_t retry_ms;
	struct timer retry;
	struct list calls;
	size_t calls_n;
};

static void store_connect(struct store *s);

/* ---- calls ---- */

bool
store_is_up(const struct worker *w)
{
	return w->store && w->store->link;
}

bool
store_tracks(const struct worker *w)
{
	return w->store && w->store->tracks;
}

bool
store_has_room(const struct worker *w, size_t n)
{
	const struct store *s = w->store;

	return s && s->link && s->calls_n + n <= (s->ask ? CALLS_MAX : COMING_MAX);
}

/* A secret may be among them. */
static void
call_forget_text(struct store_call *c)
{
	size_t bytes = sizeof *c->argv * c->argc;

	for (size_t i = 0; i < c->argc; i++)
		bytes += c->argv[i].n;
	if (c->argv)
		explicit_bzero(c->argv, bytes);
	free(c->argv);
	c->argv = NULL;
	c->argc = 0;
}

static void
call_keep_text(struct store_call *c, size_t argc, const struct slice *argv)
{
	size_t bytes = sizeof *argv * argc;
	char *o;

	for (size_t i = 0; i < argc; i++)
		bytes += argv[i].n;
	c->argc = argc;
	c->argv = xmalloc(bytes);
	o = (char *)(c->argv + argc);
	for (size_t i = 0; i < argc; i++) {
		c->argv[i] = slice_make(o, argv[i].n);
		if (argv[i].n > 0)
			memcpy(o, argv[i].p, argv[i].n);
		o += argv[i].n;
	}
}

static void
call_end(struct store_call *c, const struct redis_reply *r)
{
	store_fn fn = c->fn;
	void *userdata = c->userdata;

	list_remove(&c->link);
	c->store->calls_n--;
	call_forget_text(c);
	free(c);
	if (fn)
		fn(userdata, r);
}

static void
on_answer(void *userdata, struct slice tag, const struct redis_reply *r)
{
	call_end(userdata, r);
}

static void
call_send(struct store_call *c, size_t argc, const struct slice *argv)
{
	redis_conn_command(c->store->ask, on_answer, c, SLICE(""), argc, argv);
	c->store->dirty = true;
}

struct store_call *
store_ask(struct worker *w, store_fn fn, void *userdata, size_t argc, const struct slice *argv)
{
	struct store *s = w->store;
	struct store_call *c;

	if (!store_has_room(w, 1))
		return NULL;
	c = xcalloc(1, sizeof *c);
	c->store = s;
	c->fn = fn;
	c->userdata = userdata;
	list_push(&s->calls, &c->link);
	s->calls_n++;
	if (s->ask)
		call_send(c, argc, argv);
	else
		call_keep_text(c, argc, argv);
	return c;
}

void
store_forget(struct store_call *c)
{
	c->fn = NULL;
}

void
session_store_turn(struct worker *w)
{
	struct store *s = w->store;

	if (!s || !s->dirty)
		return;
	s->dirty = false;
	if (s->ask)
		redis_conn_flush(s->ask);
}

/* ---- the link ---- */

/* Who waits hears of it once all is down: what they do then finds no link. */
static void
store_drop(struct store *s)
{
	struct redis_link *link = s->link;
	bool was_up = s->ask != NULL;

	s->link = NULL;
	s->ask = NULL;
	s->tracks = s->dirty = false;
	redis_link_free(link);
	list_drain (pos, &s->calls)
		call_end(container_of(pos, struct store_call, link), NULL);
	if (was_up)
		board_set(&s->worker->page->store_up, 0);
	sessions_store_lost(s->worker);
}

/* What was not sent yet waits for the next one. */
static void
store_leave(struct store *s)
{
	if (s->ask) {
		store_drop(s);
		return;
	}
	redis_link_free(s->link);
	s->link = NULL;
}

static void
on_retry(struct timer *t)
{
	store_connect(container_of(t, struct store, retry));
}

/* A node of a cluster says which one has our keys. */
static bool
follow(struct store *s, const char *reason)
{
	unsigned at = s->to.addresses_n;
	struct slice host;
	uint16_t port;

	if (s->to.cluster && redis_where(slice_of(reason), SLICE("MOVED"), &host, &port))
		at = store_target_find(&s->to, host, port);
	if (at == s->to.addresses_n || ++s->hops > HOPS_MAX)
		return false;
	s->turn = at;
	return true;
}

/* Three quarters to the whole of a pause that grows, so that workers do not come back in step. */
static void
store_again(struct store *s, const char *reason)
{
	struct worker *w = s->worker;
	uint32_t pause = s->retry_ms;

	if (follow(s, reason)) {
		store_leave(s);
		store_connect(s);
		return;
	}
	if (!s->told)
		log_error("sessions store=down address=%s reason=\"%s\": requests with a session "
			  "are answered 503",
			  s->where, reason);
	s->told = true;
	s->retry_ms = pause * 2 < RETRY_MAX_MS ? pause * 2 : RETRY_MAX_MS;
	w->seed = w->seed * 1103515245u + 12345u;
	timer_set(w, &s->retry, pause - (w->seed >> 8) % (pause / 4 + 1));
	store_drop(s);
}

static void
on_ready(void *userdata, struct redis_conn *ask, bool tracking)
{
	struct store *s = userdata;

	if (s->told)
		log_info("sessions store=up address=%s", s->where);
	s->told = false;
	s->retry_ms = RETRY_MIN_MS;
	s->hops = 0;
	s->ask = ask;
	s->tracks = tracking;
	board_set(&s->worker->page->store_up, 1);
	store_clock_begin(s->worker); /* before all that is judged by it */
	list_for (pos, &s->calls) {
		struct store_call *c = container_of(pos, struct store_call, link);

		if (!c->argv)
			continue;
		call_send(c, c->argc, c->argv);
		call_forget_text(c);
	}
}

static void
on_announced(void *userdata, struct slice key)
{
	sessions_changed(((struct store *)userdata)->worker, key);
}

static void
on_flushed(void *userdata)
{
	sessions_flushed(((struct store *)userdata)->worker);
}

/* Keys are on their way to another node, which announces nothing. */
static void
on_untold(void *userdata)
{
	struct store *s = userdata;

	s->tracks = false;
	sessions_flushed(s->worker);
}

/* No server that the table does not name. */
static bool
on_node(void *userdata, struct slice host, uint16_t port, struct sockaddr_storage *out)
{
	const struct store_target *to = &((struct store *)userdata)->to;
	unsigned at = store_target_find(to, host, port);

	if (at < to->addresses_n)
		*out = to->addresses[at];
	return at < to->addresses_n;
}

static void
on_failed(void *userdata, const char *reason)
{
	store_again(userdata, reason);
}

/* What was read is tracked, our own writes too: with NOLOOP Redis would forget that we have read
 * what we wrote, and say nothing of the next change of it. */
static const struct redis_link_wish wish = {
	.name = "sessions",
	.client = "yett-sessions",
	.instead = "each worker reads a session again every second",
};

static const struct redis_link_ops ops = {
	.ready = on_ready,
	.announced = on_announced,
	.flushed = on_flushed,
	.untold = on_untold,
	.node = on_node,
	.failed = on_failed,
};

static void
name_address(struct store *s, const struct sockaddr_storage *a)
{
	char ip[INET6_ADDRSTRLEN] = "";
	const struct sockaddr_in *in4 = (const void *)a;
	const struct sockaddr_in6 *in6 = (const void *)a;

	if (a->ss_family == AF_UNIX) {
		snprintf(s->where, sizeof s->where, "%.78s",
			 ((const struct sockaddr_un *)(const void *)a)->sun_path);
	} else if (a->ss_family == AF_INET) {
		uv_ip4_name(in4, ip, sizeof ip);
		snprintf(s->where, sizeof s->where, "%s:%u", ip, ntohs(in4->sin_port));
	} else {
		uv_ip6_name(in6, ip, sizeof ip);
		snprintf(s->where, sizeof s->where, "[%s]:%u", ip, ntohs(in6->sin6_port));
	}
}

static void
store_connect(struct store *s)
{
	const struct sockaddr_storage *a;
	struct tls_context *tls = s->behind ? s->behind->context : NULL;
	int r;

	if (s->to.addresses_n == 0) {
		store_again(s, "where it is is not known (yet)");
		return;
	}
	s->at = s->turn++ % s->to.addresses_n;
	a = &s->to.addresses[s->at];
	s->login.peer = *s->to.peer ? s->to.peer : s->to.hosts[s->at];
	name_address(s, a);
	if (s->to.secure && !tls) {
		store_again(s, "what its TLS needs is not there");
		return;
	}
	r = redis_link_new(&s->worker->loop, (const struct sockaddr *)a, tls, &s->login, &wish,
			   &ops, s, &s->link);
	if (r < 0)
		store_again(s, strerror(-r));
}

/* ---- the table ---- */

static void
store_aim(struct store *s, const struct store_target *to, struct behind *behind)
{
	struct behind *old = s->behind;

	s->behind = behind ? behind_ref(behind) : NULL;
	behind_unref(old);
	memcpy(&s->to, to, sizeof *to);
	s->login = (struct redis_login){
		.user = slice_make(s->to.user, s->to.user_n),
		.password = slice_make(s->to.closed ? s->to.password : NULL, s->to.password_n),
		.peer_of_all = *s->to.peer,
		.where = s->where,
		.database = s->to.database,
		.answer_ms = s->to.answer_ms,
		.found = s->to.found,
		.tag = s->to.cluster ? SLICE(TAG) : SLICE(""),
	};
}

/* Where the node in use stands there. */
static unsigned
target_at(const struct store *s, const struct store_target *to)
{
	return store_target_find(to, slice_of(s->to.hosts[s->at]),
				 store_target_port(&s->to, s->at));
}

/* A cluster has other nodes, and the one in use is still among them. */
static bool
stays(const struct store *s, const struct store_target *to)
{
	struct store_target same = s->to;
	bool good;

	if (!s->ask || !to->cluster || !s->to.cluster)
		return false;
	memcpy(same.addresses, to->addresses, sizeof same.addresses);
	memcpy(same.hosts, to->hosts, sizeof same.hosts);
	same.addresses_n = to->addresses_n;
	/* NOLINTNEXTLINE(*-memory-comparison,cert-*): all bytes are set. */
	good = memcmp(&same, to, sizeof same) == 0 && target_at(s, to) < to->addresses_n;
	explicit_bzero(&same, sizeof same);
	return good;
}

void
session_store_load(struct worker *w, struct snapshot *t)
{
	const struct table_login *login = t ? table_login(t->segments[SEGMENT_RULES]) : NULL;
	struct store *s = w->store;
	struct behind *behind;
	struct store_target to;

	if (!login) {
		session_store_free(w);
		return;
	}
	if (!s) {
		s = w->store = xcalloc(1, sizeof *s);
		s->worker = w;
		list_init(&s->calls);
		timer_init(&s->retry, on_retry);
	}
	store_target_read(t, login, &to, &behind);
	if (stays(s, &to)) {
		s->at = target_at(s, &to);
		memcpy(&s->to, &to, sizeof to);
		/* NOLINTNEXTLINE(*-memory-comparison,cert-*): all bytes are set. */
	} else if (memcmp(&to, &s->to, sizeof to) != 0 || !s->retry_ms) {
		bool had = s->link != NULL;

		timer_clear(&s->retry);
		if (had)
			store_drop(s);
		store_aim(s, &to, behind);
		s->retry_ms = RETRY_MIN_MS;
		store_connect(s);
	}
	explicit_bzero(&to, sizeof to);
}

void
session_store_tick(struct worker *w)
{
	if (!w->store || !w->store->ask)
		return;
	redis_link_ping(w->store->link);
	store_clock_ask(w);
}

void
session_store_free(struct worker *w)
{
	struct store *s = w->store;

	if (!s)
		return;
	timer_clear(&s->retry);
	store_drop(s);
	behind_unref(s->behind);
	w->store = NULL;
	explicit_bzero(s, sizeof *s);
	free(s);
}
