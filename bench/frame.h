#pragma once

/* frame: heads of WebSocket frames (RFC 6455 section 5.2). Bytes in, bytes out; no extension is
 * known. */

#include "lib/buf.h"

#include <stdbool.h>
#include <stdint.h>

enum frame_opcode {
	FRAME_CONTINUATION,
	FRAME_TEXT,
	FRAME_BINARY,
	FRAME_CLOSE = 8,
	FRAME_PING,
	FRAME_PONG
};

#define FRAME_CONTROL_MAX 125u

struct frame {
	uint8_t head[14];
	unsigned head_n; /* bytes of it that are there */
	uint8_t opcode, mask[4];
	bool fin, masked;
	uint64_t size, at; /* of the payload; how much of it was taken */
};

/* Takes bytes of a head. 1: it is whole; 0: more must come; -EBADMSG: not one. For the next frame
 * set head_n to 0. */
int frame_head(struct frame *f, struct slice *in) __attribute__((warn_unused_result));
/* Takes what there is of the payload, and unmasks it where it lies. */
struct slice frame_payload(struct frame *f, struct slice *in);
/* Appends a head; `mask` of 4 bytes, or NULL. */
void frame_put(struct buf *out, bool fin, uint8_t opcode, uint64_t size, const uint8_t *mask);
