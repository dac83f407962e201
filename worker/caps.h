#pragma once

/*
 * caps: how many clients may be connected: over all workers (beyond it nobody is accepted), and
 * from one address (beyond it the answer is 429). Each worker counts its own on its page and judges
 * by the sum of what all pages show at that moment, so two workers that accept at the same time may
 * overshoot by one each.
 */

#include "worker.h"

struct client;

/* Is there room for one more client? */
bool caps_room(const struct worker *w);
/* Are there descriptors for one more? */
bool caps_descriptors(const struct worker *w);
/* At the start and at each tick: how many descriptors may we have? An operator may change it
 * (prlimit). */
void caps_look(struct worker *w);
/* Counts the client with its address. False: that address has too many already. */
bool caps_take(struct client *c);
/* The client has gone. */
void caps_drop(struct client *c);
/* The answer to a client for which caps_take was false. */
void caps_refuse(struct client *c);
