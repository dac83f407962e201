#pragma once

/*
 * store_own: one change on its way into the store. store.c puts them one behind the other, and
 * store_take.c does what each asks.
 */

#include "digest.h"
#include "lib/buf.h"
#include "lib/list.h"
#include "store.h"

#include <stdint.h>

struct revision;
struct rules;

#define STORE_PATIENCE_MS 5000 /* with a store; the change may have been stored all the same */

struct store_write {
	struct list link;
	struct master *master;
	struct change *change; /* NULL: a probe */
	store_done_fn done;    /* NULL: it was answered */
	void *userdata;
	uint64_t deadline;
	struct rules *draft; /* of this try */
	struct buf never;    /* rules_never */
	struct buf delta;
	char digest[DIGEST_TEXT];
	struct revision *revision; /* of the file store: that it will be */
};

/* Tells whoever asked; what is under way goes on. */
void store_answer(struct store_write *w, int status, struct slice reason, const char *revision);
/* It is over: answers, and frees it. */
void store_finish(struct store_write *w, int status, struct slice reason, const char *revision);
/* Begins with it: it is the current one then, or over already. False: it has to wait. */
bool store_take_redis(struct store_write *w);
bool store_take_file(struct store_write *w);
