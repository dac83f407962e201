#include "suspend_keys.h"

#include "master.h"
#include "suspensions.h"

#include "lib/clock.h"
#include "lib/log.h"
#include "lib/xalloc.h"

#include <stdio.h>
#include <stdlib.h>

#define ROUND_MS 500
#define ROUND_MOST 20000 /* keys that are asked for again at a time */
#define BATCH 100
#define FAULT_MS 5000 /* between two lines about the same trouble */

enum key_state { KEY_UNKNOWN, KEY_CLEAN, KEY_SUSPENDED };

struct raw_key {
	struct list link; /* in the order of the last look, the longest ago first */
	enum key_state state;
	bool asking, again; /* again: it changed since it was asked for */
	int64_t since;
	struct list askers;
	size_t n;
	char name[];
};

struct asker {
	struct list link;
	uint32_t slot;
	uint64_t instance, key;
};

struct suspend_keys {
	struct master *master;
	struct side_user user;
	struct map keys;
	struct list order;
	size_t suspended;
	bool joined, up, tracked;
	uint64_t round_ms;
	size_t round_left;        /* of the round under way */
	unsigned batches;         /* of it, without an answer */
	bool round_failed;        /* an answer of it was none */
	int64_t round_wall, wall; /* when the round began; the last whole one */
	uint64_t told_ms;
};

static struct slice
name_of(const struct raw_key *k)
{
	return slice_make(k->name, k->n);
}

/* ---- telling ---- */

static void
tell(struct suspend_keys *s, uint32_t number, uint64_t instance, uint64_t key)
{
	struct msg_suspension_known known = { .key = key };
	struct supervisor *all = &s->master->supervisor;

	if (number < all->slots_count && all->slots[number].instance == instance)
		supervisor_send(&all->slots[number], MSG_SUSPENSION_KNOWN, &known, sizeof known,
				-1);
}

static void
tell_askers(struct suspend_keys *s, struct raw_key *k)
{
	list_drain (pos, &k->askers) {
		struct asker *a = container_of(pos, struct asker, link);

		tell(s, a->slot, a->instance, a->key);
		free(a);
	}
}

/* ---- the rows ---- */

static void
set_state(struct suspend_keys *s, struct raw_key *k, enum key_state state)
{
	struct suspended_fact fact = { state == KEY_CLEAN ? SUSPENDED_CLEAN : SUSPENDED_IN_FORCE,
				       .until = 0 };
	bool was = k->state == KEY_SUSPENDED, is = state == KEY_SUSPENDED;

	if (k->state == state)
		return;
	k->state = state;
	if (state == KEY_UNKNOWN)
		suspensions_row_drop(s->master, SUSPENDED_KEY, name_of(k));
	else
		suspensions_row(s->master, SUSPENDED_KEY, name_of(k), &fact);
	if (was == is)
		return;
	s->suspended += is ? 1 : (size_t)-1;
	k->since = clock_wall();
	suspend_file_mark(s->master);
	if (is)
		suspensions_sweep(s->master);
}

static void
key_drop(struct suspend_keys *s, struct raw_key *k)
{
	set_state(s, k, KEY_UNKNOWN);
	tell_askers(s, k);
	list_remove(&k->link);
	map_take(&s->keys, name_of(k));
	free(k);
}

/* Room for one more: of those that suspend nobody, the one that was not looked at for longest. */
static void
make_room(struct suspend_keys *s)
{
	list_for_safe (pos, tmp, &s->order) {
		struct raw_key *k = container_of(pos, struct raw_key, link);

		if (s->keys.count < s->master->config->suspension.known)
			return;
		if (k->state == KEY_CLEAN && !k->asking)
			key_drop(s, k);
	}
}

static struct raw_key *
key_new(struct suspend_keys *s, struct slice name)
{
	struct raw_key *k;

	if (s->keys.count >= s->master->config->suspension.known)
		make_room(s);
	if (s->keys.count >= s->master->config->suspension.known)
		return NULL;
	k = xcalloc(1, sizeof *k + name.n);
	memcpy(k->name, name.p, name.n);
	k->n = name.n;
	list_init(&k->askers);
	list_push(&s->order, &k->link);
	*map_put(&s->keys, name) = k;
	return k;
}

/* ---- asking Redis ---- */

static void
complain(struct suspend_keys *s, const struct redis_reply *r)
{
	char fault[160];
	uint64_t now = clock_mono_ms();

	if (s->told_ms && now < s->told_ms + FAULT_MS)
		return;
	s->told_ms = now;
	log_warn("suspension keys=unknown reason=\"%s\"",
		 r ? redis_fault(r, fault, sizeof fault) : "the connection to Redis was lost");
}

static void key_ask(struct suspend_keys *s, struct raw_key *k);

static void
on_exists(void *userdata, struct slice tag, const struct redis_reply *r)
{
	struct suspend_keys *s = userdata;
	struct raw_key *k = map_get(&s->keys, tag);

	if (!k)
		return;
	k->asking = false;
	if (!r || r->type != REDIS_INTEGER) {
		complain(s, r);
		tell_askers(s, k);
		if (k->state == KEY_UNKNOWN)
			key_drop(s, k);
		return;
	}
	if (k->again) {
		key_ask(s, k);
		return;
	}
	set_state(s, k, r->integer > 0 ? KEY_SUSPENDED : KEY_CLEAN);
	tell_askers(s, k);
}

/* The key may be gone when it returns. */
static void
key_ask(struct suspend_keys *s, struct raw_key *k)
{
	const struct slice argv[] = { SLICE("EXISTS"), name_of(k) };

	k->again = k->asking;
	if (k->asking)
		return;
	k->asking = side_command(s->master->side, on_exists, s, name_of(k), 2, argv) == 0;
	if (k->asking)
		return;
	tell_askers(s, k);
	if (k->state == KEY_UNKNOWN)
		key_drop(s, k);
}

void
suspend_keys_ask(struct suspend_keys *s, struct slot *slot, uint64_t key, struct slice name)
{
	struct raw_key *k = map_get(&s->keys, name);
	struct asker *a;

	if (k && k->state != KEY_UNKNOWN) {
		tell(s, slot->number, slot->instance, key);
		return;
	}
	if (!k && s->up && suspensions_use_keys(s->master))
		k = key_new(s, name);
	if (!k) {
		tell(s, slot->number, slot->instance, key);
		return;
	}
	a = xmalloc(sizeof *a);
	*a = (struct asker){ .slot = slot->number, .instance = slot->instance, .key = key };
	list_push(&k->askers, &a->link);
	if (!k->asking)
		key_ask(s, k);
}

/* ---- asking again ---- */

/* Answered as one: none of them suspends anybody, or all do. If it is not so, each is asked. */
struct batch {
	struct suspend_keys *keys;
	size_t n, expect;
	char *name[BATCH];
	size_t name_n[BATCH];
};

static void
round_settle(struct suspend_keys *s)
{
	if (s->batches == 0 && s->round_left == 0 && !s->round_failed)
		s->wall = s->round_wall;
}

static void
batch_free(struct batch *b)
{
	for (size_t i = 0; i < b->n; i++)
		free(b->name[i]);
	free(b);
}

static void
on_batch(void *userdata, struct slice tag, const struct redis_reply *r)
{
	struct batch *b = userdata;
	struct suspend_keys *s = b->keys;

	s->batches -= s->batches > 0;
	if (r && r->type == REDIS_INTEGER && (uint64_t)r->integer != b->expect) {
		for (size_t i = 0; i < b->n; i++) {
			struct raw_key *k = map_get(&s->keys, slice_make(b->name[i], b->name_n[i]));

			if (k)
				key_ask(s, k);
		}
	}
	if (!r || r->type != REDIS_INTEGER) {
		s->round_failed = true;
		complain(s, r);
	}
	round_settle(s);
	batch_free(b);
}

static void
batch_send(struct suspend_keys *s, struct batch *b)
{
	struct slice argv[1 + BATCH] = { SLICE("EXISTS") };

	for (size_t i = 0; i < b->n; i++)
		argv[1 + i] = slice_make(b->name[i], b->name_n[i]);
	s->batches++;
	if (side_command(s->master->side, on_batch, b, SLICE(""), 1 + b->n, argv) == 0)
		return;
	s->batches--;
	s->round_failed = true;
	batch_free(b);
}

static struct batch *
batch_add(struct suspend_keys *s, struct batch *b, const struct raw_key *k)
{
	if (!b) {
		b = xcalloc(1, sizeof *b);
		b->keys = s;
	}
	b->name[b->n] = xstrndup(k->name, k->n);
	b->name_n[b->n] = k->n;
	b->n++;
	b->expect += k->state == KEY_SUSPENDED;
	return b;
}

/* Some of the keys, those whose turn it is. */
static void
round_go_on(struct suspend_keys *s)
{
	struct batch *of[2] = { NULL, NULL }; /* by whether they suspend somebody */
	size_t n = s->round_left < ROUND_MOST ? s->round_left : ROUND_MOST;

	s->round_left -= n;
	for (; n > 0 && !list_empty(&s->order); n--) {
		struct raw_key *k = container_of(s->order.next, struct raw_key, link);
		struct batch **b = &of[k->state == KEY_SUSPENDED];

		list_remove(&k->link);
		list_push(&s->order, &k->link);
		if (k->state == KEY_UNKNOWN)
			continue;
		*b = batch_add(s, *b, k);
		if ((*b)->n < BATCH)
			continue;
		batch_send(s, *b);
		*b = NULL;
	}
	for (int i = 0; i < 2; i++) {
		if (of[i])
			batch_send(s, of[i]);
	}
	round_settle(s);
}

static void
round_begin(struct suspend_keys *s)
{
	s->round_failed = false;
	s->round_left = s->keys.count;
	s->round_wall = clock_wall();
	round_go_on(s);
}

/* ---- the link ---- */

static void
on_up(void *userdata, bool tracking)
{
	struct suspend_keys *s = userdata;

	s->up = true;
	s->tracked = tracking;
	s->batches = 0;
	s->round_ms = clock_mono_ms();
	round_begin(s);
	suspensions_flags(s->master);
}

static void
on_down(void *userdata, const char *reason)
{
	struct suspend_keys *s = userdata;

	s->up = s->tracked = false;
	s->batches = 0;
	suspensions_flags(s->master);
}

/* Until Redis has said what became of it, who was not suspended is not known. */
static void
key_changed(struct suspend_keys *s, struct raw_key *k)
{
	if (k->state == KEY_CLEAN)
		set_state(s, k, KEY_UNKNOWN);
	key_ask(s, k);
}

static void
on_invalidated(void *userdata, struct slice key)
{
	struct suspend_keys *s = userdata;
	struct raw_key *k = key.p ? map_get(&s->keys, key) : NULL;

	if (k)
		key_changed(s, k);
	else if (!key.p)
		round_begin(s);
}

/* ---- the interface ---- */

struct suspend_keys *
suspend_keys_new(struct master *m)
{
	struct suspend_keys *s = xcalloc(1, sizeof *s);

	s->master = m;
	s->user = (struct side_user){ on_up, on_down, on_invalidated, .userdata = s };
	list_init(&s->order);
	return s;
}

void
suspend_keys_free(struct suspend_keys *s)
{
	list_drain (pos, &s->order) {
		struct raw_key *k = container_of(pos, struct raw_key, link);

		list_drain (asker, &k->askers)
			free(container_of(asker, struct asker, link));
		free(k);
	}
	map_deinit(&s->keys, NULL);
	free(s);
}

void
suspend_keys_configure(struct suspend_keys *s)
{
	bool wanted = suspensions_use_keys(s->master);

	if (wanted == s->joined)
		return;
	s->joined = wanted;
	if (wanted) {
		side_join(s->master->side, &s->user);
		return;
	}
	side_leave(s->master->side, &s->user);
	on_down(s, "");
	while (!list_empty(&s->order))
		key_drop(s, container_of(s->order.next, struct raw_key, link));
}

void
suspend_keys_tick(struct suspend_keys *s, uint64_t now_ms)
{
	if (!s->up || now_ms < s->round_ms + ROUND_MS)
		return;
	s->round_ms = now_ms;
	if (s->round_left > 0)
		round_go_on(s);
	else if (s->batches == 0) /* else it is slow, and more would make it slower */
		round_begin(s);
}

void
suspend_keys_remember(struct suspend_keys *s, struct slice name)
{
	struct raw_key *k = map_get(&s->keys, name);

	if (!k && suspensions_use_keys(s->master))
		k = key_new(s, name);
	if (k)
		set_state(s, k, KEY_SUSPENDED);
}

void
suspend_keys_fill(struct suspend_keys *s, struct suspended *page)
{
	list_for (pos, &s->order) {
		const struct raw_key *k = container_of(pos, struct raw_key, link);
		struct suspended_fact fact = { k->state == KEY_CLEAN ? SUSPENDED_CLEAN
								     : SUSPENDED_IN_FORCE,
					       .until = 0 };

		if (k->state != KEY_UNKNOWN)
			(void)!suspended_put(page, SUSPENDED_KEY, name_of(k), &fact);
	}
}

void
suspend_keys_each(const struct suspend_keys *s,
		  void (*each)(void *userdata, struct slice name, int64_t since), void *userdata)
{
	list_for (pos, &s->order) {
		const struct raw_key *k = container_of(pos, struct raw_key, link);

		if (k->state == KEY_SUSPENDED)
			each(userdata, name_of(k), k->since);
	}
}

bool
suspend_keys_suspends(const struct suspend_keys *s, struct slice name)
{
	const struct raw_key *k = map_get(&s->keys, name);

	return k && k->state == KEY_SUSPENDED;
}

void
suspend_keys_count(const struct suspend_keys *s, size_t *known, size_t *suspended)
{
	*known = s->keys.count;
	*suspended = s->suspended;
}

bool
suspend_keys_up(const struct suspend_keys *s)
{
	return s->up;
}

bool
suspend_keys_tracked(const struct suspend_keys *s)
{
	return s->tracked;
}

void
suspend_keys_known(struct suspend_keys *s, int64_t wall)
{
	s->wall = wall;
}

int64_t
suspend_keys_age(const struct suspend_keys *s)
{
	int64_t age = clock_wall() - s->wall;

	return s->wall == 0 ? INT64_MAX : age > 0 ? age : 0;
}
