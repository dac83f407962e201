#pragma once

/*
 * dialect: what a key "frontend:<url>" of Redis matches, which depends on whose tool wrote it.
 *
 * redx: rstudio/redx since 2016. The host is in lower case without a port; a path has a slash at
 * its end, and only then.
 *
 * riox: its fork in Riox, and redx before. The host is compared as the client wrote it, with case
 * and port; a path has no slash at its end.
 *
 * both: either spelling. The host is in lower case, with a port only where the key names one;
 * "*.example.org" is a wildcard.
 *
 * In the first two a key that its own tool would never have matched is unreachable, not mended: the
 * same data must route the same. They compare paths byte by byte; a request is routed by its
 * canonical path here, so a key whose path is not canonical is unreachable as well (the case of
 * hexadecimal digits in triplets makes no difference).
 */

#include "config.h"

struct dialect_match {
	struct slice host; /* as for table_builder_route */
	bool verbatim;
	struct slice path; /* match form, no slash at the end but for "/" */
	/* Of a verbatim host: what it is without case; else equal to host. */
	struct slice canonical;
	bool slash; /* the key ends in a slash */
	bool plain; /* the key is spelled as it is matched */
};

enum { DIALECT_MATCHES = 0, DIALECT_UNREACHABLE, DIALECT_REFUSED };

/* One of the above; *reason is static, "" when it matches. Slices live in `arena` or `url`. */
int dialect_read(enum dialect dialect, uint32_t max_path_length, struct slice url,
		 struct arena *arena, struct dialect_match *out, const char **reason);
