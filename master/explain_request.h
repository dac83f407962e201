#pragma once

/*
 * explain_request: the body of POST /explain, {"method", "url", "headers": [{"name", "value"}],
 * "from"}, as the head of a request and the address that it comes from. What HTTP forbids is not
 * judged here: the explanation will say so.
 */

#include "lib/buf.h"

#include <stdint.h>

#define EXPLAIN_HEAD_MAX ((size_t)1 << 20)

struct explain_request {
	struct buf head; /* up to and with the empty line */
	uint8_t ip[16];  /* IPv4 mapped */
	bool secure;     /* its URL is https */
};

/* 0; else -1 and in `why` a sentence, static. The caller gives `head` back in both cases. */
int explain_request(struct slice json, struct explain_request *out, const char **why)
    __attribute__((warn_unused_result));
