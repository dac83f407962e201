#pragma once

/*
 * renewal: certificates and ticket keys that change while the gateway runs. What is new is in the
 * next table; what cannot serve is told, and what was there before goes on.
 */

struct master;

/* Takes over what the configuration has read. May block. */
void renewal_begin(struct master *m);
void renewal_end(struct master *m);
/* After the configuration was swapped. */
void renewal_reconfigured(struct master *m);
/* At every tick. */
void renewal_tick(struct master *m);
