#include "authorise.h"

#include "address.h"

#include "shm/table_authorise.h"

#define TEXT_MAX 256
#define SCOPE_MAX 128 /* bytes; they are told to who lacks them */

const struct setting_word authorise_kinds[] = {
	{ "token", CLAUSE_KIND_TOKEN },
	{ "api_key", CLAUSE_KIND_API_KEY },
	{ 0 },
};

/* What a mapping may have, beside `shadow` at the top. */
static const struct setting_word keys[] = {
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

/* One value of the setting while it is read. */
struct reading {
	struct config_reader *r;
	uint32_t size;
};

static bool read_mapping(struct reading *g, const struct node *n, unsigned depth,
			 struct authorise *out);

static bool
wrong(struct reading *g, const struct node *n, const char *text)
{
	mistakes_add(&g->r->mistakes, false, n->line, config_key(g->r), "%s", text);
	return false;
}

static const struct setting_word *
find_word(struct reading *g, const struct setting_word *words, const struct node *n)
{
	struct buf BUF_CLEAN known = { 0 };
	const struct setting_word *w;

	for (w = words; w->word && n->kind == NODE_SCALAR; w++) {
		if (slice_eq(slice_of(w->word), n->text))
			return w;
	}
	if (n->kind == NODE_SCALAR)
		setting_suggest_word(words, n->text, &known);
	for (w = words; w->word; w++)
		buf_addf(&known, "%s%s",
			 w == words  ? " There are "
			 : w[1].word ? ", "
				     : " and ",
			 w->word);
	buf_addc(&known, '\0');
	mistakes_add(&g->r->mistakes, false, n->line, config_key(g->r), "this is not known here%s",
		     known.p);
	return NULL;
}

/* ---- values ---- */

/* RFC 6749 section 3.3. */
static bool
is_scope(struct slice s)
{
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] <= 0x20 || s.p[i] >= 0x7f || s.p[i] == '"' || s.p[i] == '\\')
			return false;
	}
	return s.n > 0 && s.n <= SCOPE_MAX;
}

static bool
add_value(struct reading *g, const struct node *n, struct authorise *a)
{
	struct arena *arena = g->r->env.arena;
	struct buf BUF_CLEAN network = { 0 };
	struct slice text = n->text;

	if (n->kind != NODE_SCALAR || node_is_null(n))
		return wrong(g, n, "a single value belongs here; write one text");
	if (a->kind == AUTHORISE_SCOPES && !is_scope(text))
		return wrong(g, n,
			     "this is no scope: one has up to 128 characters, and no spaces and no "
			     "quotes; write several as [a, b]");
	if (a->kind == AUTHORISE_ADDRESSES && !address_network(text, &network))
		return wrong(g, n, "this is no network; write address/bits, such as 10.0.0.0/8");
	if (text.n == 0 || text.n > TEXT_MAX || slice_has_control(text))
		return wrong(g, n, "a value has 1 to 256 bytes without control characters");
	a->values[a->values_count++] = arena_string(arena, network.n ? buf_slice(&network) : text);
	return true;
}

static bool
add_bits(struct reading *g, const struct node *n, struct authorise *a)
{
	const struct setting_word *words =
	    a->kind == AUTHORISE_KINDS ? authorise_kinds
				       : setting_find(SLICE("gate.protect[].methods"))->words;
	const struct setting_word *w = find_word(g, words, n);

	if (w)
		a->bits |= w->value;
	return w != NULL;
}

/* A list, or one value alone. */
static bool
read_values(struct reading *g, const struct node *n, struct authorise *a)
{
	bool bits = a->kind == AUTHORISE_KINDS || a->kind == AUTHORISE_METHODS, ok = true;
	size_t count = n->kind == NODE_LIST ? n->count : 1;

	if (n->kind == NODE_MAPPING)
		return wrong(g, n, "a list belongs here, not a mapping; write [a, b]");
	if (count == 0 && a->kind != AUTHORISE_GROUPS)
		return wrong(g, n,
			     "the list is empty, so that nobody could pass; name at least one");
	if (count > CLAUSE_VALUES)
		return wrong(g, n, "a list has up to 64 values; make several lists below any");
	a->values = arena_calloc(g->r->env.arena, (count + 1) * sizeof *a->values);
	for (size_t i = 0; i < count; i++) {
		const struct node *item = n->kind == NODE_LIST ? n->items[i] : n;

		ok &= bits ? add_bits(g, item, a) : add_value(g, item, a);
	}
	return ok;
}

static struct authorise
leaf(struct reading *g, uint32_t kind, const struct node *n)
{
	g->size++;
	return (struct authorise){ .kind = (enum authorise_kind)kind, .line = n->line };
}

/* ---- claims, and facts of a certificate ---- */

static void
negate(struct reading *g, struct authorise *a)
{
	struct authorise *child = arena_alloc(g->r->env.arena, sizeof *child);

	*child = *a;
	*a = (struct authorise){ .kind = AUTHORISE_NOT, .children = child, .children_count = 1 };
}

/* {present: true} */
static bool
read_present(struct reading *g, const struct node *n, struct authorise *a)
{
	const struct node *present = node_get(n, SLICE("present"));
	bool yes = present && slice_eq(present->text, SLICE("true"));

	if (n->count != 1 || !present || (!yes && !slice_eq(present->text, SLICE("false"))))
		return wrong(
		    g, n, "a value, a list of values or {present: true} belongs here; write one");
	if (!yes)
		negate(g, a);
	return true;
}

static bool
read_named(struct reading *g, const struct node_pair *pair, struct authorise *a)
{
	struct slice name = pair->key->text;
	const struct setting_word *w;

	a->name = arena_string(g->r->env.arena, name);
	if (a->kind == AUTHORISE_CERTIFICATE) {
		w = find_word(g, setting_find(SLICE("routes[].client_certificate[].name"))->words,
			      pair->key);
		if (!w)
			return false;
		a->bits = w->value;
	} else if (name.n == 0 || name.n > TEXT_MAX) {
		return wrong(g, pair->key, "a claim has a name of 1 to 256 bytes");
	}
	if (pair->value->kind == NODE_MAPPING)
		return read_present(g, pair->value, a);
	return read_values(g, pair->value, a);
}

/* ---- lists of mappings ---- */

static bool
read_list(struct reading *g, const struct node *n, unsigned depth, struct authorise *a)
{
	size_t mark = g->r->key.n;
	bool ok = true;

	if (n->kind != NODE_LIST)
		return wrong(g, n, "a list of mappings belongs here; write [{...}, {...}]");
	if (n->count == 0 || n->count > CLAUSES_MAX)
		return wrong(g, n, "the list has 1 to 64 elements");
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
			return wrong(g, n, "a mapping by name belongs here; write {name: value}");
		for (size_t i = 0; i < n->count; i++) {
			buf_addf(&g->r->key, ".%.*s", SLICE_F(n->pairs[i].key->text));
			out[*count] = leaf(g, kind, n);
			ok &= read_named(g, &n->pairs[i], &out[(*count)++]);
			g->r->key.n = mark;
		}
		return ok;
	default:
		out[*count] = leaf(g, kind, n);
		return read_values(g, n, &out[(*count)++]);
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
		       wrong(g, pair->value, "is neither true nor false; write true or false");
	}
	w = find_word(g, keys, pair->key);
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
		return wrong(g, n, "a mapping belongs here; write {scopes: [a, b]} or the like");
	if (depth > AUTHORISE_DEPTH)
		return wrong(g, n, "any, all and not are nested too deep; 6 levels are enough");
	if (room(n) > 4 * CLAUSES_MAX)
		return wrong(g, n, "it asks too much; 64 conditions are the most");
	out->children = arena_calloc(g->r->env.arena, (room(n) + 1) * sizeof *out->children);
	for (size_t i = 0; i < n->count; i++) {
		buf_addf(&g->r->key, ".%.*s", SLICE_F(n->pairs[i].key->text));
		if (is_twice(n, i))
			ok = wrong(g, n->pairs[i].key, "this key stands here twice; remove one");
		else
			ok &= read_pair(g, &n->pairs[i], depth, out);
		g->r->key.n = mark;
	}
	if (ok && out->children_count == 0)
		return wrong(g, n, "nothing is asked; name scopes, roles, groups or the like");
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
		wrong(&g, n, "it asks too much; 64 conditions are the most");
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

bool
authorise_asks_who(const struct authorise *a)
{
	bool who = a->kind >= AUTHORISE_SCOPES && a->kind <= AUTHORISE_KINDS;

	for (size_t i = 0; i < a->children_count && !who; i++)
		who = authorise_asks_who(&a->children[i]);
	return who;
}
