#pragma once

/*
 * linger: the end of a client's connection. The answer is out and nothing follows. What the peer
 * still sends is read and thrown away for a while: closing over unread bytes would reset the
 * connection and could take the answer with it (RFC 9112 section 9.6).
 */

#include <stdint.h>

struct client;

#define LINGER_MAX_MS 30000
#define LINGER_SHORT_MS 1000 /* for who gets no time for more */

/* Sends our end, and closes `most_ms` later or earlier, once the peer is silent. */
void linger_begin(struct client *c, uint32_t most_ms);
/* Its timer: the peer is silent, or takes nothing of the answer. */
void linger_timer(struct client *c);
/* Bytes of it came. */
void linger_data(struct client *c);
/* The answer is out. */
void linger_drained(struct client *c);
