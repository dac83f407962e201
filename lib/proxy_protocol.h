#pragma once

/*
 * proxy_protocol: the header that a proxy puts before a connection to say whose it is (HAProxy's
 * specification, versions 1 and 2). Bytes in, outcome out; bytes for a header of our own. Knows no
 * socket and decides nothing about who may send one.
 */

#include "slice.h"

#include <stdint.h>

#define PROXY_HEADER_MAX ((size_t)16384) /* of version 2, with TLVs; longer ones are malformed */
#define PROXY_WRITE_MAX 108              /* the longest header that is written here */

enum proxy_outcome {
	PROXY_BAD = -1, /* malformed */
	PROXY_OK,
	PROXY_MORE, /* it is not whole yet */
};

enum proxy_version { PROXY_OFF, PROXY_V1, PROXY_V2 };

struct proxy_end {
	uint8_t ip[16]; /* IPv4 mapped */
	uint16_t port;
};

struct proxy_header {
	size_t used; /* bytes that it took */
	/* False: it names no TCP ends (LOCAL, UNKNOWN, a datagram, a Unix socket), and the ends of
	 * the connection itself count. */
	bool named;
	struct proxy_end source, destination;
};

/* `in`: all bytes that came so far. *out is valid with PROXY_OK only. A checksum (CRC32C) is
 * verified where there is one. */
enum proxy_outcome proxy_parse(struct slice in, struct proxy_header *out);
/* A header into `out` (PROXY_WRITE_MAX bytes); returns its length. `source` NULL: the connection is
 * the proxy's own (UNKNOWN, LOCAL). */
size_t proxy_write(enum proxy_version version, const struct proxy_end *source,
		   const struct proxy_end *destination, char *out);
