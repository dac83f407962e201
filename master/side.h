#pragma once

/*
 * side: a second link to the Redis of the rules, for what is no rule: commands of anybody, keys
 * whose change is announced once they were read (CLIENT TRACKING without prefixes), and channels.
 * It connects when the first user joins and ends with the last one; a gateway whose features do
 * without it has none. What it lost it tells, and it comes back by itself.
 */

#include "lib/list.h"
#include "lib/redis.h"
#include "resolve.h"

#define SIDE_WAITING_MAX 100000 /* commands without an answer */

struct config_redis;
struct seek;
struct side;
struct tls_context;

/* Somebody who needs the link. */
struct side_user {
	/* Commands are taken from now on. `tracking`: a key that was read is announced once, when
	 * it changes; without it nothing is (an old server, a user who may not), and who wants to
	 * know has to ask again each second. What was known before may have changed unheard. */
	void (*up)(void *userdata, bool tracking);
	/* Nothing is announced any more. Commands under way have been told before. */
	void (*down)(void *userdata, const char *reason);
	/* The key was changed, deleted, or forgotten by the server; p == NULL: any key may be. Each
	 * user hears of all keys that any of them has read. May be NULL. */
	void (*invalidated)(void *userdata, struct slice key);
	void *userdata;
	struct list link; /* the side's own */
};

/* A channel, which belongs to one listener. */
struct side_channel {
	struct slice name; /* stays the listener's */
	/* "": messages come from now on; else why none will (a user who may not SUBSCRIBE). Called
	 * at each connection. */
	void (*state)(void *userdata, const char *fault);
	void (*message)(void *userdata, struct slice text);
	void *userdata;
	struct list link; /* the side's own */
};

struct side_status {
	bool wanted, up, tracking;
	const char *error; /* "" when up */
	int64_t since_wall;
	size_t waiting; /* commands without an answer */
};

/* `r` is NULL when the answer was lost: the command may have been done or not. */
typedef void (*side_answer_fn)(void *userdata, struct slice tag, const struct redis_reply *r);

/* `seek` as line_init. */
struct side *side_new(uv_loop_t *loop, struct resolver *resolver, struct seek *seek);
void side_free(struct side *s); /* run the loop once more before it ends */
/* Both as in store_redis.h. */
void side_secure(struct side *s, struct tls_context *tls);
void side_configure(struct side *s, const struct config_redis *c);

/* From join to leave the link is kept up. `up` is called at once if it is. Nobody leaves while
 * another user's callback runs. */
void side_join(struct side *s, struct side_user *u);
void side_leave(struct side *s, struct side_user *u);
/* The same for a channel; it needs no user beside it. */
void side_listen(struct side *s, struct side_channel *c);
void side_unlisten(struct side *s, struct side_channel *c);

/* Would so many be taken? For those that belong together: MULTI to EXEC. */
bool side_has_room(const struct side *s, size_t n);
/* Sends at the end of the loop turn, many in one piece. `answer` is called once, later. 0;
 * -ENOTCONN while it is not up, -ENOBUFS when too many wait: then it is not called. */
int side_command(struct side *s, side_answer_fn answer, void *userdata, struct slice tag,
		 size_t argc, const struct slice *argv) __attribute__((warn_unused_result));
void side_get_status(const struct side *s, struct side_status *out);
