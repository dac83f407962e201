#pragma once

/*
 * revisions: which revision the rules in force are: the newest one that has their digest, until
 * they change.
 */

#include "history.h"

struct master;

struct revisions {
	struct history history;
	char base[REVISION_TEXT]; /* our rules were its, when their changes were last marked; empty:
				     not known */
};

void revisions_deinit(struct master *m);
/* The rules or the history are not what they were. */
void revisions_settle(struct master *m);
/* That of the last-known-good rules, which are in force now: takes it over. */
void revisions_remember(struct master *m, struct revision *r);
/* One that was just stored: takes it over. NULL is allowed. */
void revisions_add(struct master *m, struct revision *r);
/* The revision of the rules in force; NULL: they are none's that is known. */
const struct revision *revisions_in_force(const struct master *m);
/* For status: "revision", "digest" and "history_error". */
void revisions_write(const struct master *m, struct buf *out);
