#pragma once

/*
 * config_types: what many parts of a configuration are made of.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct config_place { /* where something stands in the file; line 0: it does not (a default) */
	const char *file;
	int line;
};

struct config_address {   /* "host:port", ":port", "[v6]:port", "unix:/path" */
	const char *text; /* as written, but for a relative path; NULL: none was given */
	const char *host; /* lower case, IPv6 without its brackets; NULL: Unix socket or any */
	uint16_t port;
	const char *unix_path;
};

struct config_secret { /* from the file, a file, an environment variable, or systemd's credentials
			*/
	const char *bytes; /* NULL: none. Wiped by config_free */
	size_t n;
	const char *origin; /* "file /x", "env X", "credential x", "configuration" */
};

struct config_upstream_tls {     /* towards a server */
	const char *ca;          /* file of roots */
	const char *server_name; /* "": the host of the address */
	bool insecure_skip_verify;
	const char *certificate, *key; /* files; "": none is shown, the key stands with it */
	const char **pins;             /* base64 of SHA-256 */
	size_t pins_count;
};

struct config_url { /* of a document that the master fetches */
	bool https;
	const char *host; /* a name or an address without brackets */
	uint16_t port;
	const char *authority; /* for Host */
	const char *path;      /* in origin form, with its query */
};

struct config_seek {                     /* how a Redis is found that no address names */
	const char **sentinels, **nodes; /* of a cluster; as they are written */
	size_t sentinels_count, nodes_count;
	const char *master;   /* as sentinels know it */
	const char *username; /* of the sentinels; "" = none */
	struct config_secret password;
	struct config_address *places; /* completed: whom to ask, sentinels or nodes */
	size_t places_count;           /* 0: the address says it all */
};
