#pragma once

/*
 * store_line: a link to Redis that is kept up: the server is found (seek, store_dial), connected to
 * (lib/redis_link), and after a failure tried again after a pause. Knows nothing of what is said.
 */

#include "seek.h"
#include "store_dial.h"

#include "lib/redis_link.h"

struct store_line {
	uv_loop_t *loop;
	const struct redis_link_wish *wish;
	const struct redis_link_ops *ops; /* `failed` is also told of what never connected */
	void *userdata;
	const struct config_redis *config; /* NULL: never configured */
	struct redis_login login;          /* by it */
	struct seek *seek;                 /* NULL: nobody is asked where the server is */
	struct seek_user finds;
	char where[264]; /* the server */
	bool waits;      /* until it is found */
	struct store_dial dial;
	struct tls_context *tls;
	struct redis_link *link; /* NULL: no connections */
	uv_timer_t retry;
	uint32_t retry_ms;
	uint64_t asked_ms; /* last sign of life asked for */
};

/* `seek` may be NULL; else it outlives the line. */
void line_init(struct store_line *l, uv_loop_t *loop, struct resolver *resolver, struct seek *seek,
	       const struct redis_link_wish *wish, const struct redis_link_ops *ops,
	       void *userdata);
/* Lets go of everything; `closed` is called when the memory may go. */
void line_deinit(struct store_line *l, uv_close_cb closed, void *data);
/* How connections speak TLS from the next one on; NULL: they cannot. Counted. */
void line_secure(struct store_line *l, struct tls_context *tls);
/* `c` must outlive the next call. True: it is another server, or another way to it, and what there
 * is has to be given up. */
bool line_configure(struct store_line *l, const struct config_redis *c);
/* Begins to connect. */
void line_start(struct store_line *l);
/* Closes what there is; nothing is called any more, nothing is tried again. */
void line_drop(struct store_line *l);
/* The same, and tries again after a pause that grows; `reason` as the link said it. */
void line_again(struct store_line *l, const char *reason);
/* The server in use or last tried, for logs and operators: an address, or what the configuration
 * says. */
const char *line_where(const struct store_line *l);
/* Three quarters to the whole of it, so that a fleet does not do in step what each of it does. */
uint32_t line_spread(uint32_t ms);
/* It is of use: the next pause is a short one. */
void line_settled(struct store_line *l);
/* To be called each second: a peer that vanished without a word is only found by asking. */
void line_pulse(struct store_line *l);
