#include "rewrite.h"

#include "lib/buf.h"
#include "lib/uri.h"

#include <stdlib.h>

/* "/a/b/" has three segments, the last of them empty. From 1; "": there is none. `all`: with those
 * behind it, and with its slash. */
static struct slice
segment(struct slice path, unsigned number, bool all)
{
	size_t end = 0, start;

	do {
		const char *slash;

		start = end;
		if (start == path.n)
			return SLICE("");
		slash = memchr(path.p + start + 1, '/', path.n - start - 1);
		end = slash ? (size_t)(slash - path.p) : path.n;
	} while (--number > 0);
	if (all)
		return slice_make(path.p + start, path.n - start);
	return slice_make(path.p + start + 1, end - start - 1);
}

/* Takes one part off *to: a literal, or what a variable stands for. *wrong: there is no such
 * variable. False at the end. */
static bool
next(struct slice *to, struct slice path, struct slice *part, bool *wrong)
{
	const char *dollar = to->n > 0 ? memchr(to->p, '$', to->n) : NULL;
	size_t n = dollar ? (size_t)(dollar - to->p) : to->n;
	char c;

	if (to->n == 0)
		return false;
	if (n > 0) {
		*part = slice_make(to->p, n);
	} else if (to->n == 1 || !strchr("$123456789", c = to->p[1]) || c == '\0') {
		*part = SLICE("");
		*wrong = true;
		n = 1;
	} else if (c == '$') {
		*part = slice_make(to->p + 1, 1);
		n = 2;
	} else {
		bool all = to->n > 2 && to->p[2] == '*';

		*part = segment(path, (unsigned)(c - '0'), all);
		n = all ? 3 : 2;
	}
	*to = slice_make(to->p + n, to->n - n);
	return true;
}

size_t
rewrite_size(struct slice to, struct slice path)
{
	struct slice part;
	bool wrong;
	size_t n = 0;

	while (next(&to, path, &part, &wrong))
		n += part.n;
	return n;
}

char *
rewrite_put(char *o, struct slice to, struct slice path)
{
	struct slice part;
	bool wrong;

	while (next(&to, path, &part, &wrong)) {
		memcpy(o, part.p, part.n);
		o += part.n;
	}
	return o;
}

const char *
rewrite_fault(struct slice to)
{
	static const char variable[] = "has a variable that there is not; there are $1 to $9 for "
				       "one segment of the path and $1* to $9* for all from there "
				       "on ($$ is a dollar sign)";
	struct slice sample = SLICE("/x/x/x/x/x/x/x/x/x"), part, rest = to;
	struct buf BUF_CLEAN made = { 0 };
	struct uri_path canonical;
	bool wrong = false;

	while (next(&rest, sample, &part, &wrong))
		buf_adds(&made, part);
	if (wrong)
		return variable;
	if (made.n == 0 || made.p[0] != '/' ||
	    uri_canonical(buf_slice(&made), NULL, &canonical) != 0)
		return "is no path in its canonical form; write /path, with other characters as "
		       "percent triplets";
	return NULL;
}
