#pragma once

/*
 * rules_own: the inside of a set of rules, for the files that make up rules. Every change of what a
 * key stands for happens between rules_begin and rules_end, so that digest and changes are true.
 */

#include "delta.h"
#include "digest.h"
#include "history.h"
#include "rules.h"

struct rules {
	struct map frontends;             /* by url: struct rules_frontend */
	struct map backends;              /* by name: struct rules_backend */
	struct map natives[NATIVE_KINDS]; /* by name: struct rules_native */
	struct map refusals;              /* by key: struct rules_refusal */
	size_t refused;                   /* refusals without a last good version */
	bool whole;                       /* rules_whole */
	char sought[REVISION_TEXT];       /* the newest one that lost values were sought in
					     (rules_recover) */
	uint64_t generation;
	uint64_t upstreams; /* rules_upstreams */
	uint64_t api_keys;  /* rules_api_keys */
	struct digest digest;
	struct delta changes; /* since rules_mark */
	struct map touched;   /* keys, since rules_settle; the values mean nothing */
	bool touched_all;     /* any key may be: none is kept */
};

/* rules_native.c: for the maps. */
void native_free(void *native);
void *native_share(void *native);
/* What is wrong with the name of a native rule: it cannot ever have had a good value. NULL:
 * nothing. */
const char *native_name_fault(struct slice name);
/* What a refused key is to the digest: the value that it holds, or "false". */
void refusal_value(const struct rules_refusal *f, struct buf *out);
/* The value that is refused, of which the refusal takes a share over; NULL: it is not known. To the
 * digest it is what it is: another version of ours may take it, and has the same digest. */
void refusal_hold(struct rules *r, struct rules_refusal *f, struct rules_native *native);
/* Takes the refusal of a key away; says whether there was one. */
bool rules_unrefuse(struct rules *r, struct slice key);
/* The key may stand otherwise than before. */
void rules_touch(struct rules *r, struct slice key);
/* What a key stands for now: `before`, for rules_end. */
void rules_begin(const struct rules *r, struct slice key, struct buf *before);
/* It may stand for something else now. */
void rules_end(struct rules *r, struct slice key, const struct buf *before);
