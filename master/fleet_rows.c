/*
 * The rows that a fleet's units lie in: made, told of, and what is said of them.
 */

#include "fleet_own.h"

#include "master.h"

#include "lib/clock.h"
#include "lib/log.h"
#include "lib/xalloc.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#define SOUR_MS 1000
#define LAST_MS 1000 /* for what goes back when the gateway ends */

void
fleet_complain(struct fleet *f, const char *what)
{
	if (strncmp(f->complaint, what, sizeof f->complaint - 1) == 0)
		return;
	snprintf(f->complaint, sizeof f->complaint, "%s", what);
	if (*what)
		log_warn("fleet redis=\"%s\" effect=\"limits of the fleet are shared out evenly\"",
			 what);
	else
		log_info("fleet redis=well gateways=%llu", (unsigned long long)f->gateways);
}

/* ---- rows ---- */

static void
tell_all(struct master *m)
{
	for (uint32_t i = 0; i < m->supervisor.slots_count; i++) {
		if (slot_is_live(&m->supervisor.slots[i]))
			fleet_greet(m, &m->supervisor.slots[i]);
	}
}

void
fleet_greet(struct master *m, struct slot *slot)
{
	const struct fleet *f = &m->fleet;

	if (f->table.memory && slot->role == ROLE_TRAFFIC)
		supervisor_send(slot, MSG_LEASES, &f->table.head, sizeof f->table.head, f->fd);
}

static void
rows_drop(struct fleet *f)
{
	if (!f->table.memory)
		return;
	board_set(&f->table.memory->up, 0); /* for workers that still have it */
	lease_detach(&f->table);
	close(f->fd);
	free(f->keys);
	f->keys = NULL;
	f->count.open = 0;
}

static int
rows_make(struct master *m, const uint8_t secret[SIPHASH_SECRET])
{
	struct fleet *f = &m->fleet;
	uint32_t sets = m->config->fleet_keys / LEASE_ROWS + 1;
	int r;

	rows_drop(f);
	r = lease_create(sets, secret, &f->table, &f->fd);
	if (r < 0)
		return r;
	f->rows = sets * LEASE_ROWS;
	f->keys = xcalloc(f->rows, sizeof *f->keys);
	board_set(&f->table.memory->gateways,
		  m->config->fleet_gateways ? m->config->fleet_gateways : f->gateways);
	tell_all(m);
	return 0;
}

static bool
any_is_fleet(const struct segment *rules)
{
	for (uint32_t i = 0; rules && i < seg_count(rules, RULES_LIMITS); i++) {
		const struct table_limit *l = table_limit(rules, i);

		if (l && l->flags & LIMIT_FLEET)
			return true;
	}
	return false;
}

int
fleet_need(struct master *m, const struct segment *rules)
{
	uint8_t secret[SIPHASH_SECRET];
	int r;

	if (m->fleet.table.memory || !any_is_fleet(rules))
		return 0;
	/* Until the fleet's is known nothing is taken by it. */
	if (getrandom(secret, sizeof secret, 0) != sizeof secret)
		return -EIO;
	r = rows_make(m, secret);
	if (r == 0)
		fleet_join(m);
	return r;
}

void
fleet_secret(struct master *m, const uint8_t secret[SIPHASH_SECRET])
{
	struct fleet *f = &m->fleet;
	int r = 0;

	if (!f->known || memcmp(secret, f->table.head.secret, SIPHASH_SECRET) != 0)
		r = rows_make(m, secret);
	f->known = r == 0;
	if (r < 0)
		log_error("fleet error=\"%s\"", strerror(-r));
	fleet_set_up(m, f->known);
}

void
fleet_set_up(struct master *m, bool up)
{
	struct fleet *f = &m->fleet;
	uint64_t now = clock_mono_ms();

	f->up = up;
	if (!f->table.memory)
		return;
	for (uint32_t i = 0; up && f->count.open && i < f->rows; i++) {
		if (f->keys[i].key)
			lease_renew(&f->table, i, now);
	}
	board_set(&f->table.memory->up, (uint64_t)up);
}

void
fleet_sour(struct master *m, bool sour)
{
	struct fleet *f = &m->fleet;

	f->sour_ms = sour ? clock_mono_ms() + SOUR_MS : 0;
	if (f->table.memory)
		board_set(&f->table.memory->up, (uint64_t)(f->up && !sour));
}

void
fleet_deinit(struct fleet *f)
{
	rows_drop(f);
}

/* ---- the end ---- */

static bool
any_is_under_way(const struct fleet *f)
{
	for (uint32_t i = 0; i < f->rows; i++) {
		if (f->keys[i].under_way)
			return true;
	}
	return false;
}

bool
fleet_end(struct master *m)
{
	struct fleet *f = &m->fleet;
	uint64_t now = clock_mono_ms();

	if (!f->table.memory || !f->up)
		return true;
	for (uint32_t i = 0; !f->ended_ms && i < f->rows; i++) {
		struct fleet_key *k = &f->keys[i];
		int64_t units = k->key && !k->under_way ? lease_drain(&f->table, i) : 0;

		if (units > 0 || k->debt > 0)
			fleet_take(m, k, 0, units > 0 ? (uint64_t)units : 0);
	}
	if (!f->ended_ms)
		f->ended_ms = now;
	return !any_is_under_way(f) || now > f->ended_ms + LAST_MS;
}

/* ---- what is said of them ---- */

void
fleet_counted(struct master *m, uint64_t gateways)
{
	struct fleet *f = &m->fleet;

	if (f->gateways != gateways && f->table.memory)
		log_info("fleet gateways=%llu", (unsigned long long)gateways);
	f->gateways = gateways;
	fleet_reconfigured(m);
}

void
fleet_reconfigured(struct master *m)
{
	struct fleet *f = &m->fleet;

	if (f->table.memory)
		board_set(&f->table.memory->gateways,
			  m->config->fleet_gateways ? m->config->fleet_gateways : f->gateways);
}

void
fleet_note(const struct master *m)
{
	const struct fleet *f = &m->fleet;
	const struct lease_memory *l = f->table.memory;

	board_set(&m->page->fleet_up, board_get(&l->up));
	board_set(&m->page->fleet_gateways, board_get(&l->gateways));
	board_set(&m->page->fleet_keys, f->count.open);
	board_set(&m->page->fleet_messages, f->count.messages);
}

void
fleet_write(const struct master *m, struct buf *out)
{
	const struct fleet *f = &m->fleet;
	const struct {
		const char *name;
		uint64_t value;
	} rows[] = {
		{ "gateways", f->table.memory ? board_get(&f->table.memory->gateways) : 0 },
		{ "keys", f->count.open },
		{ "keys_full", f->count.full },
		{ "messages", f->count.messages },
		{ "failed", f->count.failed },
		{ "granted", f->count.granted },
		{ "returned", f->count.returned },
		{ "charged", f->count.charged },
	};

	if (!f->table.memory) {
		buf_adds(out, SLICE("\"fleet\":null"));
		return;
	}
	buf_addf(out, "\"fleet\":{\"up\":%s,\"error\":", f->up ? "true" : "false");
	buf_add_json(out, slice_of(f->complaint));
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		buf_addf(out, ",\"%s\":%llu", rows[i].name, (unsigned long long)rows[i].value);
	buf_addc(out, '}');
}
