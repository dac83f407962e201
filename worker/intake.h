#pragma once

/*
 * intake: the bytes of a client become requests, one after the other. What comes before its turn
 * waits in client->early.
 */

#include "lib/slice.h"

struct client;
struct worker;

/* Bytes of a client that is idle or has a request. They are taken or copied. */
void intake_bytes(struct client *c, struct slice bytes);
/* What came early is taken up. */
void intake_early(struct client *c);
/* At the end of a turn: those whose reads held more requests than one turn takes. */
void intakes_resume(struct worker *w);
