#pragma once

/* request: the head of a request to the responder, and that of its answer. */

#include "connection.h"

/* Takes a whole head; the answer's head, but for its length, is then in `c->out`. False: it is
 * none. */
bool request_head(struct responder *r, struct connection *c, struct slice head);
