#pragma once

/*
 * lookup: one question to the name service and its answer, by c-ares on the master's loop. Knows
 * nothing of who asks, keeps no answer, repeats nothing. lookup.c is the only file that includes
 * <ares.h>.
 */

#include "lib/slice.h"
#include "resolve.h"

#define LOOKUP_ADDRESSES 16

struct lookup_answer {
	const char *error;                           /* NULL: there are addresses */
	struct resolved addresses[LOOKUP_ADDRESSES]; /* sorted, IPv4 first, none twice */
	size_t count;
	uint32_t ttl_s; /* the least of all records on the way */
	bool no_ttl;    /* it did not come from a DNS server */
	bool late;      /* some server did not answer in time */
};

struct lookup; /* one question under way */
struct lookups;

/* Called from the loop, never from lookups_ask; the lookup is gone after it. May ask, but not call
 * lookups_free. */
typedef void (*lookup_fn)(void *userdata, const struct lookup_answer *answer);

/* 0 or a negative errno. */
int lookups_new(uv_loop_t *loop, struct lookups **out) __attribute__((warn_unused_result));
/* Answers all open questions with an error; frees its handles in the loop's next turn. */
void lookups_free(struct lookups *l);
/* Reads resolv.conf again; `servers`: "address:port,address:port", empty = those of resolv.conf.
 * Open questions are asked again. 0; -EINVAL: not such a list; another negative errno. After an
 * error everything is as before. */
int lookups_open(struct lookups *l, struct slice servers) __attribute__((warn_unused_result));
/* Both families at once; /etc/hosts first, as nsswitch.conf says. Who waits is asked in turn
 * (turns.h); `late`: its last answer was. A literal is its own answer. */
struct lookup *lookups_ask(struct lookups *l, struct slice host, bool late, lookup_fn done,
			   void *userdata);
/* Its answer is of no interest any more: `done` is not called. */
void lookup_forget(struct lookup *q);
/* Is it an IPv4 or IPv6 literal, the latter with or without brackets? */
bool lookup_literal(struct slice host, struct resolved *out);
