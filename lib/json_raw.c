#include "json_raw.h"

#include "json.h"

#define NAME_MAX_BYTES 1024u

static void
skip(struct slice *s, size_t n)
{
	*s = slice_make(s->p + n, s->n - n);
}

static void
skip_space(struct slice *s)
{
	while (s->n > 0 && memchr(" \t\r\n", s->p[0], 4))
		skip(s, 1);
}

/* A string with its quotes; 0: there is none, or it has no end. */
static size_t
string_size(struct slice s)
{
	if (s.n == 0 || s.p[0] != '"')
		return 0;
	for (size_t i = 1; i < s.n; i++) {
		if (s.p[i] == '"')
			return i + 1;
		if (s.p[i] == '\\')
			i++;
	}
	return 0;
}

/* Up to the bracket that closes it. */
static size_t
container_size(struct slice s)
{
	size_t depth = 0;

	for (size_t i = 0; i < s.n;) {
		char c = s.p[i];
		size_t n = c == '"' ? string_size(slice_make(s.p + i, s.n - i)) : 1;

		if (n == 0)
			return 0;
		depth += c == '{' || c == '[';
		i += n;
		if ((c == '}' || c == ']') && --depth == 0)
			return i;
	}
	return 0;
}

static size_t
value_size(struct slice s)
{
	size_t n = 0;

	if (s.n == 0)
		return 0;
	if (s.p[0] == '"')
		return string_size(s);
	if (s.p[0] == '{' || s.p[0] == '[')
		return container_size(s);
	while (n < s.n && !memchr(",}] \t\r\n", s.p[n], 7))
		n++;
	return n;
}

static bool
take(struct slice *s, size_t n, struct slice *out)
{
	*out = slice_make(s->p, n);
	if (n == 0)
		return false;
	skip(s, n);
	skip_space(s);
	return true;
}

bool
json_raw_next(struct slice *rest, struct slice *name, struct slice *value)
{
	struct slice s = *rest;

	skip_space(&s);
	if (s.n == 0 || (s.p[0] != '{' && s.p[0] != ','))
		return false;
	skip(&s, 1);
	skip_space(&s);
	if (!take(&s, string_size(s), name) || s.n == 0 || s.p[0] != ':')
		return false;
	skip(&s, 1);
	skip_space(&s);
	if (!take(&s, value_size(s), value))
		return false;
	*rest = s;
	return true;
}

bool
json_raw_is(struct slice name, const char *is)
{
	struct json *v = NULL;
	bool same;

	if (name.n < 2)
		return false;
	if (!memchr(name.p, '\\', name.n))
		return slice_eq(slice_make(name.p + 1, name.n - 2), slice_of(is));
	same = json_parse(name, NAME_MAX_BYTES, 0, &v) == 0 && slice_eq(json_text(v), slice_of(is));
	json_free(v);
	return same;
}
