#include "fleet.h"

#include "fleet_own.h"
#include "master.h"

#include "lib/clock.h"

#define SWEEP_MS 200
#define RENEW_MS 1000
#define LOST_MS 500  /* a question that did not reach us */
#define BRIEF_MS 250 /* units that last less long are too few, */
#define LONG_MS 1000 /* and those that last longer too many */
#define SILENT_MS 1000
#define BATCH_MIN 8u
#define WAITING_MAX 65536u
#define DEBT_MAX (UINT64_C(1) << 40)

/* ---- questions ---- */

static uint32_t
row_of(const struct fleet *f, const struct fleet_key *k)
{
	return (uint32_t)(k - f->keys);
}

/* So many that they last about half a second. */
static uint64_t
next_batch(const struct fleet_key *k, uint64_t now)
{
	uint64_t most = k->limit.burst < LEASE_UNITS_MAX / 4 ? k->limit.burst : LEASE_UNITS_MAX / 4;
	uint64_t batch = k->batch ? k->batch : BATCH_MIN + k->limit.count / 1000;

	if (k->put_ms && now < k->put_ms + BRIEF_MS)
		batch *= 2;
	else if (k->put_ms && now > k->put_ms + LONG_MS)
		batch /= 2;
	if (batch < BATCH_MIN)
		batch = BATCH_MIN;
	return batch < most ? batch : most;
}

/* What passed before it was counted (bytes): the row owes it, and now we do. */
static int64_t
take_over_debt(struct fleet *f, struct fleet_key *k)
{
	uint32_t row = row_of(f, k);
	int64_t units = lease_units(&f->table, row);

	if (units >= 0)
		return units;
	k->debt += (uint64_t)-units;
	lease_put(&f->table, row, -units, clock_mono_ms());
	return 0;
}

static void
question(struct master *m, struct fleet_key *k)
{
	int64_t units;

	if (k->under_way) {
		k->more = true;
		return;
	}
	units = take_over_debt(&m->fleet, k);
	k->batch = next_batch(k, clock_mono_ms());
	if (k->batch < k->waiting)
		k->batch = k->waiting;
	fleet_take(m, k,
		   units > 0 && (uint64_t)units < k->batch ? k->batch - (uint64_t)units : k->batch,
		   0);
}

/* What a worker says of it: it could let anything pass as well. False: these are no numbers. */
static bool
limit_note(struct fleet_key *k, const struct msg_lease *ask)
{
	if (ask->count == 0 || ask->count > RATE_COUNT_MAX || ask->period_us == 0 ||
	    ask->period_us > RATE_BURST_NS / 1000 || ask->burst == 0 ||
	    ask->burst > RATE_COUNT_MAX || ask->window >= LIMIT_WINDOW_N)
		return false;
	k->limit = (struct fleet_limit){
		.window = ask->window,
		.count = ask->count,
		.period_us = ask->period_us,
		.burst = ask->burst,
	};
	for (size_t i = 0; i + 1 < sizeof k->name; i++) {
		char c = ask->name[i];

		k->name[i] = (c > ' ' && c < 0x7f) || c == '\0' ? c : '?';
		if (!c)
			break;
	}
	return true;
}

/* NULL: there is no room. */
static struct fleet_key *
key_open(struct fleet *f, uint64_t key)
{
	uint64_t now = clock_mono_ms();
	uint32_t row = lease_open(&f->table, key, now);
	struct fleet_key *k;

	if (row == LEASE_NO_ROW) {
		f->count.full++;
		return NULL;
	}
	k = &f->keys[row];
	if (k->key != key) {
		f->count.open += k->key == 0;
		*k = (struct fleet_key){ .key = key, .moved_ms = now };
	}
	return k;
}

/* What was spent without units, and units that nobody has spent: one pays for the other. */
static void
settle_debt(struct fleet *f, struct fleet_key *k)
{
	uint32_t row = row_of(f, k);
	int64_t units =
	    k->debt > 0 && lease_units(&f->table, row) > 0 ? lease_drain(&f->table, row) : 0;
	uint64_t paid = (uint64_t)(units > 0 ? units : 0);

	if (paid > k->debt)
		paid = k->debt;
	k->debt -= paid;
	f->count.charged += paid;
	if (units != (int64_t)paid)
		lease_put(&f->table, row, units - (int64_t)paid, clock_mono_ms());
}

static void
tell(struct slot *slot, uint64_t key, bool full)
{
	const struct msg_leased word = { .key = key, .full = full };

	supervisor_send(slot, MSG_LEASED, &word, sizeof word, -1);
}

void
fleet_asked(struct master *m, struct slot *slot, const struct msg_lease *ask)
{
	struct fleet *f = &m->fleet;
	struct fleet_key *k;

	if (!f->table.memory || ask->key == 0)
		return;
	k = key_open(f, ask->key);
	if (!k && ask->wants & LEASE_WAIT)
		tell(slot, ask->key, true);
	if (!k || !limit_note(k, ask))
		return;
	if (ask->spent < DEBT_MAX && k->debt < DEBT_MAX)
		k->debt += ask->spent;
	settle_debt(f, k);
	if (ask->wants & LEASE_WAIT)
		k->waiters |= UINT64_C(1) << slot->number % FLEET_WAITERS;
	if (ask->wants & LEASE_WAIT && ask->waiting <= WAITING_MAX && k->waiting <= WAITING_MAX)
		k->waiting += ask->waiting;
	if (ask->wants && f->up && !f->sour_ms)
		question(m, k);
}

static void
tell_waiters(struct master *m, struct fleet_key *k)
{
	for (uint32_t i = 0; k->waiters && i + 1 < m->supervisor.slots_count; i++) {
		if (k->waiters >> i % FLEET_WAITERS & 1)
			tell(&m->supervisor.slots[i], k->key, false);
	}
	k->waiters = 0;
}

/* Units before the news that there are no more: nobody is refused what lies there. */
static void
put(struct fleet *f, struct fleet_key *k, const struct fleet_answer *a, uint64_t now)
{
	uint32_t row = row_of(f, k);
	struct lease_news *news = &f->table.news[row];

	board_set(&news->left, (uint64_t)a->left);
	board_set(&news->reset_ms, now + (uint64_t)a->reset_ms);
	board_set(&news->low, (uint64_t)a->granted / 2);
	lease_put(&f->table, row, a->granted, now);
	__atomic_thread_fence(__ATOMIC_RELEASE);
	board_set(&news->closed_ms, a->closed_ms ? now + (uint64_t)a->closed_ms : 0);
	k->units = lease_units(&f->table, row);
	if (a->granted > 0)
		k->put_ms = k->moved_ms = now;
	k->period = a->period;
	if ((uint64_t)a->granted < k->batch)
		k->batch = 2 * (uint64_t)a->granted;
}

void
fleet_heard(struct master *m, struct fleet_key *k, const struct fleet_answer *a)
{
	struct fleet *f = &m->fleet;
	bool more = k->more;

	k->under_way = k->more = false;
	if (a) {
		f->count.granted += (uint64_t)a->granted;
		f->count.charged += k->owing;
		put(f, k, a, clock_mono_ms());
		settle_debt(f, k);
	} else {
		f->count.failed++;
		k->debt += k->owing;
	}
	k->owing = 0;
	/* It was asked for more while this was on its way, perhaps for nothing but a debt. */
	if (more && a && !a->closed_ms && k->units <= 0)
		question(m, k);
	if (!k->under_way)
		tell_waiters(m, k);
}

/* ---- what is not asked ---- */

static void
key_forget(struct fleet *f, struct fleet_key *k)
{
	(void)lease_close(&f->table, row_of(f, k));
	*k = (struct fleet_key){ 0 };
	f->count.open--;
}

static void
key_sweep(struct master *m, struct fleet_key *k, uint64_t now, bool renew)
{
	struct fleet *f = &m->fleet;
	uint32_t row = row_of(f, k);
	int64_t units = lease_units(&f->table, row);
	uint64_t still;

	if (units != k->units)
		k->moved_ms = now;
	k->units = units;
	still = now - k->moved_ms;
	if (k->under_way)
		return;
	if (still >= FLEET_FORGET_MS && k->debt == 0 && (units == 0 || (units > 0 && !f->up))) {
		key_forget(f, k);
		return;
	}
	if (!f->up || f->sour_ms)
		return;
	if (renew)
		lease_renew(&f->table, row, now);
	units = take_over_debt(f, k);
	if (lease_wants(&f->table, row) && now > k->put_ms + LOST_MS)
		question(m, k);
	else if (k->debt > 0)
		fleet_take(m, k, 0, 0);
	else if (units > 0 && still >= FLEET_IDLE_MS) {
		units = lease_drain(&f->table, row);
		f->count.returned += units > 0 ? (uint64_t)units : 0;
		fleet_take(m, k, 0, units > 0 ? (uint64_t)units : 0);
	}
}

void
fleet_tick(struct master *m, uint64_t now_ms)
{
	struct fleet *f = &m->fleet;
	bool renew = now_ms / RENEW_MS != f->swept_ms / RENEW_MS;

	if (!f->table.memory || f->ended_ms || now_ms < f->swept_ms + SWEEP_MS)
		return;
	f->swept_ms = now_ms;
	fleet_note(m);
	/* Requests do not wait for a Redis that stands still; the link ends later. */
	if (f->silent_ms && now_ms > f->silent_ms + SILENT_MS)
		board_set(&f->table.memory->up, 0);
	if (f->sour_ms && now_ms > f->sour_ms)
		fleet_sour(m, false);
	for (uint32_t i = 0; f->count.open && i < f->rows; i++) {
		if (f->keys[i].key)
			key_sweep(m, &f->keys[i], now_ms, renew);
	}
}
