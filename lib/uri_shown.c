#include "uri.h"

/* "%3F", "%23" and "%3B" */
static bool
is_triplet(struct slice at)
{
	if (at.n < 3 || at.p[0] != '%')
		return false;
	return (at.p[1] == '2' && at.p[2] == '3') || (at.p[1] == '3' && memchr("bBfF", at.p[2], 4));
}

struct slice
uri_shown(struct slice target)
{
	for (size_t i = 0; i < target.n; i++) {
		char c = target.p[i];

		if (c == '?' || c == '#' || c == ';' ||
		    (c == '%' && is_triplet(slice_make(target.p + i, target.n - i))))
			return slice_make(target.p, i);
	}
	return target;
}
