#include "master.h"

#include "access.h"
#include "api.h"
#include "census.h"
#include "exchange_workers.h"
#include "kept.h"
#include "name_ask.h"
#include "reload.h"
#include "renewal.h"
#include "status_redis.h"
#include "status_issuers.h"

#include "lib/clock.h"
#include "lib/failpoint.h"
#include "lib/log.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>

#define TICK_MS 100
#define ENDING_MS 20000 /* for what is held or written beyond the drain */
#define IDLE_MS 1000    /* a drained worker's idle connections have so long for one more request */

/* ---- what the parts ask ---- */

bool
master_rules_loaded(const struct master *m)
{
	struct store_redis_status st;

	store_redis_get_status(m->store, &st);
	return m->config->redis.configured ? st.loaded || m->remembered : !m->writes.unknown;
}

bool
master_rules_awaited(const struct master *m)
{
	struct store_redis_status st;

	store_redis_get_status(m->store, &st);
	/* With rules at hand there is no point in waiting for a Redis that is known to be away. */
	return !m->config->redis.configured || st.loaded ||
	       (m->remembered && st.state == REDIS_DOWN);
}

void
master_start_workers(struct master *m)
{
	m->phase = MASTER_STARTING;
	flusher_start(m);
	listeners_listen(&m->listeners);
	kept_begin(m);
	supervisor_start(&m->supervisor);
}

/* ---- readiness ---- */

static unsigned
count_in(const struct supervisor *s, enum slot_state state)
{
	unsigned n = 0;

	for (uint32_t i = 0; i + 1 < s->slots_count; i++)
		n += s->slots[i].state == state;
	return n;
}

/* Rules that were there and can no longer be read are no rules to serve without. */
static void
ready_note(struct master *m)
{
	const struct supervisor *s = &m->supervisor;
	bool unknown = m->store_fault[0] && !master_rules_loaded(m);
	/* One that is replaced serves until the next one does. */
	bool serves = count_in(s, SLOT_RUNNING) > 0 || takeover_replaces(&m->takeover);

	board_set(&m->page->ready,
		  (uint64_t)(m->phase == MASTER_SERVING && !m->leaving_ms && serves &&
			     count_in(s, SLOT_BACKOFF) == 0 && !unknown));
}

/* Ready once every worker has a table. One that is being replaced is no reason to send clients
 * elsewhere, as it gets its table before its sockets; one that keeps dying is. */
static void
readiness_settle(struct master *m)
{
	const struct supervisor *s = &m->supervisor;
	unsigned workers = s->slots_count - 1, running = count_in(s, SLOT_RUNNING);
	char status[128];

	if (s->slots[workers].state == SLOT_RUNNING) { /* the next master may ask it */
		listeners_place(&m->listeners, LISTENER_ADMIN);
		listeners_place(&m->listeners, LISTENER_TAKEOVER);
	}
	if (m->phase == MASTER_STARTING && running == workers &&
	    s->slots[workers].state == SLOT_RUNNING) {
		m->phase = MASTER_SERVING;
		snprintf(status, sizeof status, "serving with %u workers", workers);
		log_info("ready workers=%u version=%llu after_ms=%llu", workers,
			 (unsigned long long)m->publisher.version,
			 (unsigned long long)(clock_mono_ms() - m->started_ms));
		systemd_ready(&m->systemd, status);
		listeners_place(&m->listeners, LISTENER_HTTP);
		takeover_end(&m->takeover, m->config->handover);
	}
	ready_note(m);
}

static void
on_workers_changed(void *userdata)
{
	struct master *m = userdata;

	readiness_settle(m);
	takeover_tell_replaced(&m->takeover, m->config->handover);
	waiters_settle(m);
	roster_tick(m);
	exchanger_settle(m->exchanger);
}

static void
on_greet(void *userdata, struct slot *slot)
{
	access_greet(userdata, slot);
	takeover_show(&((struct master *)userdata)->takeover, slot);
	suspensions_greet(userdata, slot);
	publish_greet(userdata, slot);
}

static void
on_page(void *userdata, struct slot *slot)
{
	kept_page(userdata, slot);
}

static void
on_page_gone(void *userdata, struct slot *slot)
{
	kept_page_gone(userdata, slot);
}

static void
on_failing(void *userdata, const struct msg_failing *failing)
{
	struct master *m = userdata;
	const struct directory_endpoint *d = NULL;

	if (m->publisher.directory && failing->endpoint < BOARD_ENDPOINTS)
		d = m->publisher.directory->by_slot[failing->endpoint];
	if (d)
		resolver_doubt(m->resolver, d->address.host);
	ejector_failing(m->ejector, failing->upstream, failing->endpoint, clock_mono_ms());
}

static void
on_lease(void *userdata, struct slot *slot, const struct msg_lease *ask)
{
	fleet_asked(userdata, slot, ask);
}

static void
on_call(void *userdata, struct slot *slot, const struct msg_call *call, struct ipc_message *message)
{
	api_answer(userdata, slot, call, message);
}

static void
on_sessions_told(void *userdata, struct slot *slot, const struct msg_sessions_told *answer,
		 struct ipc_message *message)
{
	explainer_heard_sessions(userdata, slot, answer, message);
}

static void
on_suspension_ask(void *userdata, struct slot *slot, const struct msg_suspension_ask *ask)
{
	suspensions_asked(userdata, slot, ask);
}

static void
on_swept(void *userdata, struct slot *slot, const struct msg_swept *swept)
{
	suspensions_swept(userdata, slot, swept);
}

static void
on_explained(void *userdata, struct slot *slot, const struct msg_explained *answer,
	     struct ipc_message *message)
{
	explainer_heard(userdata, slot, answer, message);
}

int
master_replace_worker(struct master *m, uint32_t number)
{
	struct supervisor *s = &m->supervisor;
	int pidfd, page_fd, r;
	uint64_t instance;
	pid_t pid;

	if (number + 1 >= s->slots_count)
		return -ENOENT;
	if (m->phase != MASTER_SERVING)
		return -EBUSY;
	instance = s->slots[number].instance;
	r = supervisor_release(&s->slots[number], &pid, &pidfd, &page_fd);
	if (r < 0)
		return r;
	FAILPOINT("retire-released");
	takeover_add_replaced(&m->takeover, pid, pidfd, page_fd, instance, &s->slots[number]);
	FAILPOINT("retire-replaced");
	supervisor_refill(&s->slots[number]);
	for (uint32_t i = 0; i < s->slots_count; i++) {
		if (slot_is_live(&s->slots[i]))
			takeover_show(&m->takeover, &s->slots[i]);
	}
	return 0;
}

/* Neither our workers nor those of an earlier master may outlive us. */
static void
end_settle(struct master *m)
{
	if (m->phase != MASTER_DRAINING || !m->supervisor.emptied ||
	    !takeover_is_over(&m->takeover) || !cascade_is_over(m->cascade) || !flusher_end(m) ||
	    !fleet_end(m) || !roster_end(m) || !tracer_is_over(m->tracer))
		return;
	m->phase = MASTER_ENDED;
	uv_stop(&m->loop);
}

static void
on_empty(void *userdata)
{
	end_settle(userdata);
}

static void
on_keys_ask(void *userdata, struct slot *slot, const struct msg_keys_ask *ask)
{
	struct master *m = userdata;
	uint32_t cool_ms = issuers_ask(m->issuers, ask->asked);
	const struct msg_keys_settled answer = { .asked = ask->asked, .cool_ms = cool_ms };

	if (cool_ms > 0)
		supervisor_send(slot, MSG_KEYS_SETTLED, &answer, sizeof answer, -1);
}

static void
on_token_ask(void *userdata, struct slot *slot, const struct msg_token_ask *ask)
{
	struct master *m = userdata;

	introspect_ask(m->introspector, slot->instance, ask);
}

const struct supervisor_ops master_supervisor_ops = {
	.greet = on_greet,
	.page = on_page,
	.page_gone = on_page_gone,
	.changed = on_workers_changed,
	.failing = on_failing,
	.keys_ask = on_keys_ask,
	.token_ask = on_token_ask,
	.name_ask = name_ask,
	.exchange = exchange_workers_ask,
	.exchange_kept = exchange_workers_kept,
	.spans = tracer_spans,
	.explained = on_explained,
	.sessions_told = on_sessions_told,
	.suspension_ask = on_suspension_ask,
	.swept = on_swept,
	.call = on_call,
	.lease = on_lease,
	.empty = on_empty,
};

/* ---- the keys of issuers ---- */

static void
on_keys_changed(void *userdata)
{
	publish_mark(userdata, PUBLISH_KEYS);
}

static void
on_provider_moved(void *userdata)
{
	publish_mark(userdata, PUBLISH_RULES | PUBLISH_WHOLE);
}

static void
on_keys_settled(void *userdata, uint64_t asked, uint32_t cool_ms)
{
	struct master *m = userdata;
	const struct supervisor *s = &m->supervisor;
	const struct msg_keys_settled word = { .asked = asked, .cool_ms = cool_ms };

	for (uint32_t i = 0; i + 1 < s->slots_count; i++) {
		if (slot_is_live(&s->slots[i]) && s->slots[i].control)
			supervisor_send(&s->slots[i], MSG_KEYS_SETTLED, &word, sizeof word, -1);
	}
}

const struct issuers_ops master_issuers_ops = { .changed = on_keys_changed,
						.moved = on_provider_moved,
						.settled = on_keys_settled };

static void
on_token_told(void *userdata, uint64_t instance, const struct msg_token_told *told)
{
	struct master *m = userdata;
	const struct supervisor *s = &m->supervisor;

	for (uint32_t i = 0; i + 1 < s->slots_count; i++) {
		struct slot *slot = &s->slots[i];

		if (slot->instance == instance && slot_is_live(slot) && slot->control)
			supervisor_send(slot, MSG_TOKEN_TOLD, told, sizeof *told, -1);
	}
}

const struct introspect_ops master_introspect_ops = { .told = on_token_told };

/* ---- the sources of the rules ---- */

static void
board_settle(struct master *m)
{
	struct board_master *b = m->page;
	struct store_redis_status st;

	store_redis_get_status(m->store, &st);
	ready_note(m);
	board_set(&b->degraded, (uint64_t)(roster_state(m) == ROSTER_DEGRADED));
	status_board_issuers(m->issuers, m->takeover.page, b);
	status_board_redis(m, &st);
	board_set(&b->redis_state, st.state == REDIS_OFF ? 0u : st.state == REDIS_UP ? 1u : 2u);
	board_set(&b->rules_withheld, (uint64_t)st.withheld);
	board_set(&b->rules_age_wall,
		  (uint64_t)(st.compared_wall ? st.compared_wall : m->remembered_wall));
	board_set(&b->rules_saved_wall,
		  m->config->redis.configured ? (uint64_t)m->saver.saved_wall : 0u);
}

static void
on_rules_changed(void *userdata)
{
	struct master *m = userdata;

	board_settle(m);
	revisions_settle(m);
	saver_mark(&m->saver);
	publish_mark(m, PUBLISH_RULES);
	store_wake(m);
}

static void
on_history(void *userdata)
{
	revisions_read(userdata);
	store_wake(userdata);
}

static void
on_store_state(void *userdata)
{
	struct master *m = userdata;

	board_settle(m);
	if (!store_redis_is_up(m->store))
		roster_lost(m);
	/* The first comparison may find no rule and yet say that they are loaded; and while we wait
	 * for it, that Redis is down is news too. */
	if (m->phase == MASTER_WAITING || master_rules_loaded(m) != m->publisher.rules_loaded)
		publish_mark(m, PUBLISH_RULES);
	store_wake(m);
}

const struct store_redis_ops master_store_ops = { .changed = on_rules_changed,
						  .state = on_store_state,
						  .history = on_history };

void
master_names_changed(void *userdata)
{
	publish_mark(userdata, PUBLISH_ENDPOINTS);
}

void
master_sessions_found(void *userdata)
{
	board_settle(userdata);
	publish_sessions(userdata);
}

/* ---- signals and time ---- */

static void
master_drain(struct master *m, uint32_t grace_ms)
{
	if (m->phase != MASTER_DRAINING) {
		log_info("drain grace_ms=%u", grace_ms);
		systemd_stopping(&m->systemd, (uint64_t)grace_ms + ENDING_MS);
	}
	upgrade_stop(m);
	m->phase = MASTER_DRAINING;
	board_set(&m->page->ready, 0u);
	roster_tick(m);
	/* What an earlier master left is ours to remove now. */
	for (int kind = LISTENER_HTTP; kind <= LISTENER_TAKEOVER; kind++)
		listeners_place(&m->listeners, (enum listener_kind)kind);
	if (grace_ms > 0)
		takeover_end(&m->takeover, grace_ms);
	else
		takeover_kill(&m->takeover);
	cascade_drain(m->cascade, grace_ms);
	supervisor_drain(&m->supervisor, grace_ms, grace_ms < IDLE_MS ? grace_ms : IDLE_MS);
	listeners_close(&m->listeners, LISTENER_HTTP);
}

/* Who looks at /ready is to have sent its clients elsewhere before the listeners close: new
 * connections by then, and those that there are, as each answer says that it is their last. */
static void
master_leave(struct master *m)
{
	if (m->phase != MASTER_SERVING || m->leaving_ms || m->config->drain_delay == 0) {
		master_drain(m, m->config->drain);
		return;
	}
	log_info("drain delay_ms=%u", m->config->drain_delay);
	m->leaving_ms = clock_mono_ms() + m->config->drain_delay;
	upgrade_stop(m);
	systemd_stopping(&m->systemd,
			 (uint64_t)m->config->drain_delay + m->config->drain + ENDING_MS);
	ready_note(m);
	board_set(&m->page->leaving, 1u);
	roster_tick(m);
}

static void
on_signal(uv_signal_t *handle, int signum)
{
	struct master *m = handle->data;
	BUF_CLEAN struct buf report = { 0 };

	log_info("signal number=%d", signum);
	if (m->phase == MASTER_ENDED)
		return;
	if (signum == SIGHUP)
		(void)!master_reload(m, &report); /* it logs why it refused */
	else if (signum == SIGUSR1)
		master_reopen(m);
	else if (signum == SIGUSR2)
		(void)!upgrade_begin(m); /* it logs why not */
	else if (signum == SIGQUIT || m->phase == MASTER_DRAINING)
		master_drain(m, 0);
	else
		master_leave(m);
}

static void
on_tick(uv_timer_t *timer)
{
	struct master *m = timer->data;
	uint64_t now = clock_mono_ms();

	if (m->leaving_ms && now >= m->leaving_ms && m->phase == MASTER_SERVING)
		master_drain(m, m->config->drain);
	exchanger_settle(m->exchanger);
	supervisor_spare(&m->supervisor, exchanger_until(m->exchanger));
	supervisor_tick(&m->supervisor, now);
	if (m->phase == MASTER_SERVING)
		listeners_tick(&m->listeners, now);
	takeover_tick(&m->takeover, m->page, now);
	takeover_tell_gone(&m->takeover, &m->supervisor);
	kept_tick(m);
	flusher_tick(m, now);
	fleet_tick(m, now);
	roster_tick(m);
	end_settle(m);
	ejector_tick(m->ejector, now);
	renewal_tick(m);
	if (m->phase != MASTER_DRAINING && m->phase != MASTER_ENDED)
		issuers_tick(m->issuers, now);
	publish_tick(m);
	revisions_tick(m, now);
	saver_tick(m, now);
	suspensions_tick(m, now);
	store_tick(m);
	board_settle(m);
	census_tick(m, now);
	memory_tick(m, now);
	systemd_tick(&m->systemd, now);
	upgrade_tick(m, now);
}

int
master_watch(struct master *m)
{
	static const int watched[MASTER_SIGNALS] = { SIGHUP,  SIGTERM, SIGINT,
						     SIGQUIT, SIGUSR1, SIGUSR2 };
	int r = 0;

	for (int i = 0; i < MASTER_SIGNALS && r == 0; i++) {
		r = uv_signal_init(&m->loop, &m->signals[i]);
		m->signals[i].data = m;
		if (r == 0)
			r = uv_signal_start(&m->signals[i], on_signal, watched[i]);
	}
	if (r == 0)
		r = uv_timer_init(&m->loop, &m->tick);
	m->tick.data = m;
	upgrade_listens();
	return r < 0 ? r : uv_timer_start(&m->tick, on_tick, TICK_MS, TICK_MS);
}
