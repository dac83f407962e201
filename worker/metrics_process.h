#pragma once

/*
 * metrics_process: what the processes of the gateway cost, by the names that all exporters have.
 * They are looked at while somebody asks, by the admin worker, which serves no client.
 */

struct buf;
struct worker;

void metrics_write_processes(const struct worker *w, struct buf *out);
