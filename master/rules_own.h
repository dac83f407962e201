#pragma once

/*
 * rules_own: the inside of a set of rules, for the files that make up rules. Every change of what a
 * key stands for happens between rules_begin and rules_end, so that digest and changes are true.
 */

#include "delta.h"
#include "digest.h"
#include "history.h"
#include "rules.h"

enum rules_space {                  /* of names, each with a kind of values */
		   SPACE_FRONTENDS, /* by url: struct rules_frontend */
		   SPACE_BACKENDS,  /* by name: struct rules_backend */
		   SPACE_REFUSALS,  /* by key: struct rules_refusal */
		   SPACE_NATIVES,   /* the first of NATIVE_KINDS; by name: struct rules_native */
		   SPACES = SPACE_NATIVES + NATIVE_KINDS
};

/* Of a draft all numbers and the digest are what changes in those of `under`. */
struct rules {
	struct map spaces[SPACES];
	const struct rules *under;  /* of a draft; NULL: it is none. What the draft has goes before,
				       and a name without a value in it is no more */
	bool holes;                 /* there are such names */
	int64_t known;              /* keys that stand: rules_known */
	int64_t lost;               /* refusals that are `lost` */
	bool whole;                 /* rules_whole */
	char sought[REVISION_TEXT]; /* the newest one that lost values were sought in
				       (rules_recover) */
	uint64_t generation;
	uint64_t born;      /* the generation that a draft began with */
	uint64_t upstreams; /* rules_upstreams; 0 in a draft: as before */
	uint64_t api_keys;  /* rules_api_keys; the same */
	struct digest digest;
	struct delta changes; /* since rules_mark */
	struct touched {
		struct map keys; /* the values mean nothing */
		bool all;        /* any key may be: none is kept */
	} touched, unsaved;      /* since rules_settle, and since rules_saved */
};

/* rules_draft.c: the value of a name, or NULL. */
void *space_get(const struct rules *r, enum rules_space space, struct slice name);
/* Takes `value` over, which frees the one before. Of a frontend `name` is its own url. */
void space_put(struct rules *r, enum rules_space space, struct slice name, void *value);
/* The same of a value that another set has. */
void space_share(struct rules *r, enum rules_space space, struct slice name, void *value);
void space_drop(struct rules *r, enum rules_space space, struct slice name);
/* The refusal of a key, to be changed; NULL: there is none. */
struct rules_refusal *refusal_own(struct rules *r, struct slice key);
void refusal_set_lost(struct rules *r, struct rules_refusal *f, bool lost);
/* rules.c: for space_put and the like. */
void frontend_free(void *frontend);
void *frontend_share(void *frontend);
void refusal_free(void *refusal);
void *refusal_copy(void *refusal);
/* The space of a key's value, and its name in there. False: such a key has none. */
bool key_space(struct slice key, enum rules_space *space, struct slice *name);
/* rules_native.c. `route`: what a good one says; NULL: it is of another kind, or refused. */
struct rules_native *native_new(enum native_kind kind, struct slice name, struct slice text,
				const struct config_route *route);
/* For the maps. */
void native_free(void *native);
void *native_share(void *native);
uint32_t *native_met(void *native);
/* rules_native_set.c: what is wrong with the name of a native rule: it cannot ever have had a good
 * value. NULL: nothing. */
const char *native_name_fault(struct slice name);
/* What a refused key is to the digest: the value that it holds, or "false". */
void refusal_value(const struct rules_refusal *f, struct buf *out);
/* The refusal is about to go: to the digest it is "false" again. */
void refusal_release(struct rules *r, const struct rules_refusal *f);
/* The value that is refused, of which the refusal takes a share over; NULL: it is not known. To the
 * digest it is what it is: another version of ours may take it, and has the same digest. */
void refusal_hold(struct rules *r, struct rules_refusal *f, struct rules_native *native);
/* Takes the refusal of a key away; says whether there was one. */
bool rules_unrefuse(struct rules *r, struct slice key);
/* The key may stand otherwise than before. */
void rules_touch(struct rules *r, struct slice key);
/* What was touched in another set. */
void rules_touch_as(struct rules *r, const struct rules *other);
/* What a key stands for now: `before`, for rules_end. */
void rules_begin(const struct rules *r, struct slice key, struct buf *before);
/* It may stand for something else now. */
void rules_end(struct rules *r, struct slice key, const struct buf *before);
