/*
 * What is in force, sent to the workers: what is new to all of them, all of it to one.
 */

#include "publish_own.h"

#include "master.h"

#include "lib/failpoint.h"

#include <string.h>

#define QUEUE_LONG 64 /* messages that wait for a worker: it gets no further table for now */

static void
send_segment(struct slot *slot, const struct segment *s)
{
	struct msg_segment segment = { .kind = s->head->kind, .generation = s->head->generation };

	if (s->head->kind == SEGMENT_KEYS && slot->role != ROLE_TRAFFIC)
		return;
	supervisor_send(slot, MSG_SEGMENT, &segment, sizeof segment, s->fd);
}

static void
send_publish(const struct publisher *p, struct slot *slot)
{
	struct msg_publish publish = { .version = p->version, .revision_wall = p->revision_wall };

	memcpy(publish.revision, p->revision, sizeof publish.revision);

	for (int i = 0; i < SEGMENT_N; i++) {
		if (i != SEGMENT_KEYS || slot->role == ROLE_TRAFFIC)
			publish.generation[i] = p->segments[i]->head->generation;
	}
	supervisor_send(slot, MSG_PUBLISH, &publish, sizeof publish, -1);
}

void
publish_greet(struct master *m, struct slot *slot)
{
	struct publisher *p = &m->publisher;

	rate_memory_greet(m, slot);
	fleet_greet(m, slot);
	for (int i = 0; i < SEGMENT_N; i++) {
		if (p->segments[i]->base)
			send_segment(slot, p->segments[i]->base);
		send_segment(slot, p->segments[i]);
	}
	send_publish(p, slot);
}

void
publish_send(struct master *m, const bool changed[SEGMENT_N], bool base)
{
	struct publisher *p = &m->publisher;

	for (uint32_t i = 0; i < m->supervisor.slots_count; i++) {
		struct slot *slot = &m->supervisor.slots[i];

		if (!slot_is_live(slot))
			continue;
		if (slot->control && slot->control->queued > QUEUE_LONG)
			slot->behind = true;
		if (slot->behind)
			continue;
		for (int k = 0; k < SEGMENT_N; k++) {
			if (!changed[k])
				continue;
			if (base && p->segments[k]->base)
				send_segment(slot, p->segments[k]->base);
			send_segment(slot, p->segments[k]);
		}
		FAILPOINT("publish-segments-sent");
		send_publish(p, slot);
	}
}

/* Tables that a stuck worker missed are not sent to it one after the other: the newest will do. */
void
publish_send_missed(struct master *m)
{
	for (uint32_t i = 0; i < m->supervisor.slots_count; i++) {
		struct slot *slot = &m->supervisor.slots[i];

		if (!slot->behind || !slot_is_live(slot) || !slot->control ||
		    slot->control->queued > 0)
			continue;
		slot->behind = false;
		publish_greet(m, slot);
	}
}
