#include "url.h"

#include <netdb.h>
#include <stdio.h>

static const char *
look_up(struct url *u, const char *host, const char *port)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM }, *found = NULL;
	int r = getaddrinfo(host, port, &hints, &found);

	if (r != 0)
		return gai_strerror(r);
	memcpy(&u->address, found->ai_addr, found->ai_addrlen);
	u->address_n = found->ai_addrlen;
	freeaddrinfo(found);
	return NULL;
}

const char *
url_parse(struct url *u, const char *text)
{
	struct slice rest = slice_of(text), host;
	char name[256], port[8] = "80";
	const char *colon;

	if (slice_starts(rest, SLICE("http://")))
		rest = slice_make(rest.p + 7, rest.n - 7);
	else if (slice_starts(rest, SLICE("ws://")))
		rest = slice_make(rest.p + 5, rest.n - 5);
	else
		return "only http:// and ws:// URLs";
	u->authority = slice_cut(rest, '/', &u->path);
	u->path = u->path.p ? slice_make(u->path.p - 1, u->path.n + 1) : SLICE("/");
	host = u->authority;
	colon = memrchr(host.p, ':', host.n);
	if (colon && !memchr(colon, ']', host.n - (size_t)(colon - host.p))) {
		snprintf(port, sizeof port, "%.*s", (int)(host.n - (size_t)(colon - host.p) - 1),
			 colon + 1);
		host.n = (size_t)(colon - host.p);
	}
	if (host.n > 1 && host.p[0] == '[' && host.p[host.n - 1] == ']')
		host = slice_make(host.p + 1, host.n - 2);
	if (host.n == 0 || host.n >= sizeof name)
		return "no host in the URL";
	snprintf(name, sizeof name, "%.*s", (int)host.n, host.p);
	return look_up(u, name, port);
}
