#include "config_check_route.h"

/* Says `what` and `text`, in one. */
static void
mistake(const struct route_check *k, const struct node *at, const char *below, const char *what,
	const char *text)
{
	struct buf BUF_CLEAN key = { 0 };

	buf_addf(&key, "%s%s%s", k->key, *below ? "." : "", below);
	buf_addc(&key, '\0');
	mistakes_add(k->mistakes, false, at ? at->line : k->line, key.p, "%s%s", what, text);
}

/* Where a route leads: one of these. */
static const struct {
	const char *key, *text;
} leads[] = {
	{ "upstream", "an upstream" },
	{ "target", "a target" },
	{ "split", "a split" },
	{ "redirect", "a redirect" },
	{ "respond", "an answer" },
	{ "redirect_store", "a redirect store" },
	{ "hub", "a hub" },
};

bool
config_check_leads(const struct route_check *k)
{
	const struct node *at = NULL;
	size_t first = 0, second = 0, count = 0;
	struct buf BUF_CLEAN two = { 0 };

	for (size_t i = 0; i < sizeof leads / sizeof leads[0]; i++) {
		const struct node *n = node_get(k->node, slice_of(leads[i].key));

		first = n && count == 0 ? i : first;
		second = n && count == 1 ? i : second;
		at = n && count == 0 ? n : at;
		count += n != NULL;
	}
	if (count == 0)
		mistake(k, NULL, "", "the route leads nowhere; ",
			"give upstream: NAME or target: host:port");
	if (count <= 1)
		return count == 1;
	buf_addf(&two, "the route has %s and %s", leads[first].text, leads[second].text);
	buf_addc(&two, '\0');
	mistake(k, at, leads[first].key, two.p, "; remove one of the two");
	return false;
}

void
config_check_sections(const struct route_check *k)
{
	static const struct {
		const char *section, *key;
	} needs[] = {
		{ "redirect", "to" },           { "respond", "status" },
		{ "cors", "origins" },          { "mirror", "upstream" },
		{ "split_by", NULL },           { "redirect_store", "upstream" },
		{ "redirect_store", "source" },
	};

	for (size_t i = 0; i < sizeof needs / sizeof needs[0]; i++) {
		const char *section = needs[i].section, *key = needs[i].key;
		const struct node *n = node_get(k->node, slice_of(section));

		if (n && key && n->kind == NODE_MAPPING && !node_get(n, slice_of(key)))
			mistake(k, n, section, key, " is missing; give it");
		else if (n && !key && !node_get(k->node, SLICE("split")))
			mistake(k, n, section, "there is no split; ", "give one, or remove it");
	}
}

static void
trim(struct arena *arena, const char **path)
{
	size_t n = *path ? strlen(*path) : 0;

	if (n > 0 && (*path)[n - 1] == '/')
		*path = arena_string(arena, slice_make(*path, n - 1));
}

void
config_check_trim(struct arena *arena, struct config_route *route)
{
	if (route->path && !route->exact && route->path[1])
		trim(arena, &route->path);
	trim(arena, &route->add_prefix);
}
