#include "supervise.h"

#include "slot.h"
#include "statistics.h"

#include "lib/clock.h"
#include "lib/failpoint.h"
#include "lib/log.h"
#include "lib/xalloc.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#define QUICK_MS 1000 /* a death within this of starting is a quick one */
#define QUICK_MAX 3   /* so many in a row, and starting again waits */
#define BACKOFF_FIRST_MS 100
#define BACKOFF_LAST_MS 5000
#define TICK_LATE_MS 1000   /* our own loop was held up: no judgement on others in this round */
#define GONE_MS 1000        /* for a worker to exit after it closed its channel */
#define KILL_MARGIN_MS 1000 /* beyond the grace that a worker was given */
#define ADMIN_GRACE_MS 1000

const char *const slot_state_name[] = {
	[SLOT_DEAD] = "dead",       [SLOT_STARTING] = "starting", [SLOT_RUNNING] = "running",
	[SLOT_BACKOFF] = "backoff", [SLOT_DRAINING] = "draining",
};

static void slot_start(struct slot *slot);

bool
slot_is_live(const struct slot *slot)
{
	switch (slot->state) {
	case SLOT_STARTING:
	case SLOT_RUNNING:
		return true;
	case SLOT_DEAD:
	case SLOT_BACKOFF:
	case SLOT_DRAINING:
		return false;
	}
	return false;
}

static void
slot_set_state(struct slot *slot, enum slot_state next)
{
	static const unsigned from[] = {
		/* bits of the states that may go before */
		[SLOT_DEAD] = 1u << SLOT_BACKOFF | 1u << SLOT_DRAINING | 1u << SLOT_DEAD,
		[SLOT_STARTING] =
		    1u << SLOT_DEAD | 1u << SLOT_STARTING | 1u << SLOT_RUNNING | 1u << SLOT_BACKOFF,
		[SLOT_RUNNING] = 1u << SLOT_STARTING,
		[SLOT_BACKOFF] =
		    1u << SLOT_DEAD | 1u << SLOT_STARTING | 1u << SLOT_RUNNING | 1u << SLOT_BACKOFF,
		[SLOT_DRAINING] = 1u << SLOT_STARTING | 1u << SLOT_RUNNING,
	};

	assert(from[next] & 1u << slot->state);
	log_debug("worker slot=%s pid=%d from=%s to=%s", slot_name(slot), (int)slot->pid,
		  slot_state_name[slot->state], slot_state_name[next]);
	slot->state = next;
	lend_settle(slot->supervisor);
	slot->supervisor->ops->changed(slot->supervisor->userdata);
}

/* ---- starting ---- */

static void
slot_back_off(struct slot *slot)
{
	unsigned doubled = slot->quick > QUICK_MAX ? slot->quick - QUICK_MAX : 0;
	uint64_t wait = BACKOFF_LAST_MS;

	if (doubled < 6)
		wait = (uint64_t)BACKOFF_FIRST_MS << doubled;
	if (wait > BACKOFF_LAST_MS)
		wait = BACKOFF_LAST_MS;
	slot->retry_ms = clock_mono_ms() + wait;
	log_error("worker slot=%s state=backoff deaths=%u retry_ms=%u", slot_name(slot),
		  slot->quick, (unsigned)wait);
	slot_set_state(slot, SLOT_BACKOFF);
}

static void
slot_start(struct slot *slot)
{
	struct supervisor *s = slot->supervisor;
	int control = -1, r;

	slot->instance = s->next_instance++;
	slot->started_ms = clock_mono_ms();
	slot->gone_ms = 0;
	slot->acked = slot->refused = 0;
	slot->killed = slot->behind = false;
	r = spawn_worker(s->spawn, slot->role == ROLE_ADMIN, s->access_log, &slot->pid, &control);
	if (r == 0) {
		kin_add(&s->kin, slot->pid);
		supervisor_kin(s);
		r = slot_connect(slot, control);
	}
	if (r < 0) {
		/* A child that already lives finds its channel closed, and is waited for as any
		 * other. */
		log_error("worker slot=%s error=\"cannot start: %s\"", slot_name(slot),
			  strerror(-r));
		if (slot->pid) {
			slot_kill(slot);
			slot_set_state(slot, SLOT_STARTING);
			return;
		}
		slot->quick = slot->quick < QUICK_MAX ? QUICK_MAX : slot->quick + 1;
		slot_back_off(slot);
		return;
	}
	log_info("worker slot=%s pid=%d state=started restarts=%u", slot_name(slot), (int)slot->pid,
		 (unsigned)slot->restarts);
	slot_set_state(slot, SLOT_STARTING);
	slot_greet(slot);
}

/* ---- ending ---- */

static void
log_death(const struct slot *slot, int status)
{
	enum log_level level = LOG_LEVEL_WARN;
	const char *how = WIFSIGNALED(status) ? "signal" : "exit";
	int code = WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status);

	if (slot->state == SLOT_DRAINING && !WIFSIGNALED(status) && code == 0)
		level = LOG_LEVEL_INFO;
	log_at(level, "worker slot=%s pid=%d state=ended %s=%d%s lived_ms=%llu", slot_name(slot),
	       (int)slot->pid, how, code, slot->killed ? " by=master" : "",
	       (unsigned long long)(clock_mono_ms() - slot->started_ms));
}

/* A dead instance's counters go into the base; an operator's requests are no traffic. */
static void
slot_fold(struct slot *slot)
{
	struct board_master *b = slot->supervisor->board;

	if (!slot->page || slot->role != ROLE_TRAFFIC)
		return;
	/* In this order: whoever is in the base is in the list (takeover_seed). */
	statistics_fold(b, &slot->page->identities, slot->instance);
	FAILPOINT("board-listed");
	board_keep(b, &slot->page->counts, slot->instance);
}

static void
slot_reap(struct slot *slot, int status)
{
	struct supervisor *s = slot->supervisor;
	uint64_t lived = clock_mono_ms() - slot->started_ms;

	log_death(slot, status);
	kin_gone(&s->kin, slot->pid, clock_mono_ms());
	slot_fold(slot);
	FAILPOINT("retire-reaped");
	slot_disconnect(slot);
	slot_tell_gone(slot);
	slot->pid = 0;
	lend_forget(slot);
	if (slot->state == SLOT_DRAINING) {
		slot_set_state(slot, SLOT_DEAD);
		return;
	}
	slot->restarts++;
	board_add(&s->board->respawns, 1);
	slot->quick = lived < QUICK_MS ? slot->quick + 1 : 0;
	if (slot->quick >= QUICK_MAX)
		slot_back_off(slot);
	else
		slot_start(slot);
}

static void
admin_drain(struct supervisor *s)
{
	struct slot *admin = &s->slots[s->slots_count - 1];
	struct msg_drain drain = { .grace_ms = ADMIN_GRACE_MS };

	for (uint32_t i = 0; i + 1 < s->slots_count; i++) {
		if (s->slots[i].state != SLOT_DEAD)
			return;
	}
	if (admin->state == SLOT_BACKOFF)
		slot_set_state(admin, SLOT_DEAD);
	if (slot_is_live(admin)) {
		s->kill_ms = clock_mono_ms() + ADMIN_GRACE_MS + KILL_MARGIN_MS;
		supervisor_send(admin, MSG_DRAIN, &drain, sizeof drain, -1);
		slot_set_state(admin, SLOT_DRAINING);
	}
	if (admin->state == SLOT_DEAD && !s->emptied) {
		s->emptied = true;
		s->ops->empty(s->userdata);
	}
}

void
supervisor_drain(struct supervisor *s, uint32_t grace_ms, uint32_t idle_ms)
{
	struct msg_drain drain = { .grace_ms = grace_ms, .idle_ms = idle_ms };

	if (!s->ending)
		slot_release_held(&s->slots[s->slots_count - 1]);
	s->ending = true;
	s->kill_ms = clock_mono_ms() + grace_ms + KILL_MARGIN_MS;
	for (uint32_t i = 0; i + 1 < s->slots_count; i++) {
		struct slot *slot = &s->slots[i];

		if (slot->state == SLOT_BACKOFF)
			slot_set_state(slot, SLOT_DEAD);
		if (slot->pid)
			supervisor_send(slot, MSG_DRAIN, &drain, sizeof drain, -1);
		if (slot_is_live(slot))
			slot_set_state(slot, SLOT_DRAINING);
	}
	admin_drain(s);
}

int
supervisor_release(struct slot *slot, pid_t *pid, int *pidfd, int *page_fd)
{
	if (slot->supervisor->ending || slot->state != SLOT_RUNNING || slot->killed || !slot->page)
		return -EBUSY;
	*pidfd = pidfd_open(slot->pid, 0);
	if (*pidfd < 0)
		return -errno;
	*page_fd = fcntl(slot->page_fd, F_DUPFD_CLOEXEC, 0);
	if (*page_fd < 0) {
		close(*pidfd);
		return -EMFILE;
	}
	*pid = slot->pid;
	log_info("worker slot=%s pid=%d state=replaced", slot_name(slot), (int)slot->pid);
	supervisor_send(slot, MSG_HANDOVER, NULL, 0, -1);
	/* Who reads its page goes on: else its counters would be missing until it is shown as an
	 * earlier one, or for ever if we died just now. */
	slot_disconnect(slot);
	slot->pid = 0;
	lend_forget(slot);
	return 0;
}

void
supervisor_refill(struct slot *slot)
{
	slot_start(slot);
}

void
supervisor_spare(struct supervisor *s, uint64_t until_ms)
{
	if (s->kill_ms && s->kill_ms < until_ms + KILL_MARGIN_MS)
		s->kill_ms = until_ms + KILL_MARGIN_MS;
}

/* ---- watching ---- */

static void
on_sigchld(uv_signal_t *handle, int signum)
{
	struct supervisor *s = handle->data;
	int status;

	for (uint32_t i = 0; i < s->slots_count; i++) {
		struct slot *slot = &s->slots[i];

		if (slot->pid && waitpid(slot->pid, &status, WNOHANG) == slot->pid)
			slot_reap(slot, status);
	}
	if (s->ending)
		admin_drain(s);
}

static bool
slot_hangs(const struct slot *slot, uint64_t now)
{
	uint64_t seen = slot->page ? board_get(&slot->page->heartbeat_ms) : 0;
	uint32_t patience = slot->supervisor->settings.hang_ms;

	if (seen < slot->started_ms)
		seen = slot->started_ms;
	return patience && now > seen + patience;
}

static void
slot_check(struct slot *slot, uint64_t now, bool late)
{
	struct supervisor *s = slot->supervisor;

	if (slot->state == SLOT_BACKOFF && now >= slot->retry_ms)
		slot_start(slot);
	if (!slot->pid || slot->killed)
		return;
	if (slot->gone_ms && now > slot->gone_ms + GONE_MS) {
		log_error(
		    "worker slot=%s pid=%d error=\"closed its channel and lives on\" action=kill",
		    slot_name(slot), (int)slot->pid);
		slot_kill(slot);
	} else if (!late && slot_hangs(slot, now)) {
		log_error("worker slot=%s pid=%d error=\"no heartbeat for %u ms\" action=kill",
			  slot_name(slot), (int)slot->pid, s->settings.hang_ms);
		slot_kill(slot);
	} else if (s->kill_ms && now > s->kill_ms && slot->state == SLOT_DRAINING) {
		log_warn("worker slot=%s pid=%d error=\"did not end in time\" action=kill",
			 slot_name(slot), (int)slot->pid);
		slot_kill(slot);
	}
}

void
supervisor_tick(struct supervisor *s, uint64_t now_ms)
{
	bool late = s->ticked_ms && now_ms > s->ticked_ms + TICK_LATE_MS;

	s->ticked_ms = now_ms;
	for (uint32_t i = 0; i < s->slots_count; i++)
		slot_check(&s->slots[i], now_ms, late);
}

void
slot_acknowledged(struct slot *slot, uint64_t version)
{
	FAILPOINT("ack-heard");
	slot->acked = version;
	if (slot->state == SLOT_STARTING)
		slot_set_state(slot, SLOT_RUNNING);
	else
		slot->supervisor->ops->changed(slot->supervisor->userdata);
}

/* ---- the whole ---- */

int
supervisor_init(struct supervisor *s, uv_loop_t *loop, uint32_t workers,
		const struct supervisor_ops *ops, void *userdata)
{
	int r;

	*s =
	    (struct supervisor){ .loop = loop, .ops = ops, .userdata = userdata, .access_log = -1 };
	s->next_instance = clock_mono_ns(); /* larger than any that an earlier master gave */
	s->slots_count = workers + 1;
	s->slots = xcalloc(s->slots_count, sizeof *s->slots);
	for (uint32_t i = 0; i < s->slots_count; i++) {
		bool admin = i == workers;

		s->slots[i] = (struct slot){
			.supervisor = s,
			.number = admin ? WORKER_SLOT_ADMIN : i,
			.role = admin ? ROLE_ADMIN : ROLE_TRAFFIC,
			.page_fd = -1,
		};
	}
	r = uv_signal_init(loop, &s->sigchld);
	if (r < 0)
		return r;
	s->sigchld.data = s;
	return uv_signal_start(&s->sigchld, on_sigchld, SIGCHLD);
}

void
supervisor_deinit(struct supervisor *s)
{
	uv_close((uv_handle_t *)&s->sigchld, NULL);
	kin_deinit(&s->kin);
	free(s->slots);
	s->slots = NULL;
	s->slots_count = 0;
}

void
supervisor_start(struct supervisor *s)
{
	for (uint32_t i = 0; i < s->slots_count; i++)
		slot_start(&s->slots[i]);
}
