#include "config_check_limits.h"

#include "limit_spec.h"

#include "lib/map.h"

static bool
is_same_header(struct slice a, const char *b)
{
	struct slice with = slice_of(b);
	bool same = a.n == with.n;

	for (size_t i = 0; same && i < a.n; i++) {
		bool word[2] = { memchr("-_.", a.p[i], 3) != NULL,
				 memchr("-_.", with.p[i], 3) != NULL };

		same = word[0] ? word[1] : ascii_lower(a.p[i]) == ascii_lower(with.p[i]);
	}
	return same;
}

/* A header that services learn a claim by is taken from the client's request before it is set; what
 * it said there is anybody's word. */
static void
refuse_claimed(const struct config *c, const struct limit_spec *spec, struct buf *why)
{
	for (size_t i = 0; i < spec->keys_count * c->gate.claims_count; i++) {
		const struct limit_key *key = &spec->keys[i / c->gate.claims_count];
		const struct config_claim *claim = &c->gate.claims[i % c->gate.claims_count];

		if (why->n > 0 || key->by != LIMIT_BY_HEADER || !claim->header ||
		    !is_same_header(key->name, claim->header))
			continue;
		buf_addf(why, "\"header:%.*s\" is what a client says there; write claim:%s",
			 SLICE_F(key->name), claim->claim);
	}
}

/* ---- those that have a name ---- */

/* Neither the text nor the list says by what: now the list does. */
static void
complete(struct arena *arena, struct config_limit *l, const struct limit_spec *spec)
{
	bool by_address = spec->keys_count == 1 && spec->keys[0].by == LIMIT_BY_ADDRESS;

	if (l->per || !by_address || strstr(l->limit, " per "))
		return;
	l->per = arena_calloc(arena, sizeof(const char *));
	l->per[0] = "address";
	l->per_count = 1;
}

static void
unconfigured(struct buf *key, struct buf *why)
{
	buf_addf(key, ".scope");
	buf_addf(why, "no Redis is configured to count in; give redis.address, or write host");
}

static void
check_named(struct config_reader *r, const char *section, struct config_limit *all, size_t count,
	    bool under_way)
{
	for (size_t i = 0; i < count; i++) {
		struct buf BUF_CLEAN key = { 0 }, why = { 0 };
		struct config_limit *l = &all[i];
		struct limit_spec spec;
		const char *at;

		if (!l->name || !l->limit) /* it is told already */
			continue;
		buf_addf(&key, "%s.%s", section, l->name);
		if (!limit_spec_is_name(l->name))
			buf_addf(&why, "a name that begins with a digit reads as a limit; choose "
				       "another");
		else if (!limit_spec_of(l, under_way, &spec, &at, &why))
			buf_addf(&key, ".%s", at);
		else if (l->fleet && !r->c->redis.address.text)
			unconfigured(&key, &why);
		else {
			complete(&r->c->arena, l, &spec);
			refuse_claimed(r->c, &spec, &why);
			buf_addf(&key, "%s", why.n == 0 ? "" : l->per ? ".per" : ".limit");
		}
		buf_addc(&key, '\0');
		if (why.n > 0)
			mistakes_add(&r->mistakes, false, l->place.line, key.p, "%.*s",
				     SLICE_F(why));
	}
}

/* ---- what names them ---- */

struct naming {
	struct mistakes *m;
	const struct config *c;
	const char *key, *below; /* "routes[3]", "rates" */
	int line;
	const struct config_limit *all;
	size_t count;
	bool under_way, unknown;
};

static bool
is_there(const struct naming *n, const char *name)
{
	for (size_t i = 0; i < n->count; i++) {
		if (n->all[i].name && strcmp(n->all[i].name, name) == 0)
			return true;
	}
	return false;
}

static void
suggest(const struct naming *n, struct slice name, struct arena *arena, struct buf *why)
{
	struct setting_word *words = arena_calloc(arena, (n->count + 1) * sizeof *words);
	struct buf BUF_CLEAN hint = { 0 };
	size_t found = 0;

	for (size_t i = 0; i < n->count; i++) {
		if (n->all[i].name)
			words[found++].word = n->all[i].name;
	}
	setting_suggest_word(words, name, &hint);
	if (hint.n == 0)
		buf_addf(&hint, "; give it there, or write %s",
			 n->under_way ? "10 per identity" : "10/second");
	buf_addf(why, "there is no \"%.*s\" in %s%.*s", SLICE_F(name), n->below, SLICE_F(hint));
}

static void
check_names(const struct naming *n, const char *const *texts, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct buf BUF_CLEAN key = { 0 }, why = { 0 };
		struct arena arena = { 0 };
		struct limit_spec spec;

		if (!limit_spec_is_name(texts[i])) {
			if (limit_spec_read(slice_of(texts[i]), n->under_way, &spec, &why))
				refuse_claimed(n->c, &spec, &why);
		} else if (n->unknown && !is_there(n, texts[i]))
			suggest(n, slice_of(texts[i]), &arena, &why);
		buf_addf(&key, "%s.%s", n->key, n->below);
		buf_addc(&key, '\0');
		if (why.n > 0)
			mistakes_add(n->m, false, n->line, key.p, "%.*s", SLICE_F(why));
		arena_deinit(&arena);
	}
}

void
config_check_limited(struct mistakes *m, const struct config *c, bool unknown, const char *key,
		     int line, const struct config_limited *l)
{
	const struct config_limited *all = &c->limited;
	struct naming rates = {
		m, c, key, "rates", line, c->rates, c->rates_count, false, unknown
	};
	struct naming concurrency = {
		m, c, key, "concurrency", line, c->concurrency, c->concurrency_count, true, unknown
	};
	size_t count = l->rates_count + l->concurrency_count;

	check_names(&rates, l->rates, l->rates_count);
	check_names(&concurrency, l->concurrency, l->concurrency_count);
	if (count == 0)
		return;
	count += l == all ? 0 : all->rates_count + all->concurrency_count;
	if (count > LIMITS_MAX)
		mistakes_add(m, false, line, key,
			     "these are %zu limits with those of all routes; %u are possible",
			     count, LIMITS_MAX);
}

void
config_check_limits(struct config_reader *r)
{
	const struct config *c = r->c;

	check_named(r, "rates", c->rates, c->rates_count, false);
	check_named(r, "concurrency", c->concurrency, c->concurrency_count, true);
	config_check_limited(&r->mistakes, c, true, "limits", config_line(r, "limits"),
			     &c->limited);
	for (size_t i = 0; i < c->routes_count; i++) {
		struct buf BUF_CLEAN key = { 0 };

		buf_addf(&key, "routes[%zu]", i);
		buf_addc(&key, '\0');
		config_check_limited(&r->mistakes, c, true, key.p, c->routes[i].place.line,
				     &c->routes[i].limited);
	}
}
