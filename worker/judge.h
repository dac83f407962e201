#pragma once

/*
 * judge: is this a head that a gateway may pass on, and what does it ask for? It looks at the head
 * alone (r->in, r->arena) and fills in what the client asks; knows no client, no table, no worker.
 */

#include "request.h"

struct judged {           /* what only the head step wants to know */
	struct slice id;  /* X-Request-Id; p == NULL: none */
	bool close, keep; /* Connection */
	bool via;         /* somebody was there before us */
};

/* REASON_none; or why not, with r->field where one field is to blame. */
enum reason judge_head(struct request *r, struct judged *out);
