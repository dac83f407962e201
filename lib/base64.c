#include "base64.h"

#include <errno.h>
#include <stdint.h>

/* clang-format off */
#define NONE (-1)
#define NONE4 NONE, NONE, NONE, NONE
#define NONE16 NONE4, NONE4, NONE4, NONE4
#define NONE128 NONE16, NONE16, NONE16, NONE16, NONE16, NONE16, NONE16, NONE16
#define UPPER \
	0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25
#define LOWER \
	26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43, 44, 45, 46, 47, \
	48, 49, 50, 51
#define DIGITS 52, 53, 54, 55, 56, 57, 58, 59, 60, 61

static const int8_t url_digits[256] = {
	NONE16, NONE16,
	NONE4, NONE4, NONE4, NONE, 62, NONE, NONE,
	DIGITS, NONE4, NONE, NONE, NONE,
	UPPER, NONE4, 63, NONE,
	LOWER, NONE4, NONE,
	NONE128,
};

static const int8_t plain_digits[256] = {
	NONE16, NONE16,
	NONE4, NONE4, NONE, NONE, NONE, 62, NONE, NONE, NONE, 63,
	DIGITS, NONE4, NONE, NONE, NONE,
	UPPER, NONE4, NONE, NONE,
	LOWER, NONE4, NONE,
	NONE128,
};
/* clang-format on */

static int
decode(const int8_t *digits, struct slice in, char *out, size_t *out_n)
{
	const unsigned char *p = (const unsigned char *)in.p;
	size_t whole = in.n / 4 * 4, left = in.n - whole, o = 0;
	int bad = 0, a, b, c;

	for (size_t i = 0; i < whole; i += 4, o += 3) {
		int d = digits[p[i + 3]];

		a = digits[p[i]];
		b = digits[p[i + 1]];
		c = digits[p[i + 2]];
		bad |= a | b | c | d; /* NONE alone is negative */
		out[o] = (char)((unsigned)a << 2 | (unsigned)b >> 4);
		out[o + 1] = (char)((unsigned)b << 4 | (unsigned)c >> 2);
		out[o + 2] = (char)((unsigned)c << 6 | (unsigned)d);
	}
	if (left == 1)
		return -EINVAL;
	if (left >= 2) {
		a = digits[p[whole]];
		b = digits[p[whole + 1]];
		c = left == 3 ? digits[p[whole + 2]] : 0;
		bad |= a | b | c;
		/* The bits that no byte takes must be zero (section 3.5). */
		if ((left == 2 && (b & 15)) || (c & 3))
			return -EINVAL;
		out[o++] = (char)((unsigned)a << 2 | (unsigned)b >> 4);
		if (left == 3)
			out[o++] = (char)((unsigned)b << 4 | (unsigned)c >> 2);
	}
	*out_n = o;
	return bad < 0 ? -EINVAL : 0;
}

int
base64url_decode(struct slice in, char *out, size_t *out_n)
{
	return decode(url_digits, in, out, out_n);
}

int
base64_decode(struct slice in, char *out, size_t *out_n)
{
	if (in.n % 4 != 0)
		return -EINVAL;
	for (int i = 0; i < 2 && in.n > 0 && in.p[in.n - 1] == '='; i++)
		in.n--;
	return decode(plain_digits, in, out, out_n);
}

/* `digits`: 64 of them. */
static size_t
encode(const char *digits, struct slice in, char *out)
{
	const unsigned char *p = (const unsigned char *)in.p;
	size_t i = 0, o = 0;

	for (; in.n - i >= 3; i += 3) {
		unsigned v = (unsigned)p[i] << 16 | (unsigned)p[i + 1] << 8 | p[i + 2];

		out[o++] = digits[v >> 18];
		out[o++] = digits[v >> 12 & 63];
		out[o++] = digits[v >> 6 & 63];
		out[o++] = digits[v & 63];
	}
	if (i < in.n) {
		unsigned v = (unsigned)p[i] << 16 | (in.n - i == 2 ? (unsigned)p[i + 1] << 8 : 0);

		out[o++] = digits[v >> 18];
		out[o++] = digits[v >> 12 & 63];
		if (in.n - i == 2)
			out[o++] = digits[v >> 6 & 63];
	}
	return o;
}

#define LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

size_t
base64url_encode(struct slice in, char *out)
{
	return encode(LETTERS "-_", in, out);
}

size_t
base64_encode(struct slice in, char *out)
{
	size_t n = encode(LETTERS "+/", in, out);

	while (n < base64_size(in.n))
		out[n++] = '=';
	return n;
}
