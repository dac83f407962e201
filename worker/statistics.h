#pragma once

/*
 * statistics: what each identity asked for, on this worker's page (shm/top.h). Only whom a token or
 * key was verified of has a name, so nobody can fill the rows by inventing some.
 */

#include "lib/slice.h"

#include <stdint.h>

struct request;
struct worker;

/* A request of `name` is at its end; it took so long. */
void statistics_count(struct request *r, struct slice name, uint64_t us);
/* They are not counted any more: nothing is kept of them. */
void statistics_forget(struct worker *w);
