#pragma once

/*
 * session_write: what the parts that write sessions share.
 */

#include "session_commands.h"
#include "session_own.h"

#include "lib/xalloc.h"

struct session_name {
	struct slice provider, tid, subject, sid;
};

struct session_names { /* of all that belongs to a session */
	unsigned n;
	struct session_name of[PROVIDERS_MAX];
};

/* Names of keys, in the commands' memory. */
struct slice session_key(struct session_commands *c, const char *id);
struct slice session_key_of_token(struct session_commands *c, enum session_part part,
				  struct slice tid);
/* Borrows from s and the worker's table. */
void session_names_of(const struct worker *w, const struct session *s, struct session_names *out);
/* Sets when all of it ends, where it is still there. */
void session_touch_command(struct session_commands *c, const char *id, int64_t expires, int64_t now,
			   const struct session_names *names);
/* Takes away its record and its place in lists, and the tokens of these providers (bits). */
void session_delete_commands(struct session_commands *c, const struct worker *w,
			     const struct session *s, uint64_t providers);
