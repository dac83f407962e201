#include "json_pointer.h"

#include "buf.h"
#include "json.h"

#include <stdint.h>

const char *
json_pointer_fault(struct slice pointer)
{
	unsigned depth = 0;

	if (pointer.n > 0 && pointer.p[0] != '/')
		return "does not begin with /";
	for (size_t i = 0; i < pointer.n; i++) {
		bool last = i + 1 == pointer.n;

		if (pointer.p[i] == '~' &&
		    (last || (pointer.p[i + 1] != '0' && pointer.p[i + 1] != '1')))
			return "has a ~ that is neither ~0 (for ~) nor ~1 (for /)";
		depth += pointer.p[i] == '/';
	}
	return depth > JSON_POINTER_DEPTH ? "has more than 32 parts" : NULL;
}

bool
json_pointer_next(struct slice *rest, struct slice *token)
{
	if (rest->n == 0)
		return false;
	*token = slice_cut(slice_make(rest->p + 1, rest->n - 1), '/', rest);
	if (rest->p) /* the next one begins with it */
		*rest = slice_make(rest->p - 1, rest->n + 1);
	return true;
}

/* The character at i of a token, which moves on. */
static char
character(struct slice token, size_t *i)
{
	char c = token.p[(*i)++];

	if (c == '~' && *i < token.n)
		return token.p[(*i)++] == '1' ? '/' : '~';
	return c;
}

void
json_pointer_name(struct slice token, struct buf *out)
{
	for (size_t i = 0; i < token.n;)
		buf_addc(out, character(token, &i));
}

bool
json_pointer_means(struct slice token, struct slice name)
{
	size_t i = 0, k = 0;

	while (i < token.n && k < name.n) {
		if (character(token, &i) != name.p[k++])
			return false;
	}
	return i == token.n && k == name.n;
}

size_t
json_pointer_index(struct slice token)
{
	size_t index = 0;

	if (token.n == 0 || token.n > 9 || (token.n > 1 && token.p[0] == '0'))
		return SIZE_MAX;
	for (size_t i = 0; i < token.n; i++) {
		if (token.p[i] < '0' || token.p[i] > '9')
			return SIZE_MAX;
		index = index * 10 + (size_t)(token.p[i] - '0');
	}
	return index;
}

struct json *
json_pointer_child(struct json *v, struct slice token)
{
	bool object = json_kind(v) == JSON_OBJECT;
	size_t index = object ? 0 : json_pointer_index(token), at = 0;

	for (struct json *m = json_own_first(v); m; m = json_own_next(m), at++) {
		if (object ? json_pointer_means(token, json_name(m)) : at == index)
			return m;
	}
	return NULL;
}

bool
json_pointer_beside(struct slice a, struct slice b)
{
	if (a.n == 0 || b.n == 0) /* the whole is beside nothing */
		return false;
	while (a.n > 0 && a.p[--a.n] != '/')
		;
	while (b.n > 0 && b.p[--b.n] != '/')
		;
	return slice_eq(a, b);
}
