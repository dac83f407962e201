/*
 * Small numbers for identities that come and go. See directory.h.
 */

#include "directory.h"

#include "lib/buf.h"
#include "lib/map.h"
#include "lib/sha256.h"
#include "lib/xalloc.h"
#include "shm/board.h"

#include <errno.h>
#include <stdlib.h>

struct slot {
	uint32_t number;
	uint64_t used; /* round in which it was last asked for */
};

struct slots {
	struct map by_identity;  /* struct slot */
	struct slot **by_number; /* the same, NULL for those of nobody; `room` of them */
	uint32_t room;
	struct map inherited;     /* the same, by the board_name, until somebody asks for it */
	struct board_name *names; /* by number; NULL: they are not kept */
	uint32_t *unused;         /* numbers that were given back, a stack */
	uint32_t unused_count, unused_room;
	uint32_t next, limit;  /* numbers never used yet: next..limit-1 */
	uint64_t round, swept; /* now; when they were swept last */
	bool lent, borrowed;
};

struct slots *
slots_new(uint32_t limit)
{
	struct slots *s = xcalloc(1, sizeof *s);

	s->limit = limit;
	s->next = 1;
	return s;
}

void
slots_free(struct slots *s)
{
	if (!s)
		return;
	map_deinit(&s->by_identity, free);
	map_deinit(&s->inherited, free);
	free(s->by_number);
	free(s->unused);
	free(s);
}

static void
number_put(struct slots *s, struct slot *slot)
{
	uint32_t room = s->room;

	while (slot->number >= s->room)
		s->room = s->room ? 2 * s->room : 64;
	if (s->room > room) {
		s->by_number = xrealloc(s->by_number, s->room * sizeof(struct slot *));
		memset(s->by_number + room, 0, (s->room - room) * sizeof(struct slot *));
	}
	s->by_number[slot->number] = slot;
}

static void
give_back(struct slots *s, uint32_t number)
{
	if (s->unused_count == s->unused_room) { /* a number that was read may be a large one */
		s->unused_room = s->unused_room ? 2 * s->unused_room : 64;
		s->unused = xrealloc(s->unused, s->unused_room * sizeof *s->unused);
	}
	s->unused[s->unused_count++] = number;
}

/* ---- on the board ---- */

static struct board_name
name_of(struct slice identity)
{
	uint8_t digest[SHA256_BYTES];
	struct board_name name = { 0 };

	if (!sha256(identity, digest))
		return name; /* the next master knows nothing of it */
	memcpy(&name, digest, sizeof name);
	name.low |= 1;
	return name;
}

static struct slice
name_bytes(const struct board_name *name)
{
	return slice_make((const char *)name, sizeof *name);
}

/* Killed in the midst, we leave a slot that is nobody's. */
static void
name_write(struct slots *s, uint32_t number, const struct board_name *name)
{
	if (!s->names || s->borrowed)
		return;
	__atomic_store_n(&s->names[number].low, 0, __ATOMIC_RELEASE);
	__atomic_store_n(&s->names[number].high, name->high, __ATOMIC_RELEASE);
	__atomic_store_n(&s->names[number].low, name->low, __ATOMIC_RELEASE);
	if (number >= s->names->high) /* 0 is of nobody: how many may have one, so that the rest of
					 so many is not read */
		__atomic_store_n(&s->names->high, number + (uint64_t)1, __ATOMIC_RELEASE);
}

static void
inherit(struct slots *s, uint32_t number)
{
	const struct board_name none = { 0 };
	void **place;
	struct slot *slot;

	if (s->names[number].low == 0 || map_get(&s->inherited, name_bytes(&s->names[number]))) {
		name_write(s, number, &none);
		give_back(s, number);
		return;
	}
	slot = xcalloc(1, sizeof *slot);
	slot->number = number;
	place = map_put(&s->inherited, name_bytes(&s->names[number]));
	*place = slot;
}

void
slots_on_board(struct slots *s, struct board_name *names)
{
	s->names = names;
	for (uint32_t number = names->high < s->limit ? (uint32_t)names->high : s->limit;
	     number-- > 1;) {
		if (names[number].low != 0 && s->next == 1)
			s->next = number + 1;
		if (number < s->next)
			inherit(s, number);
	}
}

/* ---- by identity ---- */

static struct slot *
slot_take(struct slots *s, struct slice identity)
{
	bool room = s->unused_count > 0 || s->next < s->limit;
	struct board_name name = { 0 };
	struct slot *slot;

	if (s->lent)
		return NULL;
	if (s->names && (room || s->inherited.count > 0))
		name = name_of(identity);
	slot = map_take(&s->inherited, name_bytes(&name));
	if (slot || !room)
		return slot;
	slot = xcalloc(1, sizeof *slot);
	slot->number = s->unused_count ? s->unused[--s->unused_count] : s->next++;
	name_write(s, slot->number, &name);
	return slot;
}

uint32_t
slots_get(struct slots *s, struct slice identity)
{
	struct slot *slot = map_get(&s->by_identity, identity);

	if (!slot) {
		slot = slot_take(s, identity);
		if (!slot)
			return 0;
		*map_put(&s->by_identity, identity) = slot;
		number_put(s, slot);
	}
	slot->used = s->round;
	return slot->number;
}

void
slots_use(struct slots *s, uint32_t number)
{
	if (number < s->room && s->by_number[number])
		s->by_number[number]->used = s->round;
}

void
slots_pass(struct slots *s)
{
	s->round++;
}

/* Whoever was named the last time may have gone just now. */
static bool
is_kept(const struct slots *s, const struct slot *slot, unsigned rounds_kept)
{
	return slot->used >= s->swept || slot->used + rounds_kept >= s->round;
}

static void
sweep(struct slots *s, struct map *all, unsigned rounds_kept)
{
	const struct board_name none = { 0 };
	size_t i = 0;

	while (i < all->count) {
		const struct map_entry *e = &all->entries[i];
		struct slot *slot = e->value;

		if (is_kept(s, slot, rounds_kept)) {
			i++;
			continue;
		}
		give_back(s, slot->number);
		if (slot->number < s->room)
			s->by_number[slot->number] = NULL; /* of inherited ones nobody has any */
		name_write(s, slot->number, &none);
		map_take(all, map_name(e)); /* the last one takes its place */
		free(slot);
	}
}

void
slots_sweep(struct slots *s, unsigned rounds_kept)
{
	sweep(s, &s->by_identity, rounds_kept);
	sweep(s, &s->inherited, rounds_kept);
	s->swept = s->round++;
}

/* ---- another process's ---- */

void
slots_lend(struct slots *s, bool lent)
{
	s->lent = lent;
}

void
slots_borrow(struct slots *s)
{
	s->lent = false;
	s->borrowed = true;
}

struct written { /* then the identity */
	uint32_t number, size;
};

void
slots_write(const struct slots *s, bool all, struct buf *out)
{
	for (size_t i = 0; i < s->by_identity.count; i++) {
		const struct map_entry *e = &s->by_identity.entries[i];
		const struct slot *slot = e->value;
		const struct written head = { slot->number, (uint32_t)map_name(e).n };

		if (!all && slot->used != s->round)
			continue;
		buf_add(out, &head, sizeof head);
		buf_adds(out, map_name(e));
	}
}

/* The next of them: false at the end, and *r, when it is none. */
static bool
written_next(struct slice *rest, uint32_t *number, struct slice *identity, int *r)
{
	struct written head;

	if (rest->n == 0)
		return false;
	*r = -EBADMSG;
	if (rest->n < sizeof head)
		return false;
	memcpy(&head, rest->p, sizeof head);
	*rest = slice_make(rest->p + sizeof head, rest->n - sizeof head);
	if (head.size > rest->n)
		return false;
	*number = head.number;
	*identity = slice_make(rest->p, head.size);
	*rest = slice_make(rest->p + head.size, rest->n - head.size);
	*r = 0;
	return true;
}

/* New ones stand last, in the order in which they got their numbers. */
int
slots_read(struct slots *s, struct slice written)
{
	struct slice identity;
	uint32_t number;
	int r = 0;

	while (written_next(&written, &number, &identity, &r)) {
		if (slots_get(s, identity) != number)
			return -EBADMSG;
	}
	return r;
}

/* Tables are as long as the largest number: of a few that had a number beyond this, or say so, they
 * are made anew. */
#define SPARSE_MIN 65536u
#define SPARSE 16u

static uint32_t
numbers_end(const struct slots *s, struct slice written)
{
	struct slice identity;
	uint64_t end = 0;
	uint32_t number;
	int r = 0;

	while (written_next(&written, &number, &identity, &r))
		end += SPARSE;
	if (end < SPARSE_MIN)
		end = SPARSE_MIN;
	return end < s->limit ? (uint32_t)end : s->limit;
}

/* Takes a number below `end` that nobody has: `taken`, by number, says who has one. */
static int
place(struct slots *s, char *taken, uint32_t end, uint32_t number, struct slice identity)
{
	struct board_name name = { 0 };
	struct slot *slot;

	if (number == 0 || number >= end || taken[number] || map_find(&s->by_identity, identity))
		return -EBADMSG;
	taken[number] = 1;
	slot = xcalloc(1, sizeof *slot);
	*map_put(&s->by_identity, identity) = slot;
	slot->number = number;
	number_put(s, slot);
	if (number >= s->next)
		s->next = number + 1;
	if (s->names)
		name = name_of(identity);
	name_write(s, number, &name);
	return 0;
}

int
slots_restore(struct slots *s, struct slice written)
{
	struct slice identity;
	uint32_t number, end;
	char *taken;
	int r = 0;

	if (s->next > 1) /* an earlier master's are there, who may be the same */
		return slots_read(s, written);
	end = numbers_end(s, written);
	taken = xcalloc(end, 1);
	while (r == 0 && written_next(&written, &number, &identity, &r))
		r = place(s, taken, end, number, identity);
	/* Of what is no such text, too: those that nobody has by now are for others. */
	for (number = s->next; --number > 0;) {
		if (!taken[number])
			give_back(s, number);
	}
	free(taken);
	return r;
}
