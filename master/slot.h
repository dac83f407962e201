#pragma once

/*
 * slot: the channel of one worker and what goes over it. Private to supervise.c, which alone
 * changes a slot's state.
 */

#include "supervise.h"

/* "3" or "admin". */
const char *slot_name(const struct slot *slot);
/* Opens the channel; `control` is taken over. 0 or a negative errno. */
int slot_connect(struct slot *slot, int control) __attribute__((warn_unused_result));
/* Closes the channel, lets the page go. */
void slot_disconnect(struct slot *slot);
/* To all readers of its page, when that counts no more. */
void slot_tell_gone(struct slot *slot);
/* All that a new worker has to hear. */
void slot_greet(struct slot *slot);
void slot_kill(struct slot *slot);
/* The admin worker lets go of the traffic sockets that it holds for the next master. */
void slot_release_held(struct slot *admin);

void slot_send_listener(struct slot *to, const struct listener *l, uint32_t owner);
void slot_send_unlisten(struct slot *to, const struct listener *l, uint32_t owner);

/* lend.c. Who needs a loan has one, who is back has its sockets to itself. */
void lend_settle(struct supervisor *s);
/* This slot's worker is gone, and with it what it had borrowed. */
void lend_forget(const struct slot *slot);

/* supervise.c: a table is in force in the worker. */
void slot_acknowledged(struct slot *slot, uint64_t version);
