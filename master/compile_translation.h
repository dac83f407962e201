#pragma once

/*
 * compile_translation: what becomes of the JSON of bodies, as rows of RULES_TRANSLATIONS. Part of
 * compile_action.
 */

#include "config.h"

#include "shm/table.h"

/* 1 + its index; 0: bodies pass as they are. */
uint32_t compile_translation(struct table_builder *b, const struct config_translate *t);
