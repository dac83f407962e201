#include "hub_text.h"

#define REPLACEMENT 0xfffdu

static uint32_t
take_byte(struct slice *s)
{
	uint32_t c = (unsigned char)s->p[0];

	*s = slice_make(s->p + 1, s->n - 1);
	return c;
}

/* What may follow the lead byte (RFC 3629 section 4). */
static void
second_range(uint32_t lead, uint32_t *low, uint32_t *high)
{
	*low = lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;
	*high = lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf;
}

/* U+FFFD for the longest run that begins a character and is none (Unicode, section 3.9). */
static uint32_t
take_utf8(struct slice *s)
{
	uint32_t lead = take_byte(s), c, low, high;
	unsigned more;

	if (lead < 0x80)
		return lead;
	if (lead < 0xc2 || lead > 0xf4)
		return REPLACEMENT;
	more = lead < 0xe0 ? 1 : lead < 0xf0 ? 2 : 3;
	c = lead & (0x3fu >> more);
	second_range(lead, &low, &high);
	for (; more > 0; more--) {
		uint32_t next = s->n > 0 ? (unsigned char)s->p[0] : 0;

		if (next < low || next > high)
			return REPLACEMENT;
		c = c << 6 | (take_byte(s) & 0x3f);
		low = 0x80;
		high = 0xbf;
	}
	return c;
}

static uint32_t
take_windows(struct slice *s)
{
	static const uint16_t upper[32] = {
		0x20ac, 0xfffd, 0x201a, 0x0192, 0x201e, 0x2026, 0x2020, 0x2021,
		0x02c6, 0x2030, 0x0160, 0x2039, 0x0152, 0xfffd, 0x017d, 0xfffd,
		0xfffd, 0x2018, 0x2019, 0x201c, 0x201d, 0x2022, 0x2013, 0x2014,
		0x02dc, 0x2122, 0x0161, 0x203a, 0x0153, 0xfffd, 0x017e, 0x0178,
	};
	uint32_t c = take_byte(s);

	return c >= 0x80 && c < 0xa0 ? upper[c - 0x80] : c;
}

static uint32_t
take(struct slice *s, enum charset charset)
{
	uint32_t c;

	switch (charset) {
	case CHARSET_UTF8:
		return take_utf8(s);
	case CHARSET_ASCII:
		c = take_byte(s);
		return c < 0x80 ? c : REPLACEMENT;
	case CHARSET_LATIN1:
		return take_byte(s);
	case CHARSET_WINDOWS:
		return take_windows(s);
	}
	return REPLACEMENT;
}

static void
add_unit(struct buf *out, uint32_t unit)
{
	static const char hex[] = "0123456789abcdef";
	const char text[] = {
		'\\',          'u', hex[unit >> 12 & 15], hex[unit >> 8 & 15], hex[unit >> 4 & 15],
		hex[unit & 15]
	};

	buf_add(out, text, sizeof text);
}

void
hub_text_char(struct buf *out, uint32_t c)
{
	static const char escapes[] = "\"\"\\\\\bb\ff\nn\rr\tt";

	for (size_t i = 0; i + 1 < sizeof escapes; i += 2) {
		if (c != (unsigned char)escapes[i])
			continue;
		buf_addc(out, '\\');
		buf_addc(out, escapes[i + 1]);
		return;
	}
	if (c >= 0x20 && c < 0x7f) {
		buf_addc(out, (char)c);
	} else if (c < 0x10000) {
		add_unit(out, c);
	} else {
		add_unit(out, 0xd800 + ((c - 0x10000) >> 10));
		add_unit(out, 0xdc00 + ((c - 0x10000) & 0x3ff));
	}
}

void
hub_text_chars(struct buf *out, struct slice s, enum charset charset)
{
	while (s.n > 0)
		hub_text_char(out, take(&s, charset));
}

void
hub_text_string(struct buf *out, struct slice s, enum charset charset)
{
	buf_addc(out, '"');
	hub_text_chars(out, s, charset);
	buf_addc(out, '"');
}
