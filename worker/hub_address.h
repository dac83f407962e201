#pragma once

/*
 * hub_address: where the service that a hub is to ask can be reached: addresses of the table, or
 * for a hub that may ask anybody those that the master knows. Only what was judged here is
 * connected to.
 */

#include "policies.h"

#include "lib/absolute.h"

#include <netinet/in.h>
#include <sys/socket.h>

#define HUB_ADDRESSES 8u

struct hub_address {
	struct sockaddr_storage all[HUB_ADDRESSES];
	unsigned count;    /* at least one, after PASS */
	uint32_t upstream; /* index in ENDPOINTS_UPSTREAMS: its TLS */
	bool any;          /* it is that of all hosts: the peer is the URL's */
	uint32_t timeout_ms;
};

/* REPLY: *why. After WAIT it is asked again. */
enum verdict hub_address_find(struct request *r, const struct table_hub *hub,
			      const struct absolute *url, struct hub_address *out,
			      enum reason *why);
