#pragma once

/*
 * status: what the master knows, as JSON for operators (`yett status`, `yett routes`; yett(8),
 * STATUS). Reads everything, changes nothing.
 */

#include "lib/buf.h"

struct compile_report;
struct master;

void status_write(struct master *m, struct buf *out);
/* A line each; sorts them. */
void status_write_routes(struct compile_report *report, struct buf *out);
void status_write_refused(const struct master *m, struct buf *out);
