#pragma once

/*
 * patterns: the regular expressions of the tables that this worker holds, each compiled once
 * however many tables and conditions name it.
 */

#include "shm/table.h"

struct worker;
struct pattern;

struct kept_pattern {
	struct pattern *pattern; /* NULL: the text is none, and nothing matches */
	uint32_t refs;
	bool told; /* that it met its limit */
};

/* Those of the conditions of a table, by index, NULL for a condition without one; malloc'd, NULL
 * when there are no conditions. */
struct kept_pattern **patterns_take(struct worker *w, const struct segment *rules);
/* Gives them back. */
void patterns_give(struct worker *w, const struct segment *rules, struct kept_pattern **taken);
#define PATTERNS_WORK                                                                              \
	(512u << 10) /* bytes that the patterns of all rules look at for one request */

/* PATTERN_* (lib/pattern.h). One that meets its limit is counted, and told the first time; so is
 * one that would take the request's *work, which is added to, beyond PATTERNS_WORK. */
int patterns_match(struct worker *w, struct kept_pattern *p, struct slice text,
		   struct slice subject, uint32_t *work);
