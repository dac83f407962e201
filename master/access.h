#pragma once

/*
 * access: tells the admin worker who may do what, in struct msg_access. Tokens go as digests.
 */

struct master;
struct slot;

/* At its start. Traffic workers hear nothing of it. */
void access_greet(const struct master *m, struct slot *slot);
/* The configuration was swapped. */
void access_changed(struct master *m);
