#pragma once

/* url: where a load goes. */

#include "lib/slice.h"

#include <netinet/in.h>

struct url {
	struct sockaddr_storage address;
	socklen_t address_n;
	bool tls;
	bool named; /* the host is a name, not an address */
	char host[256];
	struct slice authority, path; /* of the text that was parsed */
};

/* "http://HOST[:PORT][/PATH]", or with https://, ws://, wss://; a name is looked up. NULL, or what
 * is wrong with it.
 */
const char *url_parse(struct url *u, const char *text) __attribute__((warn_unused_result));
