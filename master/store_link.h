#pragma once

/*
 * store_link: two connections to Redis, from connecting to the moment when changes are announced.
 * One asks; the other subscribes to what CLIENT TRACKING of the first one announces (RESP2 needs
 * two), and to what else somebody wants to hear. Keeps nothing when it is over.
 */

#include "config.h"

#include <sys/socket.h>
#include <uv.h>

struct redis_conn;
struct store_link;
struct tls_context;

#define LINK_TRACK_MAX 16

/* What a link is for; static. */
struct store_link_wish {
	const char *name;    /* subject of its lines in the log */
	const char *client;  /* how the server lists it (CLIENT LIST) */
	const char *instead; /* what is done where nothing is announced, for the log */
	bool channels;       /* link_subscribe is used */
	/* Words behind CLIENT TRACKING ON REDIRECT id; none: what was read is announced. */
	const char *track[LINK_TRACK_MAX + 1];
};

struct store_link_ops {
	/* Commands may be given to `ask` from now on. Tracking began before this, so whatever is
	 * read now and changes later is announced; without tracking (an old server, a user who may
	 * not) nothing is. */
	void (*ready)(void *userdata, struct redis_conn *ask, bool tracking);
	void (*announced)(void *userdata, struct slice key);
	void (*flushed)(void *userdata); /* any key may have changed */
	/* Of channels; NULL without them. `fault`: "", or why nothing will be heard of it. */
	void (*subscribed)(void *userdata, struct slice channel, const char *fault);
	void (*message)(void *userdata, struct slice channel, struct slice text);
	void (*turn)(void *userdata); /* all that had arrived has been reported; may be NULL */
	/* Of the command; `failed` follows. May be NULL. */
	void (*oversized)(void *userdata, struct slice tag);
	/* The link is of no more use; called once. */
	void (*failed)(void *userdata, const char *reason);
};

/* `c` is used as long as the link lives. `tls`: NULL for plain connections. 0 or a negative errno.
 */
int link_new(uv_loop_t *loop, const struct sockaddr *address, struct tls_context *tls,
	     const struct config_redis *c, const struct store_link_wish *wish,
	     const struct store_link_ops *ops, void *userdata, struct store_link **out)
    __attribute__((warn_unused_result));
/* The same settings in another place: the old ones are going to be freed. */
void link_reconfigure(struct store_link *l, const struct config_redis *c);
/* Closes both. May be called by any callback of the link. NULL is allowed. */
void link_free(struct store_link *l);
/* With wish->channels, once it is ready. */
void link_subscribe(struct store_link *l, struct slice channel);
void link_unsubscribe(struct store_link *l, struct slice channel);
/* Asks both for a sign of life, so that a peer that vanished without a word is found. */
void link_ping(struct store_link *l);
