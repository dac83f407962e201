#pragma once

/*
 * forwarded: what proxies write of a client's address: the elements of X-Forwarded-For, and of
 * Forwarded (RFC 7239). Bytes in, bytes out; believes nothing itself.
 */

#include "slice.h"

#include <stdint.h>

/* The last element of a comma-separated list, trimmed; *list keeps what is before it (p == NULL
 * when it was the first). `quotes`: commas between double quotes part nothing; quotes are paired
 * from the right, so that one which a client left open swallows nothing that a proxy wrote behind
 * it. */
struct slice forwarded_last(struct slice *list, bool quotes);
/* "192.0.2.1", "192.0.2.1:80", "2001:db8::1", "[2001:db8::1]", "[2001:db8::1]:80". False: none of
 * them. `ip`: IPv4 mapped. */
bool forwarded_address(struct slice text, uint8_t ip[16]);
/* The address of `for=` in one element of Forwarded, RFC 7239 section 6. False: it has none, two of
 * them, names no address ("unknown", "_hidden"), or is malformed. */
bool forwarded_for(struct slice element, uint8_t ip[16]);
/* Text of an address, without brackets; returns its length, below 46. */
size_t forwarded_text(const uint8_t ip[16], char out[46]);
