#include "units.h"

#include "await.h"
#include "worker.h"

#include "lib/clock.h"
#include "lib/log.h"
#include "lib/xalloc.h"

#include <stdlib.h>

#define DEBTS 256       /* keys at a time; those that fall on one place are told at once */
#define WAITERS_MAX 256 /* requests; more go by this gateway's share */
#define MS UINT64_C(1000000)

struct units_debts {
	uint32_t count;
	struct msg_lease of[DEBTS]; /* spent 0: none */
};

/* ---- what the master is told ---- */

static bool
tell(struct worker *w, const struct msg_lease *what, uint32_t wants, uint64_t spent)
{
	struct msg_lease message = *what;

	message.wants = wants;
	message.spent = spent;
	message.waiting = w->units_word && w->units_word->key == what->key ? w->units_waiting : 1;
	return w->control_open &&
	       ipc_send(&w->control, MSG_LEASE, &message, sizeof message, -1) == 0;
}

/* They are told together at the tick. What a master that is gone cannot hear is forgotten. */
static void
owe(struct worker *w, const struct msg_lease *what, uint64_t spent)
{
	struct msg_lease *d;

	if (!w->debts)
		return;
	d = &w->debts->of[what->key % DEBTS];
	if (d->spent > 0 && d->key != what->key) {
		(void)tell(w, d, 0, d->spent);
		d->spent = 0;
		w->debts->count--;
	}
	if (d->spent == 0) {
		*d = *what;
		d->spent = 0;
		w->debts->count++;
	}
	d->spent += spent;
}

void
units_tick(struct worker *w)
{
	for (uint32_t i = 0; w->debts && w->debts->count > 0 && i < DEBTS; i++) {
		struct msg_lease *d = &w->debts->of[i];

		if (d->spent == 0)
			continue;
		(void)tell(w, d, 0, d->spent);
		d->spent = 0;
		w->debts->count--;
	}
}

struct msg_lease *
units_describe(struct request *r, const struct table_limit *l, uint64_t key)
{
	struct slice name = seg_string(r->table->segments[SEGMENT_RULES], l->name);
	struct msg_lease *m = arena_calloc(&r->arena, sizeof *m);

	m->key = key;
	m->count = l->rate.count;
	m->period_us = l->rate.period_ns / 1000;
	m->burst = l->rate.burst;
	m->window = l->window;
	if (name.n > 0)
		memcpy(m->name, name.p, name.n < LEASE_NAME_MAX ? name.n : LEASE_NAME_MAX - 1);
	return m;
}

/* ---- the rows ---- */

void
units_attach(struct worker *w, const struct lease_head *head, int fd)
{
	struct lease_table next;
	uint8_t before[SIPHASH_SECRET];

	if (lease_attach(fd, head, &next) < 0) {
		log_error("the rows of the fleet's limits are not usable");
		return;
	}
	memcpy(before, w->leases.head.secret, sizeof before);
	lease_detach(&w->leases);
	w->leases = next;
	if (!w->debts)
		w->debts = xcalloc(1, sizeof *w->debts);
	else if (memcmp(next.head.secret, before, sizeof before) != 0)
		*w->debts = (struct units_debts){ 0 }; /* their keys mean nothing any more */
}

void
units_free(struct worker *w)
{
	lease_detach(&w->leases);
	free(w->debts);
}

void
units_told(struct worker *w, const struct msg_leased *word)
{
	w->units_word = word;
	w->units_waiting = await_count(w, AWAIT_UNITS, word->key);
	await_done(w, AWAIT_UNITS, word->key);
	w->units_word = NULL;
}

/* ---- a request ---- */

/* By this gateway's share. What passes so is owed. */
static void
alone(struct request *r, struct limit_use *u, uint64_t now, bool take)
{
	struct worker *w = r->worker;
	struct rate_limit share;

	rate_limit_share(&u->rate, w->leases.memory ? board_get(&w->leases.memory->gateways) : 1,
			 &share);
	if (!take) {
		rate_peek(&w->rates, u->key, &share, 1, now, &u->result);
		return;
	}
	rate_take(&w->rates, u->key, &share, 1, now, &u->result);
	if (!u->result.allowed)
		return;
	u->owed = true;
	owe(w, u->fleet, 1);
	board_add(&w->page->counts.counter[COUNTER_fleet_alone], 1);
}

static bool
may_wait(const struct request *r, const struct limit_use *u)
{
	const struct msg_leased *word = r->worker->units_word;

	return !u->shadow && !r->units_late && r->worker->control_open &&
	       !(word && word->full && word->key == u->key);
}

/* All that wait here wait for one message. */
static void
more(struct request *r, struct limit_use *u, const struct lease_result *l)
{
	struct worker *w = r->worker;

	u->waits = true;
	u->result = (struct rate_result){ .retry_ns = 1000 * MS };
	if ((l->ask || !await_count(w, AWAIT_UNITS, u->key)) &&
	    !tell(w, u->fleet, LEASE_WANT | LEASE_WAIT, 0))
		r->units_late = true;
}

static void
decided(struct request *r, struct limit_use *u, const struct lease_result *l, uint64_t now,
	bool take)
{
	u->waits = u->owed = false;
	switch (l->verdict) {
	case LEASE_TAKEN:
	case LEASE_CLOSED:
		u->result = (struct rate_result){
			.allowed = l->verdict == LEASE_TAKEN,
			.retry_ns = l->verdict == LEASE_TAKEN ? 0 : l->retry_ms * MS,
			.remaining = l->verdict == LEASE_TAKEN ? l->left : 0,
			.reset_ns = l->reset_ms * MS,
		};
		break;
	case LEASE_MORE:
		if (r->rehearsed) /* as far as one knows without asking */
			u->result = (struct rate_result){
				.allowed = true,
				.remaining = l->row == LEASE_NO_ROW ? u->rate.burst : l->left,
				.reset_ns = l->reset_ms * MS,
			};
		else if (may_wait(r, u))
			more(r, u, l);
		else
			alone(r, u, now, take);
		break;
	case LEASE_ALONE:
		alone(r, u, now, take);
		break;
	}
	if (l->ask && !u->waits)
		(void)tell(r->worker, u->fleet, LEASE_WANT, 0);
	u->refuses = !u->result.allowed;
}

void
units_look(struct request *r, struct limit_use *u, uint64_t now)
{
	struct worker *w = r->worker;
	struct lease_result l = { .verdict = LEASE_ALONE };

	if (w->leases.memory)
		lease_look(&w->leases, u->key, 1, now / MS, &l);
	decided(r, u, &l, now, false);
}

void
units_take(struct request *r, struct limit_use *u, uint64_t now)
{
	struct worker *w = r->worker;
	struct lease_result l = { .verdict = LEASE_ALONE };

	if (w->leases.memory)
		lease_take(&w->leases, u->key, 1, now / MS, &l);
	decided(r, u, &l, now, true);
}

/* What was owed stays so: that errs towards refusing. */
void
units_return(struct request *r, struct limit_use *u)
{
	if (!u->owed && r->worker->leases.memory)
		lease_return(&r->worker->leases, u->key, 1);
}

void
units_charge(struct request *r, struct limit_use *u, uint64_t bytes)
{
	struct worker *w = r->worker;
	struct rate_limit share;
	struct rate_result unused;

	if (w->leases.memory && board_get(&w->leases.memory->up) &&
	    lease_charge(&w->leases, u->key, bytes))
		return;
	rate_limit_share(&u->rate, w->leases.memory ? board_get(&w->leases.memory->gateways) : 1,
			 &share);
	rate_charge(&w->rates, u->key, &share, bytes, clock_mono_ns(), &unused);
	owe(w, u->fleet, bytes);
}

bool
units_wait(struct request *r)
{
	uint64_t now = worker_now(r->worker);
	const struct limit_use *u = NULL;

	for (uint32_t i = 0; i < r->limits->count && !u; i++) {
		if (r->limits->use[i].waits)
			u = &r->limits->use[i];
	}
	if (!r->units_until)
		r->units_until = now + LEASE_PATIENCE_MS;
	if (u && !r->units_late && now < r->units_until &&
	    await_begin(r, AWAIT_UNITS, u->key, (uint32_t)(r->units_until - now), WAITERS_MAX)) {
		board_add(&r->worker->page->counts.counter[COUNTER_fleet_waits], 1);
		return true;
	}
	r->units_late = true;
	return false;
}
