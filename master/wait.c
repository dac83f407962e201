#include "wait.h"

#include "master.h"
#include "reply.h"

#include "lib/clock.h"
#include "lib/xalloc.h"

#include <stdlib.h>

#define PATIENCE_MS 2000

struct waiter {
	struct list link;
	struct slot *admin;
	uint64_t
	    instance; /* of the admin worker that asked; another one knows nothing of this call */
	uint32_t id;
	uint64_t version;  /* 0: not compiled yet */
	uint64_t deadline; /* 0: none */
};

void
waiters_init(struct waiters *w)
{
	list_init(&w->all);
}

static void
waiter_free(struct waiter *w)
{
	list_remove(&w->link);
	free(w);
}

void
waiters_deinit(struct waiters *w)
{
	list_for_safe (pos, tmp, &w->all)
		waiter_free(container_of(pos, struct waiter, link));
}

void
waiters_add(struct master *m, struct slot *admin, const struct msg_call *call)
{
	struct waiter *w = xcalloc(1, sizeof *w);

	w->admin = admin;
	w->instance = admin->instance;
	w->id = call->id;
	if (!(call->flags & CALL_FLAG_WAIT))
		w->deadline = clock_mono_ms() + PATIENCE_MS;
	list_push(&m->publisher.waiters.all, &w->link);
	waiters_settle(m);
}

/* Appends the workers that serve by an older table; returns how many. One that is only starting
 * serves by none. */
static unsigned
add_lagging(const struct master *m, uint64_t version, struct buf *out, bool *refused)
{
	const struct supervisor *s = &m->supervisor;
	unsigned n = 0;

	for (uint32_t i = 0; i < s->slots_count; i++) {
		const struct slot *slot = &s->slots[i];

		if (slot->state != SLOT_RUNNING || slot->acked >= version)
			continue;
		if (slot->refused >= version)
			*refused = true;
		buf_addf(out, "%s{\"slot\":%d,\"role\":\"%s\",\"pid\":%d,\"version\":%llu}",
			 n++ ? "," : "", slot->role == ROLE_ADMIN ? -1 : (int)slot->number,
			 slot->role == ROLE_ADMIN ? "admin" : "traffic", (int)slot->pid,
			 (unsigned long long)slot->acked);
	}
	return n;
}

/* True when it was answered. */
static bool
waiter_settle(struct master *m, struct waiter *w, uint64_t now)
{
	BUF_CLEAN struct buf lagging = { 0 };
	BUF_CLEAN struct buf json = { 0 };
	uint32_t status = 200;
	bool refused = false;
	unsigned n;

	if (w->version == 0 && m->publisher.pending == 0)
		w->version = m->publisher.version;
	n = w->version ? add_lagging(m, w->version, &lagging, &refused) : 0;
	if (refused)
		status = 500;
	else if (w->deadline && now >= w->deadline)
		status = w->version && n == 0 ? 200 : 202;
	else if (w->version == 0 || n > 0)
		return false;
	buf_addf(&json, "{\"ok\":%s,\"version\":%llu,\"lagging\":[%.*s]",
		 refused ? "false" : "true",
		 (unsigned long long)(w->version ? w->version : m->publisher.version),
		 SLICE_F(buf_slice(&lagging)));
	if (refused)
		buf_adds(&json, SLICE(",\"error\":\"a worker refused the table\""));
	buf_adds(&json, SLICE("}\n"));
	reply_send(w->admin, w->id, status, buf_slice(&json));
	return true;
}

void
waiters_settle(struct master *m)
{
	uint64_t now = clock_mono_ms();

	list_for_safe (pos, tmp, &m->publisher.waiters.all) {
		struct waiter *w = container_of(pos, struct waiter, link);

		if (w->admin->instance != w->instance || waiter_settle(m, w, now))
			waiter_free(w);
	}
}
