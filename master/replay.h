#pragma once

/*
 * replay: the last requests once more, by two tables: how many would go elsewhere by the second
 * one, and which. Decided by what is kept of a request, its method, host and path (shm/asked.h): a
 * condition on anything else is taken to hold on both sides.
 */

#include "shm/asked.h"
#include "shm/table.h"

#include "lib/buf.h"

struct master;
struct rules;

struct replay_side {
	const struct segment *rules, *endpoints;
};

#define REPLAY_GROUPS 20 /* told of; the largest */

/* Appends members of a JSON object: "keys", "since", "assumed" (of how many a condition was taken
 * to hold), "elsewhere", "groups_count", "groups". `examples`: with the path of one request of each
 * group, which may hold a secret. */
void replay_compare(const struct asked_key *keys, size_t count, const struct replay_side *before,
		    const struct replay_side *after, bool examples, struct buf *out);

/* replay_candidate.c: the requests on the board, by the table in force and by the one that these
 * rules would make with the present configuration. Changes nothing. Appends the same members. 0 or
 * a negative errno: -EAGAIN when there is no table yet, -ENOENT with replay_keys off. */
int replay_candidate(struct master *m, const struct rules *candidate, bool examples,
		     struct buf *out) __attribute__((warn_unused_result));
