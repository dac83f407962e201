#pragma once

/*
 * hub_own: between hub.c and hub_ask.c.
 */

#include "hub.h"
#include "hub_address.h"
#include "hub_query.h"

struct hub {
	struct request *request;
	const struct table_hub *rules;
	struct hub_query query;
	struct hub_address address;
	unsigned at;      /* of the addresses, the one that is asked */
	struct buf whole; /* what is sent; has the token */
	struct outgoing *out;
	bool read, asked;
};

/* An answer of the hub's own; the step goes on with what it gives back. */
enum result hub_answer(struct request *r, int status, struct slice body, struct slice extra);
/* `message`: what the client reads of it; NULL: the reason's own sentence. */
enum result hub_refuse(struct request *r, enum reason reason, const char *message);
/* hub_ask.c: the service is asked, with this token. */
enum result hub_ask(struct hub *h, struct slice token);
