#include "wheel.h"

void
wheel_init(struct wheel *w, uint64_t now_ms)
{
	for (int i = 0; i < WHEEL_SLOTS; i++)
		list_init(&w->slots[i]);
	w->now = now_ms - now_ms % WHEEL_TICK_MS;
}

void
wheel_node_init(struct wheel_node *node)
{
	list_init(&node->link);
	node->deadline = 0;
	node->slot_at = 0;
}

static void
wheel_link(struct wheel *w, struct wheel_node *node)
{
	uint64_t last = w->now + (uint64_t)(WHEEL_SLOTS - 1) * WHEEL_TICK_MS;
	uint64_t at = last;

	if (node->deadline < last)
		at = (node->deadline + WHEEL_TICK_MS - 1) / WHEEL_TICK_MS * WHEEL_TICK_MS;
	if (at <= w->now)
		at = w->now + WHEEL_TICK_MS;
	node->slot_at = at;
	list_push(&w->slots[at / WHEEL_TICK_MS % WHEEL_SLOTS], &node->link);
}

void
wheel_set(struct wheel *w, struct wheel_node *node, uint64_t deadline_ms)
{
	node->deadline = deadline_ms ? deadline_ms : 1;
	if (!list_empty(&node->link)) {
		if (node->slot_at <= node->deadline)
			return;
		list_remove(&node->link);
	}
	wheel_link(w, node);
}

void
wheel_clear(struct wheel_node *node)
{
	list_remove(&node->link);
	node->deadline = 0;
}

void
wheel_sweep(struct wheel *w, uint64_t now_ms, wheel_fire_fn fire, void *userdata)
{
	while (w->now + WHEEL_TICK_MS <= now_ms) {
		struct list due;
		struct list *slot;

		w->now += WHEEL_TICK_MS;
		slot = &w->slots[w->now / WHEEL_TICK_MS % WHEEL_SLOTS];
		list_take(slot, &due);
		list_drain (pos, &due) {
			struct wheel_node *node = container_of(pos, struct wheel_node, link);

			if (node->deadline <= w->now)
				fire(userdata, node);
			else
				wheel_link(w, node);
		}
	}
}
