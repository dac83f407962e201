#pragma once

/*
 * suspend_set: our own suspensions in Redis, where the whole fleet sees them. A hash has them by
 * "kind:id" (yett:suspended); a stream beside it (yett:suspended:log) says what changed, so that a
 * change is one entry and not all of the hash. Both are tracked, and looked at twice a second in
 * any case; the hash is read in full at every connect, when it has another size than what is known,
 * and when somebody changed it without the stream.
 */

#include "lib/slice.h"

#include <stdbool.h>
#include <stdint.h>

struct master;
struct suspend_set;
struct suspension;

struct suspend_set *suspend_set_new(struct master *m);
void suspend_set_free(struct suspend_set *s);
void suspend_set_configure(struct suspend_set *s);
void suspend_set_tick(struct suspend_set *s, uint64_t now_ms);
/* Seconds since it was last known to be what Redis has; INT64_MAX: never. */
int64_t suspend_set_age(const struct suspend_set *s);
/* The same as a time, from the state file. */
void suspend_set_known(struct suspend_set *s, int64_t wall);
int64_t suspend_set_wall(const struct suspend_set *s);
/* "": it is read well; else why not. */
const char *suspend_set_fault(const struct suspend_set *s);
/* It has to be read in full. */
void suspend_set_again(struct suspend_set *s);
/* What a suspension is marked with that it is known to have (`seen`). */
uint64_t suspend_set_generation(const struct suspend_set *s);
bool suspend_set_up(const struct suspend_set *s);
/* Stores it (`json` p == NULL: takes it out); `done` is called once: "" or what is wrong. */
void suspend_set_write(struct suspend_set *s, struct slice field, struct slice json,
		       void (*done)(void *userdata, const char *fault), void *userdata);
/* Its time is over: Redis may forget it, if it is still the same. */
void suspend_set_expired(struct suspend_set *s, struct slice field, const struct suspension *one);
