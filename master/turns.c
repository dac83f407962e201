#include "turns.h"

#include <assert.h>

void
turns_init(struct turns *t)
{
	*t = (struct turns){ .begun = 0 };
	list_init(&t->waiting);
	list_init(&t->waiting_late);
	list_init(&t->young);
	list_init(&t->old);
}

/* Each state is a list. */
static void
turn_set(struct turns *t, struct turn *turn, enum turn_state state)
{
	if (turn->state != TURN_NONE)
		list_remove(&turn->link);
	if (turn->state == TURN_YOUNG)
		t->young_count--;
	turn->state = state;
	switch (state) {
	case TURN_NONE:
		break;
	case TURN_WAITS:
		list_push(turn->late ? &t->waiting_late : &t->waiting, &turn->link);
		break;
	case TURN_YOUNG:
		list_push(&t->young, &turn->link);
		t->young_count++;
		break;
	case TURN_OLD:
		list_push(&t->old, &turn->link);
		break;
	}
}

static void
turns_age(struct turns *t, uint64_t now_ms)
{
	while (!list_empty(&t->young)) {
		struct turn *first = container_of(t->young.next, struct turn, link);

		if (now_ms < first->begun_ms + PATIENCE_MS)
			return;
		turn_set(t, first, TURN_OLD);
	}
}

void
turns_wait(struct turns *t, struct turn *turn, bool late)
{
	assert(turn->state == TURN_NONE);
	turn->late = late;
	turn_set(t, turn, TURN_WAITS);
}

struct turn *
turns_next(struct turns *t, uint64_t now_ms)
{
	struct turn *next;

	turns_age(t, now_ms);
	if (t->young_count == TURNS_YOUNG || t->begun == TURNS_BEGUN)
		return NULL;
	next = turns_waiting(t);
	if (!next || (next->late && t->begun_late == TURNS_LATE))
		return NULL;
	next->begun_ms = now_ms;
	t->begun++;
	t->begun_late += next->late;
	turn_set(t, next, TURN_YOUNG);
	return next;
}

void
turns_end(struct turns *t, struct turn *turn)
{
	if (turn->state == TURN_YOUNG || turn->state == TURN_OLD) {
		t->begun--;
		t->begun_late -= turn->late;
	}
	turn_set(t, turn, TURN_NONE);
}

struct turn *
turns_waiting(const struct turns *t)
{
	const struct list *from = list_empty(&t->waiting) ? &t->waiting_late : &t->waiting;

	return list_empty(from) ? NULL : container_of(from->next, struct turn, link);
}

bool
turns_idle(const struct turns *t)
{
	return !turns_waiting(t) && t->begun == 0;
}
