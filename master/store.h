#pragma once

/*
 * store: where changes of the rules are kept: in Redis where one is configured, else in a file of
 * our own (state_dir/store.json). One change after the other; what comes meanwhile waits.
 */

#include "lib/list.h"
#include "lib/slice.h"

struct change;
struct master;
struct store_file;
struct store_write;

#define STORE_REVISION_MAX 48

struct store {
	struct list queue;           /* struct store_write */
	struct store_write *current; /* under way */
	struct store_file *file;
	char revision[STORE_REVISION_MAX]; /* of the last change of ours; "": none yet */
};

struct store_outcome {
	int status; /* HTTP: 200: it is stored, and the master's rules have it; 400: it would be
		     * refused; 409: another revision is in force; 503: the store is away, or
		     * refuses; nothing was applied unless `reason` says so */
	struct slice reason;
	const char *revision; /* that it made; with 409 the one in force */
};

typedef void (*store_done_fn)(void *userdata, const struct store_outcome *o);

void store_init(struct master *m);
void store_deinit(struct master *m);
/* Takes the change over. `done` is called once, later. */
void store_submit(struct master *m, struct change *change, store_done_fn done, void *userdata);
/* Of the rules in force, "" where none is known. */
const char *store_revision(const struct master *m);
