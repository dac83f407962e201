#pragma once

/*
 * address: "host:port", ":port", "[v6]:port" and "unix:/path" as they stand in the configuration.
 * Resolves no name.
 */

#include "config.h"

struct resolved;
struct sockaddr_storage;

#define ADDRESS_ANY_HOST 1u /* ":port" is accepted, and a port 0 (the kernel chooses) */
#define ADDRESS_NEEDS_PORT 2u

struct address_rule {
	unsigned flags;        /* ADDRESS_* */
	uint16_t default_port; /* without ADDRESS_NEEDS_PORT */
	const char *folder;    /* that a relative Unix path starts from; absolute */
};

/* Fills *out with strings of the arena. False: *out is as it was, and `why` says what is wrong and
 * the remedy. */
bool address_parse(struct arena *a, struct slice text, const struct address_rule *rule,
		   struct config_address *out, struct buf *why);
/* The path of a Unix socket, "unix:" already taken off. */
bool address_unix(struct arena *a, struct slice path, const char *folder,
		  struct config_address *out, struct buf *why);
/* Makes a path of the file system absolute. */
const char *address_path(struct arena *a, struct slice path, const char *folder);
/* An IP address, "address:port" or "[v6]:port", rewritten with its port (53). */
bool address_dns(struct slice text, struct buf *out);
/* "10.0.0.0/8"; a lone address is a network of one. Rewritten with its bits. */
bool address_network(struct slice text, struct buf *out);
/* One that a name resolved to, for connect(2). */
void resolved_address(const struct resolved *a, uint16_t port, struct sockaddr_storage *out);
