#pragma once

/*
 * revisions: which revision the rules in force are, and that every change of them becomes one. A
 * write through the API is told by who writes it (store.h); what somebody wrote past it is noted
 * here, when the rules have been still for a moment, by the gateway that is first to do so.
 */

#include "history.h"

struct master;

struct revisions {
	struct history history;
	char read[REVISION_TEXT]; /* the newest one whose deletions were taken note of */
	char base[REVISION_TEXT]; /* our rules were its, when their changes were last marked; empty:
				     not known */
	uint64_t quiet_ms;        /* nothing is noted before, unless it has waited until */
	uint64_t due_ms;
	bool due;     /* our rules are no revision's, and we are to note it */
	bool noting;  /* under way */
	bool refused; /* told that notes are refused */
	bool first;   /* there were neither last good rules here nor a revision: no gateway has
			 looked at the store before */
};

void revisions_deinit(struct master *m);
/* At every tick. */
void revisions_tick(struct master *m, uint64_t now_ms);
/* The rules or the history are not what they were. */
void revisions_settle(struct master *m);
/* That of the last-known-good rules, which are in force now: takes it over. */
void revisions_remember(struct master *m, struct revision *r);
/* What is refused gets its last good value, where the history has it. */
void revisions_recover(struct master *m);
/* The stream was read. */
void revisions_read(struct master *m);
/* One that was just stored: takes it over. NULL is allowed. */
void revisions_add(struct master *m, struct revision *r);
/* The revision of the rules in force; NULL: they are none's that is known. */
const struct revision *revisions_in_force(const struct master *m);
/* For status: "revision", "digest" and "history_error". */
void revisions_write(const struct master *m, struct buf *out);
