/* fleet_gateway: one simulated gateway: its connections, and what it is saying. */

#include "fleet.h"

#include "lib/buf.h"
#include "lib/clock.h"
#include "lib/list.h"
#include "lib/redis.h"
#include "lib/xalloc.h"

#include <stdio.h>
#include <stdlib.h>

#define CONNECT_MS 20000
#define ANSWER_MS 60000
#define RETRY_MIN_MS 100 /* as master/store_line.c */
#define RETRY_MAX_MS 1600

struct line { /* one connection */
	struct gateway *gateway;
	struct redis_conn *conn;
	unsigned number;
	char id[24]; /* as Redis knows it */
};

struct run { /* an event that has begun */
	struct list link;
	struct gateway *gateway;
	const struct event *event;
	size_t round, pending, again;
	uint64_t begun_ns;
	uv_timer_t pause;
};

struct gateway {
	struct fleet *fleet;
	char name[FLEET_NAME + 1];
	struct line lines[FLEET_CONNS];
	unsigned up;
	struct list runs;
	uv_timer_t retry;
	uint32_t retry_ms;
	uint64_t every_next; /* ns */
};

/* ---- words ---- */

static void
word_write(const struct gateway *g, const struct word *w, struct buf *out)
{
	for (size_t i = 0; i < w->n; i++) {
		const struct part *p = &w->parts[i];

		switch (p->kind) {
		case PART_BYTES:
			buf_add(out, p->bytes, p->n);
			break;
		case PART_GATEWAY:
			buf_add(out, g->name, FLEET_NAME);
			break;
		case PART_CLIENT:
			buf_adds(out, slice_of(g->lines[p->n].id));
			break;
		case PART_VALUE:
			buf_adds(out, *script_value(&g->fleet->script, p->bytes));
			break;
		}
	}
}

static void on_answer(void *userdata, struct slice tag, const struct redis_reply *r);

static void
say(struct run *run, unsigned conn, const struct saying *s)
{
	struct gateway *g = run->gateway;
	struct slice *argv = xcalloc(s->n, sizeof *argv);
	size_t *ends = xcalloc(s->n, sizeof *ends);
	struct buf text BUF_CLEAN = { 0 };

	for (size_t i = 0; i < s->n; i++) {
		word_write(g, &s->words[i], &text);
		ends[i] = text.n;
	}
	for (size_t i = 0; i < s->n; i++)
		argv[i] =
		    slice_make(text.p + (i ? ends[i - 1] : 0), ends[i] - (i ? ends[i - 1] : 0));
	redis_conn_command(g->lines[conn].conn, on_answer, run, SLICE(""), s->n, argv);
	g->fleet->sent++;
	free(argv);
	free(ends);
}

/* ---- runs ---- */

static void
on_run_closed(uv_handle_t *handle)
{
	free(handle->data);
}

static void
run_drop(struct run *run)
{
	list_remove(&run->link);
	uv_close((uv_handle_t *)&run->pause, on_run_closed);
}

static void
run_end(struct run *run)
{
	struct gateway *g = run->gateway;
	const struct event *e = run->event;
	size_t again = run->again;
	uint64_t begun = run->begun_ns;

	run_drop(run);
	g->retry_ms = RETRY_MIN_MS;
	measure_ended(g->fleet, e, begun);
	if (again > 1)
		gateway_run(g->fleet, (size_t)(g - g->fleet->gateways), e, again - 1);
}

static void run_go_on(struct run *run);

static void
on_pause(uv_timer_t *timer)
{
	run_go_on(timer->data);
}

static void
run_go_on(struct run *run)
{
	const struct round *r = &run->event->rounds[run->round];
	struct gateway *g = run->gateway;
	uint64_t since_ms;

	if (run->round == run->event->n) {
		run_end(run);
		return;
	}
	if (run->event == g->fleet->stopped) {
		run_drop(run);
		return;
	}
	since_ms = (clock_mono_ns() - run->begun_ns) / 1000000;
	if (r->at_ms > since_ms) {
		uv_timer_start(&run->pause, on_pause, r->at_ms - since_ms, 0);
		return;
	}
	run->round++;
	run->pending = r->n;
	for (size_t i = 0; i < r->n; i++)
		say(run, r->conn, &r->says[i]);
	redis_conn_flush(g->lines[r->conn].conn);
}

static void
on_answer(void *userdata, struct slice tag, const struct redis_reply *r)
{
	struct run *run = userdata;

	if (r->type == REDIS_FAILED)
		measure_failed(run->gateway->fleet, r->text);
	if (--run->pending == 0)
		run_go_on(run);
}

void
gateway_run(struct fleet *f, size_t gateway, const struct event *e, size_t again)
{
	struct gateway *g = &f->gateways[gateway];
	struct run *run;

	if (g->up < f->conns)
		return;
	run = xcalloc(1, sizeof *run);
	run->gateway = g;
	run->event = e;
	run->again = again;
	run->begun_ns = clock_mono_ns();
	uv_timer_init(&f->loop, &run->pause);
	run->pause.data = run;
	list_push(&g->runs, &run->link);
	run_go_on(run);
}

/* ---- connections ---- */

static void
on_message(void *userdata, const struct redis_reply *r)
{
	struct line *l = userdata;
	struct fleet *f = l->gateway->fleet;
	const struct redis_reply *keys = r->elements[2];

	f->messages++;
	for (size_t i = 0; i < keys->count; i++) {
		f->keys++;
		for (size_t k = 0; k < f->script.triggers_n; k++) {
			const struct trigger *t = &f->script.triggers[k];

			if (t->conn != l->number || !slice_eq(t->key, keys->elements[i]->text))
				continue;
			measure_heard(f, t->event);
			gateway_run(f, (size_t)(l->gateway - f->gateways), t->event, 1);
		}
	}
}

static void gateway_open(struct gateway *g);

static void
on_retry(uv_timer_t *timer)
{
	gateway_open(timer->data);
}

static void
gateway_again(struct gateway *g)
{
	struct fleet *f = g->fleet;
	uint32_t pause = g->retry_ms;

	list_for_safe (pos, tmp, &g->runs)
		run_drop(container_of(pos, struct run, link));
	for (unsigned i = 0; i < f->conns; i++) {
		redis_conn_close(g->lines[i].conn);
		g->lines[i].conn = NULL;
	}
	g->up = 0;
	f->lost++;
	g->retry_ms = pause * 2 < RETRY_MAX_MS ? pause * 2 : RETRY_MAX_MS;
	uv_timer_start(&g->retry, on_retry, pause - fleet_random(f) % (pause / 4 + 1), 0);
}

static void
on_down(void *userdata, const char *reason)
{
	struct line *l = userdata;

	l->conn = NULL;
	measure_failed(l->gateway->fleet, slice_of(reason));
	gateway_again(l->gateway);
}

static void
on_id(void *userdata, struct slice tag, const struct redis_reply *r)
{
	struct line *l = userdata;
	struct gateway *g = l->gateway;

	snprintf(l->id, sizeof l->id, "%lld", (long long)r->integer);
	if (++g->up == g->fleet->conns)
		gateway_run(g->fleet, (size_t)(g - g->fleet->gateways),
			    script_find(&g->fleet->script, "start"), 1);
}

/* Each is asked for its id; of the recorded words the same question is left out. */
static void
on_up(void *userdata)
{
	static const struct slice id[] = { SLICE("CLIENT"), SLICE("ID") };
	struct line *l = userdata;

	redis_conn_command(l->conn, on_id, l, SLICE(""), 2, id);
	redis_conn_flush(l->conn);
}

static const struct redis_conn_ops ops = { .up = on_up, .message = on_message, .down = on_down };

static void
gateway_open(struct gateway *g)
{
	struct fleet *f = g->fleet;

	for (unsigned i = 0; i < f->conns; i++) {
		struct line *l = &g->lines[i];

		if (redis_conn_new(&f->loop, (struct sockaddr *)&f->address, NULL, "", CONNECT_MS,
				   ANSWER_MS, &ops, l, &l->conn) < 0)
			measure_failed(f, SLICE("no connection can be made"));
	}
}

void
fleet_connect(struct fleet *f, size_t n, unsigned conns, uint64_t spread_ms)
{
	f->gateways = xcalloc(n, sizeof *f->gateways);
	f->gateways_n = n;
	f->conns = conns < FLEET_CONNS ? conns : FLEET_CONNS;
	for (size_t i = 0; i < n; i++) {
		struct gateway *g = &f->gateways[i];

		g->fleet = f;
		g->retry_ms = RETRY_MIN_MS;
		snprintf(g->name, sizeof g->name, "5a000000%08x",
			 (unsigned)i); /* simulated.py knows them */
		list_init(&g->runs);
		uv_timer_init(&f->loop, &g->retry);
		g->retry.data = g;
		for (unsigned k = 0; k < f->conns; k++)
			g->lines[k] = (struct line){ .gateway = g, .number = k };
		uv_timer_start(&g->retry, on_retry, spread_ms * i / n, 0);
	}
}

/* Those whose turn it is say what each says again and again. */
void
fleet_periods(struct fleet *f, uint64_t now)
{
	for (size_t i = 0; f->every && i < f->gateways_n; i++) {
		struct gateway *g = &f->gateways[i];

		if (!g->every_next)
			g->every_next = now + fleet_random(f) % (f->every_ms * 1000000);
		if (now < g->every_next)
			continue;
		g->every_next += f->every_ms * 1000000;
		gateway_run(f, i, f->every, 1);
	}
}
