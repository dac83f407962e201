#pragma once

/*
 * wheel: many deadlines, one tick. A deadline that moves later costs a store and nothing else: the
 * node stays where it is linked and is moved when its slot comes up. Resolution is WHEEL_TICK_MS; a
 * deadline never fires early.
 */

#include "list.h"

#include <stdint.h>

#define WHEEL_TICK_MS 100
#define WHEEL_SLOTS 1024

struct wheel_node {
	struct list link;
	uint64_t deadline; /* ms of the wheel's clock; 0 = not set */
	uint64_t slot_at;  /* ms of the slot it is linked in */
};

typedef void (*wheel_fire_fn)(void *userdata, struct wheel_node *node);

struct wheel {
	struct list slots[WHEEL_SLOTS];
	uint64_t now; /* ms, a multiple of the tick: all slots up to it have been swept */
};

void wheel_init(struct wheel *w, uint64_t now_ms);
void wheel_node_init(struct wheel_node *node);
/* Sets or moves the deadline (ms of the clock given to wheel_init). */
void wheel_set(struct wheel *w, struct wheel_node *node, uint64_t deadline_ms);
/* No deadline any more; the node may be freed after it. */
void wheel_clear(struct wheel_node *node);
/* Sweeps all slots up to now_ms and calls fire for each node whose deadline has passed; the node is
 * unlinked before the call, which may set it again or free it, or clear others. */
void wheel_sweep(struct wheel *w, uint64_t now_ms, wheel_fire_fn fire, void *userdata);
