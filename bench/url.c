#include "url.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <stdio.h>

static const char *
look_up(struct url *u, const char *port)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM }, *found = NULL;
	int r = getaddrinfo(u->host, port, &hints, &found);

	if (r != 0)
		return gai_strerror(r);
	memcpy(&u->address, found->ai_addr, found->ai_addrlen);
	u->address_n = found->ai_addrlen;
	freeaddrinfo(found);
	return NULL;
}

/* Cuts it off. */
static bool
url_scheme(struct url *u, struct slice *rest)
{
	static const struct scheme {
		const char *text;
		bool tls;
	} schemes[] = {
		{ "http://", false }, { "ws://", false }, { "https://", true }, { "wss://", true }
	};

	for (size_t i = 0; i < sizeof schemes / sizeof schemes[0]; i++) {
		struct slice text = slice_of(schemes[i].text);

		if (!slice_starts(*rest, text))
			continue;
		*rest = slice_make(rest->p + text.n, rest->n - text.n);
		u->tls = schemes[i].tls;
		return true;
	}
	return false;
}

const char *
url_parse(struct url *u, const char *text)
{
	struct slice rest = slice_of(text), host;
	unsigned char binary[16];
	char port[8];
	const char *colon;

	if (!url_scheme(u, &rest))
		return "only http://, https://, ws:// and wss:// URLs";
	strcpy(port, u->tls ? "443" : "80");
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
	if (host.n == 0 || host.n >= sizeof u->host)
		return "no host in the URL";
	snprintf(u->host, sizeof u->host, "%.*s", (int)host.n, host.p);
	u->named =
	    inet_pton(AF_INET, u->host, binary) != 1 && inet_pton(AF_INET6, u->host, binary) != 1;
	return look_up(u, port);
}
