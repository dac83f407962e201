#include "ashine.h"

#include "ashine_own.h"

#include "number.h"

#include <stdlib.h>

#define MAX_AGE 86400 /* seconds: no browser keeps it longer */

static const struct setting_word gateway_keys[] = {
	{ "listenAddr", 0 }, { "cors", 0 }, { "services", 0 }, { 0 }
};
static const struct setting_word cors_keys[] = {
	{ "allowedOrigins", 0 },     { "allowedMethods", 0 }, { "allowedHeaders", 0 },
	{ "allowedCredentials", 0 }, { "maxAge", 0 },         { 0 },
};

/* ---- CORS ---- */

static bool
is_for_all(const struct node *origins)
{
	if (origins->kind == NODE_SCALAR)
		return slice_eq(origins->text, SLICE("*"));
	for (size_t i = 0; origins->kind == NODE_LIST && i < origins->count; i++) {
		if (origins->items[i]->kind == NODE_SCALAR &&
		    slice_eq(origins->items[i]->text, SLICE("*")))
			return true;
	}
	return false;
}

/* Without it browsers keep nothing. */
static const struct node *
max_age(struct config_reader *r, const struct node *given, int line)
{
	int64_t seconds = 0;

	if (!given)
		return node_scalar(&r->c->arena, SLICE("0s"), line);
	if (given->kind != NODE_SCALAR ||
	    number_parse(SETTING_INT, given->text, &seconds) != NUMBER_OK || seconds <= MAX_AGE)
		return given; /* also what is no number: the reader says so */
	mistakes_add(&r->mistakes, true, given->line, "gateway.cors.maxAge",
		     "no browser keeps it for more than a day, which is what they are told");
	return node_scalar(&r->c->arena, SLICE("86400"), given->line);
}

/* `*` and credentials together are forbidden by the standard, so no browser ever sent any. */
static const struct node *
credentials(struct config_reader *r, const struct node *cors)
{
	const struct node *given = foreign_get(cors, "allowedCredentials");

	if (!given || given->kind != NODE_SCALAR || !slice_ieq(given->text, SLICE("true")) ||
	    !is_for_all(foreign_get(cors, "allowedOrigins")))
		return given;
	mistakes_add(&r->mistakes, true, given->line, "gateway.cors.allowedCredentials",
		     "browsers send no credentials where every origin may ask, so it has no "
		     "effect; name the origins");
	return NULL;
}

/* As routes[].cors; NULL: there are no origins, and so is no CORS. */
static const struct node *
translate_cors(struct config_reader *r, const struct node *cors)
{
	struct arena *a = &r->c->arena;
	const struct node *origins, *methods, *headers, *with;
	struct node *out;

	if (!cors || !foreign_keys(r, cors, WHOSE, "gateway.cors", cors_keys))
		return NULL;
	origins = foreign_get(cors, "allowedOrigins");
	if (!origins || (origins->kind == NODE_LIST && origins->count == 0)) {
		if (cors->count > 0)
			mistakes_add(&r->mistakes, true, cors->line, "gateway.cors",
				     "without allowedOrigins there is no CORS; name the origins, "
				     "or remove it");
		return NULL;
	}
	methods = foreign_get(cors, "allowedMethods");
	headers = foreign_get(cors, "allowedHeaders");
	with = credentials(r, cors);
	out = node_new(a, NODE_MAPPING, cors->line, 5);
	node_put(a, out, "origins", origins);
	if (methods)
		node_put(a, out, "methods", methods);
	if (headers)
		node_put(a, out, "headers", headers);
	if (with)
		node_put(a, out, "credentials", with);
	node_put(a, out, "max_age", max_age(r, foreign_get(cors, "maxAge"), cors->line));
	return out;
}

/* ---- the environment ---- */

/* {env: NAME} */
static struct node *
variable(struct config_reader *r, const char *name, int line)
{
	struct node *n = node_new(&r->c->arena, NODE_MAPPING, line, 1);

	node_put(&r->c->arena, n, "env", node_scalar(&r->c->arena, slice_of(name), line));
	return n;
}

static const char *
value_of(const char *variable, const char *initial)
{
	const char *text = getenv(variable);

	return text && *text ? text : initial;
}

/* The file's own section, of which nothing is replaced, with room for what is added. NULL: it is no
 * mapping, which the reader says. */
static struct node *
section(struct config_reader *r, const struct node *root, const char *key, int line)
{
	const struct node *own = node_get(root, slice_of(key));
	size_t count = own && own->kind == NODE_MAPPING ? own->count : 0;
	struct node *n;

	if (own && own->kind != NODE_MAPPING && !node_is_null(own))
		return NULL;
	n = node_new(&r->c->arena, NODE_MAPPING, count ? own->line : line, count + 2);
	for (size_t i = 0; i < count; i++)
		n->pairs[n->count++] = own->pairs[i];
	return n;
}

static const struct node *
redis_of(struct config_reader *r, const struct node *root, int line)
{
	const char *host = value_of("REDIS_HOST", NULL), *port = value_of("REDIS_PORT", NULL);
	struct node *n = section(r, root, "redis", line);
	struct buf BUF_CLEAN text = { 0 };

	if (!n)
		return node_get(root, SLICE("redis"));
	if ((host || port) && !node_get(n, SLICE("address"))) {
		bool v6 = host && strchr(host, ':') && *host != '[';

		buf_addf(&text, v6 ? "[%s]:%s" : "%s:%s", host ? host : "127.0.0.1",
			 port ? port : "6379");
		node_put(&r->c->arena, n, "address",
			 node_scalar(&r->c->arena, buf_slice(&text), line));
	}
	if (value_of("REDIS_PASSWORD", NULL) && node_get(n, SLICE("address")) &&
	    !node_get(n, SLICE("password")))
		node_put(&r->c->arena, n, "password", variable(r, "REDIS_PASSWORD", line));
	return n;
}

static const struct node *
gate_of(struct config_reader *r, const struct node *root, const struct node *cors, int line)
{
	struct node *n = section(r, root, "gate", line);

	if (!n)
		return node_get(root, SLICE("gate"));
	if (!node_get(n, SLICE("secret")) && !node_get(n, SLICE("public_key")) &&
	    !node_get(n, SLICE("issuers")))
		node_put(&r->c->arena, n, "secret", variable(r, "JWT_SECRET_KEY", line));
	if (cors && !node_get(n, SLICE("cors")))
		node_put(&r->c->arena, n, "cors", cors); /* of /isAuth */
	return n;
}

/* Services of authenticated users are told of those that are deleted. */
static const struct node *
cascade_of(struct config_reader *r, const struct node *root, int line)
{
	struct node *n = section(r, root, "cascade", line);

	if (!n)
		return node_get(root, SLICE("cascade"));
	if (!node_get(n, SLICE("enabled")))
		node_put(&r->c->arena, n, "enabled",
			 node_scalar(&r->c->arena, SLICE("true"), line));
	return n;
}

/* Who is suspended stands there, and nowhere else. */
static void
expect_redis(struct config_reader *r, const struct node *redis, int line)
{
	if (!node_get(redis, SLICE("address")))
		mistakes_add(&r->mistakes, false, line, "gateway.services",
			     "there are services for authenticated users, who can be suspended in "
			     "Redis, but no Redis; set REDIS_HOST, or write redis: {address: "
			     "\"HOST:PORT\"}");
}

/* ---- all of it ---- */

static struct node *
listeners_of(struct config_reader *r, const struct node *gateway)
{
	const struct node *given = foreign_get(gateway, "listenAddr");
	struct node *list = node_new(&r->c->arena, NODE_LIST, gateway->line, 1);
	bool named = given && (given->kind != NODE_SCALAR || given->text.n > 0);

	node_push(list, named ? given : node_scalar(&r->c->arena, SLICE(":80"), gateway->line));
	return list;
}

/* Was it read above? A second one of that name was not, and is told. */
static bool
is_done(const struct node *root, const struct node *out, const struct node_pair *pair)
{
	static const char *const merged[] = { "redis", "gate", "cascade" };

	if (pair->key->kind != NODE_SCALAR || pair->value != node_get(root, pair->key->text))
		return false;
	for (size_t i = 0; i < sizeof merged / sizeof merged[0]; i++) {
		if (slice_eq(pair->key->text, slice_of(merged[i])))
			return node_get(out, pair->key->text) != NULL;
	}
	return slice_eq(pair->key->text, SLICE("gateway"));
}

const struct node *
ashine_translate(struct config_reader *r, const struct node *root)
{
	const struct node *gateway = node_get(root, SLICE("gateway")), *redis, *cors;
	struct arena *a = &r->c->arena;
	struct node *out, *routes;
	bool authenticated = false;
	int line = gateway ? gateway->line : 0;

	if (!gateway)
		return root;
	out = node_new(a, NODE_MAPPING, root->line, root->count + 6);
	if (!foreign_keys(r, gateway, WHOSE, "gateway", gateway_keys))
		return out;
	cors = translate_cors(r, foreign_get(gateway, "cors"));
	routes = ashine_services(r, foreign_get(gateway, "services"), cors, &authenticated);
	redis = redis_of(r, root, line);
	node_put(a, out, "compatibility", node_scalar(a, SLICE("a-shine"), line));
	node_put(a, out, "listeners", listeners_of(r, gateway));
	node_put(a, out, "redis", redis);
	node_put(a, out, "routes", routes);
	if (authenticated || value_of("JWT_SECRET_KEY", NULL)) /* /isAuth looks at tokens */
		node_put(a, out, "gate", gate_of(r, root, cors, line));
	if (authenticated) {
		expect_redis(r, redis, line);
		node_put(a, out, "cascade", cascade_of(r, root, line));
	}
	for (size_t i = 0; i < root->count; i++) {
		if (!is_done(root, out, &root->pairs[i]))
			out->pairs[out->count++] = root->pairs[i];
	}
	return out;
}
