#pragma once

/*
 * drains: endpoints that an operator has taken out of service: they get no new request, of any
 * upstream that has them, what they have under way finishes, and they are probed on. It holds until
 * it is taken back: over reloads, upgrades and restarts (state_dir/drained, a line for each). The
 * workers see it on the board, beside health.
 */

#include "lib/buf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct master;

struct drain {
	char *authority; /* as a status names the endpoint */
	bool sticky;     /* whose sticky cookie names it goes on coming */
	int64_t since;   /* seconds since 1970 */
};

struct drains {
	struct drain *all;
	size_t count;
	bool told; /* some words on the board may be set */
};

/* At the start. May block. */
void drains_load(struct master *m);
void drains_deinit(struct drains *d);
/* Endpoints came, went, or have other slots. */
void drains_apply(struct master *m);
/* From now on. 0; -ENOENT: no upstream has it; -EUCLEAN: it has no word of its own on the board. */
int drains_begin(struct master *m, struct slice authority, bool sticky);
/* 0; -ENOENT: it was not drained. */
int drains_end(struct master *m, struct slice authority);
/* [{"endpoint": "10.0.0.1:80", "sticky": false, "since": "..", "known": true, "in_flight": 2}];
 * known: some upstream has it; in_flight null: nobody counts it. */
void drains_write(const struct master *m, struct buf *out);
