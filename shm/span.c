#include "span.h"

#include "reason.h"

void
span_write(struct buf *out, struct span *s, const struct slice text[SPAN_TEXTS])
{
	for (int i = 0; i < SPAN_TEXTS; i++)
		s->text_n[i] = (uint16_t)(text[i].n < SPAN_TEXT_MAX ? text[i].n : SPAN_TEXT_MAX);
	buf_add(out, s, sizeof *s);
	for (int i = 0; i < SPAN_TEXTS; i++)
		buf_add(out, text[i].p, s->text_n[i]);
}

static bool
is_sound(const struct span *s)
{
	static const uint8_t none[16];

	return s->kind <= SPAN_CLIENT && s->reason < REASON_N && s->status < 1000 &&
	       memcmp(s->trace, none, sizeof s->trace) != 0 &&
	       memcmp(s->id, none, sizeof s->id) != 0;
}

bool
span_read(struct slice *rest, struct span *out, struct slice text[SPAN_TEXTS])
{
	const char *p = rest->p;
	size_t left = rest->n;

	if (left < sizeof *out)
		return false;
	memcpy(out, p, sizeof *out);
	p += sizeof *out;
	left -= sizeof *out;
	for (int i = 0; i < SPAN_TEXTS; i++) {
		if (out->text_n[i] > SPAN_TEXT_MAX || out->text_n[i] > left)
			return false;
		text[i] = slice_make(p, out->text_n[i]);
		p += out->text_n[i];
		left -= out->text_n[i];
	}
	*rest = slice_make(p, left);
	return is_sound(out);
}
