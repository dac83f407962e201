#pragma once

/*
 * publish_own: between publish.c, which decides when there is a table and puts it in force, and its
 * parts: publish_base.c, publish_build.c, publish_directory.c, publish_make.c, publish_send.c.
 */

#include "publish.h"

#include "lib/buf.h"

struct product {
	unsigned parts;                      /* that are in it */
	bool whole;                          /* publisher.next is the base from now on */
	struct segment *segments[SEGMENT_N]; /* NULL: as before */
	struct compile_report *over;         /* of an overlay of the rules */
	struct buf warnings;                 /* of the endpoints */
};

void product_deinit(struct product *p);
/* Of what is pending what can be made now. Who makes all rules makes all endpoints, too: what is
 * touched is counted from there for both. 0 or a negative errno. */
int product_make_pending(struct master *m, struct product *out) __attribute__((warn_unused_result));
/* But for the generation. */
bool segment_same(const struct segment *a, const struct segment *b);
/* Routes of the store that have a line each, but for those that are refused. */
size_t publish_store_routes(const struct rules *r);

/* ---- publish_base.c ---- */

void base_deinit(struct publish_base *b);
/* Nothing is touched yet. */
void base_begin(struct publish_base *b, const struct master *m);
bool base_touched(const struct publish_base *b);
void base_move(struct publish_base *b, const struct directory_upstream *u);
/* Is there a next base, or is it being made? */
static inline bool
publish_awaits(const struct publisher *p)
{
	return p->next.rules || p->builder.now;
}
/* What rules tell is noted where it is needed; it is told once. */
void publish_drain(struct master *m);

/* ---- publish_build.c ---- */

/* Has publisher.next compiled by a child, unless that is under way. 0; -EAGAIN: not now; or another
 * negative errno. */
int publish_build(struct master *m) __attribute__((warn_unused_result));
/* What is under way is of no more use. */
void publish_build_stop(struct master *m);

/* ---- publish_directory.c ---- */

/* The directory of the configuration and the rules as they are now. Resolver and prober hear of new
 * endpoints before the table that names them is compiled. */
void publish_directory(struct master *m);
/* Logs the lines of `warnings` that are not among *last, which they become. */
void publish_warn(char **last, struct buf *warnings);

/* ---- publish_send.c ---- */

/* The segments that changed, and which ones are a version, to every worker that keeps up. `base`:
 * what they are overlays of is new, too. */
void publish_send(struct master *m, const bool changed[SEGMENT_N], bool base);
/* Tables that a stuck worker missed are not sent to it one after the other: the newest will do. */
void publish_send_missed(struct master *m);
