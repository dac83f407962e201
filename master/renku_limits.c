/*
 * renku_limits: the limit of Renku's gateway, server.rateLimits, as limits.rates.
 */

#include "renku_own.h"

#include <stdio.h>

#define SERVER SLICE("server")
#define DECIMALS 3 /* of a rate, behind the point */

static const char remedy[] =
    "of renku's server, rateLimits with enabled, rate and burst is understood "
    "alone; remove it";

static void
refuse_others(struct config_reader *r, const struct node *n, const char *where,
	      const char *const *known)
{
	for (size_t i = 0; i < n->count; i++) {
		const struct node *key = n->pairs[i].key;
		bool found = false;

		for (size_t k = 0; known[k]; k++)
			found |= key->kind == NODE_SCALAR &&
				 slice_eq(key->text, slice_of(known[k])) &&
				 node_get(n, key->text) == n->pairs[i].value;
		if (!found)
			mistakes_add(&r->mistakes, false, key->line, where, "%s", remedy);
	}
}

/* What is no text is none that anybody understands. */
static struct slice
text(const struct node *n, const char *key, const char *initial)
{
	const struct node *value = node_get(n, slice_of(key));

	if (!value)
		return slice_of(initial);
	return value->kind == NODE_SCALAR ? value->text : SLICE("?");
}

static bool
refuse(struct config_reader *r, const struct node *n, const char *key, struct slice value,
       const char *remedy_of_it)
{
	char where[40];

	snprintf(where, sizeof where, "server.rateLimits.%s", key);
	mistakes_add(&r->mistakes, false, n->line, where, "\"%.*s\" is %s", SLICE_F(value),
		     remedy_of_it);
	return false;
}

static bool
is_count(struct slice s)
{
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] < '0' || s.p[i] > '9')
			return false;
	}
	return s.n > 0;
}

/* "2.5" a second is 25 in ten. False: it is no such number. */
static bool
read_rate(struct slice s, uint64_t *count, uint64_t *seconds)
{
	bool behind = false;

	*count = 0;
	*seconds = 1;
	for (size_t i = 0; i < s.n; i++) {
		bool digit = s.p[i] >= '0' && s.p[i] <= '9';

		if (!digit && (behind || s.p[i] != '.'))
			return false;
		if (digit)
			*count = *count * 10 + (uint64_t)(s.p[i] - '0');
		if (digit && behind)
			*seconds *= 10;
		behind |= !digit;
		if (*count > 1000000000 || *seconds > 1000)
			return false;
	}
	return s.n > 0 && *count > 0;
}

/* As a limit is written; empty: it is not enabled. */
static void
write_limit(struct config_reader *r, const struct node *n, struct buf *out)
{
	struct slice enabled = text(n, "enabled", "false"), rate = text(n, "rate", "");
	struct slice burst = text(n, "burst", "0");
	uint64_t count, seconds, most;

	if (slice_ieq(enabled, SLICE("false")))
		return;
	if ((!slice_ieq(enabled, SLICE("true")) &&
	     !refuse(r, n, "enabled", enabled, "neither true nor false; write one of the two")) ||
	    (!read_rate(rate, &count, &seconds) &&
	     !refuse(r, n, "rate", rate, "no number of requests a second; write 10, or 0.5")) ||
	    (!is_count(burst) && !refuse(r, n, "burst", burst, "no number of requests; write 20")))
		return;
	most = (count + seconds - 1) / seconds; /* what its limiter makes of no burst */
	buf_addf(out, "%llu/%llus burst ", (unsigned long long)count, (unsigned long long)seconds);
	if (slice_eq(burst, SLICE("0")))
		buf_addf(out, "%llu", (unsigned long long)most);
	else
		buf_adds(out, burst);
}

const struct node *
renku_limits(struct config_reader *r, const struct node *root, const struct node *server)
{
	static const char *const of_server[] = { "rateLimits", NULL };
	static const char *const of_limits[] = { "enabled", "rate", "burst", NULL };
	const struct node *limits = node_get(server, SLICE("rateLimits"));
	const struct node *own = node_get(root, SLICE("limits"));
	struct node *out = renku_without(r->env.arena, root, SERVER, root->line), *with;
	struct buf BUF_CLEAN limit = { 0 };

	if (server->kind != NODE_MAPPING) {
		mistakes_add(&r->mistakes, false, server->line, "server", "%s", remedy);
		return out;
	}
	refuse_others(r, server, "server", of_server);
	if (limits && limits->kind != NODE_MAPPING)
		mistakes_add(&r->mistakes, false, limits->line, "server.rateLimits", "%s", remedy);
	if (limits && limits->kind == NODE_MAPPING) {
		refuse_others(r, limits, "server.rateLimits", of_limits);
		write_limit(r, limits, &limit);
	}
	if (limit.n == 0)
		return out;
	if (node_get(own, SLICE("rates"))) {
		mistakes_add(&r->mistakes, true, limits->line, "server.rateLimits",
			     "limits.rates is given as well, and wins; remove one of the two");
		return out;
	}
	with = renku_without(r->env.arena, own, SLICE("rates"), own ? own->line : limits->line);
	node_put(r->env.arena, with, "rates",
		 node_scalar(r->env.arena, buf_slice(&limit), limits->line));
	out = renku_without(r->env.arena, out, SLICE("limits"), root->line);
	node_put(r->env.arena, out, "limits", with);
	return out;
}
