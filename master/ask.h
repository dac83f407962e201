#pragma once

/*
 * ask: one question over the admin Unix socket, in HTTP/1.1, for the yett commands. It blocks: no
 * loop runs in a command.
 */

#include "lib/buf.h"

struct ask {
	const char *socket; /* path */
	const char *method; /* "GET" */
	const char *target; /* "/status" */
	const char *fields; /* whole header lines; NULL: none */
	struct slice body;
	unsigned timeout_s; /* for each step; 0: wait without end */
};

/* The status, with the answer's body appended to `body`; or -1, and `why` says in a sentence what
 * is the matter and what to do. */
int ask(const struct ask *q, struct buf *body, struct buf *why) __attribute__((warn_unused_result));
