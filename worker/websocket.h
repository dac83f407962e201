#pragma once

/*
 * websocket: where one frame ends and the next begins (RFC 6455 section 5.2) in the bytes of one
 * direction, so that a frame of our own can be put between two. Nothing is changed or judged.
 */

#include "lib/slice.h"

#include <stdint.h>

#define WEBSOCKET_CLOSE_MAX 127

struct websocket {     /* zeroes: before the first frame */
	uint64_t left; /* bytes of the frame behind its head */
	uint8_t head[10];
	uint8_t n, need; /* bytes of the head that came, and that there are; n == 0: between two */
};

static inline bool
websocket_between(const struct websocket *s)
{
	return s->n == 0;
}

/* Takes bytes up to the end of the frame that they belong to; how many these were. */
size_t websocket_frame(struct websocket *s, struct slice bytes);
/* Takes all of them. */
void websocket_pass(struct websocket *s, struct slice bytes);
/* A server's close frame; returns its size. */
size_t websocket_close(uint16_t code, struct slice text, char out[WEBSOCKET_CLOSE_MAX]);
