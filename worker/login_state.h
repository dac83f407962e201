#pragma once

/*
 * login_state: what has to be remembered while a browser is at a provider: sealed, as Redis keeps
 * it for us. Bytes in, bytes out.
 */

#include "lib/arena.h"
#include "lib/buf.h"
#include "shm/table.h"

struct login_state {
	bool logout; /* else a login */
	int64_t begun;
	struct slice place;                    /* where it ends */
	struct slice providers[PROVIDERS_MAX]; /* names: the one that it is at, and the rest */
	unsigned count;
	/* of a login */
	struct slice verifier, nonce;
	struct slice first, sub; /* provider and subject of whose session gets the tokens; empty:
				    a new session */
	/* of a logout, by provider */
	struct slice hints[PROVIDERS_MAX]; /* their ID tokens */
};

/* `bound`: what it belongs to; to open it, it must be the same. Appends. */
bool login_state_close(const struct segment *keys, struct slice bound, const struct login_state *s,
		       struct buf *out) __attribute__((warn_unused_result));
/* By any of the keys; texts are in the arena. False: nobody here has made it so. */
bool login_state_open(const struct segment *keys, struct slice bound, struct slice closed,
		      struct arena *arena, struct login_state *out)
    __attribute__((warn_unused_result));
