/*
 * What the fleet says to Redis: questions for units, and the secret that all gateways share.
 */

#include "fleet_own.h"

#include "master.h"

#include "lib/clock.h"
#include "lib/log.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#define SECRET_KEY "yett:fleet-secret"

/* ---- questions ---- */

struct tag {
	uint64_t key;
	uint32_t row;
	uint64_t secret; /* its first bytes: rows of before have other keys */
};

static struct tag
tag_of(const struct fleet *f, uint32_t row)
{
	struct tag t = { .key = f->keys[row].key, .row = row };

	memcpy(&t.secret, f->table.head.secret, sizeof t.secret);
	return t;
}

/* The key that was asked for, if it is still there. */
static struct fleet_key *
key_of(const struct fleet *f, struct slice tag)
{
	struct tag t, now;

	if (tag.n != sizeof t || !f->table.memory)
		return NULL;
	memcpy(&t, tag.p, sizeof t);
	if (t.row >= f->rows)
		return NULL;
	now = tag_of(f, t.row);
	return t.key == now.key && t.secret == now.secret ? &f->keys[t.row] : NULL;
}

static bool
read_answer(const struct redis_reply *r, struct fleet_answer *a)
{
	int64_t *const to[] = { &a->granted, &a->left, &a->closed_ms, &a->reset_ms, &a->period };

	if (!r || r->type != REDIS_ARRAY || r->count != sizeof to / sizeof to[0])
		return false;
	for (size_t i = 0; i < r->count; i++) {
		const struct redis_reply *e = r->elements[i];

		if (!e || e->type != REDIS_INTEGER || e->integer < 0)
			return false;
		*to[i] = e->integer;
	}
	return true;
}

static void
on_units(void *userdata, struct slice tag, const struct redis_reply *r)
{
	struct master *m = userdata;
	struct fleet *f = &m->fleet;
	struct fleet_key *k = key_of(f, tag);
	struct fleet_answer a;
	bool good = read_answer(r, &a);
	char fault[64];

	f->silent_ms = 0;
	if (r && r->type == REDIS_FAILED && r->text.n > 8 &&
	    memcmp(r->text.p, "NOSCRIPT", 8) == 0) {
		f->script[0] = '\0'; /* the next question brings it along */
	} else if (r && !good) {
		fleet_complain(f, redis_fault(r, fault, sizeof fault));
		fleet_sour(m, true);
	} else if (good) {
		fleet_complain(f, "");
		fleet_sour(m, false);
	}
	if (k)
		fleet_heard(m, k, good ? &a : NULL);
}

static struct slice
number(char room[24], uint64_t n)
{
	return slice_make(room, (size_t)snprintf(room, 24, "%" PRIu64, n));
}

void
fleet_take(struct master *m, struct fleet_key *k, uint64_t ask, uint64_t back)
{
	static const char *const kinds[] = { [LIMIT_WINDOW_NONE] = "bucket",
					     [LIMIT_WINDOW_DAY] = "day",
					     [LIMIT_WINDOW_MONTH] = "month" };
	struct fleet *f = &m->fleet;
	const struct fleet_limit *l = &k->limit;
	struct tag tag = tag_of(f, (uint32_t)(k - f->keys));
	char name[128], n[9][24];
	const struct slice argv[] = {
		f->script[0] ? SLICE("EVALSHA") : SLICE("EVAL"),
		slice_of(f->script[0] ? f->script : fleet_script),
		SLICE("1"),
		slice_make(name, (size_t)snprintf(name, sizeof name, "yett:fleet:%s:%016" PRIx64,
						  k->name, k->key)),
		slice_of(kinds[l->window]),
		number(n[0], l->count),
		number(n[1], l->period_us),
		number(n[2], l->burst),
		number(n[3], ask),
		number(n[4], k->debt),
		number(n[5], back),
		number(n[6], (uint64_t)k->period),
		number(n[7], f->table.memory->gateways ? f->table.memory->gateways : 1),
		number(n[8], ask ? k->waiting : 0),
	};

	if (side_command(m->side, on_units, m, slice_make((const char *)&tag, sizeof tag),
			 sizeof argv / sizeof argv[0], argv) < 0)
		return;
	f->count.messages++;
	if (!f->silent_ms)
		f->silent_ms = clock_mono_ms();
	k->owing = k->debt;
	k->debt = 0;
	if (ask)
		k->waiting = 0;
	k->under_way = true;
}

/* ---- the link ---- */

static void
on_script(void *userdata, struct slice tag, const struct redis_reply *r)
{
	struct master *m = userdata;

	if (r && r->type == REDIS_STRING && r->text.n == sizeof m->fleet.script - 1)
		snprintf(m->fleet.script, sizeof m->fleet.script, "%.*s", SLICE_F(r->text));
}

static void
on_secret(void *userdata, struct slice tag, const struct redis_reply *r)
{
	struct master *m = userdata;
	uint8_t secret[SIPHASH_SECRET];
	char fault[64];

	if (!r)
		return;
	if (r->type != REDIS_STRING || r->text.n != sizeof secret) {
		fleet_complain(&m->fleet, redis_fault(r, fault, sizeof fault));
		return;
	}
	memcpy(secret, r->text.p, sizeof secret);
	fleet_secret(m, secret);
	explicit_bzero(secret, sizeof secret);
}

static void
on_offered(void *userdata, struct slice tag, const struct redis_reply *r)
{
	char fault[64];

	if (r && r->type == REDIS_FAILED)
		fleet_complain(&((struct master *)userdata)->fleet,
			       redis_fault(r, fault, sizeof fault));
}

/* Whoever comes first makes the secret; all take what is there. */
static void
on_up(void *userdata, bool tracking)
{
	struct master *m = userdata;
	uint8_t fresh[SIPHASH_SECRET] = { 0 };
	const struct slice offer[] = { SLICE("SET"), SLICE(SECRET_KEY),
				       slice_make((const char *)fresh, sizeof fresh), SLICE("NX") };
	const struct slice ask[] = { SLICE("GET"), SLICE(SECRET_KEY) };
	const struct slice load[] = { SLICE("SCRIPT"), SLICE("LOAD"), slice_of(fleet_script) };

	m->fleet.script[0] = '\0';
	if (m->fleet.known) /* a Redis that has lost it: what the gateways hold is still good */
		memcpy(fresh, m->fleet.table.head.secret, sizeof fresh);
	else if (getrandom(fresh, sizeof fresh, 0) != sizeof fresh)
		return;
	if (side_command(m->side, on_script, m, SLICE(""), 3, load) < 0 ||
	    side_command(m->side, on_offered, m, SLICE(""), 4, offer) < 0 ||
	    side_command(m->side, on_secret, m, SLICE(""), 2, ask) < 0)
		fleet_complain(&m->fleet, "it takes no commands");
	explicit_bzero(fresh, sizeof fresh);
}

static void
on_down(void *userdata, const char *reason)
{
	struct master *m = userdata;

	fleet_complain(&m->fleet, reason);
	fleet_set_up(m, false);
}

void
fleet_join(struct master *m)
{
	struct fleet *f = &m->fleet;

	f->user = (struct side_user){ .up = on_up, .down = on_down, .userdata = m };
	side_join(m->side, &f->user);
}
