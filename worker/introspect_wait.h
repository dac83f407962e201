#pragma once

/*
 * introspect_wait: a token that says nothing itself, and of which nothing is known here. The master
 * is asked, once for all requests of this worker that bring it, and they wait for its word: as long
 * as its issuer may take, and not too many of them.
 */

#include "gate.h"

#include <stdbool.h>

struct msg_token_told;
struct request;
struct worker;
struct introspect_wait; /* who was asked for */

/* Does the request wait? It goes on when word has come or time is up, and is told false then. */
bool introspect_await(struct request *r, const struct gate_verdict *verdict);
/* The master says so. */
void introspect_told(struct worker *w, const struct msg_token_told *told);
void introspect_wait_free(struct worker *w);
