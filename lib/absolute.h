#pragma once

/*
 * absolute: an absolute http or https URI (RFC 9110 section 4.2) taken apart, for requests of our
 * own. Stricter than the RFC where two readers could disagree: no userinfo, a host as lib/uri takes
 * it, but no number that some would read as an address of IPv4 in another form than dotted decimal
 * ("2130706433", "127.1", "0x7f.0.0.1"), nothing but visible ASCII behind it, no backslash.
 */

#include "uri.h"

#include <stdint.h>

struct absolute {
	bool https;
	struct uri_host host;
	uint16_t port;         /* that it names, or its scheme's */
	bool dotted;           /* the host was written with a dot at its end */
	struct slice target;   /* path and query, as they came: "", or from '/' or '?' on */
	struct slice fragment; /* with its '#', or empty */
};

/* `room`: 2 * text.n + 2 bytes for the host. NULL, or what is wrong with it: a sentence without a
 * subject, a literal. */
const char *absolute_parse(struct slice text, char *room, struct absolute *out)
    __attribute__((warn_unused_result));
