#include "forwarded.h"

#include "ip.h"

#include <arpa/inet.h>

/* Is the byte at i escaped: behind an odd number of backslashes? */
static bool
is_escaped(struct slice s, size_t i)
{
	size_t n = 0;

	while (n < i && s.p[i - n - 1] == '\\')
		n++;
	return n & 1;
}

struct slice
forwarded_last(struct slice *list, bool quotes)
{
	bool inside = false;
	struct slice last;

	for (size_t i = list->n; i-- > 0;) {
		if (quotes && list->p[i] == '"' && !is_escaped(*list, i))
			inside = !inside;
		if (list->p[i] != ',' || inside)
			continue;
		last = slice_make(list->p + i + 1, list->n - i - 1);
		list->n = i;
		return slice_trim(last);
	}
	last = *list;
	*list = (struct slice){ NULL, 0 };
	return slice_trim(last);
}

static bool
is_port(struct slice s)
{
	if (s.n == 0 || s.n > 5)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] < '0' || s.p[i] > '9')
			return false;
	}
	return true;
}

static bool
to_address(struct slice s, int family, void *out)
{
	char text[INET6_ADDRSTRLEN];

	if (s.n >= sizeof text)
		return false;
	memcpy(text, s.p, s.n);
	text[s.n] = '\0';
	return inet_pton(family, text, out) == 1;
}

bool
forwarded_address(struct slice text, uint8_t ip[16])
{
	struct slice rest, host;
	uint8_t v4[4];

	if (text.n > 0 && text.p[0] == '[') {
		host = slice_cut(slice_make(text.p + 1, text.n - 1), ']', &rest);
		if (!rest.p || (rest.n > 0 &&
				(rest.p[0] != ':' || !is_port(slice_make(rest.p + 1, rest.n - 1)))))
			return false;
		return to_address(host, AF_INET6, ip);
	}
	host = slice_cut(text, ':', &rest);
	if (to_address(host, AF_INET, v4) && (!rest.p || is_port(rest))) {
		ip_map_v4(ip, v4);
		return true;
	}
	return to_address(text, AF_INET6, ip);
}

/* The inside of a quoted-string without escapes: an address needs none, and what has one is not
 * worth believing. */
static bool
unquote(struct slice *s)
{
	if (s->n == 0 || s->p[0] != '"')
		return s->n > 0;
	if (s->n < 2 || s->p[s->n - 1] != '"')
		return false;
	*s = slice_make(s->p + 1, s->n - 2);
	return !memchr(s->p, '"', s->n) && !memchr(s->p, '\\', s->n);
}

/* A ';' between quotes parts nothing. */
static struct slice
next_pair(struct slice *rest)
{
	struct slice pair = *rest;
	bool inside = false;

	for (size_t i = 0; i < pair.n; i++) {
		if (pair.p[i] == '"' && !is_escaped(pair, i))
			inside = !inside;
		if (pair.p[i] != ';' || inside)
			continue;
		*rest = slice_make(pair.p + i + 1, pair.n - i - 1);
		return slice_trim(slice_make(pair.p, i));
	}
	*rest = (struct slice){ NULL, 0 };
	return slice_trim(pair);
}

/* One that is not in brackets has no second colon (section 6). */
static bool
is_node(struct slice s)
{
	struct slice rest;

	slice_cut(s, ':', &rest);
	return s.n > 0 && (s.p[0] == '[' || !rest.p || !memchr(rest.p, ':', rest.n));
}

bool
forwarded_for(struct slice element, uint8_t ip[16])
{
	struct slice value = { NULL, 0 };
	unsigned found = 0;

	while (element.p) {
		struct slice text, name = slice_cut(next_pair(&element), '=', &text);

		if (!slice_ieq(name, SLICE("for")))
			continue;
		found++;
		value = text;
	}
	return found == 1 && value.p && unquote(&value) && is_node(value) &&
	       forwarded_address(value, ip);
}

size_t
forwarded_text(const uint8_t ip[16], char out[46])
{
	bool v4 = ip_is_v4(ip);

	inet_ntop(v4 ? AF_INET : AF_INET6, ip + (v4 ? 12 : 0), out, INET6_ADDRSTRLEN);
	return strlen(out);
}
