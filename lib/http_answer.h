#pragma once

/*
 * http_answer: one final answer to a request of our own, by llhttp: bytes in; status, head and body
 * out. Knows no socket.
 */

#include "buf.h"

#include <llhttp.h>
#include <stdbool.h>

struct http_answer {
	llhttp_t parser;
	struct buf body;
	struct buf reason, fields; /* of the final head; whole lines, as they came */
	size_t body_max;           /* the caller's */
	bool keep;                 /* the caller's: as in struct http_client_request */
	bool head;                 /* the caller's: no body follows */
	bool keep_head;            /* the caller's: else reason and fields stay empty */
	size_t body_n;             /* bytes of body that have come */
	size_t head_n;             /* bytes read before the final head was whole */
	bool head_done, done, too_large;
};

/* Of zeros, but for what is the caller's. The address must stay. */
void http_answer_init(struct http_answer *a);
void http_answer_deinit(struct http_answer *a);
/* The status of the final answer, when it has come as far as it is wanted (1xx are passed over, but
 * for 101); 0: more has to come. -EMSGSIZE: head or body are too large; -EBADMSG: it is not HTTP.
 */
int http_answer_feed(struct http_answer *a, struct slice bytes) __attribute__((warn_unused_result));
/* The connection has come to its end. The same outcomes, or -ECONNRESET: it was not whole. */
int http_answer_end(struct http_answer *a) __attribute__((warn_unused_result));
