#pragma once

/*
 * back: what an upstream says of itself (Location, the paths of its cookies) in terms of what the
 * client asked for, where the two differ. Bytes in, bytes out.
 *
 * A path below upstream_prefix is put below client_prefix. Where upstream_prefix is empty and the
 * path is below client_prefix already, the upstream knows (X-Forwarded-Prefix), and it stays. A URL
 * of another host stays as it is, and so does what is relative.
 */

#include "lib/slice.h"

#define BACK_HOSTS 3

struct back {
	struct slice upstream_prefix, client_prefix; /* "", or "/a" without a slash at the end */
	struct slice
	    hosts[BACK_HOSTS];     /* names that the upstream goes by, the client's among them */
	struct slice scheme, host; /* that the client asked; host "": none */
};

/* More bytes than what is changed itself that either of the two may write. */
size_t back_room(const struct back *b);
/* The value of Location or Content-Location. */
char *back_location(char *o, const struct back *b, struct slice value);
/* The value of Set-Cookie. `b` NULL: its path stays. */
char *back_cookie(char *o, const struct back *b, struct slice value, bool drop_domain);
