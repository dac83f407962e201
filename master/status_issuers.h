#pragma once

/*
 * status_issuers: issuers whose keys are fetched or read from a file, for operators and for the
 * board.
 */

#include "lib/buf.h"

struct board_master;
struct introspector;
struct issuers;

/* A member of an object, "issuers": a list. */
void status_write_issuers(const struct issuers *is, struct buf *out);
/* The same for metrics. */
void status_board_issuers(const struct issuers *is, struct board_master *board);
/* "introspection": null, or what came of the questions. */
void status_write_introspection(const struct introspector *is, struct buf *out);
