#include "uri.h"

#include <errno.h>
#include <stdint.h>

/*
 * A path that is canonical already is recognised by path_scan in one pass, and nothing is copied.
 * Only what is not goes through path_recode and path_resolve.
 *
 * Decoding cannot make a new triplet: only unreserved characters are decoded, and '%' is none of
 * them. So the canonical form of a canonical path is itself.
 */

#define UNRESERVED 1u /* RFC 3986 section 2.3 */
#define DELIM 2u      /* the other pchar of section 3.3, without ';' */
#define RAW 4u        /* no pchar; browsers and tools send it as it is all the same */
#define PCHAR (UNRESERVED | DELIM)

static const uint8_t chars[256] = {
	['a' ... 'z'] = UNRESERVED,
	['A' ... 'Z'] = UNRESERVED,
	['0' ... '9'] = UNRESERVED,
	['-'] = UNRESERVED,
	['.'] = UNRESERVED,
	['_'] = UNRESERVED,
	['~'] = UNRESERVED,
	['!'] = DELIM,
	['$'] = DELIM,
	['&'] = DELIM,
	['\''] = DELIM,
	['('] = DELIM,
	[')'] = DELIM,
	['*'] = DELIM,
	['+'] = DELIM,
	[','] = DELIM,
	['='] = DELIM,
	[':'] = DELIM,
	['@'] = DELIM,
	['"'] = RAW,
	['<'] = RAW,
	['>'] = RAW,
	['['] = RAW,
	[']'] = RAW,
	['^'] = RAW,
	['`'] = RAW,
	['{'] = RAW,
	['|'] = RAW,
	['}'] = RAW,
};

static unsigned
char_flags(int c)
{
	return chars[(unsigned char)c];
}

static int
hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = ascii_lower(c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static char
hex_upper(char c)
{
	return c >= 'a' && c <= 'f' ? (char)(c - 0x20) : c;
}

/* The byte of the triplet at the start of `s`; -EINVAL when there is none. */
static int
triplet_value(struct slice s)
{
	int high, low;

	if (s.n < 3 || s.p[0] != '%')
		return -EINVAL;
	high = hex_value(s.p[1]);
	low = hex_value(s.p[2]);
	return high < 0 || low < 0 ? -EINVAL : high << 4 | low;
}

/* Is this the start of an overlong form of an ASCII character (RFC 3629 section 10)? A lead byte of
 * n bytes carries at most seven bits when what follows it is 80 (as often as there are bytes to
 * spare), then 80 or 81. */
static bool
is_overlong(struct slice s, int lead)
{
	unsigned zeros;

	switch (lead) {
	case 0xc0:
	case 0xc1:
		return true;
	case 0xe0:
		zeros = 0;
		break;
	case 0xf0:
		zeros = 1;
		break;
	case 0xf8:
		zeros = 2;
		break;
	case 0xfc:
		zeros = 3;
		break;
	case 0xfe:
		zeros = 4;
		break;
	default:
		return false;
	}
	for (;; zeros--) {
		int v;

		s = slice_make(s.p + 3, s.n - 3);
		v = triplet_value(s);
		if (zeros == 0)
			return v == 0x80 || v == 0x81;
		if (v != 0x80)
			return false;
	}
}

/* As triplet_value, refusing what is refused always. */
static int
triplet_check(struct slice s)
{
	int v = triplet_value(s);

	return v == 0 || (v > 0 && is_overlong(s, v)) ? -EINVAL : v;
}

static unsigned
triplet_flags(int v)
{
	switch (v) {
	case '/':
	case '\\':
	case ';':
	case '?':
	case '#':
		return URI_TRIPLET | URI_SUSPECT;
	default:
		return URI_TRIPLET | (char_flags(v) & DELIM ? URI_SUSPECT : 0u);
	}
}

/* `s` follows a slash: does it start with a segment that a canonical path has not ("", ".", "..")?
 * A slash at the very end is kept. */
static bool
segment_is_special(struct slice s)
{
	size_t n = 0;

	if (s.n == 0)
		return false;
	while (n < s.n && n < 2 && s.p[n] == '.')
		n++;
	return n == s.n || s.p[n] == '/';
}

/* 1: canonical, *flags is set; 0: not canonical, as far as it was read; -EINVAL. */
static int
path_scan(struct slice raw, unsigned *flags)
{
	unsigned seen = 0;
	size_t i = 0;

	while (i < raw.n) {
		char c = raw.p[i];
		struct slice at = slice_make(raw.p + i, raw.n - i);

		if (char_flags(c) & PCHAR) {
			i++;
		} else if (c == '/') {
			if (segment_is_special(slice_make(at.p + 1, at.n - 1)))
				return 0;
			i++;
		} else if (c == '%') {
			int v = triplet_check(at);

			if (v < 0)
				return v;
			if (char_flags(v) & UNRESERVED)
				return 0;
			seen |= triplet_flags(v);
			i += 3;
		} else if (c == ';') {
			seen |= URI_SUSPECT;
			i++;
		} else {
			return char_flags(c) & RAW ? 0 : -EINVAL;
		}
	}
	*flags = seen;
	return 1;
}

/* Copies raw with unreserved characters decoded, and those encoded that have to be. */
static int
path_recode(struct slice raw, char *out, size_t *out_n)
{
	static const char hex[] = "0123456789ABCDEF";
	size_t n = 0, i = 0;

	while (i < raw.n) {
		char c = raw.p[i];
		int v;

		if (char_flags(c) & RAW) {
			out[n++] = '%';
			out[n++] = hex[c >> 4];
			out[n++] = hex[c & 15];
			i++;
			continue;
		}
		if (c != '%') {
			if (!char_flags(c) && c != '/' && c != ';')
				return -EINVAL;
			out[n++] = c;
			i++;
			continue;
		}
		v = triplet_check(slice_make(raw.p + i, raw.n - i));
		if (v < 0)
			return v;
		if (char_flags(v) & UNRESERVED) {
			out[n++] = (char)v;
		} else {
			memcpy(out + n, raw.p + i, 3);
			n += 3;
		}
		i += 3;
	}
	*out_n = n;
	return 0;
}

/* Takes empty and dot segments away, in place; *climbs: there was a "..". Slashes are merged first:
 * "/a//../b" is "/b". Returns the length, at least 1 (an empty path becomes "/"). */
static size_t
path_resolve(char *path, size_t n, bool *climbs)
{
	size_t i = 0, o = 0;

	*climbs = false;
	while (i < n) {
		size_t start = ++i, size;
		bool dots, up;

		while (i < n && path[i] != '/')
			i++;
		size = i - start;
		up = size == 2 && path[start] == '.' && path[start + 1] == '.';
		*climbs = *climbs || up;
		dots = up || size == 0 || (size == 1 && path[start] == '.');
		while (up && o > 0 && path[--o] != '/')
			;
		if (!dots || i == n)
			path[o++] = '/';
		if (!dots) {
			memmove(path + o, path + start, size);
			o += size;
		}
	}
	if (o == 0)
		path[o++] = '/';
	return o;
}

int
uri_canonical(struct slice raw, char *out, struct uri_path *result)
{
	bool climbs;
	size_t n;
	int r;

	if (raw.n == 0 || raw.p[0] != '/')
		return -EINVAL;
	r = path_scan(raw, &result->flags);
	if (r < 0)
		return r;
	result->same = r == 1;
	result->path = raw;
	if (result->same || !out)
		return !result->same;
	r = path_recode(raw, out, &n);
	if (r < 0)
		return r;
	result->path = slice_make(out, path_resolve(out, n, &climbs));
	/* Segments that are gone now count no more. */
	r = path_scan(result->path, &result->flags);
	return r < 0 ? r : 0;
}

bool
uri_query_is_clean(struct slice query)
{
	bool clean = true;

	for (size_t i = 0; i < query.n; i++)
		clean &= query.p[i] > ' ' && query.p[i] < 0x7f && query.p[i] != '#';
	return clean;
}

#define READ_SLASHES 1u      /* triplets are decoded before the path is taken apart */
#define READ_PARAMS 2u       /* ";x" is taken off segments */
#define READ_PARAMS_FIRST 4u /* and that comes before decoding */
#define READ_CUT 8u          /* a decoded '?' or '#' ends the path */

static const uint8_t readings[URI_READINGS] = {
	READ_SLASHES | READ_CUT | READ_PARAMS,
	READ_SLASHES | READ_CUT | READ_PARAMS | READ_PARAMS_FIRST,
	READ_SLASHES | READ_CUT,
	READ_PARAMS,
	READ_SLASHES | READ_PARAMS,
	READ_SLASHES | READ_PARAMS | READ_PARAMS_FIRST,
	READ_SLASHES,
};

struct slice
uri_reading(struct slice path, unsigned which, char *out, bool *climbs)
{
	unsigned how = readings[which % URI_READINGS];
	bool in_params = false;
	size_t n = 0, step;

	for (size_t i = 0; i < path.n; i += step) {
		int v = triplet_value(slice_make(path.p + i, path.n - i));
		bool triplet = v >= 0;
		bool splits =
		    triplet && (how & READ_SLASHES) && !(in_params && (how & READ_PARAMS_FIRST));
		char c = triplet ? (char)v : path.p[i];

		step = triplet ? 3 : 1;
		if ((c == '/' && !triplet) || (splits && (c == '/' || c == '\\'))) {
			in_params = false;
			out[n++] = '/';
		} else if (splits && (how & READ_CUT) && (c == '?' || c == '#')) {
			break;
		} else if (in_params) {
			continue;
		} else if ((how & READ_PARAMS) && c == ';') {
			in_params = true;
		} else if (!triplet || (char_flags(c) & PCHAR) || c == ';') {
			out[n++] = c;
		} else {
			out[n++] = '%';
			out[n++] = hex_upper(path.p[i + 1]);
			out[n++] = hex_upper(path.p[i + 2]);
		}
	}
	return slice_make(out, path_resolve(out, n, climbs));
}

struct slice
uri_match_form(struct slice path, char *out)
{
	for (size_t i = 0; i < path.n; i++) {
		bool digit = (i >= 1 && path.p[i - 1] == '%') || (i >= 2 && path.p[i - 2] == '%');

		out[i] = digit ? hex_upper(path.p[i]) : path.p[i];
	}
	return slice_make(out, path.n);
}

static struct slice
unescape(struct slice in, bool form, char *out)
{
	size_t n = 0;

	for (size_t i = 0; i < in.n; i++) {
		int byte = triplet_value(slice_make(in.p + i, in.n - i));
		char plain = form && in.p[i] == '+' ? ' ' : in.p[i];

		out[n++] = byte >= 0 ? (char)byte : plain;
		i += byte >= 0 ? 2 : 0;
	}
	return slice_make(out, n);
}

struct slice
uri_unescape(struct slice in, char *out)
{
	return unescape(in, false, out);
}

struct slice
uri_unescape_form(struct slice in, char *out)
{
	return unescape(in, true, out);
}
