#include "frame.h"

#include <errno.h>

static unsigned
head_bytes(const struct frame *f)
{
	unsigned length = f->head[1] & 0x7f;

	return 2 + (length == 126 ? 2 : length == 127 ? 8 : 0) + (f->head[1] & 0x80 ? 4 : 0);
}

static int
head_parse(struct frame *f)
{
	unsigned at = 2, more = f->head_n - 2 - (f->head[1] & 0x80 ? 4 : 0);

	f->fin = f->head[0] & 0x80;
	f->opcode = f->head[0] & 0xf;
	f->masked = f->head[1] & 0x80;
	f->size = more ? 0 : f->head[1] & 0x7f;
	f->at = 0;
	while (more-- > 0)
		f->size = f->size << 8 | f->head[at++];
	if (f->masked)
		memcpy(f->mask, f->head + at, 4);
	if (f->head[0] & 0x70 ||
	    (f->opcode >= FRAME_CLOSE && (f->size > FRAME_CONTROL_MAX || !f->fin)))
		return -EBADMSG;
	return 1;
}

int
frame_head(struct frame *f, struct slice *in)
{
	while (f->head_n < 2 || f->head_n < head_bytes(f)) {
		if (in->n == 0)
			return 0;
		f->head[f->head_n++] = (uint8_t)in->p[0];
		*in = slice_make(in->p + 1, in->n - 1);
	}
	return head_parse(f);
}

struct slice
frame_payload(struct frame *f, struct slice *in)
{
	size_t n = in->n < f->size - f->at ? in->n : (size_t)(f->size - f->at);
	struct slice part = slice_make(in->p, n);
	char *p = (char *)in->p;

	for (size_t i = 0; f->masked && i < n; i++)
		p[i] ^= (char)f->mask[(f->at + i) & 3];
	f->at += n;
	*in = slice_make(in->p + n, in->n - n);
	return part;
}

void
frame_put(struct buf *out, bool fin, uint8_t opcode, uint64_t size, const uint8_t *mask)
{
	unsigned more = size <= 125 ? 0 : size <= 0xffff ? 2 : 8;

	buf_addc(out, (char)((fin ? 0x80 : 0) | opcode));
	buf_addc(out, (char)((mask ? 0x80 : 0) | (more == 0   ? (unsigned)size
						  : more == 2 ? 126u
							      : 127u)));
	while (more-- > 0)
		buf_addc(out, (char)(size >> (8 * more)));
	if (mask)
		buf_add(out, mask, 4);
}
