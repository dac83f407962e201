#pragma once

/*
 * compile_routes: the routes of the file and of Redis in one order, each with what became of it.
 * Part of compile_rules.
 */

#include "compile.h"

struct compile_input {
	const struct config *config;
	const struct rules *rules; /* NULL: none */
	const struct directory *directory;
	struct directory_slots *slots;
	struct compile_index *index; /* what a route is made from is noted there */
};

/* Adds the routes and their policies (the first one is the default) to `b`, and one line a route to
 * `report`. 0; -ERANGE: limits of the file ask for too many claims. */
int compile_routes(const struct compile_input *in, struct table_builder *b,
		   struct compile_report *report);
