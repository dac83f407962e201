#pragma once

/*
 * tickets: the keys of TLS session tickets. A new one is made each third of the lifetime of
 * tickets; the three last ones open tickets, so that each is good for two thirds of it at least.
 * They are kept in a file of state_dir (mode 0600), for the next master; one that is too old is
 * forgotten there, too.
 */

#include "lib/buf.h"
#include "lib/tls.h"

struct tickets {
	struct tls_ticket_key keys[TLS_TICKET_KEYS_MAX]; /* the newest first: it seals */
	int64_t made[TLS_TICKET_KEYS_MAX];               /* seconds since 1970 */
	bool shared[TLS_TICKET_KEYS_MAX];                /* the fleet has it (ticket_share.h) */
	uint32_t n;
	char *path; /* of the file; NULL: they are kept nowhere */
};

/* Those of the file in the folder that are young enough for the lifetime; there may be none. 0, or
 * a negative errno with the reason in `error`: the file cannot be read, and will be written anew.
 * May block. */
int tickets_load(struct tickets *t, const char *folder, uint32_t lifetime_s, int64_t now,
		 struct buf *error) __attribute__((warn_unused_result));
/* Drops what is too old and makes a new one when it is time. *changed: they are others now. 0, or
 * a negative errno: they cannot be kept. */
int tickets_turn(struct tickets *t, uint32_t lifetime_s, int64_t now, bool *changed)
    __attribute__((warn_unused_result));
/* The same where a fleet has keys in common: one of our own is made only where there is none at
 * all.
 */
int tickets_turn_shared(struct tickets *t, uint32_t lifetime_s, int64_t now, bool *changed)
    __attribute__((warn_unused_result));
/* A key of the fleet takes its place by its time; beside one of our own it is the newer one. Kept,
 * if that goes. True: they are others now. */
bool tickets_put(struct tickets *t, const struct tls_ticket_key *key, int64_t made);
/* Is the one of this time here? */
bool tickets_shared(const struct tickets *t, int64_t made);
void tickets_random(struct tls_ticket_key *key);
/* Nobody resumes any more: no keys, no file. */
void tickets_forget(struct tickets *t);
/* Wipes them here; the file stays. */
void tickets_deinit(struct tickets *t);
