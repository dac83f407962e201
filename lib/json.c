#include "json.h"

#include "xalloc.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>

/* cJSON takes much that is no JSON (control characters as spaces, leading zeros, broken UTF-8, text behind the value), so
 * the grammar is checked here, and cJSON only sees what is well-formed. */
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

/* Longer ones are cut by cJSON, and nobody means them. */
#define NUMBER_MAX 60

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
	if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f) || (p[0] == 0xf0 && p[1] < 0x90) ||
	    (p[0] == 0xf4 && p[1] > 0x8f))
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

static bool
scan_text(struct slice text, unsigned depth_max)
{
	struct scan s = {
		.p = (const unsigned char *)text.p,
		.end = (const unsigned char *)text.p + text.n,
		.depth_max = depth_max < JSON_DEPTH_MAX ? depth_max : JSON_DEPTH_MAX,
	};

	if (text.n == 0)
		return false;
	scan_space(&s);
	if (!scan_value(&s))
		return false;
	scan_space(&s);
	return s.p == s.end;
}

static int
compare_names(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

#define FEW 16

/* Sorted when there are many: a text may consist of nothing but names. */
static bool
names_unique(const cJSON *object)
{
	const char *few[FEW], **names = few;
	size_t n = 0, total = 0;
	bool unique = true;
	const cJSON *m;

	cJSON_ArrayForEach(m, object)
		total++;
	if (total > FEW)
		names = xmalloc(total * sizeof *names);
	cJSON_ArrayForEach(m, object) {
		for (size_t i = 0; total <= FEW && i < n; i++)
			unique = unique && strcmp(names[i], m->string) != 0;
		names[n++] = m->string;
	}
	if (total > FEW) {
		qsort(names, n, sizeof *names, compare_names);
		for (size_t i = 1; i < n; i++)
			unique = unique && strcmp(names[i - 1], names[i]) != 0;
		free(names);
	}
	return unique;
}

/* Depth is bounded by the scan. */
static bool
tree_unique(const cJSON *v)
{
	const cJSON *m;

	if (cJSON_IsObject(v) && !names_unique(v))
		return false;
	cJSON_ArrayForEach(m, v) {
		if (m->child && !tree_unique(m))
			return false;
	}
	return true;
}

static const cJSON *
tree(const struct json *v)
{
	return (const cJSON *)v;
}

int
json_parse(struct slice text, size_t bytes_max, unsigned depth_max, struct json **out)
{
	cJSON *root;

	if (text.n > bytes_max)
		return -E2BIG;
	if (!scan_text(text, depth_max))
		return -EINVAL;
	root = cJSON_ParseWithLength(text.p, text.n);
	if (!root)
		return -EINVAL;
	if (!tree_unique(root)) {
		cJSON_Delete(root);
		return -EINVAL;
	}
	*out = (struct json *)root;
	return 0;
}

void
json_free(struct json *root)
{
	cJSON_Delete((cJSON *)root);
}

enum json_kind
json_kind(const struct json *v)
{
	const cJSON *t = tree(v);

	if (cJSON_IsObject(t))
		return JSON_OBJECT;
	if (cJSON_IsArray(t))
		return JSON_ARRAY;
	if (cJSON_IsString(t))
		return JSON_STRING;
	if (cJSON_IsNumber(t))
		return JSON_NUMBER;
	if (cJSON_IsTrue(t))
		return JSON_TRUE;
	return cJSON_IsFalse(t) ? JSON_FALSE : JSON_NULL;
}

const struct json *
json_get(const struct json *v, const char *name)
{
	if (!cJSON_IsObject(tree(v)))
		return NULL;
	return (const struct json *)cJSON_GetObjectItemCaseSensitive(tree(v), name);
}

struct slice
json_text(const struct json *v)
{
	return slice_of(cJSON_GetStringValue(tree(v)));
}

bool
json_number(const struct json *v, double *out)
{
	if (!cJSON_IsNumber(tree(v)) || !isfinite(tree(v)->valuedouble))
		return false;
	*out = tree(v)->valuedouble;
	return true;
}

const struct json *
json_first(const struct json *v)
{
	return v ? (const struct json *)tree(v)->child : NULL;
}

const struct json *
json_next(const struct json *v)
{
	return (const struct json *)tree(v)->next;
}

struct slice
json_name(const struct json *v)
{
	return slice_of(tree(v)->string);
}
