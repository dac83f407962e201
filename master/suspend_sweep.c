/* What the workers are told of suspensions, and hear from them. */

#include "master.h"
#include "suspend_keys.h"
#include "suspensions.h"

#include "lib/clock.h"

#define WAIT_MS 2000

/* Also one that was told to end: what it has under way may last. */
static bool
hears(const struct slot *slot)
{
	return slot->role == ROLE_TRAFFIC && slot->control && !slot->killed;
}

void
suspensions_greet(struct master *m, struct slot *slot)
{
	if (hears(slot))
		supervisor_send(slot, MSG_SUSPENDED, NULL, 0, m->suspensions.page_fd);
}

void
suspensions_send_page(struct master *m)
{
	struct supervisor *s = &m->supervisor;

	for (uint32_t i = 0; i < s->slots_count; i++)
		suspensions_greet(m, &s->slots[i]);
}

/* ---- closing what is under way ---- */

static void
on_turn(uv_timer_t *timer)
{
	struct master *m = timer->data;
	struct suspensions *all = &m->suspensions;
	struct supervisor *s = &m->supervisor;
	struct msg_sweep sweep = { .round = ++all->round };

	for (uint32_t i = 0; i < s->slots_count; i++) {
		if (hears(&s->slots[i]))
			supervisor_send(&s->slots[i], MSG_SWEEP, &sweep, sizeof sweep, -1);
	}
	/* Who finishes for an earlier master hears nothing of us but that it is to hurry. */
	if (m->takeover.kill_ms)
		takeover_end(&m->takeover, m->config->drain);
	suspensions_waiters_settle(m);
}

void
suspensions_sweep(struct master *m)
{
	uv_timer_start(&m->suspensions.turn, on_turn, 0, 0);
}

void
suspensions_wait(struct master *m, struct suspension_waiter *w)
{
	w->round = m->suspensions.round + 1;
	w->deadline_ms = clock_mono_ms() + WAIT_MS;
	list_push(&m->suspensions.waiters, &w->link);
	suspensions_sweep(m);
}

void
suspensions_swept(struct master *m, struct slot *slot, const struct msg_swept *swept)
{
	struct suspensions *all = &m->suspensions;

	if (slot->number >= m->supervisor.slots_count)
		return;
	all->swept[slot->number].instance = slot->instance;
	all->swept[slot->number].round = swept->round;
	all->closed += swept->closed;
	suspensions_waiters_settle(m);
}

/* How many have swept; *of: of so many that serve. */
static unsigned
count(const struct master *m, uint64_t round, unsigned *of)
{
	const struct supervisor *s = &m->supervisor;
	unsigned n = 0;

	*of = 0;
	for (uint32_t i = 0; i < s->slots_count; i++) {
		const struct slot *slot = &s->slots[i];

		if (!hears(slot) || (slot->state != SLOT_RUNNING && slot->state != SLOT_DRAINING))
			continue;
		++*of;
		n += m->suspensions.swept[i].instance == slot->instance &&
		     m->suspensions.swept[i].round >= round;
	}
	for (size_t i = 0; i < m->takeover.old_count; i++)
		*of += takeover_decides(&m->takeover, i);
	return n;
}

void
suspensions_waiters_settle(struct master *m)
{
	uint64_t now = clock_mono_ms();

	list_for_safe (pos, tmp, &m->suspensions.waiters) {
		struct suspension_waiter *w = container_of(pos, struct suspension_waiter, link);
		unsigned of, n = count(m, w->round, &of);

		if (m->suspensions.round < w->round || (n < of && now < w->deadline_ms))
			continue;
		list_remove(&w->link);
		w->done(w, n, of);
	}
}

void
suspensions_asked(struct master *m, struct slot *slot, const struct msg_suspension_ask *ask)
{
	suspend_keys_ask(m->suspensions.keys, slot, ask->key, slice_make(ask->name, ask->n));
}
