#pragma once

/*
 * suspend_keys: raw keys of Redis that suspend who they are named by, as a-shine's tools set them.
 * The first that anybody asks for costs an EXISTS, for all workers together; from then on Redis
 * announces its change. All that are known are asked for again twice a second, a hundred at a time,
 * so that a notice that was lost is made good, and a server without tracking will do.
 */

#include "lib/slice.h"

#include <stdbool.h>
#include <stdint.h>

struct buf;
struct master;
struct slot;
struct suspend_keys;
struct suspended;

struct suspend_keys *suspend_keys_new(struct master *m);
void suspend_keys_free(struct suspend_keys *k);
void suspend_keys_configure(struct suspend_keys *k);
void suspend_keys_tick(struct suspend_keys *k, uint64_t now_ms);
/* A worker asks; it gets MSG_SUSPENSION_KNOWN. */
void suspend_keys_ask(struct suspend_keys *k, struct slot *slot, uint64_t key, struct slice name);
/* Those that suspend somebody, from the state file: in force until Redis says otherwise. */
void suspend_keys_remember(struct suspend_keys *k, struct slice name);
/* Into a page that has none of them. */
void suspend_keys_fill(struct suspend_keys *k, struct suspended *page);
/* Calls `each` for those that suspend somebody. */
void suspend_keys_each(const struct suspend_keys *k,
		       void (*each)(void *userdata, struct slice name, int64_t since),
		       void *userdata);
/* Does the key exist, as far as is known? */
bool suspend_keys_suspends(const struct suspend_keys *k, struct slice name);
/* Known ones, and of them those that suspend somebody. */
void suspend_keys_count(const struct suspend_keys *k, size_t *known, size_t *suspended);
bool suspend_keys_up(const struct suspend_keys *k);
bool suspend_keys_tracked(const struct suspend_keys *k);
/* Seconds since all of them were known to be as in Redis; INT64_MAX: never. */
int64_t suspend_keys_age(const struct suspend_keys *k);
/* The same as a time, from the state file. */
void suspend_keys_known(struct suspend_keys *k, int64_t wall);
