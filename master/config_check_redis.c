/*
 * config_check_redis: where a Redis is: at an address, or found by sentinels or by nodes of a
 * cluster; and what cannot be kept in a cluster.
 */

#include "config_check.h"

#include "address.h"

#include <stdio.h>

#define SENTINEL_PORT 26379
#define REDIS_PORT 6379

bool
config_seeks(const struct node *section)
{
	return node_get(section, SLICE("address")) || node_get(section, SLICE("sentinel")) ||
	       node_get(section, SLICE("cluster"));
}

/* ---- whom to ask ---- */

struct section {
	struct config_reader *r;
	const char *name;
	struct config_seek *seek;
};

static void
tell(const struct section *s, const char *what, const char *text)
{
	char key[64];

	snprintf(key, sizeof key, "%s%s%s", s->name, *what ? "." : "", what);
	mistakes_add(&s->r->mistakes, false, config_line(s->r, key), key, "%s", text);
}

static void
read_places(const struct section *s, const char *what, const char *const *texts, size_t count,
	    uint16_t port)
{
	struct config_seek *seek = s->seek;
	struct arena *arena = &s->r->c->arena;

	seek->places = arena_calloc(arena, count * sizeof *seek->places);
	for (size_t i = 0; i < count; i++) {
		struct config_address *place = &seek->places[seek->places_count];
		const struct address_rule rule = { .default_port = port, .folder = "/" };
		struct buf BUF_CLEAN why = { 0 };

		if (address_parse(arena, slice_of(texts[i]), &rule, place, &why) &&
		    !place->unix_path)
			seek->places_count++;
		else
			tell(s, what, "it is no list of HOST:PORT; write such as [\"r1:6379\"]");
	}
}

/* What stands for its address wherever one is told. */
static void
name_it(const struct section *s, struct config_address *address)
{
	const struct config_seek *seek = s->seek;
	struct buf BUF_CLEAN text = { 0 };

	if (seek->nodes_count)
		buf_adds(&text, SLICE("cluster"));
	else
		buf_addf(&text, "%s", seek->master);
	for (size_t i = 0; i < seek->places_count; i++)
		buf_addf(&text, "%s%s", i ? "," : " by ", seek->places[i].text);
	*address =
	    (struct config_address){ .text = arena_string(&s->r->c->arena, buf_slice(&text)) };
}

void
config_check_seek(struct config_reader *r, const char *name, struct config_seek *seek,
		  struct config_address *address, uint32_t database)
{
	const struct node *given = node_at(r->root, slice_of(name));
	const struct section s = { r, name, seek };

	if (node_get(given, SLICE("sentinel")) && !seek->sentinels_count)
		tell(&s, "sentinel", "no sentinel is named; give addresses: [HOST:PORT]");
	if (!seek->sentinels_count && !seek->nodes_count)
		return;
	if (address->text || (seek->sentinels_count && seek->nodes_count)) {
		tell(&s, "",
		     "it is at an address, found by sentinel, or a cluster; write one of "
		     "the three");
		return;
	}
	if (seek->nodes_count)
		read_places(&s, "cluster", seek->nodes, seek->nodes_count, REDIS_PORT);
	else
		read_places(&s, "sentinel.addresses", seek->sentinels, seek->sentinels_count,
			    SENTINEL_PORT);
	if (seek->nodes_count && database)
		tell(&s, "database", "a cluster has no databases but 0; remove it");
	name_it(&s, address);
}

/* ---- what a cluster cannot hold ---- */

/* Other programs write these keys, and know no tag. */
static void
check_cluster(struct config_reader *r)
{
	const struct config *c = r->c;
	const struct section s = { r, "redis", NULL };

	if (node_at(r->root, SLICE("redis.dialect")) || c->profile == PROFILE_REDX ||
	    c->profile == PROFILE_RIOX)
		tell(&s, "cluster",
		     "keys of redx and riox (frontend:, backend:) have no hash tag, so that a "
		     "cluster spreads them over its nodes, and no change of a host is one "
		     "transaction; keep them in one Redis or one that sentinels watch, or push "
		     "rules of our own (yett apply) and remove redis.dialect and compatibility");
	if (c->suspension.redis_keys)
		tell(&s, "cluster",
		     "suspension.redis_keys looks for keys without a hash tag, which a cluster "
		     "spreads over its nodes; keep them in one Redis or one that sentinels watch, "
		     "or suspend by yett suspend and write suspension.redis_keys: false");
}

void
config_check_redis(struct config_reader *r)
{
	struct config_redis *redis = &r->c->redis;

	config_check_seek(r, "redis", &redis->seek, &redis->address, redis->database);
	redis->configured = redis->address.text != NULL;
	if (redis->seek.nodes_count)
		check_cluster(r);
}
