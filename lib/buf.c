#include "buf.h"

#include "xalloc.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

void
buf_deinit(struct buf *b)
{
	free(b->p);
	*b = (struct buf){ 0 };
}

void
buf_wipe(struct buf *b)
{
	if (b->p)
		explicit_bzero(b->p, b->cap);
	buf_deinit(b);
}

void
buf_reserve(struct buf *b, size_t more)
{
	size_t want = b->n + more;
	size_t cap = b->cap ? b->cap : 256;

	if (want <= b->cap)
		return;
	while (cap < want)
		cap *= 2;
	b->p = xrealloc(b->p, cap);
	b->cap = cap;
}

void
buf_add(struct buf *b, const void *p, size_t n)
{
	if (n == 0)
		return;
	buf_reserve(b, n);
	memcpy(b->p + b->n, p, n);
	b->n += n;
}

void
buf_adds(struct buf *b, struct slice s)
{
	buf_add(b, s.p, s.n);
}

void
buf_addc(struct buf *b, char c)
{
	buf_add(b, &c, 1);
}

void
buf_add_u64(struct buf *b, uint64_t n)
{
	char digits[20];
	int i = 20;

	do {
		digits[--i] = (char)('0' + n % 10);
	} while (n /= 10);
	buf_add(b, digits + i, (size_t)(20 - i));
}

void
buf_addf(struct buf *b, const char *fmt, ...)
{
	va_list args, again;
	int n;

	va_start(args, fmt);
	va_copy(again, args);
	n = vsnprintf(NULL, 0, fmt, args);
	va_end(args);
	if (n > 0) {
		buf_reserve(b, (size_t)n + 1);
		vsnprintf(b->p + b->n, (size_t)n + 1, fmt, again);
		b->n += (size_t)n;
	}
	va_end(again);
}

size_t
utf8_length(struct slice s)
{
	const unsigned char *p = (const unsigned char *)s.p;
	size_t n;

	if (p[0] < 0x80)
		return 1;
	if (p[0] >= 0xc2 && p[0] <= 0xdf)
		n = 2;
	else if ((p[0] & 0xf0) == 0xe0)
		n = 3;
	else if (p[0] >= 0xf0 && p[0] <= 0xf4)
		n = 4;
	else
		return 0;
	if (s.n < n)
		return 0;
	for (size_t i = 1; i < n; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	}
	if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f) ||
	    (p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] > 0x8f))
		return 0;
	return n;
}

size_t
utf8_control(struct slice s)
{
	unsigned char c = (unsigned char)s.p[0], next = s.n > 1 ? (unsigned char)s.p[1] : 0;

	return c < 0x20 || c == 0x7f ? 1 : c == 0xc2 && next >= 0x80 && next < 0xa0 ? 2 : 0;
}

/* Bytes of a JSON string that stand for themselves, at the front of s. */
static size_t
json_plain(struct slice s)
{
	size_t n = 0;

	while (n < s.n && (unsigned char)s.p[n] >= 0x20 && (unsigned char)s.p[n] < 0x7f &&
	       s.p[n] != '"' && s.p[n] != '\\')
		n++;
	return n;
}

static void
json_escape(struct buf *b, unsigned char c)
{
	static const char hex[] = "0123456789abcdef";

	if (c == '"' || c == '\\') {
		buf_addc(b, '\\');
		buf_addc(b, (char)c);
	} else {
		buf_adds(b, SLICE("\\u00"));
		buf_addc(b, hex[c >> 4]);
		buf_addc(b, hex[c & 15]);
	}
}

void
buf_add_json(struct buf *b, struct slice s)
{
	buf_addc(b, '"');
	while (s.n > 0) {
		size_t n = json_plain(s);

		buf_add(b, s.p, n);
		s = slice_make(s.p + n, s.n - n);
		if (s.n == 0)
			break;
		n = utf8_length(s);
		if (n == 0)
			buf_adds(b, SLICE("\xef\xbf\xbd"));
		else if (n == 1 || utf8_control(s))
			json_escape(b, (unsigned char)s.p[n - 1]);
		else
			buf_add(b, s.p, n);
		n = n ? n : 1;
		s = slice_make(s.p + n, s.n - n);
	}
	buf_addc(b, '"');
}

void
buf_add_double(struct buf *b, double number)
{
	char text[32];

	for (int digits = 15; digits <= 17; digits++) {
		snprintf(text, sizeof text, "%.*g", digits, number);
		if (fabs(strtod(text, NULL) - number) <= 0)
			break;
	}
	buf_adds(b, slice_of(text));
}

void
buf_add_json_time(struct buf *b, int64_t wall)
{
	char text[32];
	time_t t = wall;
	struct tm tm;

	if (wall <= 0 || !gmtime_r(&t, &tm)) {
		buf_adds(b, SLICE("null"));
		return;
	}
	strftime(text, sizeof text, "\"%Y-%m-%dT%H:%M:%SZ\"", &tm);
	buf_adds(b, slice_of(text));
}

void
buf_add_html(struct buf *b, struct slice s)
{
	for (size_t i = 0; i < s.n; i++) {
		switch (s.p[i]) {
		case '&':
			buf_adds(b, SLICE("&amp;"));
			break;
		case '<':
			buf_adds(b, SLICE("&lt;"));
			break;
		case '>':
			buf_adds(b, SLICE("&gt;"));
			break;
		case '"':
			buf_adds(b, SLICE("&quot;"));
			break;
		case '\'':
			buf_adds(b, SLICE("&#39;"));
			break;
		default:
			buf_addc(b, s.p[i]);
		}
	}
}

void
buf_add_form(struct buf *b, struct slice s)
{
	static const char digits[] = "0123456789ABCDEF";

	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];
		char triplet[] = { '%', digits[c >> 4], digits[c & 15] };

		if ((c >= '0' && c <= '9') ||
		    (ascii_lower((char)c) >= 'a' && ascii_lower((char)c) <= 'z') ||
		    (c != '\0' && strchr("-._~", c)))
			buf_addc(b, (char)c);
		else
			buf_add(b, triplet, sizeof triplet);
	}
}
