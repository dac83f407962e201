#pragma once

/*
 * shed: while the master says that memory is short, what is least valuable goes: idle connections
 * to endpoints, those of clients that wait for nothing, heads that are not whole, and what the heap
 * has free. Requests are refused meanwhile (route.c). The same where a worker alone has taken all
 * that there was at the master's last look, for which a burst need not wait. Where that is not
 * enough, and nearly all is taken, those go that hold most: handshakes, bodies that are collected,
 * and whoever reads more slowly than is written.
 */

#include "client.h"

static inline bool
shed_is_due(const struct worker *w)
{
	/* Nobody looks after the word of a master that is gone. */
	return (w->master_page && !w->orphan && board_get(&w->master_page->memory_short)) ||
	       stream_env_is_tight(&w->env);
}

/* Its request has not all of its head, and would be refused with it. */
static inline bool
shed_refuses_head(const struct client *c)
{
	return c->kind == LISTENER_HTTP && c->request && !c->request->ended &&
	       !c->request->in.head_done && shed_is_due(c->worker);
}

/* There is no room for one. Operators are let in. */
bool shed_refuses_handshake(const struct client *c);
/* At most so many go for others that wait: first who has said nothing, or not all of a handshake,
 * for a second; then those that were idle longest; then who has begun a head that long ago. Nobody
 * who asked for something, and waits for it. How many went. */
unsigned shed_connections(struct worker *w, unsigned most);
/* Ten times a second. */
void shed_tick(struct worker *w);
