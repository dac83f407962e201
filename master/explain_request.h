#pragma once

/*
 * explain_request: the body of POST /explain, {"method", "url", "headers": [{"name", "value"}],
 * "from"}, as the head of a request and the address that it comes from. What HTTP forbids is not
 * judged here: the explanation will say so.
 */

#include "lib/buf.h"

#include <stdint.h>

#define EXPLAIN_HEAD_MAX ((size_t)1 << 20)

/* 0, and the head in `head` (up to and with the empty line) and 16 bytes, IPv4 mapped, in `ip`;
 * else -1 and in `why` a sentence, static. */
int explain_request(struct slice json, struct buf *head, uint8_t ip[16], const char **why)
    __attribute__((warn_unused_result));
