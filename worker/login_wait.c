/*
 * login_wait: what a login waits for: the store, sessions, a provider. Its request may end
 * meanwhile; then nothing goes on, and what cannot be forgotten finds a login without a request.
 */

#include "login_own.h"

#include <stdlib.h>

static void
login_free(struct login *l)
{
	token_answer_deinit(&l->answer);
	buf_wipe(&l->cookies);
	free(l);
}

void
login_leave(struct request *r)
{
	struct login *l = r->login;

	r->login = NULL;
	l->request = NULL;
	for (unsigned i = 0; i < LOGIN_CALLS; i++) {
		if (!l->calls[i].call)
			continue;
		store_forget(l->calls[i].call);
		l->waiting--;
	}
	if (l->exchange)
		exchange_forget(l->exchange);
	if (l->waiting == 0)
		login_free(l);
}

enum result
login_await(struct login *l, login_fn next)
{
	l->next = next;
	return l->waiting > 0 || l->exchange ? STEP_WAIT : next(l);
}

void
login_resume(struct login *l)
{
	if (l->waiting == 0 && !l->exchange)
		request_advance(l->request);
}

void
login_expect(struct login *l)
{
	l->waiting++;
}

bool
login_told(struct login *l, int error)
{
	l->waiting--;
	l->lost |= error < 0;
	if (l->request)
		return true;
	if (l->waiting == 0)
		login_free(l);
	return false;
}

static void
on_reply(void *userdata, const struct redis_reply *reply)
{
	struct login_call *c = userdata;
	struct login *l = c->login;

	c->call = NULL;
	if (reply && reply->type != REDIS_FAILED) {
		if (c->take)
			c->take(l, reply);
	} else {
		l->lost = true;
	}
	if (login_told(l, 0))
		login_resume(l);
}

void
login_ask(struct login *l, login_take_fn take, size_t argc, const struct slice *argv)
{
	struct login_call *c = l->calls;

	while (c < l->calls + LOGIN_CALLS && c->call)
		c++;
	if (c < l->calls + LOGIN_CALLS) {
		c->login = l;
		c->take = take;
		c->call = store_ask(l->worker, on_reply, c, argc, argv);
	}
	if (c < l->calls + LOGIN_CALLS && c->call)
		l->waiting++;
	else
		l->lost = true;
}

void
login_let_go(struct login *l)
{
	struct request *r = l->request;

	if (!r->session)
		return;
	r->identity = arena_copy(&r->arena, r->identity); /* for the log */
	r->who = NULL;
	session_leave(r);
}

static void
on_posted(void *userdata, const struct redis_reply *reply)
{
}

void
login_post(struct login *l, size_t argc, const struct slice *argv)
{
	(void)store_ask(l->worker, on_posted, NULL, argc, argv);
}
