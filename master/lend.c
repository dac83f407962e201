/*
 * lend: the sockets of a slot that keeps failing are accepted on by a sibling meanwhile. The
 * owner's worker, once it has a table again, accepts on them alone.
 */

#include "slot.h"

#include "lib/log.h"

static void
lend(struct slot *owner, struct slot *sibling)
{
	const struct listeners *all = owner->supervisor->listeners;

	log_warn("worker slot=%s listeners=lent to=%u", slot_name(owner), sibling->number);
	owner->lent_to = sibling;
	for (size_t i = 0; i < all->count; i++) {
		if (all->all[i].kind == LISTENER_HTTP && !all->all[i].shared)
			slot_send_listener(sibling, &all->all[i], owner->number);
	}
}

static void
take_back(struct slot *owner)
{
	const struct listeners *all = owner->supervisor->listeners;

	log_info("worker slot=%s listeners=back from=%u", slot_name(owner), owner->lent_to->number);
	for (size_t i = 0; i < all->count; i++) {
		if (all->all[i].kind == LISTENER_HTTP && !all->all[i].shared)
			slot_send_unlisten(owner->lent_to, &all->all[i], owner->number);
	}
	owner->lent_to = NULL;
}

/* The next one that works, so that the sockets of several failing slots do not all go to one. */
static struct slot *
sibling_of(const struct slot *slot)
{
	struct supervisor *s = slot->supervisor;
	uint32_t workers = s->slots_count - 1;

	for (uint32_t i = 1; i < workers; i++) {
		struct slot *sibling = &s->slots[(slot->number + i) % workers];

		if (sibling->state == SLOT_RUNNING)
			return sibling;
	}
	return NULL;
}

void
lend_settle(struct supervisor *s)
{
	for (uint32_t i = 0; i + 1 < s->slots_count; i++) {
		struct slot *slot = &s->slots[i];
		struct slot *sibling = NULL;

		if (slot->state == SLOT_BACKOFF && !slot->lent_to)
			sibling = sibling_of(slot);
		if (sibling)
			lend(slot, sibling);
		/* A loan lasts until the owner has a table again, not merely a process. */
		if (slot->state == SLOT_RUNNING && slot->lent_to)
			take_back(slot);
	}
}

void
lend_forget(const struct slot *slot)
{
	struct supervisor *s = slot->supervisor;

	for (uint32_t i = 0; i < s->slots_count; i++) {
		if (s->slots[i].lent_to == slot)
			s->slots[i].lent_to = NULL;
	}
}
