#pragma once

/*
 * change: what one write does to the keys of the store, all of it or nothing. Fields of a hash are
 * set and deleted one by one, so that two writers who have different servers in mind lose nothing.
 */

#include "lib/arena.h"
#include "lib/buf.h"
#include "lib/map.h"

struct rules;

enum op_kind {
	OP_SET,          /* key value */
	OP_DELETE,       /* key */
	OP_SET_FIELD,    /* key field value */
	OP_DELETE_FIELD, /* key field */
};

struct change_op {
	enum op_kind kind;
	struct slice key, field, value; /* in the change's arena */
};

struct change {
	struct arena arena;
	struct change_op *ops;
	size_t count, cap;
	struct map keys; /* that it touches, each once: the first operation's number, from 1 */
	struct slice who, why; /* "token:ci", "PUT /frontends/a/b" */
	struct slice expected; /* the revisions that it is meant for (change_is_for); empty: any */
	struct slice note;     /* not empty: there are no operations, what somebody else did is
				  told; the delta as it is stored */
};

/* Everything is copied. */
struct change *change_new(struct slice who, struct slice why);
void change_free(struct change *c); /* NULL is allowed */
void change_expect(struct change *c, struct slice revisions);
/* Is this revision one of those? They are entity tags with commas between, compared strongly (RFC
 * 9110 section 13.1.1), or one revision as it is. */
bool change_is_for(struct slice expected, struct slice revision);
void change_note(struct change *c, struct slice delta);
void change_set(struct change *c, struct slice key, struct slice value);
void change_delete(struct change *c, struct slice key);
void change_set_field(struct change *c, struct slice key, struct slice field, struct slice value);
void change_delete_field(struct change *c, struct slice key, struct slice field);
/* "frontend:" and "x": a key of these, in the change's arena. */
struct slice change_key(struct change *c, struct slice kind, struct slice name);
/* What is done first to the key of keys.entries[i]. */
const struct change_op *change_first(const struct change *c, size_t i);
/* What it leads to, starting from these rules, in *draft: a set of the touched keys alone, whose
 * rules_changes are what the change does. 0; or -EINVAL when one of them would be refused, and *why
 * names the key and the reason. */
int change_draft(const struct change *c, const struct rules *rules, struct rules **draft,
		 struct buf *why) __attribute__((warn_unused_result));
