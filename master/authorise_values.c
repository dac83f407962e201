#include "authorise_own.h"

#include "address.h"

#include "shm/table_authorise.h"

#define TEXT_MAX 256
#define SCOPE_MAX 128 /* bytes; they are told to who lacks them */

const struct setting_word authorise_kinds[] = {
	{ "token", CLAUSE_KIND_TOKEN },
	{ "api_key", CLAUSE_KIND_API_KEY },
	{ 0 },
};

bool
authorise_wrong(struct reading *g, const struct node *n, const char *text)
{
	mistakes_add(&g->r->mistakes, false, n->line, config_key(g->r), "%s", text);
	return false;
}

const struct setting_word *
authorise_word(struct reading *g, const struct setting_word *words, const struct node *n)
{
	struct buf BUF_CLEAN known = { 0 };
	const struct setting_word *w;

	for (w = words; w->word && n->kind == NODE_SCALAR; w++) {
		if (slice_eq(slice_of(w->word), n->text))
			return w;
	}
	if (n->kind == NODE_SCALAR)
		setting_suggest_word(words, n->text, &known);
	buf_adds(&known, known.n ? SLICE(" There are ") : SLICE("; there are "));
	for (w = words; w->word; w++)
		buf_addf(&known, "%s%s", w == words ? "" : w[1].word ? ", " : " and ", w->word);
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
		return authorise_wrong(g, n, "a single value belongs here; write one text");
	if (a->kind == AUTHORISE_SCOPES && !is_scope(text))
		return authorise_wrong(
		    g, n,
		    "this is no scope: one has up to 128 characters, and no spaces and no "
		    "quotes; write several as [a, b]");
	if (a->kind == AUTHORISE_ADDRESSES && !address_network(text, &network))
		return authorise_wrong(
		    g, n, "this is no network; write address/bits, such as 10.0.0.0/8");
	if (text.n == 0 || text.n > TEXT_MAX || slice_has_control(text))
		return authorise_wrong(g, n,
				       "a value has 1 to 256 bytes without control characters");
	a->values[a->values_count++] = arena_string(arena, network.n ? buf_slice(&network) : text);
	return true;
}

static bool
add_bits(struct reading *g, const struct node *n, struct authorise *a)
{
	const struct setting_word *words =
	    a->kind == AUTHORISE_KINDS ? authorise_kinds
				       : setting_find(SLICE("gate.protect[].methods"))->words;
	const struct setting_word *w = authorise_word(g, words, n);

	if (w)
		a->bits |= w->value;
	return w != NULL;
}

/* A list, or one value alone. */
bool
authorise_values(struct reading *g, const struct node *n, struct authorise *a)
{
	bool bits = a->kind == AUTHORISE_KINDS || a->kind == AUTHORISE_METHODS, ok = true;
	size_t count = n->kind == NODE_LIST ? n->count : 1;

	if (n->kind == NODE_MAPPING)
		return authorise_wrong(g, n, "a list belongs here, not a mapping; write [a, b]");
	if (count == 0 && a->kind != AUTHORISE_GROUPS)
		return authorise_wrong(
		    g, n, "the list is empty, so that nobody could pass; name at least one");
	if (count > CLAUSE_VALUES)
		return authorise_wrong(g, n,
				       "a list has up to 64 values; make several lists below any");
	a->values = arena_calloc(g->r->env.arena, (count + 1) * sizeof *a->values);
	for (size_t i = 0; i < count; i++) {
		const struct node *item = n->kind == NODE_LIST ? n->items[i] : n;

		ok &= bits ? add_bits(g, item, a) : add_value(g, item, a);
	}
	return ok;
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
		return authorise_wrong(
		    g, n, "a value, a list of values or {present: true} belongs here; write one");
	if (!yes)
		negate(g, a);
	return true;
}

bool
authorise_named(struct reading *g, const struct node_pair *pair, struct authorise *a)
{
	struct slice name = pair->key->text;
	const struct setting_word *w;

	a->name = arena_string(g->r->env.arena, name);
	if (a->kind == AUTHORISE_CERTIFICATE) {
		w = authorise_word(
		    g, setting_find(SLICE("routes[].client_certificate[].name"))->words, pair->key);
		if (!w)
			return false;
		a->bits = w->value;
	} else if (name.n == 0 || name.n > TEXT_MAX) {
		return authorise_wrong(g, pair->key, "a claim has a name of 1 to 256 bytes");
	}
	if (pair->value->kind == NODE_MAPPING)
		return read_present(g, pair->value, a);
	return authorise_values(g, pair->value, a);
}
