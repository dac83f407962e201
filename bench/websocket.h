#pragma once

/* websocket: the client's side of an open WebSocket whose server echoes: one message out, the same
 * one back. Bytes in, a verdict out; knows no socket. */

#include "frame.h"

enum websocket_verdict {
	WEBSOCKET_MORE,
	WEBSOCKET_MESSAGE, /* a whole message, as it was sent */
	WEBSOCKET_OTHER,   /* a whole message that is not the one that was sent */
	WEBSOCKET_CLOSED,  /* the server said so */
	WEBSOCKET_BAD,     /* not the protocol */
};

struct websocket {
	struct frame frame;
	bool payload;      /* in that of the frame, else in its head */
	bool differs;      /* some byte of the message did */
	uint64_t size;     /* of the message */
	uint64_t received; /* of its echo */
	uint8_t control[FRAME_CONTROL_MAX];
};

void websocket_reset(struct websocket *ws);
/* Appends a message of that size, masked. */
void websocket_send(struct websocket *ws, uint64_t size, struct buf *out);
/* Takes bytes up to the end of a message; answers pings into `out`. */
enum websocket_verdict websocket_feed(struct websocket *ws, struct slice *in, struct buf *out)
    __attribute__((warn_unused_result));
