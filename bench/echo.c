#include "echo.h"

#include <openssl/evp.h>

#define KEY_MAX 64

void
echo_accept(struct slice key, struct buf *out)
{
	unsigned char digest[EVP_MAX_MD_SIZE], text[EVP_MAX_MD_SIZE * 2];
	BUF_CLEAN struct buf both = { 0 };
	unsigned n = 0;

	buf_add(&both, key.p, key.n < KEY_MAX ? key.n : KEY_MAX);
	buf_adds(&both, SLICE("258EAFA5-E914-47DA-95CA-C5AB0DC85B11"));
	EVP_Digest(both.p, both.n, digest, &n, EVP_sha1(), NULL);
	EVP_EncodeBlock(text, digest, (int)n);
	buf_addf(out, "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n",
		 (char *)text);
}

bool
echo_take(struct echo *e, struct slice in, struct buf *out)
{
	while (in.n > 0 || e->payload) {
		if (!e->payload) {
			int r = frame_head(&e->frame, &in);

			if (r <= 0)
				return r == 0;
			frame_put(out, e->frame.fin,
				  e->frame.opcode == FRAME_PING ? FRAME_PONG : e->frame.opcode,
				  e->frame.size, NULL);
			e->payload = true;
		}
		buf_adds(out, frame_payload(&e->frame, &in));
		if (e->frame.at < e->frame.size)
			return true;
		e->payload = false;
		e->frame.head_n = 0;
		if (e->frame.opcode == FRAME_CLOSE)
			return false;
	}
	return true;
}
