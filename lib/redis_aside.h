#pragma once

/*
 * redis_aside: the node of a cluster that answers in the place of another one while the keys of a
 * slot are moved to it. One command at a time; it is connected to when it is first needed.
 */

#include "redis.h"

struct redis_login;

struct redis_aside {
	uv_loop_t *loop;
	struct tls_context *tls; /* NULL: plain */
	const struct redis_login *login;
	uint32_t connect_ms, answer_ms;
	redis_answer_fn answer;
	void (*failed)(void *userdata, const char *reason); /* as redis_conn_ops.down */
	void *userdata;
	/* Its own; zeroed at first: */
	struct sockaddr_storage node;
	struct redis_conn *conn;
};

/* Gives the bytes of a command to that node, which is called `host`. 0 or a negative errno. */
int aside_ask(struct redis_aside *a, const struct sockaddr_storage *node, struct slice host,
	      struct slice bytes) __attribute__((warn_unused_result));
/* Nothing is called any more. */
void aside_close(struct redis_aside *a);
