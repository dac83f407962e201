#pragma once

/*
 * split: which of several upstreams does a request go to? By weighted rendezvous hashing: each
 * upstream draws a number of its own from what keeps to it, and the best one wins, so that a change
 * of one weight moves nobody but to or from that upstream, and all workers and gateways decide
 * alike. Decided once, after the gate, which says who asks; a retry stays in it.
 */

#include "request.h"

/* For a route with a split: sets r->upstream_index, and the name for the log. */
void split_choose(struct request *r);
