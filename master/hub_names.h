#pragma once

/*
 * hub_names: the hosts that a hub may ask, as the file writes them, and how the upstreams are
 * called that are made of them.
 */

#include "config.h"

struct hub_name {
	const char *host;      /* as an address has it: lower case, without brackets */
	const char *canonical; /* the same with brackets; "": any */
	uint16_t port;         /* 0: that of the scheme */
};

/* "host", "host:port", "[v6]:port", or "*" for any. False: it is none of them. */
bool hub_name_parse(struct arena *arena, const char *text, struct hub_name *out);
/* What is different of it; NULL: nothing. */
const struct config_hub_target *hub_names_target(const struct config_hub *hub, const char *text);
/* It has a colon, which no upstream of the file has. Two that are asked in the same way have the
 * same. */
const char *hub_names_upstream(struct arena *arena, const struct config_hub *hub, const char *text,
			       bool https);
