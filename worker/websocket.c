#include "websocket.h"

#include <string.h>

#define MASK_N 4

/* By the two bytes that each has. */
static uint8_t
head_size(const uint8_t *head)
{
	uint8_t length = head[1] & 0x7f;

	return (uint8_t)(2 + (length == 126 ? 2 : length == 127 ? 8 : 0));
}

static uint64_t
payload_size(const uint8_t *head, uint8_t n)
{
	uint64_t size = 0;

	for (uint8_t i = 2; i < n; i++)
		size = size << 8 | head[i];
	return n == 2 ? head[1] & 0x7f : size;
}

static void
head_byte(struct websocket *s, uint8_t byte)
{
	s->head[s->n++] = byte;
	if (s->n == 2)
		s->need = head_size(s->head);
	if (s->n < 2 || s->n < s->need)
		return;
	s->left = payload_size(s->head, s->need);
	/* A length that no frame has: nothing follows it that could be waited for. */
	s->left += s->head[1] & 0x80 && s->left <= UINT64_MAX - MASK_N ? MASK_N : 0;
}

static bool
is_head_whole(const struct websocket *s)
{
	return s->n >= 2 && s->n == s->need;
}

size_t
websocket_frame(struct websocket *s, struct slice bytes)
{
	size_t i = 0, rest;

	while (i < bytes.n && !is_head_whole(s))
		head_byte(s, (uint8_t)bytes.p[i++]);
	if (!is_head_whole(s))
		return i;
	rest = bytes.n - i < s->left ? bytes.n - i : (size_t)s->left;
	s->left -= rest;
	if (s->left == 0)
		s->n = s->need = 0;
	return i + rest;
}

void
websocket_pass(struct websocket *s, struct slice bytes)
{
	while (bytes.n > 0) {
		size_t n = websocket_frame(s, bytes);

		bytes = slice_make(bytes.p + n, bytes.n - n);
	}
}

size_t
websocket_close(uint16_t code, struct slice text, char out[WEBSOCKET_CLOSE_MAX])
{
	size_t n = text.n < WEBSOCKET_CLOSE_MAX - 4 ? text.n : WEBSOCKET_CLOSE_MAX - 4;

	out[0] = (char)0x88; /* final, close */
	out[1] = (char)(n + 2);
	out[2] = (char)(code >> 8);
	out[3] = (char)(code & 0xff);
	memcpy(out + 4, text.p, n);
	return n + 4;
}
