#include "websocket.h"

static const uint8_t mask[4] = {
	0x79, 0x65, 0x74, 0x74
}; /* need not be secret: nothing in between is fooled by us */

static char
pattern(uint64_t i)
{
	return (char)('a' + i % 26);
}

void
websocket_reset(struct websocket *ws)
{
	ws->frame.head_n = 0;
	ws->payload = false;
}

void
websocket_send(struct websocket *ws, uint64_t size, struct buf *out)
{
	ws->size = size;
	ws->received = 0;
	ws->differs = false;
	frame_put(out, true, FRAME_BINARY, size, mask);
	buf_reserve(out, size);
	for (uint64_t i = 0; i < size; i++)
		out->p[out->n++] = (char)(pattern(i) ^ (char)mask[i & 3]);
}

static void
answer_ping(struct websocket *ws, struct buf *out)
{
	frame_put(out, true, FRAME_PONG, ws->frame.size, mask);
	for (uint64_t i = 0; i < ws->frame.size; i++)
		buf_addc(out, (char)(ws->control[i] ^ mask[i & 3]));
}

static void
take_payload(struct websocket *ws, struct slice *in)
{
	uint64_t at = ws->frame.at;
	struct slice part = frame_payload(&ws->frame, in);

	if (ws->frame.opcode >= FRAME_CLOSE) {
		memcpy(ws->control + at, part.p, part.n);
		return;
	}
	for (size_t i = 0; i < part.n; i++)
		ws->differs = ws->differs || part.p[i] != pattern(ws->received + i);
	ws->received += part.n;
}

static enum websocket_verdict
frame_end(struct websocket *ws, struct buf *out)
{
	switch (ws->frame.opcode) {
	case FRAME_CONTINUATION:
	case FRAME_TEXT:
	case FRAME_BINARY:
		if (!ws->frame.fin)
			return WEBSOCKET_MORE;
		return ws->differs || ws->received != ws->size ? WEBSOCKET_OTHER
							       : WEBSOCKET_MESSAGE;
	case FRAME_CLOSE:
		return WEBSOCKET_CLOSED;
	case FRAME_PING:
		answer_ping(ws, out);
		return WEBSOCKET_MORE;
	case FRAME_PONG:
		return WEBSOCKET_MORE;
	default:
		return WEBSOCKET_BAD;
	}
}

enum websocket_verdict
websocket_feed(struct websocket *ws, struct slice *in, struct buf *out)
{
	enum websocket_verdict verdict = WEBSOCKET_MORE;
	int r;

	while (verdict == WEBSOCKET_MORE) {
		if (!ws->payload) {
			r = frame_head(&ws->frame, in);
			if (r <= 0)
				return r == 0 ? WEBSOCKET_MORE : WEBSOCKET_BAD;
			if (ws->frame.masked) /* RFC 6455 section 5.1 */
				return WEBSOCKET_BAD;
			ws->payload = true;
		}
		take_payload(ws, in);
		if (ws->frame.at < ws->frame.size)
			return WEBSOCKET_MORE;
		websocket_reset(ws);
		verdict = frame_end(ws, out);
	}
	return verdict;
}
