#pragma once

/*
 * behind: TLS to endpoints, as the table wants it. There is one way for each row of ENDPOINTS_TLS,
 * made when it is first needed and kept from table to table, so that roots are parsed once. Who
 * shares a way and an endpoint shares connections and sessions, and nobody else does.
 */

#include "lib/list.h"
#include "lib/slice.h"

#include <stdbool.h>
#include <stdint.h>

struct segment;
struct snapshot;
struct tls_context;
struct tls_resumption;
struct tls_trust;
struct upstream;
struct worker;

struct behind {
	struct worker *worker;
	struct list link;
	unsigned refs;
	uint8_t identity[32];
	uint8_t roots[32]; /* of `trust`, which is NULL when nothing is verified */
	struct tls_trust *trust;
	struct tls_context *context;
};

#define BEHIND_SESSIONS 8

struct behind_sessions { /* of one endpoint, to be resumed; the newest last */
	struct tls_resumption *all[BEHIND_SESSIONS];
	unsigned n;
};

/* The ways of a new table that are there already, by row; for behind_give. */
struct behind **behind_take(struct worker *w, const struct segment *endpoints);
void behind_give(const struct segment *endpoints, struct behind **ways);
/* The way of an endpoint (table_endpoint.tls, not 0), borrowed from the snapshot. NULL: the table
 * lacks what it needs. */
struct behind *behind_get(struct snapshot *s, uint32_t tls);
struct behind *behind_ref(struct behind *b);
void behind_unref(struct behind *b); /* NULL is allowed */
/* Of "[v6]:port", "host:port" or "host". */
struct slice behind_host(struct slice text);
/* What is asked of the certificate, "" for one that is too long; malloc'd. `host` is the
 * endpoint's, as in table_endpoint. */
char *behind_peer(const struct segment *endpoints, uint32_t tls, struct slice host);

/* u is connected: the handshake begins. 0, or a negative errno. */
int behind_start(struct upstream *u) __attribute__((warn_unused_result));
/* Keeps what came to resume this connection with. */
void behind_remember(struct upstream *u);
void behind_forget(struct behind_sessions *s);
/* Did its TLS fail, as against its connection? */
bool behind_broke(const struct upstream *u);
/* Logs why TLS failed, not too often. */
void behind_tell(struct upstream *u, int error);
