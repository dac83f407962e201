#pragma once

/*
 * upstream_tls: the settings of TLS towards endpoints beside the files that they name.
 */

#include "config.h"

#include <stdint.h>

struct certificates;
struct pair;
struct tls_context;
struct trust;

/* NULL: they are not asked for, or there are none to use. */
const struct trust *upstream_tls_roots(const struct certificates *files,
				       const struct config_upstream_tls *t);
const struct pair *upstream_tls_pair(const struct certificates *files,
				     const struct config_upstream_tls *t);
/* For requests of our own (probes); NULL: a file that it needs is not good. */
struct tls_context *upstream_tls_context(const struct certificates *files,
					 const struct config_upstream_tls *t);
/* SHA-256 in base64; false: that it is not. */
bool upstream_tls_pin(const char *text, uint8_t out[32]);
