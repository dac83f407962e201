#pragma once

/*
 * config_check_translate: can bodies be translated so? Part of config_check_action.
 */

#include "config_check_action.h"

void config_check_translate(const struct action_check *a, const struct config_route *route);
