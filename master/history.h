#pragma once

/*
 * history: the last revisions of the rules, each with who changed what, when and why. Only keeps
 * and composes; what is in force, and where they are stored, others know.
 */

#include "delta.h"
#include "digest.h"

struct json;

#define HISTORY_MAX 50
#define HISTORY_BYTES ((size_t)64 << 20) /* of all deltas; beyond, the oldest go */
#define REVISION_TEXT 48                 /* bytes of an id, with its NUL */
#define REVISION_WHO_MAX 128             /* bytes; longer texts are cut */
#define REVISION_WHY_MAX 1024
#define REVISION_NEVER_MAX 65536

struct revision {
	char id[REVISION_TEXT];   /* "1764185123456-0" of Redis, "0-7" of the file store */
	char digest[DIGEST_TEXT]; /* of the rules behind it */
	int64_t wall;             /* seconds since 1970 */
	char *who, *why;
	char *delta;   /* JSON, from the revision before it; NULL: it is not kept */
	char *missing; /* then: why, behind "revision X: " */
	char *never;   /* JSON, rules_recover.h; NULL: nothing is known of it */
	size_t keys;   /* that it changed */
};

struct history {
	struct revision *at[HISTORY_MAX]; /* the oldest first */
	size_t count;
	size_t bytes; /* of all deltas */
};

void history_deinit(struct history *h);

/* Copies; texts are cut where they are too long. `delta` is its JSON, or a JSON string that says
 * why there is none; one that is neither, or too large, is not kept. NULL when the id is none. */
struct revision *revision_new(struct slice id, struct slice digest, int64_t wall, struct slice who,
			      struct slice why, struct slice delta);
void revision_free(struct revision *r);
/* Copies; what is too large is not kept. */
void revision_set_never(struct revision *r, struct slice never);
/* Two numbers with a hyphen between, without zeros before them. */
bool revision_is_id(struct slice id);
/* Less than, equal to or greater than 0. */
int revision_compare(const char *a, const char *b);

/* Behind the newest: takes it over. What is not newer than the newest is dropped. */
void history_add(struct history *h, struct revision *r);
/* NULL: there is none. */
const struct revision *history_newest(const struct history *h);
const struct revision *history_find(const struct history *h, struct slice id);
const struct revision *history_of_digest(const struct history *h, const char *digest);
/* What leads from the rules behind `from` to those behind `to`, in either direction. NULL stands
 * for what was before the oldest. 0; or -ENOENT, and a sentence in `why`, when a delta between is
 * not kept. */
int history_between(const struct history *h, const struct revision *from, const struct revision *to,
		    struct delta *out, struct buf *why) __attribute__((warn_unused_result));

/* For operators: {"revision","at","who","why","digest","keys"}; with `whole` also "delta" and
 * "missing". */
void revision_write(const struct revision *r, bool whole, struct buf *out);
/* For files: {"id","digest","wall","who","why","delta"}, and back; NULL when it is none. Not
 * `whole`: what it changed stays out. */
void revision_save(const struct revision *r, bool whole, struct buf *out);
struct revision *revision_load(const struct json *v);
