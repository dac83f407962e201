#pragma once

/*
 * answer: finds the end of an HTTP/1.1 answer and counts its body. On purpose not the gateway's own
 * parser (lib/http_head): a mistake there must not hide itself from the load generator. Bytes in, a
 * verdict out; knows no socket.
 */

#include "lib/buf.h"

#include <stdbool.h>
#include <stdint.h>

enum answer_state {
	ANSWER_HEAD,
	ANSWER_LENGTH,     /* a body by Content-Length */
	ANSWER_CLOSE,      /* a body until the peer ends */
	ANSWER_CHUNK_SIZE, /* a line with the size of a chunk */
	ANSWER_CHUNK,      /* bytes of a chunk and its CRLF */
	ANSWER_TRAILER,    /* lines up to an empty one */
	ANSWER_DONE,
};

struct answer {
	enum answer_state state;
	unsigned status;
	bool close;      /* the connection ends after it */
	bool began;      /* a byte of it came */
	uint64_t body;   /* bytes of the body so far */
	uint64_t left;   /* of a length or of a chunk with its CRLF */
	struct buf line; /* an unfinished head or line; empty when all of it lay in one read */
};

/* Ready for the next answer; keeps memory. */
void answer_reset(struct answer *a);
void answer_deinit(struct answer *a);
/* 1: the answer is whole, *used bytes belong to it. 0: all bytes were taken and more must come.
 * -EBADMSG: not an answer. `bodiless`: the request was a HEAD. Interim answers (1xx but 101) are
 * skipped. */
int answer_feed(struct answer *a, struct slice in, bool bodiless, size_t *used)
    __attribute__((warn_unused_result));
/* The peer ended: true when that completes the answer. */
bool answer_end(struct answer *a);
