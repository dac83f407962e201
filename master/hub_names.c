#include "hub_names.h"

#include "lib/absolute.h"

#define NOWHERE "255.255.255.255" /* no name is asked for, and nobody is ever connected to */

bool
hub_name_parse(struct arena *arena, const char *text, struct hub_name *out)
{
	struct buf BUF_CLEAN url = { 0 };
	struct absolute parts;
	struct slice host;
	char *room;

	*out = (struct hub_name){ .host = NOWHERE, .canonical = "" };
	if (strcmp(text, "*") == 0)
		return true;
	buf_addf(&url, "https://%s", text);
	room = arena_alloc(arena, 2 * url.n + 2);
	if (absolute_parse(buf_slice(&url), room, &parts) || parts.target.n > 0 ||
	    parts.fragment.n > 0 || parts.dotted)
		return false;
	host = parts.host.host;
	out->canonical = arena_string(arena, host);
	if (host.p[0] == '[')
		host = slice_make(host.p + 1, host.n - 2);
	out->host = arena_string(arena, host);
	out->port = parts.host.port > 0 ? (uint16_t)parts.host.port : 0;
	return true;
}

const struct config_hub_target *
hub_names_target(const struct config_hub *hub, const char *text)
{
	for (size_t i = 0; i < hub->targets_count; i++) {
		if (strcmp(hub->targets[i].host, text) == 0)
			return &hub->targets[i];
	}
	return NULL;
}

const char *
hub_names_upstream(struct arena *arena, const struct config_hub *hub, const char *text, bool https)
{
	const struct config_hub_target *t = hub_names_target(hub, text);
	struct buf BUF_CLEAN name = { 0 };
	struct hub_name parts;

	if (!hub_name_parse(arena, text, &parts))
		return NULL;
	buf_addf(&name, "(hub) %s://%s:%u", https ? "https" : "http",
		 *parts.canonical ? parts.canonical : "*",
		 parts.port ? parts.port
		 : https    ? 443
			    : 80);
	if (https && t && t->ca)
		buf_addf(&name, " %s", t->ca);
	return arena_string(arena, buf_slice(&name));
}
