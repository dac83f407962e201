#include "config_check_conditions.h"

#include "lib/tls_peer.h"

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

/* As others print it nothing would ever match. */
static void
check_fingerprint(struct mistakes *m, const char *key, int line, const struct config_condition *c)
{
	const char *digits = c->value ? c->value : c->prefix;

	if (c->fact != TLS_FACT_FINGERPRINT || !digits)
		return;
	if (strlen(digits) != strspn(digits, "0123456789abcdef") ||
	    (c->value ? strlen(digits) != 64 : strlen(digits) > 64))
		mistakes_add(m, false, line, key,
			     "a fingerprint is the SHA-256 of the certificate in DER, written as "
			     "64 hex digits in lower case without colons");
}

static void
check_certificate(struct mistakes *m, const char *key, int line, const struct config_route *route)
{
	check_list(m, key, "client_certificate", line, route->certificate,
		   route->certificate_count);
	for (size_t i = 0; i < route->certificate_count; i++) {
		const struct config_condition *c = &route->certificate[i];
		char below[160];

		snprintf(below, sizeof below, "%s.client_certificate[%zu]", key, i);
		check_fingerprint(m, below, c->place.line ? c->place.line : line, c);
	}
}

void
config_check_conditions(struct mistakes *m, const char *key, int line,
			const struct config_route *route)
{
	char below[160];

	check_list(m, key, "headers", line, route->headers, route->headers_count);
	check_list(m, key, "query", line, route->query, route->query_count);
	check_certificate(m, key, line, route);
	snprintf(below, sizeof below, "%s.path_regex", key);
	if (route->path_regex && route->exact)
		mistakes_add(m, false, line, below,
			     "an exact path has nothing left to match; remove exact");
}
