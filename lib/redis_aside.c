#include "redis_aside.h"

#include "redis_link.h"

#include <netinet/in.h>

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
aside_connect(struct redis_aside *a, const struct sockaddr_storage *node)
{
	const struct sockaddr *address = (const struct sockaddr *)node;
	char ip[INET6_ADDRSTRLEN];
	const char *peer = a->login->peer;
	int r = a->login->peer_of_all ? 0 : uv_ip_name(address, ip, sizeof ip);

	aside_close(a);
	if (r < 0)
		return r;
	if (!a->login->peer_of_all)
		peer = ip;
	a->node = *node;
	r = redis_conn_new(a->loop, address, a->tls, peer, a->connect_ms, a->answer_ms, &ops, a,
			   &a->conn);
	if (r == 0)
		redis_login_send(a->login, a->conn, on_greeted, a);
	return r;
}

int
aside_ask(struct redis_aside *a, const struct sockaddr_storage *node, struct slice bytes)
{
	const struct slice asking[] = { SLICE("ASKING") };
	int r = 0;

	if (!a->conn || memcmp(&a->node, node, sizeof a->node) != 0)
		r = aside_connect(a, node);
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
