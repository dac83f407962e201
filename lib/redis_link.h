#pragma once

/*
 * redis_link: two connections to Redis, from connecting to the moment when changes are announced.
 * In a cluster whose keys are on their way, a third one to where they go (redis_aside).
 * One asks; the other subscribes to what CLIENT TRACKING of the first one announces (RESP2 needs
 * two), and to what else somebody wants to hear. Keeps nothing when it is over.
 */

#include "slice.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <uv.h>

struct redis_conn;
struct redis_link;
struct redis_reply;
struct tls_context;

#define LINK_TRACK_MAX 16

/* Who asks, and of whom. What it points to, and itself, lives as long as the link. */
struct redis_login {
	struct slice user;     /* empty: none */
	struct slice password; /* p NULL: nobody logs in */
	const char *peer;      /* of TLS: whom its certificate has to be of, */
	bool peer_of_all;      /* and that of any other node; else each is of its own */
	const char *where;     /* the server, for the log */
	uint32_t database;
	uint32_t answer_ms; /* each answer begins within that; 0: 5 s */
	bool found;         /* not named by an address: it must be a master, or */
	struct slice tag;   /* of a cluster, the node that has the slot of this tag; else empty */
};

/* What a link is for; static. */
struct redis_link_wish {
	const char *name;    /* subject of its lines in the log */
	const char *client;  /* how the server lists it (CLIENT LIST) */
	const char *instead; /* what is done where nothing is announced, for the log */
	bool channels;       /* redis_link_subscribe is used */
	/* Words behind CLIENT TRACKING ON REDIRECT id; none: what was read is announced. */
	const char *track[LINK_TRACK_MAX + 1];
};

struct redis_link_ops {
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
	/* What was read before may change unheard, and so may what is read from now on: its keys
	 * are on their way to another node. NULL without a tag. */
	void (*untold)(void *userdata);
	/* The address of another node, of which one has told by its name or address. False: it is
	 * not known, and not asked. NULL: any is asked that has been told of by its address. */
	bool (*node)(void *userdata, struct slice host, uint16_t port,
		     struct sockaddr_storage *out);
	/* Of the command; `failed` follows. May be NULL. */
	void (*oversized)(void *userdata, struct slice tag);
	/* The link is of no more use; called once. For redis_where: where it is instead. */
	void (*failed)(void *userdata, const char *reason);
};

/* Queues AUTH, where there is a password; answered with the tag "AUTH". */
void redis_login_send(const struct redis_login *login, struct redis_conn *c,
		      void (*answer)(void *userdata, struct slice tag, const struct redis_reply *r),
		      void *userdata);

/* `tls`: NULL for plain connections. 0 or a negative errno. */
int redis_link_new(uv_loop_t *loop, const struct sockaddr *address, struct tls_context *tls,
		   const struct redis_login *login, const struct redis_link_wish *wish,
		   const struct redis_link_ops *ops, void *userdata, struct redis_link **out)
    __attribute__((warn_unused_result));
/* Closes both. May be called by any callback of the link. NULL is allowed. */
void redis_link_free(struct redis_link *l);
/* With wish->channels, once it is ready. */
void redis_link_subscribe(struct redis_link *l, struct slice channel);
void redis_link_unsubscribe(struct redis_link *l, struct slice channel);
/* Asks both for a sign of life, so that a peer that vanished without a word is found. */
void redis_link_ping(struct redis_link *l);
