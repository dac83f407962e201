#pragma once

/*
 * status: what the master knows, as JSON for operators (`yett status`, `yett routes`; yett(8),
 * STATUS). Reads everything, changes nothing.
 */

#include "lib/buf.h"

struct compile_report;
struct master;

void status_write(struct master *m, struct buf *out);
/* A line each; sorts them. `find`: words, of which each one stands in those that are written; NULL:
 * all are. */
void status_write_routes(struct compile_report *report, const char *find, struct buf *out);
void status_write_refused(const struct master *m, struct buf *out);
