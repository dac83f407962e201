#pragma once

/*
 * apply: a set of rules that somebody wrote down, and what makes the rules like it. Declarative:
 * each family that it names (routes, upstreams, policies, api_keys, frontends, backends) becomes
 * exactly what it says, the others stay as they are.
 */

#include "delta.h"

struct config;
struct json;
struct rules;

/* {"routes": {NAME: {...}}, ..., "frontends": {URL: "backend"}, "backends": {NAME: {SERVER:
 * "score"}}}. What leads from `now` to it is added to `out`, which is empty. 0; or -EINVAL, and
 * every mistake in `report`, "place: what; the remedy", a line each. Rules of our own are judged
 * beside `c`, too: what it would refuse is not to be stored. */
int apply_read(const struct rules *now, const struct config *c, const struct json *root,
	       struct delta *out, struct buf *report) __attribute__((warn_unused_result));
/* Is it so much that somebody should confirm it: more than half of the rules, and at least four? */
bool apply_is_loss(const struct rules *now, const struct delta *d);

/* The same as a file for people, in YAML or JSON: its JSON is added to `out`. 0; or -EBADMSG with
 * every mistake in `report`, "LINE: what; the remedy", a line each. (apply_file.c) */
int apply_file(struct slice text, struct buf *out, struct buf *report)
    __attribute__((warn_unused_result));
