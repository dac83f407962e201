#include "redis_aside.h"

#include "redis_link.h"

#include <stdio.h>

static void
on_greeted(void *userdata, struct slice tag, const struct redis_reply *r)
{
	struct redis_aside *a = userdata;

	if (r->type == REDIS_FAILED)
		a->failed(a->userdata, "the node that keys are moved to refuses the user");
}

/* The command's answer tells whether it may. */
static void
on_asking(void *userdata, struct slice tag, const struct redis_reply *r)
{
}

static void
on_up(void *userdata)
{
}

static void
on_down(void *userdata, const char *reason)
{
	struct redis_aside *a = userdata;
	bool asked = redis_conn_pending(a->conn) > 0;

	a->conn = NULL;
	if (asked) /* else it is connected to again */
		a->failed(a->userdata, reason);
}

static const struct redis_conn_ops ops = { .up = on_up, .down = on_down };

static int
aside_connect(struct redis_aside *a, const struct sockaddr_storage *node, struct slice host)
{
	const struct sockaddr *address = (const struct sockaddr *)node;
	char name[256];
	int r;

	aside_close(a);
	snprintf(name, sizeof name, "%.*s", SLICE_F(host));
	a->node = *node;
	r = redis_conn_new(a->loop, address, a->tls, a->login->peer_of_all ? a->login->peer : name,
			   a->connect_ms, a->answer_ms, &ops, a, &a->conn);
	if (r == 0)
		redis_login_send(a->login, a->conn, on_greeted, a);
	return r;
}

int
aside_ask(struct redis_aside *a, const struct sockaddr_storage *node, struct slice host,
	  struct slice bytes)
{
	const struct slice asking[] = { SLICE("ASKING") };
	int r = 0;

	if (!a->conn || memcmp(&a->node, node, sizeof a->node) != 0)
		r = aside_connect(a, node, host);
	if (r < 0)
		return r;
	redis_conn_command(a->conn, on_asking, a, SLICE(""), 1, asking);
	redis_conn_bytes(a->conn, a->answer, a->userdata, bytes);
	redis_conn_flush(a->conn);
	return 0;
}

void
aside_close(struct redis_aside *a)
{
	redis_conn_close(a->conn);
	a->conn = NULL;
}
