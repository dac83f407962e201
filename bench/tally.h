#pragma once

/* tally: what became of the requests of a while. */

#include "client.h"
#include "histogram.h"

#define TALLY_STATUSES 600

struct tally {
	uint64_t begin, last; /* ns: of the while; of its latest result */
	uint64_t counts[CLIENT_RESULTS], statuses[TALLY_STATUSES], bytes;
	struct histogram latency; /* of those that went well */
};

void tally_begin(struct tally *t, uint64_t now);
/* `c` has the request's answer; `now` is when it was whole or failed. */
void tally_add(struct tally *t, const struct client *c, enum client_result result, uint64_t now);
/* Appends the members of a JSON object, without its braces. */
void tally_print(const struct tally *t, struct buf *out);
/* The same as lines for people: a row under the head, and the errors by their kinds. */
void tally_tell_head(struct buf *out);
void tally_tell(const struct tally *t, const char *name, struct buf *out);
