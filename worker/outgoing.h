#pragma once

/*
 * outgoing: one request of the gateway's own to an upstream of the table, on a connection of its
 * own: a copy of a client's (mirror.c), or what has to be asked before there is an answer
 * (redirect_store.c). Knows which endpoint may be asked and how it is reached, with its TLS; what
 * is asked is the caller's. Nothing is retried.
 */

#include "lib/http_client.h"
#include "lib/slice.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct outgoing;
struct snapshot;
struct worker;

struct outgoing_ask { /* as in struct http_client_request */
	struct slice whole, preface;
	bool head, keep, keep_head;
	uint32_t timeout_ms;
	size_t body_max;
};

/* To an endpoint of this upstream (index in ENDPOINTS_UPSTREAMS) that serves now. NULL: none does,
 * or the table has not all of its TLS. Outlives the table. */
struct outgoing *outgoing_new(struct worker *w, struct snapshot *t, uint32_t upstream)
    __attribute__((warn_unused_result));
/* The index of that endpoint. */
uint32_t outgoing_endpoint(const struct outgoing *o);
/* Before that: to this address in the place of the endpoint's, and with its TLS to whoever is
 * `peer`; p == NULL: to the endpoint itself. */
void outgoing_to(struct outgoing *o, const struct sockaddr_storage *address, struct slice peer);
/* Within `done`, as http_client_head. */
struct http_client_head outgoing_head(const struct outgoing *o);
/* Once; as http_client_send. Whatever comes of it, outgoing_free is due, also from `done`. */
int outgoing_send(struct outgoing *o, const struct outgoing_ask *ask, http_client_fn done,
		  void *userdata) __attribute__((warn_unused_result));
/* What is under way ends, and `done` will not run. NULL is allowed. */
void outgoing_free(struct outgoing *o);
