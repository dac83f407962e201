/*
 * Native rules: routes, upstreams, policies and API keys of our own, each a JSON object under a key
 * of its own. The text is the rule; what it says is read from it for the configuration that it
 * stands beside, and kept until there is another one. But of routes there may be a million: of one
 * that is good only what no configuration changes is kept, in one piece of memory with its text.
 */

#include "rules.h"

#include "rules_own.h"

#include "lib/xalloc.h"

#include <stdlib.h>

struct rules_native {
	enum native_kind kind;
	unsigned shared; /* sets that hold it beside the first (rules_copy) */
	uint32_t met;    /* rules_meet */
	const char *name, *text;
	struct rules_place place; /* of a good route */
	struct reading *reading;  /* NULL: it was not read */
	char bytes[];             /* of all these */
};

struct reading {
	struct arena arena;
	void *entry;       /* in the arena: what the rule says, and */
	const char *fault; /* what is wrong with it, NULL for nothing; read for: */
	const struct config *config;
	uint64_t serial; /* of that configuration */
};

static const struct {
	struct slice prefix;
} keys[NATIVE_KINDS] = {
	[NATIVE_ROUTE] = { { "yett:route:", 11 } },
	[NATIVE_UPSTREAM] = { { "yett:upstream:", 14 } },
	[NATIVE_POLICY] = { { "yett:policy:", 12 } },
	[NATIVE_KEY] = { { "yett:key:", 9 } },
};

struct slice
rules_native_prefix(enum native_kind kind)
{
	return keys[kind].prefix;
}

bool
rules_native_key(struct slice key, enum native_kind *kind, struct slice *name)
{
	for (unsigned k = 0; k < NATIVE_KINDS; k++) {
		struct slice prefix = keys[k].prefix;

		if (!slice_starts(key, prefix))
			continue;
		*kind = (enum native_kind)k;
		*name = slice_make(key.p + prefix.n, key.n - prefix.n);
		return true;
	}
	return false;
}

/* ---- one of them ---- */

static const char *
put(char **to, struct slice s)
{
	char *p = *to;

	if (!s.p)
		return NULL;
	memcpy(p, s.p, s.n);
	p[s.n] = '\0';
	*to += s.n + 1;
	return p;
}

static size_t
room(struct slice s)
{
	return s.p ? s.n + 1 : 0;
}

struct rules_native *
native_new(enum native_kind kind, struct slice name, struct slice text,
	   const struct config_route *route)
{
	struct slice host = slice_of(route ? route->host : NULL);
	struct slice path = slice_of(route ? route->path : NULL);
	struct slice target =
	    slice_of(route && route->target.address.text ? route->upstream : NULL);
	struct rules_native *n =
	    xmalloc(sizeof *n + room(name) + room(text) + room(host) + room(path) + room(target));
	char *to = n->bytes;

	*n = (struct rules_native){ .kind = kind };
	n->name = put(&to, name);
	n->text = put(&to, text);
	n->place = (struct rules_place){ put(&to, host), put(&to, path), put(&to, target) };
	return n;
}

static void
reading_free(struct reading *r)
{
	if (!r)
		return;
	arena_deinit(&r->arena);
	free(r);
}

void
native_free(void *p)
{
	struct rules_native *n = p;

	if (!n || (n->shared && n->shared--))
		return;
	reading_free(n->reading);
	free(n);
}

void *
native_share(void *p)
{
	struct rules_native *n = p;

	if (n)
		n->shared++;
	return n;
}

uint32_t *
native_met(void *p)
{
	return &((struct rules_native *)p)->met;
}

const char *
rules_native_name(const struct rules_native *n)
{
	return n->name;
}

struct slice
rules_native_text(const struct rules_native *n)
{
	return slice_of(n->text);
}

const struct rules_place *
rules_native_place(const struct rules_native *n)
{
	return &n->place;
}

/* A refused one is read for what is left of it. */
static void *
read_into(const struct rules_native *n, const struct config *c, struct arena *arena,
	  const char **fault)
{
	struct buf BUF_CLEAN why = { 0 };
	void *entry;

	*fault = NULL;
	if (config_rule_read(n->kind, c, slice_of(n->name), slice_of(n->text), arena, &entry,
			     &why) != 0)
		*fault = arena_string(arena, buf_slice(&why));
	return entry;
}

const struct config_route *
rules_native_route(const struct rules_native *n, const struct config *c, struct arena *arena,
		   const char **fault)
{
	return read_into(n, c, arena, fault);
}

static const struct reading *
reading_of(struct rules_native *n, const struct config *c)
{
	struct reading *r = n->reading;

	if (r && r->serial && r->serial == c->serial && r->config == c)
		return r;
	reading_free(r);
	r = n->reading = xcalloc(1, sizeof *r);
	r->entry = read_into(n, c, &r->arena, &r->fault);
	r->config = c;
	r->serial = c->serial;
	return r;
}

const void *
rules_native_read(struct rules_native *n, const struct config *c)
{
	return reading_of(n, c)->entry;
}

const char *
rules_native_fault(struct rules_native *n, const struct config *c)
{
	return reading_of(n, c)->fault;
}
