/* What may be secret in a head, and is masked before it is kept. */

#include "faults.h"

#include "lib/uri.h"

#include <string.h>

#define TOKEN_MIN 24 /* characters; shorter ones are words, hosts and versions */
#define METHOD_MAX 16
#define WORD_MAX 7 /* letters of "get", written small, or of what should be a method */

/* Fields whose values say how a message is framed and where it goes, and nothing of who asks. */
static const struct slice harmless[] = {
	{ "host", 4 },        { "content-length", 14 },  { "transfer-encoding", 17 },
	{ "connection", 10 }, { "content-type", 12 },    { "content-encoding", 16 },
	{ "accept", 6 },      { "accept-encoding", 15 }, { "accept-language", 15 },
	{ "user-agent", 10 }, { "expect", 6 },           { "upgrade", 7 },
	{ "te", 2 },          { "trailer", 7 },          { "via", 3 },
	{ "keep-alive", 10 }, { "max-forwards", 12 },    { "range", 5 },
};

static bool
is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static void
hide(char *p, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (p[i] != '\r' && p[i] != '\n')
			p[i] = '*';
	}
}

/* What is as long as a key or a token is, and looks like one. */
static void
mask_runs(char *p, size_t n)
{
	size_t run = 0;

	for (size_t i = 0; i <= n; i++) {
		bool in =
		    i < n && (is_letter(p[i]) || is_digit(p[i]) || (p[i] && strchr("_-+/=", p[i])));

		if (in) {
			run++;
			continue;
		}
		if (run >= TOKEN_MIN)
			hide(p + i - run, run);
		run = 0;
	}
}

/* Names of parameters stay where a '=' follows them. */
static void
mask_query(char *p, size_t n)
{
	size_t start = 0;

	for (size_t i = 0; i <= n; i++) {
		char *equals;

		if (i < n && p[i] != '&')
			continue;
		equals = i > start ? memchr(p + start, '=', i - start) : NULL;
		if (equals)
			hide(equals + 1, (size_t)(p + i - equals - 1));
		else
			hide(p + start, i - start);
		start = i + 1;
	}
}

/* Of an absolute target, of CONNECT's, or of what stands in their place. */
static void
mask_user(char *p, size_t n)
{
	char *at = memrchr(p, '@', n), *start;

	if (!at)
		return;
	start = memrchr(p, '/', (size_t)(at - p));
	start = start ? start + 1 : p;
	hide(start, (size_t)(at - start));
}

/* The body of a request before it, taken for the next one, may stand in its place. */
static void
mask_method(char *p, size_t n)
{
	size_t letters = 0;

	while (letters < n && is_letter(p[letters]))
		letters++;
	if (letters == n && n <= WORD_MAX)
		return;
	for (size_t i = 0; i < n; i++) {
		if (n > METHOD_MAX || is_digit(p[i]) || (is_letter(p[i]) && p[i] > 'Z') ||
		    memchr(p, '=', n))
			hide(p + i, 1);
	}
}

/* "HTTP/1.1", and of what is none nothing but that. */
static void
mask_version(char *p, size_t n)
{
	size_t i = n >= 5 && memcmp(p, "HTTP/", 5) == 0 ? 5 : 0;

	while (i > 0 && i < n && n <= 9 && (is_digit(p[i]) || p[i] == '.'))
		i++;
	hide(p + i, n - i);
}

/* The query of a target or of what holds one, and its user information. */
static void
mask_target(char *p, size_t n)
{
	size_t shown = uri_shown(slice_make(p, n)).n;
	size_t mark = shown < n && p[shown] == '%' ? 3 : 1;

	if (shown < n)
		mask_query(p + shown + mark, n - shown - mark);
	mask_user(p, shown);
}

/* "GET /path?query HTTP/1.1": what stands behind the target is a version, or hidden. */
static void
mask_request_line(char *p, size_t n)
{
	char *blank = memchr(p, ' ', n), *last = memrchr(p, ' ', n), *end = p + n;
	char *target, *second;

	mask_method(p, blank ? (size_t)(blank - p) : n);
	if (!blank)
		return;
	target = blank + 1;
	if (last != blank) {
		mask_version(last + 1, (size_t)(end - last - 1));
		end = last;
	} else if (target < end && *target != '/' &&
		   !memmem(target, (size_t)(end - target), "://", 3)) {
		/* "PASS word" is of another protocol */
		hide(target, (size_t)(end - target));
		return;
	}
	second = memchr(target, ' ', (size_t)(end - target));
	if (second && !memchr(target, '?', (size_t)(second - target))) {
		/* more words than it may have */
		char *query = memchr(second, '?', (size_t)(end - second));

		hide(second + 1, (size_t)((query ? query : end) - second - 1));
	}
	mask_target(target, (size_t)(end - target));
}

static bool
is_harmless(const char *p, size_t n)
{
	for (size_t i = 0; i < sizeof harmless / sizeof harmless[0]; i++) {
		if (slice_ieq(harmless[i], slice_make(p, n)))
			return true;
	}
	return false;
}

/* The value of a field that says nothing of who asks, unless somebody mistook it. */
static void
mask_harmless(char *p, size_t n)
{
	static const char *const schemes[] = { "Bearer ", "Basic " };
	char *query = memchr(p, '?', n);

	if (memchr(p, '@', n)) {
		hide(p, n);
		return;
	}
	for (size_t i = 0; i < sizeof schemes / sizeof schemes[0]; i++) {
		char *scheme = memmem(p, n, schemes[i], strlen(schemes[i]));

		if (scheme)
			hide(scheme + strlen(schemes[i]),
			     (size_t)(p + n - scheme) - strlen(schemes[i]));
	}
	if (query)
		mask_query(query + 1, (size_t)(p + n - query - 1));
	mask_runs(p, n);
}

static void
mask_field(char *p, size_t n)
{
	char *colon = memchr(p, ':', n);
	size_t name_n = colon ? (size_t)(colon - p) : 0;
	size_t words = name_n;

	while (words > 0 && (p[words - 1] == ' ' || p[words - 1] == '\t'))
		words--;
	/* "Authorization Bearer x:y" has its colon elsewhere. */
	if (!colon || memchr(p, ' ', words))
		hide(p, n);
	else if (is_harmless(p, words))
		mask_harmless(colon + 1, n - name_n - 1);
	else
		hide(colon + 1, n - name_n - 1);
}

/* "Authorization: x" where a request line should be. */
static bool
is_field(const char *p, size_t n)
{
	const char *colon = memchr(p, ':', n);

	return colon && !memchr(p, ' ', (size_t)(colon - p)) &&
	       !memchr(p, '/', (size_t)(colon - p));
}

static size_t
line_length(const char *p, size_t n)
{
	size_t i = 0;

	while (i < n && p[i] != '\r' && p[i] != '\n')
		i++;
	return i;
}

void
fault_mask(char *p, size_t n)
{
	bool first = true;

	for (size_t i = 0, line; i < n; i += line) {
		line = line_length(p + i, n - i);
		if (line > 0 && first && !is_field(p + i, line))
			mask_request_line(p + i, line);
		else if (line > 0 && (p[i] == ' ' || p[i] == '\t')) /* folded */
			hide(p + i, line);
		else if (line > 0)
			mask_field(p + i, line);
		else if (!first) { /* the end of the head */
			hide(p + i, n - i);
			return;
		}
		first = first && line == 0;
		if (i + line + 1 < n && p[i + line] == '\r' && p[i + line + 1] == '\n')
			line++;
		line++;
	}
}
