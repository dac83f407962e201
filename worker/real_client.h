#pragma once

/*
 * real_client: who asks, as far as trusted proxies tell it, and what upstreams hear of that. The
 * address is the rightmost one in X-Forwarded-For, or in Forwarded (RFC 7239) where only that came,
 * that is not itself one of trusted_proxies; what is no address ends the walk. Of a peer that is
 * not trusted nothing is believed.
 */

#include "request.h"

/* Its text, for as long as the request lives. */
struct slice real_client_text(struct request *r);
/* 16 bytes, IPv4 mapped. */
const uint8_t *real_client_ip(struct request *r);
/* More room than the head itself takes that real_client_put may need. */
size_t real_client_room(const struct request *r);
/* X-Forwarded-*, X-Real-IP, Forwarded, as forwarded_header says. */
char *real_client_put(char *o, struct request *r, bool trusted);
/* Does a field of the client about who it is go on as it came? */
bool real_client_passes(const struct request *r, const struct http_field *f, bool trusted);
