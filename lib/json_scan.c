#include "json_scan.h"

#define NUMBER_MAX 60 /* bytes; cJSON would cut longer ones, and nobody means them */

struct scan {
	const unsigned char *p, *end;
	unsigned depth, depth_max;
};

static void
scan_space(struct scan *s)
{
	while (s->p < s->end && (*s->p == ' ' || *s->p == '\t' || *s->p == '\n' || *s->p == '\r'))
		s->p++;
}

static bool
scan_take(struct scan *s, char c)
{
	if (s->p == s->end || *s->p != (unsigned char)c)
		return false;
	s->p++;
	return true;
}

static bool
scan_word(struct scan *s, struct slice word)
{
	if ((size_t)(s->end - s->p) < word.n || memcmp(s->p, word.p, word.n) != 0)
		return false;
	s->p += word.n;
	return true;
}

static bool
scan_digits(struct scan *s)
{
	const unsigned char *start = s->p;

	while (s->p < s->end && *s->p >= '0' && *s->p <= '9')
		s->p++;
	return s->p > start;
}

/* RFC 8259 section 6. */
static bool
scan_number(struct scan *s)
{
	const unsigned char *start = s->p;

	scan_take(s, '-');
	if (!scan_take(s, '0') && !scan_digits(s))
		return false;
	if (scan_take(s, '.') && !scan_digits(s))
		return false;
	if (scan_take(s, 'e') || scan_take(s, 'E')) {
		if (!scan_take(s, '+'))
			scan_take(s, '-');
		if (!scan_digits(s))
			return false;
	}
	return s->p - start <= NUMBER_MAX;
}

/* Four hex digits; -1 when they are not there. */
static int
scan_hex4(struct scan *s)
{
	int v = 0;

	if (s->end - s->p < 4)
		return -1;
	for (int i = 0; i < 4; i++) {
		char c = ascii_lower((char)*s->p++);

		if (c >= '0' && c <= '9')
			v = v * 16 + (c - '0');
		else if (c >= 'a' && c <= 'f')
			v = v * 16 + (c - 'a' + 10);
		else
			return -1;
	}
	return v;
}

/* What follows a backslash (section 7). Lone surrogates are no characters. */
static bool
scan_escape(struct scan *s)
{
	int v;

	if (s->p == s->end)
		return false;
	switch (*s->p++) {
	case '"':
	case '\\':
	case '/':
	case 'b':
	case 'f':
	case 'n':
	case 'r':
	case 't':
		return true;
	case 'u':
		break;
	default:
		return false;
	}
	v = scan_hex4(s);
	if (v <= 0 || (v >= 0xdc00 && v <= 0xdfff))
		return false;
	if (v < 0xd800 || v > 0xdbff)
		return true;
	if (!scan_take(s, '\\') || !scan_take(s, 'u'))
		return false;
	v = scan_hex4(s);
	return v >= 0xdc00 && v <= 0xdfff;
}

/* A sequence of more than one byte (RFC 3629 section 4). */
static bool
scan_utf8(struct scan *s)
{
	size_t left = (size_t)(s->end - s->p);
	const unsigned char *p = s->p;
	size_t n;

	if (p[0] >= 0xc2 && p[0] <= 0xdf)
		n = 2;
	else if ((p[0] & 0xf0) == 0xe0)
		n = 3;
	else if (p[0] >= 0xf0 && p[0] <= 0xf4)
		n = 4;
	else
		return false;
	if (left < n)
		return false;
	for (size_t i = 1; i < n; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return false;
	}
	if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f) ||
	    (p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] > 0x8f))
		return false;
	s->p += n;
	return true;
}

static bool
scan_string(struct scan *s)
{
	if (!scan_take(s, '"'))
		return false;
	while (s->p < s->end) {
		unsigned char c = *s->p;

		if (c == '"') {
			s->p++;
			return true;
		}
		if (c == '\\') {
			s->p++;
			if (!scan_escape(s))
				return false;
		} else if (c >= 0x80) {
			if (!scan_utf8(s))
				return false;
		} else if (c < 0x20) {
			return false;
		} else {
			s->p++;
		}
	}
	return false;
}

static bool scan_value(struct scan *s);

/* The elements of an array or members of an object, behind its bracket. */
static bool
scan_elements(struct scan *s, bool named, char close)
{
	if (++s->depth > s->depth_max)
		return false;
	scan_space(s);
	if (!scan_take(s, close)) {
		do {
			scan_space(s);
			if (named) {
				if (!scan_string(s))
					return false;
				scan_space(s);
				if (!scan_take(s, ':'))
					return false;
				scan_space(s);
			}
			if (!scan_value(s))
				return false;
			scan_space(s);
		} while (scan_take(s, ','));
		if (!scan_take(s, close))
			return false;
	}
	s->depth--;
	return true;
}

static bool
scan_value(struct scan *s)
{
	if (s->p == s->end)
		return false;
	switch (*s->p) {
	case '{':
		s->p++;
		return scan_elements(s, true, '}');
	case '[':
		s->p++;
		return scan_elements(s, false, ']');
	case '"':
		return scan_string(s);
	case 't':
		return scan_word(s, SLICE("true"));
	case 'f':
		return scan_word(s, SLICE("false"));
	case 'n':
		return scan_word(s, SLICE("null"));
	default:
		return scan_number(s);
	}
}

bool
json_scan(struct slice text, unsigned depth_max)
{
	struct scan s = { .p = (const unsigned char *)text.p, .depth_max = depth_max };

	if (text.n == 0) /* or it may be nowhere */
		return false;
	s.end = s.p + text.n;
	scan_space(&s);
	if (!scan_value(&s))
		return false;
	scan_space(&s);
	return s.p == s.end;
}

static bool
is_of_number(char c)
{
	return (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '+' || (c | 0x20) == 'e';
}

struct slice
json_scan_number(struct slice *rest)
{
	const char *p = rest->p, *end = rest->p + rest->n, *start;
	bool quoted = false;

	for (; p < end && (quoted || (*p != '-' && (*p < '0' || *p > '9'))); p++) {
		if (*p == '"')
			quoted = !quoted;
		else if (*p == '\\')
			p++;
	}
	if (p >= end)
		return (struct slice){ NULL, 0 };
	for (start = p; p < end && is_of_number(*p); p++)
		;
	*rest = slice_make(p, (size_t)(end - p));
	return slice_make(start, (size_t)(p - start));
}
