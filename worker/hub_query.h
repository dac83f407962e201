#pragma once

/*
 * hub_query: what a hub is asked to ask, read from JSON that anybody may have written, and the
 * request that is made of it. Bytes in, bytes out; knows no request and no connection.
 *
 *     {"query": {"method": "POST", "url": "https://...", "headers": {...}, "data": ...}}
 */

#include "lib/absolute.h"
#include "lib/buf.h"

#include <stdbool.h>

struct json;
struct segment;

#define HUB_URL_MAX 8192u
#define HUB_FIELDS_MAX 100u         /* that are sent along */
#define HUB_HEADERS_MAX (32u << 10) /* bytes of them as JSON */

struct hub_query {                          /* of zeros */
	struct slice method, headers, data; /* as they were written; p == NULL: not given */
	struct slice body;                  /* of what is sent; p == NULL: none */
	const char *verb;
	struct buf url, room; /* of `parts` */
	struct absolute parts;
	struct json *fields; /* NULL: none */
};

void hub_query_deinit(struct hub_query *q);
/* `body` must outlive q. NULL, or what the client reads of what is missing: a literal. */
const char *hub_query_read(struct hub_query *q, struct slice body);
/* Is its URL one that everybody reads in the same way? Then `parts` is set. */
bool hub_query_url(struct hub_query *q);
/* The rest of it, once it is known that its host may be asked. NULL, or as above. */
const char *hub_query_check(struct hub_query *q);

struct hub_sender {           /* what goes along */
	struct slice token;   /* as bearer */
	struct slice id, via; /* of the request; our pseudonym, or empty */
	const char *version;
	const struct segment *rules; /* whose names of identity headers do not pass; NULL: none */
};

/* The whole request, behind what is in `out`. */
void hub_query_write(const struct hub_query *q, const struct hub_sender *s, struct buf *out);
