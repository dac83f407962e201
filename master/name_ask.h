#pragma once

/*
 * name_ask: hosts that stand in no table, and that a worker wants the addresses of: a hub that may
 * ask anybody. Bounded; what is a listener of this gateway is none of them.
 */

struct msg_name_ask;
struct slot;

/* Of supervisor_ops. */
void name_ask(void *userdata, struct slot *slot, const struct msg_name_ask *ask);
