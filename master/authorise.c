#include "authorise.h"

#include "authorise_own.h"
#include "issuer_names.h"

#include "shm/table_authorise.h"

const struct setting_word authorise_keys[] = {
	{ "scopes", AUTHORISE_SCOPES },
	{ "roles", AUTHORISE_ROLES },
	{ "groups", AUTHORISE_GROUPS },
	{ "claims", AUTHORISE_CLAIM },
	{ "issuers", AUTHORISE_ISSUERS },
	{ "kinds", AUTHORISE_KINDS },
	{ "methods", AUTHORISE_METHODS },
	{ "addresses", AUTHORISE_ADDRESSES },
	{ "certificate", AUTHORISE_CERTIFICATE },
	{ "any", AUTHORISE_ANY },
	{ "all", AUTHORISE_ALL },
	{ "not", AUTHORISE_NOT },
	{ 0 },
};

static bool read_mapping(struct reading *g, const struct node *n, unsigned depth,
			 struct authorise *out);

static struct authorise
leaf(struct reading *g, uint32_t kind, const struct node *n)
{
	g->size++;
	return (struct authorise){ .kind = (enum authorise_kind)kind, .line = n->line };
}

/* ---- lists of mappings ---- */

static bool
read_list(struct reading *g, const struct node *n, unsigned depth, struct authorise *a)
{
	size_t mark = g->r->key.n;
	bool ok = true;

	if (n->kind != NODE_LIST)
		return authorise_wrong(g, n,
				       "a list of mappings belongs here; write [{...}, {...}]");
	if (n->count == 0 || n->count > CLAUSES_MAX)
		return authorise_wrong(g, n, "the list has 1 to 64 elements");
	a->children = arena_calloc(g->r->env.arena, n->count * sizeof *a->children);
	a->children_count = n->count;
	for (size_t i = 0; i < n->count; i++) {
		buf_addf(&g->r->key, "[%zu]", i);
		ok &= read_mapping(g, n->items[i], depth + 1, &a->children[i]);
		g->r->key.n = mark;
	}
	return ok;
}

static bool
read_not(struct reading *g, const struct node *n, unsigned depth, struct authorise *a)
{
	a->children = arena_calloc(g->r->env.arena, sizeof *a->children);
	a->children_count = 1;
	return read_mapping(g, n, depth + 1, a->children);
}

/* ---- a mapping ---- */

/* What one of its keys says: an element of `out`, of claims and certificates several. */
static bool
read_key(struct reading *g, const struct node_pair *pair, uint32_t kind, unsigned depth,
	 struct authorise *out, size_t *count)
{
	const struct node *n = pair->value;
	size_t mark = g->r->key.n;
	bool ok = true;

	switch ((enum authorise_kind)kind) {
	case AUTHORISE_ALL:
	case AUTHORISE_ANY:
		out[*count] = (struct authorise){ .kind = (enum authorise_kind)kind };
		return read_list(g, n, depth, &out[(*count)++]);
	case AUTHORISE_NOT:
		out[*count] = (struct authorise){ .kind = AUTHORISE_NOT };
		return read_not(g, n, depth, &out[(*count)++]);
	case AUTHORISE_CLAIM:
	case AUTHORISE_CERTIFICATE:
		if (n->kind != NODE_MAPPING || n->count == 0)
			return authorise_wrong(
			    g, n, "a mapping by name belongs here; write {name: value}");
		for (size_t i = 0; i < n->count; i++) {
			buf_addf(&g->r->key, ".%.*s", SLICE_F(n->pairs[i].key->text));
			out[*count] = leaf(g, kind, n);
			ok &= authorise_named(g, &n->pairs[i], &out[(*count)++]);
			g->r->key.n = mark;
		}
		return ok;
	default:
		out[*count] = leaf(g, kind, n);
		return authorise_values(g, n, &out[(*count)++]);
	}
}

/* How many elements read_key may make of all keys. */
static size_t
room(const struct node *n)
{
	size_t all = n->count;

	for (size_t i = 0; i < n->count; i++)
		all += n->pairs[i].value->kind == NODE_MAPPING ? n->pairs[i].value->count : 0;
	return all;
}

static bool
read_pair(struct reading *g, const struct node_pair *pair, unsigned depth, struct authorise *all)
{
	const struct setting_word *w;

	if (depth == 0 && slice_eq(pair->key->text, SLICE("shadow"))) {
		all->shadow = slice_eq(pair->value->text, SLICE("true"));
		return all->shadow || slice_eq(pair->value->text, SLICE("false")) ||
		       authorise_wrong(g, pair->value,
				       "is neither true nor false; write true or false");
	}
	w = authorise_word(g, authorise_keys, pair->key);
	return w && read_key(g, pair, w->value, depth, all->children, &all->children_count);
}

static bool
is_twice(const struct node *n, size_t i)
{
	for (size_t k = 0; k < i; k++) {
		if (slice_eq(n->pairs[k].key->text, n->pairs[i].key->text))
			return true;
	}
	return false;
}

static bool
read_mapping(struct reading *g, const struct node *n, unsigned depth, struct authorise *out)
{
	size_t mark = g->r->key.n;
	bool ok = true;

	*out = (struct authorise){ .kind = AUTHORISE_ALL, .line = n->line };
	if (n->kind != NODE_MAPPING)
		return authorise_wrong(
		    g, n, "a mapping belongs here; write {scopes: [a, b]} or the like");
	if (depth > AUTHORISE_DEPTH)
		return authorise_wrong(g, n,
				       "any, all and not are nested too deep; 6 levels are enough");
	if (room(n) > 4 * CLAUSES_MAX)
		return authorise_wrong(g, n, "it asks too much; 64 conditions are the most");
	out->children = arena_calloc(g->r->env.arena, (room(n) + 1) * sizeof *out->children);
	for (size_t i = 0; i < n->count; i++) {
		buf_addf(&g->r->key, ".%.*s", SLICE_F(n->pairs[i].key->text));
		if (is_twice(n, i))
			ok = authorise_wrong(g, n->pairs[i].key,
					     "this key stands here twice; remove one");
		else
			ok &= read_pair(g, &n->pairs[i], depth, out);
		g->r->key.n = mark;
	}
	if (ok && out->children_count == 0)
		return authorise_wrong(g, n,
				       "nothing is asked; name scopes, roles, groups or the like");
	return ok;
}

void
authorise_read(struct config_reader *r, const struct node *n, const struct authorise **out)
{
	struct reading g = { .r = r };
	struct authorise *a = arena_calloc(r->env.arena, sizeof *a);

	if (!read_mapping(&g, n, 0, a)) {
		*a = (struct authorise){ .kind = AUTHORISE_NEVER };
	} else if (g.size > CLAUSES_MAX) {
		authorise_wrong(&g, n, "it asks too much; 64 conditions are the most");
		*a = (struct authorise){ .kind = AUTHORISE_NEVER };
	}
	*out = a;
}

/* ---- what is asked of the tree ---- */

uint32_t
authorise_size(const struct authorise *a)
{
	uint32_t size = 0;

	if (a->kind > AUTHORISE_NOT)
		return 1;
	for (size_t i = 0; i < a->children_count; i++)
		size += authorise_size(&a->children[i]);
	return size;
}

const char *
authorise_unknown(const struct authorise *a, const struct config_gate *g)
{
	const char *unknown = NULL;

	if (a->kind == AUTHORISE_ISSUERS)
		(void)config_issuers_mask(g, a->values, a->values_count, &unknown);
	for (size_t i = 0; i < a->children_count && !unknown; i++)
		unknown = authorise_unknown(&a->children[i], g);
	return unknown;
}

bool
authorise_asks_who(const struct authorise *a)
{
	bool who = a->kind >= AUTHORISE_SCOPES && a->kind <= AUTHORISE_KINDS;

	for (size_t i = 0; i < a->children_count && !who; i++)
		who = authorise_asks_who(&a->children[i]);
	return who;
}
