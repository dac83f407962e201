/*
 * /sessions/{user}: a traffic worker says which there are, and ends them: it alone has a link to
 * the Redis of sessions.
 */

#include "api.h"

#include "explain.h"
#include "master.h"

static void
ask(struct api_call *c, bool end)
{
	struct slice user = c->param[0];
	struct msg_sessions question = { .end = end, .n = (uint32_t)user.n };

	if (user.n == 0 || user.n > sizeof question.user) {
		api_reply_message(c, 400, "It is /sessions/USER, of at most 1024 bytes", SLICE(""));
		return;
	}
	memcpy(question.user, user.p, user.n);
	explainer_ask_sessions(c, &question);
}

void
api_sessions(struct api_call *c)
{
	ask(c, false);
}

void
api_sessions_end(struct api_call *c)
{
	ask(c, true);
}
