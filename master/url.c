#include "url.h"

#include "lib/uri.h"

#define HTTP_PORT 80
#define HTTPS_PORT 443

static bool
path_is_clean(struct slice path)
{
	for (size_t i = 0; i < path.n; i++) {
		if (path.p[i] <= ' ' || path.p[i] > '~' || path.p[i] == '#' || path.p[i] == '\\')
			return false;
	}
	return true;
}

/* "host:port", as the Host field has it: without the port of the scheme. */
static const char *
host_read(struct arena *arena, struct slice raw, struct config_url *out)
{
	char *room = arena_alloc(arena, 2 * raw.n + 2);
	struct uri_host host;
	bool plain;

	if (raw.n > URI_HOST_MAX || uri_host_parse(raw, room, &host) != 0 || host.host.n == 0)
		return "its host is none";
	plain = host.port < 0 || host.port == (out->https ? HTTPS_PORT : HTTP_PORT);
	out->port = host.port > 0 ? (uint16_t)host.port : out->https ? HTTPS_PORT : HTTP_PORT;
	out->authority = arena_string(arena, plain ? host.host : host.host_port);
	if (host.host.p[0] == '[')
		host.host = slice_make(host.host.p + 1, host.host.n - 2);
	out->host = arena_string(arena, host.host);
	return NULL;
}

const char *
url_parse(struct arena *arena, struct slice text, struct config_url *out)
{
	struct slice path;
	size_t n = 0;
	const char *why;

	*out = (struct config_url){ 0 };
	out->https = slice_starts(text, SLICE("https://"));
	if (text.n > URL_MAX)
		return "it is too long";
	if (!out->https && !slice_starts(text, SLICE("http://")))
		return "it begins with neither https:// nor http://";
	text = out->https ? slice_make(text.p + 8, text.n - 8) : slice_make(text.p + 7, text.n - 7);
	while (n < text.n && text.p[n] != '/' && text.p[n] != '?')
		n++;
	why = host_read(arena, slice_make(text.p, n), out);
	if (why)
		return why;
	path = slice_make(text.p + n, text.n - n);
	if (!path_is_clean(path))
		return "its path has characters that do not belong there";
	if (path.n > 0 && path.p[0] == '/') {
		out->path = arena_string(arena, path);
	} else {
		char *whole = arena_alloc(arena, path.n + 2);

		whole[0] = '/';
		if (path.n > 0)
			memcpy(whole + 1, path.p, path.n);
		whole[path.n + 1] = '\0';
		out->path = whole;
	}
	return NULL;
}
