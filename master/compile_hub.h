#pragma once

/*
 * compile_hub: a hub and whom it may ask, as rows of the table (shm/table_hub.h). Part of
 * compile_action.
 */

#include "compile.h"

struct compile_input;
struct config_hub;

/* The number by which an action refers to it. */
uint32_t compile_hub(const struct compile_input *in, struct table_builder *b,
		     const struct config_hub *hub);
