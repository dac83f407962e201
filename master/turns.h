#pragma once

/*
 * turns: who of many that wait for an answer by others is begun next. Few are begun at a time, but
 * one that gets no answer for PATIENCE_MS makes room, as in unbound's jostle list: those who are
 * answered wait for one another, never for those who are not.
 */

#include "lib/list.h"

#include <stdint.h>

#define TURNS_YOUNG 64  /* begun at a time, and not yet */
#define PATIENCE_MS 100 /* old */
/* Begun in all: each takes two of the 65 536 numbers that a question to a name server may have. */
#define TURNS_BEGUN 8192
#define TURNS_LATE (TURNS_BEGUN / 2) /* of them, such as were late the last time */

enum turn_state { TURN_NONE, TURN_WAITS, TURN_YOUNG, TURN_OLD };

struct turn {
	struct list link;
	uint64_t begun_ms;
	enum turn_state state;
	bool late;
};

struct turns {
	struct list waiting, waiting_late, young, old;
	unsigned young_count, begun, begun_late;
};

void turns_init(struct turns *t);
/* At the end of its queue; `late`: it was the last time, and lets all others go first. */
void turns_wait(struct turns *t, struct turn *turn, bool late);
/* Whose turn it is, begun by that; NULL: nobody's, or there is no room until one ends or time has
 * passed. */
struct turn *turns_next(struct turns *t, uint64_t now_ms);
/* It is answered, or given up; may be called of one that waits, or has ended. */
void turns_end(struct turns *t, struct turn *turn);
/* One that waits, whether there is room or not; NULL: none. */
struct turn *turns_waiting(const struct turns *t);
/* Nobody waits, nothing is begun. */
bool turns_idle(const struct turns *t);
