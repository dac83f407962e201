#pragma once

/*
 * publish_own: between publish.c, which decides when there is a table and puts it in force, and its
 * parts: publish_directory.c, publish_make.c, publish_send.c.
 */

#include "publish.h"

#include "lib/buf.h"

struct product {
	struct segment *segments[SEGMENT_N];  /* NULL: as before */
	struct compile_report *report, *over; /* of all rules, or of an overlay */
	struct buf warnings;                  /* of the endpoints */
};

void product_deinit(struct product *p);
/* What is pending. Who makes all rules makes all endpoints, too: what is touched is counted from
 * there for both. 0 or a negative errno. */
int product_make_pending(struct master *m, unsigned parts, struct product *out)
    __attribute__((warn_unused_result));
/* Routes of the store that have a line each, but for those that are refused. */
size_t publish_store_routes(const struct rules *r);

/* The directory of the configuration and the rules as they are now. Resolver and prober hear of new
 * endpoints before the table that names them is compiled. */
void publish_directory(struct master *m);
/* Logs the lines of `warnings` that are not among *last, which they become. */
void publish_warn(char **last, struct buf *warnings);
/* Has the directory a name that nobody has asked for before, and that has not resolved yet? */
bool publish_names_awaited(const struct master *m);
/* A name delays one table, the first that has it: what it resolves to later is a change of its own.
 */
void publish_names_note(struct master *m);

/* The segments that changed, and which ones are a version, to every worker that keeps up. */
void publish_send(struct master *m, const bool changed[SEGMENT_N]);
/* Tables that a stuck worker missed are not sent to it one after the other: the newest will do. */
void publish_send_missed(struct master *m);
