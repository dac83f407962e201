#pragma once

/*
 * client_certificate: what upstreams hear of the certificate that the client has shown: Client-Cert
 * (RFC 9440 section 2.1) and X-Forwarded-Client-Cert (Envoy's).
 */

#include <stddef.h>

struct request;

/* An upper bound of what client_certificate_put writes. */
size_t client_certificate_room(const struct request *r);
/* Writes the fields that are asked for; returns what follows. */
char *client_certificate_put(char *o, const struct request *r);
