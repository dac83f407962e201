#pragma once

/*
 * store_redis: the rules in Redis, watched. Two connections: one asks, one hears what CLIENT
 * TRACKING (broadcast on our prefixes) announces. A full comparison at every connect and every
 * compare_interval is the truth; announcements only make it quick.
 */

#include "history.h"
#include "lib/redis.h"
#include "resolve.h"
#include "rules.h"
#include "store_write.h"

struct seek;
struct store_redis;
struct tls_context;

struct store_redis_ops {
	/* The rules changed: compile and publish. */
	void (*changed)(void *userdata);
	/* State changed (for status, the board and the log). */
	void (*state)(void *userdata);
	/* The history was read anew. */
	void (*history)(void *userdata);
};

struct store_redis_status {
	enum { REDIS_OFF, REDIS_CONNECTING, REDIS_LOADING, REDIS_UP, REDIS_DOWN } state;
	const char *error;     /* "" when up */
	const char *server;    /* in use, or last tried; as the configuration says until then */
	bool tracking;         /* else polled each second */
	bool loaded;           /* a full comparison has succeeded since start */
	int64_t compared_wall; /* seconds since 1970, 0 = never */
	int64_t since_wall;
	size_t withheld;           /* deletions not applied */
	bool settled;              /* rules and history are what it holds, as far as one can know */
	const char *history_error; /* why the revisions cannot be read; "" when they can */
};

/* `rules` and `history` are filled by the store and stay the caller's. `seek` as line_init. */
struct store_redis *store_redis_new(uv_loop_t *loop, struct resolver *resolver, struct seek *seek,
				    struct rules *rules, struct history *history,
				    const struct store_redis_ops *ops, void *userdata);
/* Ends the connections for good; the write under way ends with that reason. */
void store_redis_stop(struct store_redis *s, const char *reason);
void store_redis_free(
    struct store_redis *s); /* closes its handles; run the loop once more before it ends */
/* How connections speak TLS from the next one on, where the configuration says that they do; NULL:
 * they cannot. Counted. */
void store_redis_secure(struct store_redis *s, struct tls_context *tls);
/* Connects, or connects anew when address, TLS, user, password, database or timeout differ. c must
 * outlive the next call. */
void store_redis_configure(struct store_redis *s, const struct config_redis *c);
/* Compare in full now. `force`: apply deletions that were withheld. */
void store_redis_compare(struct store_redis *s, bool force);
/* Stores the change, and calls `done` when the rules have it. One at a time, and only while the
 * state is REDIS_UP and store_redis_busy says no. */
bool store_redis_busy(const struct store_redis *s);
void store_redis_write(struct store_redis *s, const struct write_order *order, write_done_fn done,
		       void *userdata);
/* A revision says that the key was deleted: its loss is nobody's accident. */
void store_redis_meant(struct store_redis *s, struct slice key);
/* Is the key gone, and its rule in force all the same? */
bool store_redis_withholds(const struct store_redis *s, struct slice key);
/* Can a key be written, read and deleted? */
void store_redis_probe(struct store_redis *s, write_done_fn done, void *userdata);
/* Reads the revisions again: somebody has written one that we do not know. */
void store_redis_catch_up(struct store_redis *s);
/* For what is no rule: a command of its own, while it is up. No answer comes when the connection
 * is lost. */
bool store_redis_is_up(const struct store_redis *s);
void store_redis_command(struct store_redis *s, redis_answer_fn answer, void *userdata,
			 struct slice tag, size_t argc, const struct slice *argv);
void store_redis_get_status(const struct store_redis *s, struct store_redis_status *out);
