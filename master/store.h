#pragma once

/*
 * store: where changes of the rules are kept: in Redis where one is configured, else in a file of
 * our own (state_dir/store.json). One change after the other; what comes meanwhile waits.
 */

#include "lib/list.h"
#include "lib/slice.h"

#include <stdint.h>

struct change;
struct master;
struct store_file;
struct store_write;

#define STORE_REVISION_MAX 48

struct store {
	struct list queue;           /* struct store_write */
	struct store_write *current; /* under way */
	struct store_file *file;
	bool
	    unknown; /* the file is damaged: what was stored is not known, and nothing is written */
	bool shut; /* nothing is begun: the rules are about to be kept elsewhere, or the end is near
		    */
	uint64_t looked_ms; /* whether workers reach the Redis of sessions */
};

struct store_outcome {
	int status; /* HTTP. 200: it is stored, and the master's rules have it; 202: it is stored,
		     * and Redis was lost before they had it; 400: it would be refused; 409: another
		     * revision is in force; 503: the store is away, or refuses, and nothing is
		     * stored unless `reason` says so */
	struct slice reason;  /* with 200: empty */
	const char *revision; /* that it is; with others the one in force */
};

typedef void (*store_done_fn)(void *userdata, const struct store_outcome *o);

/* Where there is no Redis, reads the rules of the file. After saver_load, which has the lock. */
void store_open(struct master *m);
/* Whoever waits hears that the gateway ends; waits for the disk. Before store_redis_free. */
void store_close(struct master *m);
/* Who finds the servers that no address names; before and after all that needs one. */
void store_seek(struct master *m);
void store_seek_end(struct master *m);
/* All links to Redis are as the configuration says. */
void store_configure(struct master *m);
/* Files of certificates changed: connections to Redis are made by the new ones. */
void store_secure(struct master *m);
/* The configuration was swapped: the rules may be kept elsewhere from here on. What is under way in
 * another store than the new one ends. */
void store_reconfigured(struct master *m, bool was_redis);
/* Takes the change over. `done` is called once, and may be called from within. */
void store_submit(struct master *m, struct change *change, store_done_fn done, void *userdata);
/* Can the store be written and read? 200; 500 with the reason in redx's words. */
void store_probe(struct master *m, store_done_fn done, void *userdata);
/* The store may be ready for the next one. */
void store_wake(struct master *m);
/* At every tick. */
void store_tick(struct master *m);
/* Of the rules in force, "" where none is known. */
const char *store_revision(const struct master *m);
