#pragma once

/*
 * status_issuers: issuers whose keys are fetched or read from a file, for operators and for the
 * board.
 */

#include "lib/buf.h"

struct board_master;
struct exchanger;
struct introspector;
struct issuers;

/* A member of an object, "issuers": a list. */
void status_write_issuers(const struct issuers *is, struct buf *out);
/* The same for metrics, whose counters go on where the page of an earlier master (NULL: there was
 * none) left them. */
void status_board_issuers(const struct issuers *is, const struct board_master *before,
			  struct board_master *board);
/* "introspection": null, or what came of the questions. */
void status_write_introspection(const struct introspector *is, struct buf *out);
/* "exchanges": what workers had asked of providers, by kind. */
void status_write_exchanges(const struct exchanger *x, struct buf *out);
