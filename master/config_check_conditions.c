#include "config_check_conditions.h"

#include <stdio.h>

/* An element of a list of conditions: what it compares by is one thing at most. */
static void
check_one(struct mistakes *m, const char *key, int line, const struct config_condition *c)
{
	int ways = (c->value != NULL) + (c->prefix != NULL) + (c->regex != NULL);

	if (ways > 1)
		mistakes_add(m, false, line, key,
			     "value, prefix and regex do not go together; make an element of each");
	else if (ways == 1 && !c->present)
		mistakes_add(m, false, line, key,
			     "what is not there has no value; remove present, or write not: true");
}

static void
check_list(struct mistakes *m, const char *key, const char *list, int line,
	   const struct config_condition *all, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		char below[160];

		snprintf(below, sizeof below, "%s.%s[%zu]", key, list, i);
		check_one(m, below, all[i].place.line ? all[i].place.line : line, &all[i]);
	}
}

void
config_check_conditions(struct mistakes *m, const char *key, int line,
			const struct config_route *route)
{
	char below[160];

	check_list(m, key, "headers", line, route->headers, route->headers_count);
	check_list(m, key, "query", line, route->query, route->query_count);
	snprintf(below, sizeof below, "%s.path_regex", key);
	if (route->path_regex && route->exact)
		mistakes_add(m, false, line, below,
			     "an exact path has nothing left to match; remove exact");
}
