#include "uri.h"

#include <arpa/inet.h>
#include <errno.h>

/* RFC 3986 section 2.3. */
static bool
is_unreserved(char c)
{
	char lower = ascii_lower(c);

	return (lower >= 'a' && lower <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
	       c == '_' || c == '~';
}

/* Digits only; an empty port is none (RFC 3986 section 6.2.3). */
static int
port_parse(struct slice s, int *port)
{
	int v = 0;

	*port = -1;
	if (s.n == 0)
		return 0;
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] < '0' || s.p[i] > '9')
			return -EINVAL;
		v = v * 10 + (s.p[i] - '0');
		if (v > 65535)
			return -EINVAL;
	}
	if (v == 0)
		return -EINVAL;
	*port = v;
	return 0;
}

static int
ipv6_check(struct slice s)
{
	char text[INET6_ADDRSTRLEN];
	struct in6_addr address;

	if (s.n >= sizeof text || memchr(s.p, '\0', s.n))
		return -EINVAL;
	memcpy(text, s.p, s.n);
	text[s.n] = '\0';
	return inet_pton(AF_INET6, text, &address) == 1 ? 0 : -EINVAL;
}

/* *n: bytes of the host in `raw`, *keep: without a dot at the end. */
static int
host_measure(struct slice raw, size_t *n, size_t *keep)
{
	const char *end = raw.n && raw.p[0] == '[' ? memchr(raw.p, ']', raw.n) : NULL;
	size_t label = 0, i;

	if (end) {
		*n = *keep = (size_t)(end - raw.p) + 1;
		return ipv6_check(slice_make(raw.p + 1, *n - 2));
	}
	for (i = 0; i < raw.n && raw.p[i] != ':'; i++) {
		if (!is_unreserved(raw.p[i]))
			return -EINVAL;
		if (raw.p[i] != '.')
			label++;
		else if (label == 0)
			return -EINVAL;
		else
			label = 0;
	}
	*n = i;
	*keep = i > 0 && label == 0 ? i - 1 : i;
	return i > 0 ? 0 : -EINVAL;
}

static size_t
port_write(char *out, int port)
{
	char digits[5];
	size_t n = 0, o = 0;

	for (; port > 0; port /= 10)
		digits[n++] = (char)('0' + port % 10);
	out[o++] = ':';
	while (n > 0)
		out[o++] = digits[--n];
	return o;
}

int
uri_host_parse(struct slice raw, char *out, struct uri_host *result)
{
	size_t n, keep, o;
	int r;

	result->host = result->host_port = slice_make(out, 0);
	result->port = -1;
	if (raw.n == 0)
		return 0;
	r = host_measure(raw, &n, &keep);
	if (r < 0)
		return r;
	if (keep > URI_HOST_MAX || (n < raw.n && raw.p[n] != ':'))
		return -EINVAL;
	if (n < raw.n)
		r = port_parse(slice_make(raw.p + n + 1, raw.n - n - 1), &result->port);
	if (r < 0)
		return r;
	for (o = 0; o < keep; o++)
		out[o] = ascii_lower(raw.p[o]);
	result->host = slice_make(out, keep);
	if (result->port >= 0)
		o += port_write(out + o, result->port);
	result->host_port = slice_make(out, o);
	return 0;
}
