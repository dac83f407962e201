#include "address.h"

#include "resolve.h"

#include "lib/uri.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>

#define HOST_MAX 256

static bool
refuse(struct buf *why, const char *text)
{
	buf_adds(why, slice_of(text));
	return false;
}

const char *
address_path(struct arena *a, struct slice path, const char *folder)
{
	struct buf BUF_CLEAN whole = { 0 };

	if (path.n > 0 && path.p[0] == '/')
		return arena_string(a, path);
	while (slice_starts(path, SLICE("./"))) {
		path.p += 2;
		path.n -= 2;
	}
	buf_addf(&whole, "%s/%.*s", strcmp(folder, "/") == 0 ? "" : folder, SLICE_F(path));
	return arena_string(a, buf_slice(&whole));
}

bool
address_unix(struct arena *a, struct slice path, const char *folder, struct config_address *out,
	     struct buf *why)
{
	struct buf BUF_CLEAN text = { 0 };
	const char *whole;

	if (path.n == 0)
		return refuse(why, "the path of the socket is missing; write unix:/path/of/socket");
	if (slice_has_control(path))
		return refuse(why, "the path of the socket has a control character; remove it");
	whole = address_path(a, path, folder);
	if (strlen(whole) >= sizeof((struct sockaddr_un *)0)->sun_path)
		return refuse(why, "the path of the socket is longer than the 107 bytes that the "
				   "system allows; use a shorter one");
	buf_addf(&text, "unix:%s", whole);
	*out = (struct config_address){ .text = arena_string(a, buf_slice(&text)),
					.unix_path = whole };
	return true;
}

static bool
parse_port(struct slice text, uint16_t *port)
{
	uint32_t v = 0;

	if (text.n == 0 || text.n > 5)
		return false;
	for (size_t i = 0; i < text.n; i++) {
		if (text.p[i] < '0' || text.p[i] > '9')
			return false;
		v = v * 10 + (uint32_t)(text.p[i] - '0');
	}
	*port = (uint16_t)v;
	return v <= UINT16_MAX;
}

/* Would an older resolver take this name for an IPv4 address, though it is not one as we know it
 * (127.1, 1.2.3.400)? */
static bool
is_broken_ipv4(struct slice host)
{
	char text[HOST_MAX];
	struct in_addr v4;

	for (size_t i = 0; i < host.n; i++) {
		if (host.p[i] != '.' && (host.p[i] < '0' || host.p[i] > '9'))
			return false;
	}
	snprintf(text, sizeof text, "%.*s", SLICE_F(host));
	return host.n > 0 && inet_pton(AF_INET, text, &v4) != 1;
}

static bool
parse_host(struct arena *a, struct slice text, struct config_address *out, struct buf *why)
{
	char space[2 * HOST_MAX + 2];
	struct uri_host host;

	if (text.n >= HOST_MAX)
		return refuse(why, "the host is too long; a name has at most 253 characters");
	if (text.n > 0 && (uri_host_parse(text, space, &host) != 0 || host.port >= 0))
		return refuse(
		    why, text.p[0] == '['
			     ? "no IPv6 address stands between the brackets; write [address]:port"
			     : "this is neither a name nor an IP address; write host:port");
	if (text.n > 0 && is_broken_ipv4(host.host))
		return refuse(why, memchr(text.p, '.', text.n)
				       ? "this is no IPv4 address; write four numbers from 0 to 255"
				       : "this is a number, not a host; before a port write a "
					 "colon, and quote it: \":8080\"");
	if (text.n == 0)
		return true;
	if (host.host.p[0] == '[')
		host.host = slice_make(host.host.p + 1, host.host.n - 2);
	out->host = arena_string(a, host.host);
	return true;
}

/* Splits at the colon before the port. *port.p == NULL: there is none. */
static bool
split(struct slice text, struct slice *host, struct slice *port, struct buf *why)
{
	const char *end = text.n > 0 && text.p[0] == '[' ? memchr(text.p, ']', text.n) : text.p;
	const char *colon;

	if (!end)
		return refuse(why, "the bracket is not closed; write [address]:port");
	colon = memchr(end, ':', text.n - (size_t)(end - text.p));
	*host = text;
	*port = slice_make(NULL, 0);
	if (!colon)
		return true;
	*host = slice_make(text.p, (size_t)(colon - text.p));
	*port = slice_make(colon + 1, text.n - host->n - 1);
	if (memchr(port->p, ':', port->n))
		return refuse(why, "an IPv6 address needs brackets; write [address]:port");
	return true;
}

bool
address_parse(struct arena *a, struct slice text, const struct address_rule *rule,
	      struct config_address *out, struct buf *why)
{
	struct config_address made = { .port = rule->default_port };
	struct slice host, port;

	if (slice_starts(text, SLICE("unix:")))
		return address_unix(a, slice_make(text.p + 5, text.n - 5), rule->folder, out, why);
	if (text.n > 0 && text.p[0] == '/')
		return refuse(why, "this is a path; for a Unix socket write unix: before it");
	if (text.n > 0 && memmem(text.p, text.n, "://", 3))
		return refuse(why, "a URL does not belong here; write host:port");
	if (text.n > 0 && memchr(text.p, '@', text.n))
		return refuse(why,
			      "a user or password does not belong in an address; write host:port");
	if (!split(text, &host, &port, why) || !parse_host(a, host, &made, why))
		return false;
	if (!made.host && !(rule->flags & ADDRESS_ANY_HOST))
		return refuse(why, "the host is missing; write host:port");
	if (!port.p && (rule->flags & ADDRESS_NEEDS_PORT))
		return refuse(why, "the port is missing; write host:port or :port");
	if (port.p && (!parse_port(port, &made.port) ||
		       (made.port == 0 && !(rule->flags & ADDRESS_ANY_HOST))))
		return refuse(why, "the port is not a number from 1 to 65535; write host:port");
	made.text = arena_string(a, text);
	*out = made;
	return true;
}

bool
address_dns(struct slice text, struct buf *out)
{
	struct arena a = { 0 };
	struct buf BUF_CLEAN why = { 0 };
	struct config_address address;
	struct address_rule rule = { .default_port = 53, .folder = "/" };
	struct in6_addr ip;
	bool good = address_parse(&a, text, &rule, &address, &why) && !address.unix_path;

	if (good && inet_pton(AF_INET, address.host, &ip) == 1)
		buf_addf(out, "%s:%u", address.host, address.port);
	else if (good && inet_pton(AF_INET6, address.host, &ip) == 1)
		buf_addf(out, "[%s]:%u", address.host, address.port);
	else
		good = false;
	arena_deinit(&a);
	return good;
}

bool
address_network(struct slice text, struct buf *out)
{
	char host[INET6_ADDRSTRLEN];
	struct slice bits, ip = slice_cut(text, '/', &bits);
	struct in6_addr space;
	uint16_t n = 0, most;

	if (ip.n == 0 || ip.n >= sizeof host)
		return false;
	snprintf(host, sizeof host, "%.*s", SLICE_F(ip));
	if (inet_pton(AF_INET, host, &space) == 1)
		most = 32;
	else if (inet_pton(AF_INET6, host, &space) == 1)
		most = 128;
	else
		return false;
	if (bits.p && (!parse_port(bits, &n) || n > most))
		return false;
	buf_addf(out, "%s/%u", host, bits.p ? n : most);
	return true;
}

void
resolved_address(const struct resolved *a, uint16_t port, struct sockaddr_storage *out)
{
	struct sockaddr_in6 *six = (struct sockaddr_in6 *)out;
	struct sockaddr_in *four = (struct sockaddr_in *)out;

	memset(out, 0, sizeof *out);
	out->ss_family = a->family;
	if (a->family == AF_INET) {
		four->sin_port = htons(port);
		memcpy(&four->sin_addr, a->ip, sizeof four->sin_addr);
	} else {
		six->sin6_port = htons(port);
		memcpy(&six->sin6_addr, a->ip, sizeof six->sin6_addr);
	}
}
