#pragma once

/*
 * eject: takes an endpoint that fails out of the choice for a while. Workers count the failures and
 * say when there were too many in a row; whether the endpoint goes, and for how long, is decided
 * here alone, and stands in its words on the board.
 *
 * At most half of an upstream's endpoints are out at once, and never the last one of use.
 */

#include "directory.h"
#include "resolve.h"
#include "shm/board.h"

struct ejector;

/* `resolver` may be NULL: then all names resolve. */
struct ejector *ejector_new(struct board_master *board, const struct resolver *resolver);
void ejector_free(struct ejector *e);
/* The endpoints in force from now on; `d` must live until the next call. An endpoint that an
 * upstream did not have before is new on the board, for its slow start. */
void ejector_watch(struct ejector *e, const struct directory *d, uint64_t now_ms);
/* The same of one upstream, which directory_change has put in the place of `before`. */
void ejector_change(struct ejector *e, const struct directory_upstream *before,
		    const struct directory_upstream *next, uint64_t now_ms);
/* A worker says so: any numbers. */
void ejector_failing(struct ejector *e, uint32_t upstream, uint32_t endpoint, uint64_t now_ms);
/* Every 100 ms or so: who comes back. */
void ejector_tick(struct ejector *e, uint64_t now_ms);
