#pragma once

/*
 * keys_wait: a token is signed with a key that is not there. The master is asked to fetch the keys
 * of its issuer, once for all requests of this worker, and they wait for that fetch alone: a
 * moment, and not too many of them. While there is none to wait for, as the last one was a moment
 * ago, nobody waits and nobody is asked.
 */

#include <stdbool.h>
#include <stdint.h>

struct msg_keys_settled;
struct request;
struct worker;

struct keys_wait; /* what is known of fetches, by issuer */

/* Does the request wait? It goes on when word has come or time is up, and is told false then. */
bool keys_await(struct request *r, uint64_t asked);
/* The master says so. */
void keys_settled(struct worker *w, const struct msg_keys_settled *settled);
void keys_wait_free(struct worker *w);
