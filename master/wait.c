#include "wait.h"

#include "api.h"
#include "master.h"

#include "lib/clock.h"
#include "lib/failpoint.h"
#include "lib/xalloc.h"

#include <stdlib.h>

#define PATIENCE_MS 2000

struct waiter {
	struct list link;
	struct api_call *call;
	void (*settled)(struct api_call *call, const struct wait_outcome *o);
	uint64_t version;  /* 0: not compiled yet */
	uint64_t deadline; /* 0: none */
	struct {
		unsigned ends;    /* of comparisons to see; 0: nothing to wait for */
		bool begun;       /* the first was asked for */
		bool asked;       /* for one whose end will show */
		bool withheld;    /* something was */
		int64_t compared; /* wall time of the last end seen */
		int64_t since;    /* of the connection; another one knows nothing of our question */
	} force;
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
	list_for_safe (pos, tmp, &w->all) {
		struct waiter *waiter = container_of(pos, struct waiter, link);

		api_reply(waiter->call, 503, SLICE("{\"error\":\"the gateway ends\"}\n"), NULL);
		waiter_free(waiter);
	}
}

/* ---- the forced comparison ---- */

bool
waiters_redis_up(const struct master *m)
{
	struct store_redis_status st;

	store_redis_get_status(m->store, &st);
	return st.state == REDIS_UP;
}

static void
force_ask(struct master *m, struct waiter *w)
{
	store_redis_compare(m->store, true);
	/* The end of a comparison shows in the second that it fell into: one that ends in the same
	 * second as the last is not seen, and another has to follow. */
	w->force.asked = clock_wall() != w->force.compared;
}

static void
force_begin(struct master *m, struct waiter *w, const struct store_redis_status *st)
{
	w->force.begun = true;
	w->force.withheld = st->withheld > 0;
	w->force.compared = st->compared_wall;
	w->force.since = st->since_wall;
	force_ask(m, w);
}

/* 1: it has ended, and what it changed is marked; 0: not yet; -1: it never will. */
static int
force_settle(struct master *m, struct waiter *w)
{
	struct store_redis_status st;

	if (w->force.ends == 0)
		return 1;
	store_redis_get_status(m->store, &st);
	if (!w->force.begun && st.state == REDIS_CONNECTING)
		return 0; /* the reload changed where it is */
	if (st.state != REDIS_UP)
		return -1;
	if (!w->force.begun)
		force_begin(m, w, &st);
	if (st.since_wall != w->force.since)
		return -1;
	if (st.compared_wall != w->force.compared) {
		w->force.compared = st.compared_wall;
		w->force.ends--;
		w->force.asked = false;
		if (w->force.withheld && st.withheld == 0)
			w->force.ends = 0;
	}
	if (w->force.ends > 0 && !w->force.asked && clock_wall() != w->force.compared)
		force_ask(m, w);
	return w->force.ends == 0;
}

/* ---- waiting ---- */

void
waiters_add(struct api_call *call, unsigned flags,
	    void (*settled)(struct api_call *call, const struct wait_outcome *o))
{
	struct master *m = call->master;
	struct waiter *w = xcalloc(1, sizeof *w);

	w->call = call;
	w->settled = settled;
	if (!(flags & WAIT_LONG))
		w->deadline = clock_mono_ms() + PATIENCE_MS;
	if (flags & WAIT_FORCE && m->config->redis.configured)
		w->force.ends = 2; /* the first may be of one that was under way already */
	list_push(&m->publisher.waiters.all, &w->link);
	waiters_settle(m);
}

static void
add_one(struct buf *out, int slot, const char *role, pid_t pid, uint64_t version)
{
	buf_addf(out, "%s{\"slot\":%d,\"role\":\"%s\",\"pid\":%d,\"version\":%llu}",
		 out->n > 0 ? "," : "", slot, role, (int)pid, (unsigned long long)version);
}

/* Appends the workers that serve by an older table; returns how many. One that is only starting
 * serves by none; those of an earlier master get no other. */
static unsigned
add_lagging(const struct master *m, uint64_t version, struct buf *out, bool *refused)
{
	const struct supervisor *s = &m->supervisor;
	unsigned n = 0;

	for (uint32_t i = 0; i < s->slots_count; i++) {
		const struct slot *slot = &s->slots[i];

		if (slot->state != SLOT_RUNNING || slot->acked >= version)
			continue;
		/* It gets the table again for some time; then it is killed. */
		if (slot->refused >= version && slot->killed)
			*refused = true;
		add_one(out, slot->role == ROLE_ADMIN ? -1 : (int)slot->number,
			slot->role == ROLE_ADMIN ? "admin" : "traffic", slot->pid, slot->acked);
		n++;
	}
	for (size_t i = 0; i < m->takeover.old_count; i++) {
		const struct old_worker *old = &m->takeover.old[i];

		if (!takeover_decides(&m->takeover, i))
			continue;
		add_one(out, old->page ? (int)old->page->slot : -1, "traffic", old->pid,
			old->page ? board_get(&old->page->version) : 0);
		n++;
	}
	return n;
}

/* Is its wait over? Then *out says how. */
static bool
waiter_look(struct master *m, struct waiter *w, uint64_t now, struct buf *lagging,
	    struct wait_outcome *out)
{
	int compared = force_settle(m, w);
	bool refused = false;
	unsigned n;

	*out = (struct wait_outcome){ .status = 200 };
	if (w->call->admin->instance != w->call->instance) /* nobody hears it any more */
		return true;
	if (compared < 0) {
		out->status = 503;
		return true;
	}
	if (w->version == 0 && compared && m->publisher.pending == 0)
		w->version = m->publisher.version;
	n = w->version ? add_lagging(m, w->version, lagging, &refused) : 0;
	out->version = w->version ? w->version : m->publisher.version;
	out->lagging = buf_slice(lagging);
	if (refused)
		out->status = 500;
	else if (w->deadline && now >= w->deadline)
		out->status = w->version && n == 0 ? 200 : 202;
	else if (w->version == 0 || n > 0)
		return false;
	return true;
}

void
waiters_settle(struct master *m)
{
	uint64_t now = clock_mono_ms();

	list_for_safe (pos, tmp, &m->publisher.waiters.all) {
		struct waiter *w = container_of(pos, struct waiter, link);
		BUF_CLEAN struct buf lagging = { 0 };
		struct wait_outcome outcome;

		if (!waiter_look(m, w, now, &lagging, &outcome))
			continue;
		FAILPOINT("ack-settled");
		w->settled(w->call, &outcome);
		FAILPOINT("ack-answered");
		waiter_free(w);
	}
}
