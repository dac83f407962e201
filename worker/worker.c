#include "worker.h"

#include "access_log.h"
#include "await.h"
#include "caps.h"
#include "client.h"
#include "control.h"
#include "assertion.h"
#include "credentials.h"
#include "exchange.h"
#include "units.h"
#include "gate.h"
#include "introspect_wait.h"
#include "keys_wait.h"
#include "intake.h"
#include "listen.h"
#include "load.h"
#include "mirror.h"
#include "name_wait.h"
#include "redirect_store.h"
#include "pool.h"
#include "queue.h"
#include "refresh.h"
#include "request.h"
#include "sandbox.h"
#include "session.h"
#include "shed.h"
#include "snapshot.h"
#include "store.h"
#include "sweep.h"
#include "tls_front.h"
#include "trace.h"
#include "tunnel.h"

#include "lib/failpoint.h"
#include "lib/log.h"
#include "lib/sha256.h"
#include "lib/stream_peer.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define CONTROL_FD 3
#define HOLD_MS 15000   /* beyond the drain, for an answer that cannot be had again */
#define LAST_MS 1500    /* of the drain: for those who were told to go to do so */
#define TUNNELS_MS 5000 /* before the end of a grace that is meant for streams */
#define CLOSE_BATCH                                                                                \
	64 /* idle connections closed a tick while draining: not all reconnect at once */

static void
worker_clock(struct worker *w)
{
	int64_t now = time(NULL);
	time_t t = now;
	struct tm tm;

	if (now == w->wall)
		return;
	w->wall = now;
	gmtime_r(&t, &tm);
	strftime(w->date, sizeof w->date, "%a, %d %b %Y %H:%M:%S GMT", &tm);
}

uint64_t
worker_random(struct worker *w)
{
	uint64_t *s = w->random;
	uint64_t x = s[1] * 5, t = s[1] << 17;

	s[2] ^= s[0];
	s[3] ^= s[1];
	s[1] ^= s[2];
	s[0] ^= s[3];
	s[2] ^= t;
	s[3] = (s[3] << 45) | (s[3] >> 19);
	return ((x << 7) | (x >> 57)) * 9;
}

static void
worker_stop(struct worker *w)
{
	if (w->stopped)
		return;
	w->stopped = true;
	access_log_flush(w);
	traces_flush(w);
	uv_stop(&w->loop);
}

static void
close_idle(struct worker *w)
{
	int n = 0;

	list_for_safe (pos, tmp, &w->idle) {
		struct client *c = container_of(pos, struct client, link);

		if (n == CLOSE_BATCH)
			return;
		if (!stream_is_quiet(&c->stream)) /* it is about to be read, and is the last one */
			continue;
		client_quit(c);
		n++;
	}
}

/* WebSockets do not end by themselves; their clients come back elsewhere, but not all at once.
 * Other streams have all of the time. */
static void
close_tunnels(struct worker *w, uint64_t now)
{
	uint64_t left = w->drain_until > now + LAST_MS ? w->drain_until - now - LAST_MS : 0;
	uint64_t turns = 1 + left / WHEEL_TICK_MS, most;

	most = board_get(&w->page->tunnels_open) / turns;
	if (most < CLOSE_BATCH)
		most = CLOSE_BATCH;
	list_for_safe (pos, tmp, &w->tunnels) {
		struct client *c = container_of(pos, struct client, link);

		if (most == 0)
			return;
		if (!c->request || !c->request->framed || c->request->farewell != REASON_none)
			continue;
		tunnel_close(c->request, REASON_draining);
		most--;
	}
}

/* Whoever waits for a new table to be in force everywhere waits for those, as we get none. */
static bool
may_decide(const struct worker *w)
{
	if (!list_empty(&w->idle))
		return true;
	list_for (pos, &w->active) {
		const struct client *c = container_of(pos, struct client, link);

		if (!c->request || !c->request->in.head_done)
			return true;
	}
	return false;
}

static void
worker_drain_tick(struct worker *w)
{
	uint64_t now = worker_now(w);

	if (now >= w->drain_idle_until)
		close_idle(w);
	board_set(&w->page->draining, may_decide(w) ? BOARD_DRAINING : BOARD_DECIDED);
	if (now >= w->drain_tunnels_from)
		close_tunnels(w, now);
	if (now >= w->drain_until + HOLD_MS || !refreshes_hold(w)) {
		if (w->clients == 0 || now >= w->drain_until)
			worker_stop(w);
	}
}

static void
on_fire(void *userdata, struct wheel_node *node)
{
	struct timer *t = container_of(node, struct timer, node);

	t->fire(t);
}

static void
on_tick(uv_timer_t *timer)
{
	struct worker *w = timer->data;

	worker_clock(w);
	wheel_sweep(&w->wheel, worker_now(w), on_fire, w);
	if (w->page) {
		board_set(&w->page->heartbeat_ms, uv_hrtime() / 1000000);
		board_set(&w->page->counts.counter[COUNTER_error_log_dropped], log_dropped());
	}
	if (++w->ticks % 10 == 0) {
		stream_env_check(&w->env);
		requests_trim(w);
		sessions_tick(w);
	}
	listeners_check(w);
	shed_tick(w);
	control_check(w);
	units_tick(w);
	access_log_tick(w);
	access_log_flush(w);
	if (w->draining)
		worker_drain_tick(w);
	else if (w->orphan && worker_now(w) >= w->drain_until)
		worker_drain(w, w->hello.drain_ms, 1000);
}

static void
not_idle(uv_idle_t *again)
{
}

/* The end of a loop turn: what ended in it is given back here and nowhere else. */
static void
on_turn(uv_prepare_t *turn)
{
	struct worker *w = turn->data;

	stream_env_turn(&w->env);
	queues_run(w);
	sessions_turn(w);
	requests_collect(w);
	intakes_resume(w);
	if (list_empty(&w->resume) && list_empty(&w->env.due))
		uv_idle_stop(&w->again);
	else
		uv_idle_start(&w->again, not_idle);
	w->turn_us = 0;
	if (w->log.n >= 16384)
		access_log_flush(w);
	traces_flush(w);
}

/* Others serve in our place: who has a stream here need not hurry. */
static void
worker_hand_over(struct worker *w)
{
	uint32_t grace_ms = w->hello.handover_ms;

	worker_drain(w, grace_ms, 1000);
	if (grace_ms > TUNNELS_MS)
		w->drain_tunnels_from = w->drain_until - TUNNELS_MS;
}

/* The word of the next master. Another time: it has less patience. */
static void
worker_finish(struct worker *w)
{
	if (w->draining)
		worker_drain(w, w->hello.drain_ms, 1000);
	else
		worker_hand_over(w);
}

static void
on_sigterm(uv_signal_t *signal, int number)
{
	struct worker *w = signal->data;

	if (!w->control_open)
		worker_finish(w);
	else if (control_is_cut(w)) /* what the dead one said is read first */
		w->told_early++;
	else /* it would leave the slot without anybody who accepts: the master says when */
		log_info("signal SIGTERM is not for a worker whose master lives");
}

bool
worker_leaves(const struct worker *w)
{
	return w->draining || (w->master_page && board_get(&w->master_page->leaving));
}

void
worker_drain(struct worker *w, uint32_t grace_ms, uint32_t idle_ms)
{
	uint64_t now = worker_now(w);

	if (w->draining) { /* a second word may only hurry */
		if (now + grace_ms < w->drain_until) {
			w->drain_until = now + grace_ms;
			w->drain_tunnels_from = now;
		}
		return;
	}
	log_info("drain clients=%llu grace_ms=%u", (unsigned long long)w->clients, grace_ms);
	listeners_stop(w);
	w->draining = true;
	FAILPOINT("retire-draining");
	w->drain_until = now + grace_ms;
	w->drain_idle_until = now + (idle_ms < grace_ms ? idle_ms : grace_ms);
	w->drain_tunnels_from = w->drain_idle_until;
	if (w->page)
		board_set(&w->page->draining, BOARD_DRAINING);
	pool_close_all(w);
	if (w->clients == 0 && !refreshes_hold(w))
		worker_stop(w);
}

static void
serve_on(struct worker *w)
{
	if (w->handed_over)
		log_info("handover: serving on the last table until others serve");
	else
		log_warn("master is gone: serving on the last table for %u s",
			 w->hello.orphan_grace_ms / 1000);
	w->orphan = true;
	w->drain_until = worker_now(w) + w->hello.orphan_grace_ms;
	listeners_orphaned(w);
}

void
worker_orphaned(struct worker *w)
{
	if (!w->greeted) { /* it was never given anything to do */
		worker_stop(w);
		return;
	}
	if (!w->draining)
		serve_on(w);
	for (; w->told_early > 0; w->told_early--)
		worker_finish(w);
}

void
worker_init(struct worker *w)
{
	int r = uv_loop_init(&w->loop);

	assert(r == 0);
	/* It opens /dev/null with each stream until it has it; ours is that. */
	w->loop.emfile_fd = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0);
	stream_env_init(&w->env, &w->loop);
	wheel_init(&w->wheel, uv_now(&w->loop));
	list_init(&w->listeners);
	list_init(&w->idle);
	list_init(&w->active);
	list_init(&w->lingering);
	list_init(&w->tunnels);
	list_init(&w->resume);
	list_init(&w->pools);
	list_init(&w->behinds);
	list_init(&w->mirrors);
	list_init(&w->spare);
	list_init(&w->dead);
	list_init(&w->calls);
	list_init(&w->exchanges);
	awaits_init(w);
	queues_init(w);
	w->rates_fd = -1;
	w->log_fd = -1;
	caps_look(w);
	sweep_init(w);
	w->gate = gate_new();
	w->credentials = credentials_new();
	w->assertions = assertions_new();
	w->front = tls_front_new(w->credentials);
	w->load = load_new();
	while (getrandom(w->random, sizeof w->random, 0) < 0 && errno == EINTR)
		;
	w->seed = (uint32_t)w->random[3];
	buf_reserve(&w->head, 16384);
	worker_clock(w);
	uv_timer_init(&w->loop, &w->tick);
	w->tick.data = w;
	uv_timer_start(&w->tick, on_tick, WHEEL_TICK_MS, WHEEL_TICK_MS);
	uv_prepare_init(&w->loop, &w->turn);
	w->turn.data = w;
	uv_prepare_start(&w->turn, on_turn);
	uv_idle_init(&w->loop, &w->again);
	uv_signal_init(&w->loop, &w->sigterm);
	w->sigterm.data = w;
	uv_signal_start(&w->sigterm, on_sigterm, SIGTERM);
}

static void
close_list(struct list *head)
{
	list_for_safe (pos, tmp, head) {
		struct client *c = container_of(pos, struct client, link);

		if (c->request)
			request_abort(c->request, REASON_draining);
		client_close(c);
	}
}

void
worker_deinit(struct worker *w)
{
	close_list(&w->idle);
	close_list(&w->active);
	close_list(&w->tunnels);
	close_list(&w->lingering);
	queues_deinit(w);
	pool_close_all(w);
	mirrors_cancel(w);
	redirect_store_free(w);
	listeners_stop(w);
	control_close(w);
	session_store_free(w);
	uv_close((uv_handle_t *)&w->tick, NULL);
	uv_close((uv_handle_t *)&w->turn, NULL);
	uv_close((uv_handle_t *)&w->again, NULL);
	sweep_deinit(w);
	uv_close((uv_handle_t *)&w->sigterm, NULL);
	uv_run(&w->loop, UV_RUN_DEFAULT);
	access_log_end(w);
	access_log_open(w, -1);
	requests_free(w);
	sessions_free(w);
	snapshot_unref(w->table);
	for (int i = 0; i < SEGMENT_N; i++)
		seg_unref(w->arrived[i]);
	control_free(w);
	suspended_detach(&w->suspended);
	gate_free(w->gate);
	keys_wait_free(w);
	introspect_wait_free(w);
	refreshes_free(w);
	exchanges_free(w);
	name_wait_free(w);
	tls_front_free(w->front);
	credentials_free(w->credentials);
	assertions_free(w->assertions);
	map_deinit(&w->patterns, NULL);
	load_free(w->load);
	buf_deinit(&w->head);
	buf_deinit(&w->log);
	buf_deinit(&w->spans);
	buf_deinit(&w->tail_line);
	stream_env_deinit(&w->env);
	uv_loop_close(&w->loop);
}

static void
signals_ignore(void)
{
	/* Those of the master, also where pkill(1) or a terminal sends them to all; and what comes
	 * of a peer that is gone, and of a log that may not grow any more, which loses lines. */
	static const int ignored[] = {
		SIGINT, SIGQUIT, SIGHUP, SIGUSR1, SIGUSR2, SIGPIPE, SIGXFSZ
	};

	for (size_t i = 0; i < sizeof ignored / sizeof ignored[0]; i++)
		signal(ignored[i], SIG_IGN);
}

int
worker_main(void)
{
	static struct worker w; /* one a process; too large for the stack */
	uint8_t digest[SHA256_BYTES];
	void *page;

	signals_ignore();
	log_setup("worker", LOG_LEVEL_INFO);
	(void)!sha256(SLICE(""),
		      digest); /* libcrypto reads its configuration when it is first used */
	if (board_create(sizeof *w.blank, &page, &w.page_fd) < 0) {
		log_error("board cannot be made");
		return 1; /* the master sees the end, and tries again */
	}
	w.blank = page;
	w.sandbox = sandbox_enter();
	worker_init(&w);
	if (control_open(&w, CONTROL_FD) < 0) {
		fprintf(stderr, "yett worker: started by hand; use `yett run -c FILE`\n");
		return 2;
	}
	access_log_open(&w, STDOUT_FILENO);
	uv_run(&w.loop, UV_RUN_DEFAULT);
	worker_deinit(&w);
	return 0;
}
