#include "url.h"

#include "lib/absolute.h"

const char *
url_parse(struct arena *arena, struct slice text, struct config_url *out)
{
	struct absolute parts;
	bool plain;
	const char *why;
	char *path;

	*out = (struct config_url){ 0 };
	if (text.n > URL_MAX)
		return "it is too long";
	why = absolute_parse(text, arena_alloc(arena, 2 * text.n + 2), &parts);
	if (why)
		return why;
	if (parts.fragment.n > 0)
		return "its path has characters that do not belong there";
	out->https = parts.https;
	out->port = parts.port;
	plain = parts.host.port < 0 || parts.port == (parts.https ? 443 : 80);
	/* As the Host field has it: without the port of the scheme. */
	out->authority = arena_string(arena, plain ? parts.host.host : parts.host.host_port);
	if (parts.host.host.p[0] == '[')
		parts.host.host = slice_make(parts.host.host.p + 1, parts.host.host.n - 2);
	out->host = arena_string(arena, parts.host.host);
	path = arena_alloc(arena, parts.target.n + 2);
	out->path = path;
	if (parts.target.n == 0 || parts.target.p[0] != '/')
		*path++ = '/';
	if (parts.target.n > 0)
		memcpy(path, parts.target.p, parts.target.n);
	path[parts.target.n] = '\0';
	return NULL;
}
