/*
 * What sentinels and nodes of a cluster answer. Hostile or broken ones included: what is none is
 * refused.
 */

#include "seek_own.h"

#include "number.h"
#include "settings.h"

#include <stdio.h>
#include <stdlib.h>

static bool
is_host(struct slice host)
{
	for (size_t i = 0; i < host.n; i++) {
		char c = ascii_lower(host.p[i]);

		if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && !memchr(".:-_", c, 4))
			return false;
	}
	return host.n > 0 && host.n < sizeof((struct seek_place *)0)->host;
}

bool
seek_read_place(struct slice host, int64_t port, struct seek_place *out)
{
	if (!is_host(host) || port < 1 || port > UINT16_MAX)
		return false;
	memset(out, 0, sizeof *out);
	for (size_t i = 0; i < host.n; i++)
		out->host[i] = ascii_lower(host.p[i]);
	out->port = (uint16_t)port;
	snprintf(out->text, sizeof out->text, strchr(out->host, ':') ? "[%s]:%u" : "%s:%u",
		 out->host, out->port);
	return true;
}

void
seek_place_settle(struct seek_place *p)
{
	p->address = (struct config_address){ .text = p->text, .host = p->host, .port = p->port };
}

static const struct redis_reply *
element(const struct redis_reply *r, size_t i, enum redis_type type)
{
	const struct redis_reply *e =
	    r && r->type == REDIS_ARRAY && i < r->count ? r->elements[i] : NULL;

	return e && e->type == type ? e : NULL;
}

bool
seek_read_master(const struct redis_reply *r, struct seek_place *out)
{
	const struct redis_reply *host = element(r, 0, REDIS_STRING),
				 *port = element(r, 1, REDIS_STRING);
	int64_t number;

	return host && port && number_parse(SETTING_INT, port->text, &number) == NUMBER_OK &&
	       seek_read_place(host->text, number, out);
}

/* One of {host, port, id, ...}. */
static bool
node_read(const struct redis_reply *node, const char *asked, struct seek_place *out)
{
	const struct redis_reply *host = element(node, 0, REDIS_STRING),
				 *port = element(node, 1, REDIS_INTEGER);
	bool named = host && host->text.n && !slice_eq(host->text, SLICE("?"));

	return port && seek_read_place(named ? host->text : slice_of(asked), port->integer, out);
}

static int
compare(const void *a, const void *b)
{
	return strcmp(((const struct seek_place *)a)->text, ((const struct seek_place *)b)->text);
}

static void
add(struct seek_place nodes[SEEK_NODES], size_t *count, const struct seek_place *p)
{
	for (size_t i = 0; i < *count; i++) {
		if (compare(&nodes[i], p) == 0)
			return;
	}
	if (*count < SEEK_NODES)
		nodes[(*count)++] = *p;
}

/* {first, last, master, replica, ...} */
static bool
range_read(const struct redis_reply *range, unsigned slot, const char *asked,
	   struct seek_place *owner, struct seek_place nodes[SEEK_NODES], size_t *count)
{
	const struct redis_reply *first = element(range, 0, REDIS_INTEGER),
				 *last = element(range, 1, REDIS_INTEGER);
	bool owned = first && last && first->integer <= slot && slot <= last->integer;
	struct seek_place node;

	for (size_t i = 2; first && last && i < range->count; i++) {
		if (!node_read(range->elements[i], asked, &node))
			continue;
		add(nodes, count, &node);
		if (owned && i == 2)
			*owner = node;
	}
	return owned && owner->port;
}

bool
seek_read_slots(const struct redis_reply *r, unsigned slot, const char *asked,
		struct seek_place *owner, struct seek_place nodes[SEEK_NODES], size_t *count)
{
	bool found = false;

	*count = 0;
	memset(owner, 0, sizeof *owner);
	for (size_t i = 0; r->type == REDIS_ARRAY && i < r->count; i++)
		found |= range_read(r->elements[i], slot, asked, owner, nodes, count);
	qsort(nodes, *count, sizeof *nodes, compare);
	return found;
}
