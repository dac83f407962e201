#pragma once

/*
 * config_check_authorise: does who may use a route fit what else it says? Part of
 * config_check_action.
 */

#include "config_check_action.h"

struct config_reader;

/* Also completes it: where it asks who the client is and `auth` says nothing, a token is needed. */
void config_check_authorise(const struct action_check *a, struct config_action *c);
/* What entries that protect ask, and gate.role_claims and gate.group_claims. */
void config_check_authorise_gate(struct config_reader *r);
