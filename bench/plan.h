#pragma once

/*
 * plan: what the load generator sends, where to and how, from its command line. Owns the texts of
 * requests; opens files, no sockets.
 */

#include "mint.h"
#include "texts.h"
#include "url.h"
#include "wire.h"

#include "lib/buf.h"

#include <stdbool.h>
#include <stdint.h>

struct plan {
	struct url url;
	struct wire_options wire;
	const char *method;
	struct texts paths, tokens;
	struct mint mint;
	bool mints;        /* a token that nobody has seen for each request */
	struct buf fields; /* header fields with their CRLF; "{token}" stands where a token goes */
	uint64_t body;     /* bytes of each request's body, or of each message of a WebSocket */
	uint64_t connections;
	double seconds, warmup; /* of the window that counts, of the one before it */
	double rate;            /* requests/s; 0: closed loop */
	double timeout;         /* s, per request */
	uint64_t status;        /* the right one */
	int64_t length;         /* of the answer's body; -1: any */
	uint64_t seed;
	const char *command; /* run in the middle of the window, or NULL */
	bool bodiless;       /* HEAD */
	bool new_connection;
	bool websocket;
	bool control; /* windows are told on standard input */
};

/* Reads the command line, which must outlive the plan. 0; 1: help was asked for and printed;
 * -EINVAL: it has told what is wrong on stderr. The plan must be let go in each case. */
int plan_parse(struct plan *plan, int argc, char **argv) __attribute__((warn_unused_result));
void plan_deinit(struct plan *plan);
/* Appends the next request's head: the next path and the next token in turn. */
void plan_next_head(struct plan *plan, struct buf *out);
