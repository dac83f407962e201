#pragma once

/*
 * tls_asked: what certificates the table asks of clients, in one word that a connection can keep.
 */

#include "lib/slice.h"

#include <stdint.h>

struct segment;

#define ASKED_NONE 0             /* no certificate */
#define ASKED_UNKNOWN UINT64_MAX /* it changed within the handshake; no word is this one */

/* A row of KEYS_CLIENTS (1 + its index, 0: none): the word is the same as long as those who sign
 * the certificates are. */
uint64_t tls_asked_of(const struct segment *keys, uint32_t i);
/* The same of their revocation lists. */
uint64_t tls_lists_of(const struct segment *keys, uint32_t i);
/* By this name. */
uint64_t tls_asked_by(const struct segment *keys, struct slice name);
/* Do two tables ask the same of clients, by whatever name? One with another certificate of its own
 * does, and must not be taken amiss by who is within his handshake. */
bool tls_asks_alike(const struct segment *a, const struct segment *b);
