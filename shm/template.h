#pragma once

/*
 * template: a text of the configuration with variables in it, "$name"; "$$" is a dollar sign. It is
 * checked when it is read, so that filling it in cannot fail. Bytes in, bytes out.
 */

#include "lib/slice.h"

#include <stdint.h>

enum template_name {
	TEMPLATE_SCHEME, /* http or https, as the client asked */
	TEMPLATE_HOST,   /* canonical, without the port */
	TEMPLATE_PATH,   /* canonical */
	TEMPLATE_REST,   /* of it, behind what the route matched: empty, or starts with '/' */
	TEMPLATE_QUERY,  /* with its '?', or empty */
	TEMPLATE_REMOTE_ADDR,
	TEMPLATE_REQUEST_ID,
	TEMPLATE_ROUTE,
	TEMPLATE_TLS_VERSION, /* of the client's connection; all four empty where it is plain */
	TEMPLATE_TLS_SUITE,
	TEMPLATE_TLS_NAME,    /* that the client asked for; empty: none, or one that is no name */
	TEMPLATE_TLS_RESUMED, /* 1, or empty */
	TEMPLATE_CLIENT_CERT_SUBJECT, /* as in lib/tls_peer.h; both empty without one */
	TEMPLATE_CLIENT_CERT_FINGERPRINT,
	TEMPLATE_N
};

/* Which of them a redirect and a header may name. */
#define TEMPLATE_OF_URL                                                                            \
	(1u << TEMPLATE_SCHEME | 1u << TEMPLATE_HOST | 1u << TEMPLATE_PATH | 1u << TEMPLATE_REST | \
	 1u << TEMPLATE_QUERY)
#define TEMPLATE_OF_FIELD                                                                          \
	(1u << TEMPLATE_SCHEME | 1u << TEMPLATE_HOST | 1u << TEMPLATE_REMOTE_ADDR |                \
	 1u << TEMPLATE_REQUEST_ID | 1u << TEMPLATE_ROUTE | 1u << TEMPLATE_TLS_VERSION |           \
	 1u << TEMPLATE_TLS_SUITE | 1u << TEMPLATE_TLS_NAME | 1u << TEMPLATE_TLS_RESUMED |         \
	 1u << TEMPLATE_CLIENT_CERT_SUBJECT | 1u << TEMPLATE_CLIENT_CERT_FINGERPRINT)

/* One part of a text: takes it off *text. A literal, or a variable. */
struct template_part {
	struct slice literal;    /* p NULL: a variable */
	enum template_name name; /* TEMPLATE_N: a '$' that begins no variable that there is */
};
/* False at the end. */
bool template_next(struct slice *text, struct template_part *part);

/* Which variables occur: bits of enum template_name, 1 << TEMPLATE_N for one that does not exist.
 */
uint32_t template_names(struct slice text);
/* Of the text with values[TEMPLATE_N] filled in. */
size_t template_size(struct slice text, const struct slice *values);
/* Writes it; returns what follows. */
char *template_put(char *o, struct slice text, const struct slice *values);
