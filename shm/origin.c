#include "origin.h"

static bool
is_of_host(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_';
}

/* One or more labels, none of them empty. */
static bool
is_labels(struct slice name)
{
	char before = '.';

	for (size_t i = 0; i < name.n; i++) {
		if (!is_of_host(name.p[i]) || (name.p[i] == '.' && before == '.'))
			return false;
		before = name.p[i];
	}
	return before != '.';
}

static bool
is_port(struct slice port)
{
	for (size_t i = 0; i < port.n; i++) {
		if (port.p[i] < '0' || port.p[i] > '9')
			return false;
	}
	return port.n > 0 && port.n <= 5 && port.p[0] != '0';
}

/* "[::1]" is taken as it is: it is only compared as a whole. */
static bool
is_address(struct slice host)
{
	if (host.n < 4 || host.p[0] != '[' || host.p[host.n - 1] != ']')
		return false;
	for (size_t i = 1; i + 1 < host.n; i++) {
		if (!strchr("0123456789abcdef:.", host.p[i]))
			return false;
	}
	return true;
}

/* Behind the scheme: takes ":port" off. */
static struct slice
cut_port(struct slice *host)
{
	for (size_t i = host->n; i > 0; i--) {
		char c = host->p[i - 1];

		if (c == ']')
			break;
		if (c == ':') {
			struct slice port = slice_make(host->p + i, host->n - i);

			host->n = i - 1;
			return port;
		}
	}
	return slice_make(NULL, 0);
}

const char *
origin_fault(struct slice pattern)
{
	struct slice host = pattern, port;

	if (slice_eq(pattern, SLICE("*")) || slice_eq(pattern, SLICE("null")))
		return NULL;
	while (host.n > 0 && ((*host.p >= 'a' && *host.p <= 'z') || *host.p == '-'))
		host = slice_make(host.p + 1, host.n - 1);
	if (host.p == pattern.p || !slice_starts(host, SLICE("://")))
		return "is no origin; write scheme://host or scheme://host:port in lower case, "
		       "null, or *";
	host = slice_make(host.p + 3, host.n - 3);
	port = cut_port(&host);
	if (slice_starts(host, SLICE("*.")))
		host = slice_make(host.p + 2, host.n - 2);
	if (memchr(host.p, '*', host.n))
		return "has a * in the middle; it stands for all before a dot, as in "
		       "https://*.example.org";
	if ((!is_labels(host) && !is_address(host)) || (port.p && !is_port(port)))
		return "is no origin; write it in lower case as the browser sends it, without a "
		       "path or a slash at the end";
	return NULL;
}

bool
origin_matches(struct slice pattern, struct slice origin)
{
	const char *star = memchr(pattern.p, '*', pattern.n);
	size_t before = star ? (size_t)(star - pattern.p) : 0, after;

	if (!star)
		return slice_eq(pattern, origin);
	if (pattern.n == 1)
		return true;
	after = pattern.n - before - 1; /* ".example.org:8443" */
	if (origin.n <= before + after || memcmp(origin.p, pattern.p, before) != 0 ||
	    memcmp(origin.p + origin.n - after, star + 1, after) != 0)
		return false;
	return is_labels(slice_make(origin.p + before, origin.n - before - after));
}
