#pragma once

/*
 * compile_authorise: who may, as a program of the table (shm/table_authorise.h). Part of
 * compile_rules.
 */

#include "compile.h"

struct authorise;

/* The number by which a route or an entry of the gate refers to it, 0 for NULL. *lacks becomes true
 * where the table has no place for a claim that it asks about; such a clause fails. */
uint32_t compile_authorise(struct table_builder *b, const struct config *c,
			   const struct authorise *a, bool *lacks);
