#pragma once

/*
 * span: what a worker tells the master of a part of a request that is traced: one record behind the
 * other in a MSG_SPANS. Bytes in, bytes out; who reads doubts them.
 */

#include "lib/buf.h"
#include "lib/slice.h"

#include <stdint.h>

#define SPAN_TEXT_MAX 512u /* of each text; more is cut off */

enum span_kind {
	SPAN_SERVER, /* the request, as its client sees it */
	SPAN_CLIENT  /* one try at an endpoint */
};

#define SPAN_PARENT 1u       /* `parent` is one */
#define SPAN_LINK 2u         /* so is `link_trace`: what a caller said that is not trusted */
#define SPAN_SECURE 4u       /* over TLS */
#define SPAN_OTHER_METHOD 8u /* one that HTTP does not define, or none could be read */
#define SPAN_HTTP_1_0 16u

enum span_text {
	SPAN_METHOD,   /* as it came */
	SPAN_ROUTE,    /* the path of its rule, as written; "": none matched */
	SPAN_ROUTE_ID, /* "file:users" */
	SPAN_PATH,     /* SPAN_SERVER: canonical; SPAN_CLIENT: as sent; both without a query */
	SPAN_HOST, /* SPAN_SERVER: that is asked for; SPAN_CLIENT: of the endpoint, with its port */
	SPAN_REQUEST_ID,
	SPAN_STATE, /* tracestate of the caller, where it is believed */
	SPAN_TEXTS
};

struct span {
	uint8_t trace[16], id[8], parent[8], link_trace[16], link_parent[8];
	uint8_t peer[16], client[16]; /* addresses, IPv4 mapped; of zeros: there is none */
	uint64_t begin_ns, end_ns;    /* since 1970 */
	uint16_t kind, flags;         /* enum span_kind, SPAN_* */
	uint16_t status;              /* of HTTP; 0: there was none */
	uint16_t reason;              /* enum reason */
	uint16_t port;                /* of the peer; 0: unknown */
	uint16_t resend;              /* SPAN_CLIENT: tries before this one */
	uint16_t text_n[SPAN_TEXTS];
};

#define SPAN_MAX (sizeof(struct span) + SPAN_TEXTS * SPAN_TEXT_MAX)

/* Sets text_n. */
void span_write(struct buf *out, struct span *s, const struct slice text[SPAN_TEXTS]);
/* Takes the first record off *rest; the texts lie in it. False: it is none. */
bool span_read(struct slice *rest, struct span *out, struct slice text[SPAN_TEXTS]);
