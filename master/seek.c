#include "seek.h"

#include "seek_own.h"
#include "store_dial.h"

#include "lib/log.h"
#include "lib/redis_link.h"
#include "lib/redis_tag.h"
#include "lib/tls.h"
#include "lib/xalloc.h"

#include <stdio.h>
#include <stdlib.h>

#define SWITCHED "+switch-master"
#define CONNECT_MAX_MS 1000
#define AGAIN_MS 5000 /* between two questions when nothing happens */
#define NEXT_MS 10    /* before the next one is asked */
#define ROUND_MS 250  /* before all are asked once more */
#define DOUBT_MS 50   /* before a question that a doubt leads to */
#define DOUBTS_MAX 3  /* in a row, before the next one is asked */
#define HOPS_MAX 5    /* that are followed at once: nodes may send one another about */

struct seek {
	uv_loop_t *loop;
	struct list users;
	struct seek_way way;
	struct tls_context *tls;
	struct store_dial dial;
	struct redis_login login;
	struct redis_conn *ask, *hear; /* hear: of sentinels alone */
	uv_timer_t timer;
	bool up;             /* it may be asked */
	bool waiting;        /* for an answer */
	bool changed;        /* and users have not heard of it */
	size_t turn, failed; /* of those that may be asked: now; in a row */
	unsigned doubts, hops;
	struct seek_place server, nodes[SEEK_NODES];
	size_t nodes_count;
	uint64_t changes;
	char host[254]; /* of whom is asked */
	char asked[280], by[300], fault[500];
};

/* ---- what is known ---- */

bool
seek_used(const struct seek *s)
{
	return s->way.seek && s->way.seek->places_count > 0;
}

bool
seek_is_cluster(const struct seek *s)
{
	return seek_used(s) && s->way.seek->nodes_count > 0;
}

const struct config_address *
seek_server(const struct seek *s)
{
	return s->server.port ? &s->server.address : NULL;
}

void
seek_servers(const struct seek *s, struct seek_servers *out)
{
	out->count = 0;
	if (!seek_is_cluster(s) && s->server.port)
		out->at[out->count++] = &s->server.address;
	for (size_t i = 0; seek_is_cluster(s) && i < s->nodes_count; i++)
		out->at[out->count++] = &s->nodes[i].address;
}

const char *
seek_by(const struct seek *s)
{
	return s->by;
}

const char *
seek_fault(const struct seek *s)
{
	return s->fault;
}

uint64_t
seek_changes(const struct seek *s)
{
	return s->changes;
}

static void
seek_tell(struct seek *s)
{
	if (!s->changed)
		return;
	s->changed = false;
	list_for_safe (pos, tmp, &s->users) {
		struct seek_user *u = container_of(pos, struct seek_user, link);

		u->found(u->userdata);
	}
}

static void
set_server(struct seek *s, const struct seek_place *place, const char *by)
{
	bool same = s->server.port && strcmp(s->server.text, place->text) == 0;

	snprintf(s->by, sizeof s->by, "%s", by);
	if (same)
		return;
	if (s->server.port)
		s->changes++;
	s->server = *place;
	seek_place_settle(&s->server);
	s->changed = true;
	s->doubts = 0;
	log_info("redis server=%s found=\"%s\"", s->server.text, s->by);
}

static void
set_nodes(struct seek *s, const struct seek_place *nodes, size_t count)
{
	bool same = s->nodes_count == count;

	for (size_t i = 0; same && i < count; i++)
		same = strcmp(s->nodes[i].text, nodes[i].text) == 0;
	if (same)
		return;
	memcpy(s->nodes, nodes, count * sizeof *nodes);
	s->nodes_count = count;
	for (size_t i = 0; i < count; i++)
		seek_place_settle(&s->nodes[i]);
	s->changed = true;
}

/* ---- one after the other ---- */

static void
seek_hang_up(struct seek *s)
{
	dial_stop(&s->dial);
	redis_conn_close(s->ask);
	redis_conn_close(s->hear);
	s->ask = s->hear = NULL;
	s->up = s->waiting = false;
}

/* Those of the configuration, and behind them those that the cluster named. */
static size_t
candidates(const struct seek *s)
{
	return s->way.seek->places_count + s->nodes_count;
}

static void on_timer(uv_timer_t *timer);

static void
seek_next(struct seek *s, const char *reason)
{
	bool round;

	seek_hang_up(s);
	snprintf(s->fault, sizeof s->fault, "%s: %s", s->asked, reason);
	s->turn = (s->turn + 1) % candidates(s);
	round = ++s->failed % candidates(s) == 0;
	uv_timer_start(&s->timer, on_timer, round ? ROUND_MS : NEXT_MS, 0);
	if (!round)
		return;
	if (s->failed == candidates(s))
		log_warn("redis server=unknown reason=\"%s\" effect=\"%s\"", s->fault,
			 s->server.port ? "the last one that was found is used" : "none is used");
	list_for_safe (pos, tmp, &s->users) {
		struct seek_user *u = container_of(pos, struct seek_user, link);

		u->failed(u->userdata, s->fault);
	}
}

static void
seek_well(struct seek *s)
{
	s->failed = 0;
	s->fault[0] = '\0';
	uv_timer_start(&s->timer, on_timer, AGAIN_MS, 0);
	seek_tell(s);
}

/* ---- questions ---- */

static void
on_answer(void *userdata, struct slice tag, const struct redis_reply *r)
{
	static struct seek_place nodes[SEEK_NODES]; /* used up before this returns */
	struct seek *s = userdata;
	struct seek_place server;
	size_t count = 0;
	char fault[160];
	bool good;

	s->waiting = false;
	if (seek_is_cluster(s))
		good = seek_read_slots(r, redis_tag_slot(SLICE(SEEK_TAG_RULES)), s->login.where,
				       &server, nodes, &count);
	else
		good = seek_read_master(r, &server);
	if (!good) {
		seek_next(s, r->type == REDIS_FAILED ? redis_fault(r, fault, sizeof fault)
			     : seek_is_cluster(s)    ? "no node has the slot of our keys"
			     : r->type == REDIS_NIL  ? "it does not know that master"
						     : "an answer that names no server");
		return;
	}
	set_nodes(s, nodes, count);
	set_server(s, &server, s->asked);
	seek_well(s);
}

static void
seek_question(struct seek *s)
{
	const struct slice sentinel[] = { SLICE("SENTINEL"), SLICE("GET-MASTER-ADDR-BY-NAME"),
					  slice_of(s->way.seek->master) };
	const struct slice cluster[] = { SLICE("CLUSTER"), SLICE("SLOTS") };

	if (s->waiting || !s->up)
		return;
	s->waiting = true;
	if (seek_is_cluster(s))
		redis_conn_command(s->ask, on_answer, s, SLICE(""), 2, cluster);
	else
		redis_conn_command(s->ask, on_answer, s, SLICE(""), 3, sentinel);
	redis_conn_flush(s->ask);
}

static void
on_greeted(void *userdata, struct slice tag, const struct redis_reply *r)
{
	if (r->type == REDIS_FAILED)
		seek_next(userdata, "it refuses the password or user");
}

/* Who may not hear of it is told when he asks. */
static void
on_subscribed(void *userdata, struct slice tag, const struct redis_reply *r)
{
}

static void
on_ask_up(void *userdata)
{
	struct seek *s = userdata;

	s->up = true;
	redis_login_send(&s->login, s->ask, on_greeted, s);
	seek_question(s);
}

static void
on_hear_up(void *userdata)
{
	static const struct slice subscribe[] = { { "SUBSCRIBE", 9 },
						  { SWITCHED, sizeof SWITCHED - 1 } };
	struct seek *s = userdata;

	redis_login_send(&s->login, s->hear, on_greeted, s);
	redis_conn_command(s->hear, on_subscribed, s, SLICE(""), 2, subscribe);
}

/* "mymaster 10.0.0.1 6379 10.0.0.2 6379" */
static void
on_message(void *userdata, const struct redis_reply *r)
{
	struct seek *s = userdata;
	struct slice rest, name = slice_cut(r->elements[2]->text, ' ', &rest);

	if (slice_eq(name, slice_of(s->way.seek->master)))
		seek_question(s);
}

static void
on_ask_down(void *userdata, const char *reason)
{
	struct seek *s = userdata;

	s->ask = NULL;
	seek_next(s, reason);
}

static void
on_hear_down(void *userdata, const char *reason)
{
	struct seek *s = userdata;

	s->hear = NULL;
	seek_next(s, reason);
}

static const struct redis_conn_ops ask_ops = { .up = on_ask_up, .down = on_ask_down };
static const struct redis_conn_ops hear_ops = { .up = on_hear_up,
						.message = on_message,
						.down = on_hear_down };

/* ---- connecting ---- */

static void
on_dialled(void *userdata, const struct sockaddr *address)
{
	struct seek *s = userdata;
	uint32_t ms = s->way.timeout < CONNECT_MAX_MS ? s->way.timeout : CONNECT_MAX_MS;
	int r;

	if (s->way.secure && !s->tls) {
		seek_next(s, "a file that its TLS needs cannot be used");
		return;
	}
	r = redis_conn_new(s->loop, address, s->tls, s->login.peer, ms, ms, &ask_ops, s, &s->ask);
	if (r == 0 && !seek_is_cluster(s))
		r = redis_conn_new(s->loop, address, s->tls, s->login.peer, ms, ms, &hear_ops, s,
				   &s->hear);
	if (r < 0)
		seek_next(s, strerror(-r));
}

static void
on_not_dialled(void *userdata, const char *reason)
{
	seek_next(userdata, reason);
}

static const struct config_address *
seek_login(struct seek *s)
{
	const struct config_seek *c = s->way.seek;
	const struct config_address *place = s->turn < c->places_count
						 ? &c->places[s->turn]
						 : &s->nodes[s->turn - c->places_count].address;
	const char *name = s->way.tls->server_name;
	bool cluster = seek_is_cluster(s);
	const struct config_secret *password = cluster ? s->way.password : &c->password;

	if (!s->ask) /* else it stays who it is, whatever is known of nodes by now */
		snprintf(s->host, sizeof s->host, "%s",
			 place->host && *place->host ? place->host : "127.0.0.1");
	s->login = (struct redis_login){
		.user = slice_of(cluster ? s->way.username : c->username),
		.password = slice_make(password->bytes, password->n),
		.peer = name && *name ? name : s->host,
		.where = s->host,
	};
	return place;
}

static void
seek_begin(struct seek *s)
{
	const struct config_address *place;

	s->turn %= candidates(s);
	place = seek_login(s);
	snprintf(s->asked, sizeof s->asked, "%s %s", seek_is_cluster(s) ? "node" : "sentinel",
		 place->text);
	dial_start(&s->dial, place);
}

static void
on_timer(uv_timer_t *timer)
{
	struct seek *s = timer->data;

	seek_tell(s);
	uv_timer_start(timer, on_timer, AGAIN_MS, 0);
	if (s->ask)
		seek_question(s);
	else if (!s->dial.question)
		seek_begin(s);
}

/* ---- doubts ---- */

static bool
follow(struct seek *s, const char *reason)
{
	struct seek_place place;
	struct slice host;
	uint16_t port;

	if (!seek_is_cluster(s) || !redis_where(slice_of(reason), SLICE("MOVED"), &host, &port) ||
	    !seek_read_place(host, port, &place))
		return false;
	set_server(s, &place, "MOVED");
	return true;
}

void
seek_doubt(struct seek *s, const char *reason)
{
	bool moved;

	if (!seek_used(s))
		return;
	moved = follow(s, reason) && ++s->hops <= HOPS_MAX;
	if (!moved && s->ask && ++s->doubts % DOUBTS_MAX == 0) {
		seek_hang_up(s);
		s->turn = (s->turn + 1) % candidates(s);
	}
	uv_timer_start(&s->timer, on_timer, moved ? 0 : DOUBT_MS, 0);
}

void
seek_confirm(struct seek *s)
{
	s->doubts = s->hops = 0;
}

/* ---- life ---- */

struct seek *
seek_new(uv_loop_t *loop, struct resolver *resolver)
{
	struct seek *s = xcalloc(1, sizeof *s);

	s->loop = loop;
	s->dial = (struct store_dial){ resolver, on_dialled, on_not_dialled, .userdata = s };
	list_init(&s->users);
	uv_timer_init(loop, &s->timer);
	s->timer.data = s;
	return s;
}

static void
on_closed(uv_handle_t *handle)
{
	free(handle->data);
}

void
seek_free(struct seek *s)
{
	if (!s)
		return;
	seek_hang_up(s);
	tls_context_unref(s->tls);
	uv_close((uv_handle_t *)&s->timer, on_closed);
}

void
seek_secure(struct seek *s, struct tls_context *tls)
{
	if (tls)
		tls_context_ref(tls);
	tls_context_unref(s->tls);
	s->tls = tls;
}

static bool
way_differs(const struct seek_way *a, const struct seek_way *b)
{
	return dial_seek_differs(a->seek, b->seek) ||
	       dial_tls_differs(a->secure, a->tls, b->secure, b->tls) ||
	       dial_login_differs(a->username, a->password, b->username, b->password) ||
	       a->timeout != b->timeout;
}

struct seek_way
seek_way_rules(const struct config_redis *c)
{
	return (struct seek_way){ &c->seek,    &c->tls,      c->secure,
				  c->username, &c->password, c->timeout };
}

struct seek_way
seek_way_sessions(const struct config_sessions *c)
{
	return (struct seek_way){ &c->seek,    &c->tls,      c->secure,
				  c->username, &c->password, c->timeout };
}

void
seek_configure(struct seek *s, const struct seek_way *way)
{
	bool same = s->way.seek && !way_differs(&s->way, way);

	s->way = *way;
	if (same) {
		if (seek_used(s))
			seek_login(s); /* of the new one's memory */
		return;
	}
	seek_hang_up(s);
	uv_timer_stop(&s->timer);
	memset(&s->server, 0, sizeof s->server);
	s->nodes_count = s->turn = s->failed = 0;
	s->by[0] = s->fault[0] = '\0';
	if (seek_used(s))
		uv_timer_start(&s->timer, on_timer, 0, 0);
}

void
seek_join(struct seek *s, struct seek_user *u)
{
	list_push(&s->users, &u->link);
}

void
seek_leave(struct seek *s, struct seek_user *u)
{
	list_remove(&u->link);
}
