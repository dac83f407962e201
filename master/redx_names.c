#include "redx_names.h"

#include "node.h"

#include <stdlib.h>

#define FORK_COOKIE "lapis_session" /* of the fork, where the plugin names none */

enum form {
	FORM_HOST, /* with the port one address */
	FORM_PORT,
	FORM_SECRET,
	FORM_MS,
	FORM_AS_IT_IS,
	FORM_PLUGINS,
	FORM_MAX_AGE, /* of the fork's cookie */
	FORM_NOTHING,
	FORM_SENTINEL,
};

static const struct redx_name {
	const char *name, *env;
	enum form form;
	const char *setting; /* ours; where there is none: what to say */
} names[] = {
	{ "redis_host", "REDIS_HOST", FORM_HOST, "redis.address" },
	{ "redis_port", "REDIS_PORT", FORM_PORT, "redis.address" },
	{ "redis_password", "REDIS_PASSWORD", FORM_SECRET, "redis.password" },
	{ "redis_timeout", "REDIS_TIMEOUT", FORM_MS, "redis.timeout" },
	{ "max_path_length", "MAX_PATH_LENGTH", FORM_AS_IT_IS, "redis.max_path_length" },
	{ "default_score", "DEFAULT_SCORE", FORM_AS_IT_IS, "redis.default_score" },
	{ "plugins", "PLUGINS", FORM_PLUGINS, "redis.plugins" },
	{ "session_length", "SESSION_LENGTH", FORM_MAX_AGE, "redis.plugins" },
	{ "redis_keepalive_pool_size", NULL, FORM_NOTHING,
	  "no request asks Redis here, so there is no pool" },
	{ "redis_keepalive_max_idle_timeout", NULL, FORM_NOTHING,
	  "the one connection to Redis stays open" },
	{ "cookie_secret", NULL, FORM_NOTHING, "cookies of redx's form are not signed" },
	{ "redis_sentinel_host", "REDIS_SENTINEL_HOST", FORM_SENTINEL, NULL },
	{ "redis_sentinel_port", NULL, FORM_SENTINEL, NULL },
	{ "redis_master_name", NULL, FORM_SENTINEL, NULL },
};

#define NAMES (sizeof names / sizeof names[0])

static bool
is_redx(const struct config_reader *r)
{
	return r->c->profile == PROFILE_REDX || r->c->profile == PROFILE_RIOX;
}

static const struct redx_name *
name_find(struct slice key)
{
	for (size_t i = 0; i < NAMES; i++) {
		if (slice_eq(slice_of(names[i].name), key))
			return &names[i];
	}
	return NULL;
}

/* ---- nodes as the reader takes them ---- */

static struct node *
make_scalar(struct config_reader *r, struct slice text, int line)
{
	return node_scalar(&r->c->arena, text, line);
}

static struct node *
make_list(struct config_reader *r, int line, size_t room)
{
	return node_new(&r->c->arena, NODE_LIST, line, room);
}

/* {key: value} */
static struct node *
make_mapping(struct config_reader *r, const char *key, struct node *value)
{
	struct node *n = node_new(&r->c->arena, NODE_MAPPING, value->line, 1);

	node_put(&r->c->arena, n, key, value);
	return n;
}

/* ---- one value ---- */

/* What is given: the file's, or the environment's as a scalar of line 0; NULL: nothing is. */
static const struct node *
given(struct config_reader *r, const struct redx_name *name)
{
	const struct node *n = node_get(r->root, slice_of(name->name));
	const char *env = name->env ? getenv(name->env) : NULL;

	if (n && !node_is_null(n))
		return n;
	return env && *env ? make_scalar(r, slice_of(env), 0) : NULL;
}

static struct slice
text_of(const struct node *n, const char *initial)
{
	return n && n->kind == NODE_SCALAR ? n->text : slice_of(initial);
}

static const struct node *
address(struct config_reader *r, const struct node *any)
{
	struct slice host = text_of(given(r, &names[0]), "127.0.0.1"),
		     port = text_of(given(r, &names[1]), "6379");
	bool v6 = memchr(host.p, ':', host.n) && host.p[0] != '[';
	struct buf BUF_CLEAN text = { 0 };

	buf_addf(&text, v6 ? "[%.*s]:%.*s" : "%.*s:%.*s", SLICE_F(host), SLICE_F(port));
	return make_scalar(r, buf_slice(&text), any->line);
}

/* redx's tables are written in braces: to YAML that is a mapping of names to nothing. */
static const struct node *
as_list(struct config_reader *r, const struct node *n)
{
	struct node *list;

	if (n->kind != NODE_MAPPING)
		return n;
	for (size_t i = 0; i < n->count; i++) {
		if (!node_is_null(n->pairs[i].value))
			return n;
	}
	list = make_list(r, n->line, n->count);
	for (size_t i = 0; i < n->count; i++)
		node_push(list, n->pairs[i].key);
	return list;
}

/* The fork's cookie lives as long as a session. */
static struct node *
stickiness(struct config_reader *r, const struct node *parameter, int line)
{
	const struct node *cookie = node_get(parameter, SLICE("COOKIE"));
	const struct node *length = given(r, name_find(SLICE("session_length")));
	struct node *n = node_new(&r->c->arena, NODE_MAPPING, line, 2);

	node_put(&r->c->arena, n, "cookie", make_scalar(r, text_of(cookie, FORK_COOKIE), line));
	if (length && r->c->profile == PROFILE_RIOX)
		node_put(&r->c->arena, n, "max_age",
			 make_scalar(r, text_of(length, ""), length->line));
	return make_mapping(r, "stickiness", n);
}

/* 'random', {'score', 'least'}, {'stickiness', {COOKIE: 'session'}}; also in our own form. */
static struct node *
plugin(struct config_reader *r, const struct node *given_one)
{
	const struct node *n = as_list(r, given_one);
	const struct node *parameter = n->kind == NODE_LIST && n->count > 1 ? n->items[1] : NULL;
	const struct node *name = n->kind == NODE_LIST && n->count > 0 ? n->items[0] : n;

	if (name->kind == NODE_SCALAR && slice_eq(name->text, SLICE("stickiness")))
		return stickiness(r, parameter, name->line);
	if (parameter && name->kind == NODE_SCALAR)
		return make_mapping(r, name->text.p,
				    make_scalar(r, text_of(parameter, ""), n->line));
	return (struct node *)(uintptr_t)name;
}

static const struct node *
plugins(struct config_reader *r, const struct node *written)
{
	const struct node *n = as_list(r, written);
	struct node *list;

	if (n->kind == NODE_SCALAR) { /* one alone */
		list = make_list(r, n->line, 1);
		node_push(list, plugin(r, n));
		return list;
	}
	if (n->kind != NODE_LIST)
		return n;
	list = make_list(r, n->line, n->count);
	for (size_t i = 0; i < n->count; i++)
		node_push(list, plugin(r, n->items[i]));
	return list;
}

/* A variable holds the same text as the file would. */
static const struct node *
plugins_of(struct config_reader *r, const struct node *n, struct document *d)
{
	struct document_error error;

	if (n->line > 0)
		return plugins(r, n);
	if (document_parse(d, n->text, &error) < 0 || !d->root)
		return n;
	for (size_t i = 0; i < d->nodes_count; i++)
		d->nodes[i].line = 0; /* they are none of the file's */
	return plugins(r, d->root);
}

/* ---- all of them ---- */

static void
note(struct config_reader *r, const struct redx_name *name, const struct node *n)
{
	bool sentinel = name->form == FORM_SENTINEL;

	mistakes_add(&r->mistakes, !sentinel || n->line == 0, n->line,
		     n->line ? name->name : name->env, "%s; %s",
		     sentinel ? "Redis Sentinel is not asked for the server" : name->setting,
		     sentinel ? "name the server by redis_host" : "remove it");
}

static void
read_as(struct config_reader *r, const struct redx_name *name, const struct node *n, int line)
{
	const struct setting *s = setting_find(slice_of(name->setting));
	struct buf BUF_CLEAN origin = { 0 };

	if (name->env)
		buf_addf(&origin, "env %s", name->env);
	buf_addc(&origin, '\0');
	r->origin = line > 0 ? NULL : origin.p;
	buf_addf(&r->key, "%s", name->setting);
	config_read_value(r, s, n, r->c);
	r->key.n = 0;
	r->origin = NULL;
	r->redx_given |= 1u << (name - names);
}

static void
read_name(struct config_reader *r, const struct redx_name *name, const struct node *n)
{
	struct buf BUF_CLEAN text = { 0 };
	struct document d = { 0 };

	switch (name->form) {
	case FORM_HOST:
	case FORM_PORT:
		if (!redx_names_gave(r, setting_find(slice_of(name->setting))))
			read_as(r, name, address(r, n), n->line);
		break;
	case FORM_SECRET:
		if (n->line == 0)
			n = make_mapping(r, "env", make_scalar(r, slice_of(name->env), 0));
		if (n->kind != NODE_SCALAR || n->text.n > 0) /* redx's '' is none */
			read_as(r, name, n, n->line);
		break;
	case FORM_MS:
		buf_addf(&text, "%.*sms", SLICE_F(text_of(n, "")));
		read_as(r, name, make_scalar(r, buf_slice(&text), n->line), n->line);
		break;
	case FORM_AS_IT_IS:
		read_as(r, name, n, n->line);
		break;
	case FORM_PLUGINS:
		read_as(r, name, plugins_of(r, n, &d), n->line);
		break;
	case FORM_MAX_AGE: /* of the plugins */
		if (r->c->profile == PROFILE_REDX && n->line > 0)
			mistakes_add(&r->mistakes, true, n->line, name->name,
				     "redx's own cookie has no age, only that of its fork; write "
				     "redis.plugins with max_age, or remove it");
		break;
	case FORM_NOTHING:
	case FORM_SENTINEL:
		note(r, name, n);
		break;
	}
	document_deinit(&d);
}

void
redx_names_read(struct config_reader *r)
{
	for (size_t i = 0; is_redx(r) && i < NAMES; i++) {
		const struct node *n = given(r, &names[i]);
		const struct node *own = names[i].form < FORM_MAX_AGE
					     ? node_at(r->root, slice_of(names[i].setting))
					     : NULL;

		if (n && own && n->line > 0)
			mistakes_add(&r->mistakes, true, n->line, names[i].name,
				     "%s is given as well, and wins; remove one of the two",
				     names[i].setting);
		if (n && !own)
			read_name(r, &names[i], n);
	}
}

bool
redx_names_gave(const struct config_reader *r, const struct setting *s)
{
	for (size_t i = 0; r->redx_given && i < NAMES; i++) {
		if (r->redx_given & 1u << i && strcmp(names[i].setting, s->path) == 0)
			return true;
	}
	return false;
}

bool
redx_names_has(const struct config_reader *r, struct slice key)
{
	return is_redx(r) && name_find(key);
}

void
redx_names_hint(struct slice key, struct buf *hint)
{
	const struct redx_name *name = name_find(key);

	if (name && name->form < FORM_NOTHING)
		buf_addf(hint, "; it is one of redx: write %s, or compatibility: redx",
			 name->setting);
}
