#pragma once

/*
 * table_hub: the part of SEGMENT_RULES that is of hubs: routes by which a page has the gateway ask
 * other services in its user's name. Whom it may ask are upstreams of the table, so that a worker
 * finds their addresses and their TLS there. Included by table.h.
 */

#include "segment.h"

#define HUB_HTTP 1u /* URLs may be of http, too */

struct table_hub {
	uint32_t flags;                        /* HUB_* */
	uint32_t timeout_ms;                   /* for an answer, from the first byte to the last */
	uint32_t targets_first, targets_count; /* run of RULES_HUB_TARGETS */
	uint32_t networks_first, networks_count; /* of RULES_NETWORKS: addresses that nobody on the
						    internet has, and that may be asked */
	uint32_t provider;  /* index in RULES_PROVIDERS, whose token is sent; TRIE_NONE: that by
			       which who asks is known */
	uint32_t refresh_s; /* so much longer it has to be good */
	uint32_t preferred_username, name; /* facts about who asks; TRIE_NONE: there is no room */
	uint64_t request_bytes, response_bytes;
};

/* Whom it may ask. Of one with an empty host any other, by the TLS of its upstreams. */
struct table_hub_target {
	struct seg_ref host;   /* canonical: lower case, IPv6 in brackets */
	uint32_t port;         /* 0: that of the scheme */
	uint32_t timeout_ms;   /* 0: the hub's */
	uint32_t upstreams[2]; /* index in ENDPOINTS_UPSTREAMS by scheme, https in [1]; 0: not by
				  this scheme */
};

/* `number`: of an action; NULL: it has none. */
const struct table_hub *table_hub(const struct segment *rules, uint32_t number);
const struct table_hub_target *table_hub_target(const struct segment *rules, uint32_t i);
/* The target that this host and port of a URL belong to; NULL: it may not be asked. `host`:
 * canonical. */
const struct table_hub_target *table_hub_find(const struct segment *rules,
					      const struct table_hub *hub, bool https,
					      struct slice host, uint16_t port);
/* May this address be asked? 16 bytes, IPv4 mapped. */
bool table_hub_reaches(const struct segment *rules, const struct table_hub *hub,
		       const uint8_t ip[16]);

/* For table_verify_rules. */
bool table_hubs_ok(const struct segment *rules);
