#include "suspension.h"

#include "await.h"
#include "identity.h"
#include "tunnel.h"
#include "worker.h"

#include "lib/log.h"

#define ASK_MS 2000          /* for the master to answer */
#define ASK_MOST 1000        /* requests that wait for it */
#define EXPIRY_MAX_S 2000000 /* a connection lives no longer; in ms it fits a timer */

/* ---- what is known ---- */

static bool
is_in_force(const struct worker *w, const struct suspended_fact *fact, const struct identity *who)
{
	return fact->state == SUSPENDED_IN_FORCE && (fact->until == 0 || w->wall < fact->until) &&
	       (fact->before == 0 || who->issued < fact->before);
}

/* Of our own set. */
static enum suspension
look(const struct worker *w, enum suspended_kind kind, struct slice id, const struct identity *who)
{
	struct suspended_fact fact;

	if (suspended_count(&w->suspended, kind) == 0 || (id.n == 0 && kind != SUSPENDED_ALL))
		return SUSPENSION_NONE;
	suspended_find(&w->suspended, kind, id, &fact);
	if (fact.state == SUSPENDED_BUSY)
		return SUSPENSION_UNKNOWN;
	return is_in_force(w, &fact, who) ? SUSPENSION_IN_FORCE : SUSPENSION_NONE;
}

static enum suspension
look_all(const struct worker *w, const struct identity *who)
{
	struct slice name = identity_name(who), sub = identity_text(who, who->sub);
	enum suspension is = look(w, SUSPENDED_ALL, SLICE(""), who);

	if (is == SUSPENSION_NONE)
		is = look(w, SUSPENDED_SUB, name, who);
	if (is == SUSPENSION_NONE && !slice_eq(name, sub))
		is = look(w, SUSPENDED_SUB, sub, who);
	if (is == SUSPENSION_NONE)
		is = look(w, SUSPENDED_SID, identity_text(who, who->sid), who);
	if (is == SUSPENSION_NONE)
		is = look(w, SUSPENDED_JTI, identity_text(who, who->jti), who);
	return is;
}

/* A key of that name. */
static enum suspension
look_key(const struct worker *w, uint64_t flags, struct slice name)
{
	struct suspended_fact fact;

	if (name.n == 0 || name.n > SUSPENSION_ID_MAX)
		return SUSPENSION_MISFIT;
	if (slice_starts(name, SLICE("frontend:")) || slice_starts(name, SLICE("backend:")) ||
	    slice_starts(name, SLICE("yett:")))
		return SUSPENSION_MISFIT;
	suspended_find(&w->suspended, SUSPENDED_KEY, name, &fact);
	switch (fact.state) {
	case SUSPENDED_CLEAN:
		return SUSPENSION_NONE;
	case SUSPENDED_IN_FORCE:
		return SUSPENSION_IN_FORCE;
	case SUSPENDED_BUSY:
		return SUSPENSION_UNKNOWN;
	case SUSPENDED_FREE:
		break;
	}
	if (!(flags & SUSPENDED_AWAY))
		return SUSPENSION_ASK;
	return flags & SUSPENDED_OPEN ? SUSPENSION_NONE : SUSPENSION_UNKNOWN;
}

enum suspension
suspension_of(struct worker *w, const struct identity *who)
{
	enum suspension is;
	uint64_t flags;

	if (!w->suspended.page) /* it comes before the first table: it was not usable */
		return SUSPENSION_UNKNOWN;
	if (!suspended_any(&w->suspended))
		return SUSPENSION_NONE;
	flags = suspended_flags(&w->suspended);
	is = look_all(w, who);
	if (is == SUSPENSION_NONE && flags & SUSPENDED_ASKS)
		is = look_key(w, flags, identity_name(who));
	if ((is == SUSPENSION_NONE || is == SUSPENSION_ASK) && flags & SUSPENDED_CLOSED)
		is = SUSPENSION_UNKNOWN;
	return is;
}

/* ---- asking ---- */

static enum verdict
refuse(struct request *r, enum reason reason)
{
	r->reason = reason;
	if (reason != REASON_suspension_unknown) /* that is not the client's fault */
		r->challenge = "invalid_token";
	return REPLY;
}

/* One question for all of a worker's requests that have it; the master puts one for all workers. */
static enum verdict
ask(struct request *r)
{
	struct worker *w = r->worker;
	struct slice name = identity_name(r->who);
	struct msg_suspension_ask question = {
		.key = suspended_tag(&w->suspended, SUSPENDED_KEY, name), .n = (uint32_t)name.n
	};
	bool asked = await_count(w, AWAIT_SUSPENSION, question.key) > 0;

	if (r->rehearsed)
		return PASS;
	if (r->awaited & 1u << AWAIT_SUSPENSION || !w->control_open ||
	    !await_begin(r, AWAIT_SUSPENSION, question.key, ASK_MS, ASK_MOST))
		return refuse(r, REASON_suspension_unknown);
	if (asked)
		return WAIT;
	memcpy(question.name, name.p, name.n);
	if (ipc_send(&w->control, MSG_SUSPENSION_ASK, &question, sizeof question, -1) == 0)
		return WAIT;
	await_leave(r);
	return refuse(r, REASON_suspension_unknown);
}

void
suspension_known(struct worker *w, const struct msg_suspension_known *known)
{
	await_done(w, AWAIT_SUSPENSION, known->key);
}

/* ---- the page ---- */

void
suspension_page(struct worker *w, int fd)
{
	struct suspended next;

	if (suspended_attach(fd, &next) < 0) {
		log_error("page of the suspended is not usable");
		return;
	}
	suspended_detach(&w->suspended);
	w->suspended = next;
}

/* ---- the policy ---- */

void
suspension_close(struct request *r, enum reason reason)
{
	if (r->tunnel) {
		tunnel_close(r, reason);
		return;
	}
	r->challenge = "invalid_token";
	request_refuse(r, reason);
}

static void
on_expiry(struct timer *t)
{
	struct request *r = container_of(t, struct request, expiry);

	suspension_close(r, REASON_token_expired);
}

/* What is still under way when the token is good no more is closed, where the route says so. */
static void
watch_expiry(struct request *r)
{
	int64_t s = r->who->until - r->worker->wall;

	if (s > EXPIRY_MAX_S || r->rehearsed)
		return;
	timer_init(&r->expiry, on_expiry);
	timer_set(r->worker, &r->expiry, s > 0 ? (uint32_t)(s * 1000) : 1);
	r->expires = true;
}

enum verdict
suspension_policy(struct request *r)
{
	enum suspension is;

	if (!r->who)
		return PASS;
	is = suspension_of(r->worker, r->who);
	switch (is) {
	case SUSPENSION_NONE:
		break;
	case SUSPENSION_IN_FORCE:
		return refuse(r, REASON_suspended);
	case SUSPENSION_ASK:
		return ask(r);
	case SUSPENSION_UNKNOWN:
		return refuse(r, REASON_suspension_unknown);
	case SUSPENSION_MISFIT:
		return refuse(r, REASON_token_claim);
	}
	if (r->policy.flags & POLICY_CLOSE_ON_EXPIRY && r->who->until != INT64_MAX)
		watch_expiry(r);
	return PASS;
}
