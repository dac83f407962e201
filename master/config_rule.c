#include "config_rule.h"

#include "config_check.h"
#include "config_read.h"
#include "number.h"

#include <errno.h>

#define DEPTH 18 /* authorize goes the deepest */

/* A family of rules: its row in the settings table, the place of one of its elements there, and
 * what its mistakes are told of. */
static const struct family {
	const char *row, *prefix, *key;
} families[] = {
	[NATIVE_ROUTE] = { "routes", "routes[]", "route" },
	[NATIVE_UPSTREAM] = { "upstreams", "upstreams.*", "upstream" },
	[NATIVE_POLICY] = { "policies", "policies.*", "policy" },
	[NATIVE_KEY] = { "api_keys", "api_keys.*", "api_key" },
};

/* ---- what is wrong ---- */

static struct slice
mistake_text(const struct family *f, const struct mistake *m)
{
	struct slice text = slice_of(m->text);
	size_t n = strlen(f->key);

	if (!slice_starts(text, slice_of(f->key)))
		return text;
	if (text.p[n] == '.')
		return slice_make(text.p + n + 1, text.n - n - 1);
	return text.p[n] == ':' ? slice_make(text.p + n + 2, text.n - n - 2) : text;
}

/* The first mistake, and how many more there are. */
static void
tell(const struct family *f, const struct mistakes *m, struct buf *why)
{
	size_t more = m->errors - 1;

	for (size_t i = 0; i < m->count; i++) {
		if (m->items[i].warning)
			continue;
		buf_adds(why, mistake_text(f, &m->items[i]));
		break;
	}
	if (more > 0)
		buf_addf(why, " (and %zu more)", more);
}

/* Is there a mistake in this key, or below it? */
static bool
is_wrong(const struct family *f, const struct mistakes *m, const char *key)
{
	struct slice name = slice_of(key);

	for (size_t i = 0; i < m->count; i++) {
		struct slice text = mistake_text(f, &m->items[i]);

		if (!m->items[i].warning && slice_starts(text, name) && text.n > name.n &&
		    strchr(":.[", text.p[name.n]))
			return true;
	}
	return false;
}

/* ---- what is left of a refused one ---- */

/* A condition that cannot be read is taken to hold: who is in doubt gets 503. */
static uint32_t
rescue_conditions(const struct family *f, const struct mistakes *m, const char *list,
		  struct config_condition *all, size_t *count)
{
	size_t kept = 0, were = *count;

	for (size_t i = 0; i < *count; i++) {
		struct buf BUF_CLEAN key = { 0 };

		buf_addf(&key, "%s[%zu]", list, i);
		buf_addc(&key, '\0');
		if (!is_wrong(f, m, key.p))
			all[kept++] = all[i];
	}
	*count = kept;
	return (uint32_t)(were - kept);
}

static bool
rescue_route(const struct family *f, const struct mistakes *m, struct config_route *r)
{
	if (is_wrong(f, m, "host") || is_wrong(f, m, "path") || !r->host || !r->path)
		return false;
	r->unread = is_wrong(f, m, "methods") + is_wrong(f, m, "path_regex");
	if (is_wrong(f, m, "methods"))
		r->methods = 0;
	if (is_wrong(f, m, "path_regex"))
		r->path_regex = NULL;
	if (is_wrong(f, m, "exact"))
		r->exact = false;
	if (is_wrong(f, m, "priority")) /* it may have come before all others of its place */
		r->priority = INT32_MAX;
	r->unread += rescue_conditions(f, m, "headers", r->headers, &r->headers_count);
	r->unread += rescue_conditions(f, m, "query", r->query, &r->query_count);
	r->unread +=
	    rescue_conditions(f, m, "client_certificate", r->certificate, &r->certificate_count);
	return true;
}

/* What it may have meant to open stays closed; what it closes is closed for all methods, with all
 * below it, where it does not say else in so many words. */
static bool
rescue_policy(const struct family *f, const struct mistakes *m, struct config_policy *p)
{
	size_t kept = 0;

	for (size_t i = 0; i < p->protect_count; i++) {
		struct buf BUF_CLEAN key = { 0 };

		buf_addf(&key, "protect[%zu]", i);
		buf_addc(&key, '\0');
		if (!p->protect[i].path)
			continue;
		p->protect[kept] = p->protect[i];
		if (is_wrong(f, m, key.p)) {
			p->protect[kept].methods = 0;
			p->protect[kept].exact = false;
		}
		kept++;
	}
	p->unread = kept == 0 || kept < p->protect_count;
	p->protect_count = kept;
	p->except_count = 0;
	return true;
}

static bool
rescue(enum native_kind kind, const struct mistakes *m, void *entry)
{
	switch (kind) {
	case NATIVE_ROUTE:
		return rescue_route(&families[kind], m, entry);
	case NATIVE_POLICY:
		return rescue_policy(&families[kind], m, entry);
	case NATIVE_UPSTREAM:
	case NATIVE_KEY:
	case NATIVE_KINDS:
		break;
	}
	return false;
}

/* ---- defaults ---- */

/* They are read once for all entries, of which there may be a million. */
void
config_rule_defaults(struct config *c)
{
	void **entries = arena_alloc(&c->arena, NATIVE_KINDS * sizeof *entries);

	for (unsigned kind = 0; kind < NATIVE_KINDS; kind++) {
		const struct family *f = &families[kind];
		struct config_reader r = { .c = c, .env = { &c->arena, "/" }, .rule = true };

		entries[kind] =
		    arena_calloc(&c->arena, setting_find(slice_of(f->row))->children->size);
		config_defaults(&r, f->prefix, NULL, entries[kind]);
		config_reader_deinit(&r);
	}
	c->rules = entries;
}

/* What an entry inherits from that is read alone. */
static const struct config *
nothing(void)
{
	static struct config none;

	if (!none.rules)
		config_rule_defaults(&none);
	return &none;
}

/* ---- reading ---- */

static void
finish(struct config_reader *r, enum native_kind kind, const struct node *n, void *entry)
{
	switch (kind) {
	case NATIVE_ROUTE:
		config_check_rule_route(r, n, entry);
		break;
	case NATIVE_UPSTREAM:
		config_check_rule_upstream(r, entry);
		break;
	case NATIVE_POLICY:
		config_check_policy(r->env.arena, entry);
		break;
	case NATIVE_KEY:
		config_complete_api_key(r->env.arena, entry);
		break;
	case NATIVE_KINDS:
		break;
	}
}

static void
set_name(struct config_reader *r, enum native_kind kind, const struct node *n, const char *name,
	 void *entry)
{
	const struct node *given = node_get(n, SLICE("name"));

	if (kind == NATIVE_ROUTE)
		((struct config_route *)entry)->name = name;
	else if (kind == NATIVE_UPSTREAM)
		((struct config_upstream *)entry)->name = name;
	else if (kind == NATIVE_POLICY)
		((struct config_policy *)entry)->name = name;
	else
		((struct config_api_key *)entry)->name = name;
	if (given && kind == NATIVE_ROUTE)
		mistakes_add(&r->mistakes, false, 0, "name",
			     "a rule is named by its key; remove the name");
}

/* Takes "format" out of it, which is no setting. */
static void
take_format(struct config_reader *r, struct node *root)
{
	for (size_t i = 0; root->kind == NODE_MAPPING && i < root->count; i++) {
		const struct node *value = root->pairs[i].value;
		int64_t format;

		if (!slice_eq(root->pairs[i].key->text, SLICE("format")))
			continue;
		if (value->kind != NODE_SCALAR ||
		    number_parse(SETTING_INT, value->text, &format) != NUMBER_OK)
			mistakes_add(&r->mistakes, false, 0, "format", "it is no number");
		else if (format > RULE_FORMAT)
			mistakes_add(&r->mistakes, false, 0, "format",
				     "it is %lld, and this version reads up to %d; upgrade this "
				     "gateway",
				     (long long)format, RULE_FORMAT);
		memmove(&root->pairs[i], &root->pairs[i + 1],
			(--root->count - i) * sizeof *root->pairs);
		return;
	}
}

static int
read_document(enum native_kind kind, struct config_reader *r, struct slice name, void **out,
	      struct buf *why)
{
	const struct family *f = &families[kind];
	const struct setting *s = setting_find(slice_of(f->row));
	void *entry = arena_alloc(r->env.arena, s->children->size);

	buf_adds(&r->key, slice_of(f->key));
	buf_adds(&r->pattern, slice_of(f->prefix));
	memcpy(entry, ((void **)r->c->rules)[kind], s->children->size);
	config_read_given(r, s, f->prefix, r->root, entry);
	set_name(r, kind, r->root, arena_string(r->env.arena, name), entry);
	r->key.n = strlen(f->key);
	finish(r, kind, r->root, entry);
	*out = entry;
	if (r->mistakes.errors == 0)
		return 0;
	tell(f, &r->mistakes, why);
	if (r->root->kind != NODE_MAPPING || !rescue(kind, &r->mistakes, entry))
		*out = NULL;
	return -EINVAL;
}

int
config_rule_read(enum native_kind kind, const struct config *c, struct slice name,
		 struct slice json, struct arena *arena, void **out, struct buf *why)
{
	struct config inherits = c ? *c : *nothing();
	struct document d;
	struct config_reader r = { .c = &inherits, .env = { arena, "/" }, .rule = true };
	int result = document_json(&d, json, RULE_MAX, DEPTH);

	*out = NULL;
	if (result < 0) {
		buf_addf(why, "%s",
			 result == -E2BIG
			     ? "it has more than 64 KiB; make several rules of it"
			     : "it is no JSON, or names a member twice, or is nested too deep; "
			       "write one JSON object");
		return -EINVAL;
	}
	take_format(&r, d.root);
	r.root = d.root;
	result = read_document(kind, &r, name, out, why);
	config_reader_deinit(&r);
	document_deinit(&d);
	return result;
}
