#include "compile_routes.h"

#include "compile_action.h"
#include "dialect.h"
#include "lib/uri.h"
#include "lib/xalloc.h"

#include <stdlib.h>

/*
 * Every route is first made a candidate: where it applies (host, path, how) and what it would do.
 * Sorted by where they apply and then by who wins, the first candidate of each place is the route
 * and the others are shadowed by it.
 */

struct candidate {
	struct compile_route *line;
	struct dialect_match at;
	uint32_t how; /* ROUTE_EXACT, ROUTE_EXACT_SLASH */
	int32_t priority;
	uint32_t flags, upstream, policy, action, fallback;
	struct slice written; /* the path, for logs and stripping: begins with at.path */
	const char *add_prefix, *set_host;
};

struct work {
	const struct compile_input *in;
	struct table_builder *b;
	struct arena *arena; /* of the report */
	struct compile_report *report;
	struct candidate *candidates;
	size_t count;
	struct table_policy *policies;
	uint32_t policies_count;
};

/* ---- policies ---- */

static uint32_t
policy_index(struct work *w, const struct table_policy *p)
{
	for (uint32_t i = 0; i < w->policies_count; i++) {
		if (memcmp(&w->policies[i], p, sizeof *p) == 0)
			return i;
	}
	w->policies = xrealloc(w->policies, (w->policies_count + 1) * sizeof *p);
	w->policies[w->policies_count] = *p;
	seg_builder_add(&w->b->seg, RULES_POLICIES, p, sizeof *p);
	return w->policies_count++;
}

static uint32_t
own_or(uint32_t own, uint32_t global)
{
	return own == UINT32_MAX ? global : own;
}

/* NULL: the default. */
static uint32_t
policy_of(struct work *w, const struct config_route *r)
{
	const struct config_timeouts *g = &w->in->config->timeouts;
	const struct config_timeouts *t = r ? &r->timeouts : g;
	struct table_policy p;

	memset(&p, 0, sizeof p); /* compared as bytes */
	p.connect_ms = own_or(t->connect, g->connect);
	p.first_byte_ms = own_or(t->first_byte, g->first_byte);
	p.idle_ms = own_or(t->idle, g->idle);
	p.tunnel_idle_ms = own_or(t->tunnel_idle, g->tunnel_idle);
	p.total_ms = own_or(t->total, g->total);
	p.client_body_ms = own_or(t->client_body, g->client_body);
	p.retries = own_or(r ? r->action.retries : UINT32_MAX, w->in->config->retries);
	p.retry_on = r ? r->action.retry_on : RETRY_CONNECT | RETRY_RESET;
	p.body_bytes = r && r->body != UINT64_MAX ? r->body : w->in->config->limit_body;
	return policy_index(w, &p);
}

/* ---- the fallback ---- */

/* The upstream that answers where `upstream` (NULL: none) cannot, as the first of them says that
 * says anything; 0: none. */
static uint32_t
fallback_of(struct work *w, const char *route, const struct directory_upstream *upstream)
{
	const struct directory_upstream *u;
	const char *name = route;

	if ((!name || !*name) && upstream)
		name = upstream->fallback;
	if (!name || !*name)
		name = w->in->config->fallback;
	if (!name || !*name || strcmp(name, "off") == 0)
		return 0;
	u = directory_find(w->in->directory, false, slice_of(name));
	return u && u != upstream ? u->index : 0;
}

/* A route for what no route matches, which stands in no trie. */
static void
write_fallback(struct work *w)
{
	struct seg_builder *seg = &w->b->seg;
	struct slice id = SLICE("fallback");
	struct table_route route = {
		.next = TRIE_NONE,
		.upstream = fallback_of(w, NULL, NULL),
		.policy = policy_of(w, NULL),
		.slot = slots_get(w->in->slots->routes, id),
		.id = seg_builder_string(seg, id),
		.path = seg_builder_string(seg, SLICE("/")),
	};

	if (route.upstream != 0)
		w->b->global.fallback = seg_builder_add(seg, RULES_ROUTES, &route, sizeof route);
}

/* ---- candidates of the file ---- */

static const char *
text_of(struct work *w, struct slice s)
{
	return arena_string(w->arena, s);
}

/* As the table wants it: lower case, "*." kept, port kept. */
static struct slice
host_form(struct work *w, const char *written)
{
	bool wildcard = strncmp(written, "*.", 2) == 0;
	struct slice raw = slice_of(written + (wildcard ? 2 : 0));
	char *out = arena_alloc(w->arena, 2 * raw.n + 4);
	struct uri_host host;

	if (raw.n == 0 || uri_host_parse(raw, out + 2, &host) != 0)
		return slice_of(written);
	if (!wildcard)
		return host.host_port;
	/* What was parsed stands at out + 2, with the port behind the name. */
	memcpy(out, "*.", 2);
	return slice_make(out, host.host_port.n + 2);
}

static void
place_file(struct work *w, struct candidate *c, const struct config_route *r)
{
	struct slice path = slice_of(r->path);

	c->written = uri_match_form(path, arena_alloc(w->arena, path.n));
	c->at.path = c->written;
	c->at.slash = path.n > 1 && path.p[path.n - 1] == '/';
	if (c->at.slash)
		c->at.path.n--;
	c->at.host = host_form(w, r->host ? r->host : "");
	c->at.canonical = c->at.host;
	c->how = r->exact ? ROUTE_EXACT | (c->at.slash ? ROUTE_EXACT_SLASH : 0) : 0;
}

static const char *
file_id(struct work *w, const struct config_route *r)
{
	struct buf id BUF_CLEAN = { 0 };

	if (r->name && *r->name)
		buf_addf(&id, "file:%s", r->name);
	else
		buf_addf(&id, "file:%s%s", r->host ? r->host : "", r->path);
	return text_of(w, buf_slice(&id));
}

static void
add_file(struct work *w, const struct config_route *r)
{
	struct candidate *c = &w->candidates[w->count++];
	const struct directory_upstream *u =
	    directory_find(w->in->directory, false, slice_of(r->upstream));
	struct buf BUF_CLEAN leads = { 0 };

	*c->line = (struct compile_route){
		.id = file_id(w, r),
		.host = text_of(w, slice_of(r->host ? r->host : "")),
		.path = text_of(w, slice_of(r->path)),
		.upstream = text_of(w, compile_action_leads(r, &leads)),
		.exact = r->exact,
		.reason = u || *r->upstream == '\0' ? "" : "the upstream does not exist",
	};
	place_file(w, c, r);
	c->priority = r->priority;
	c->flags = c->how | (r->strip ? ROUTE_STRIP : 0) |
		   (r->upstream_host ? ROUTE_UPSTREAM_HOST : 0) |
		   (r->action.auth == AUTH_REQUIRED ? ROUTE_AUTH : 0);
	c->upstream = u ? u->index : 0;
	c->policy = policy_of(w, r);
	c->action = compile_action(w->in, w->b, r, u);
	c->fallback = fallback_of(w, r->fallback, u);
	c->add_prefix = r->add_prefix;
	c->set_host = r->set_host;
}

/* ---- candidates of Redis ---- */

static const struct rules_refusal *
backend_refusal(const struct rules *rules, const char *backend)
{
	struct buf key BUF_CLEAN = { 0 };

	buf_addf(&key, "backend:%s", backend);
	return rules_refusal_find(rules, buf_slice(&key));
}

static void
line_reason(struct work *w, struct candidate *c, const char *what, const char *why)
{
	struct buf text BUF_CLEAN = { 0 };

	buf_addf(&text, "%s%s", what, why);
	c->line->reason = text_of(w, buf_slice(&text));
}

static void
line_refuse(struct work *w, struct candidate *c, const char *what, const char *why)
{
	c->line->state = ROUTE_IS_REFUSED;
	c->flags |= ROUTE_REFUSED;
	line_reason(w, c, what, why);
}

/* What a frontend leads to. */
static void
target_redis(struct work *w, struct candidate *c, const struct rules_frontend *f,
	     const struct rules_refusal *kept)
{
	const struct directory_upstream *u =
	    directory_find(w->in->directory, true, slice_of(f->backend));
	const struct rules_refusal *refusal = backend_refusal(w->in->rules, f->backend);

	c->line->upstream = text_of(w, slice_of(f->backend));
	c->upstream = u ? u->index : 0;
	c->fallback = fallback_of(w, NULL, u);
	if (refusal && !refusal->kept)
		line_refuse(w, c, "its backend is refused: ", refusal->reason);
	else if (!u)
		c->line->reason = "backend does not exist";
	else if (u->own_count > 0)
		line_reason(w, c, "left out, because it is a listener of this gateway: ", u->own[0]);
	else if (u->endpoints_count == 0)
		c->line->reason = "backend has no servers";
	else if (kept)
		line_reason(w, c,
			    "the last good value stays; the newest one is refused: ", kept->reason);
	else if (refusal)
		line_reason(w, c, "the last good backend stays; the newest one is refused: ",
			    refusal->reason);
}

/* `f` is NULL for a key that is refused and has no last good version; `refusal` then says why. */
static void
add_redis(struct work *w, struct slice url, const struct rules_frontend *f,
	  const struct rules_refusal *refusal)
{
	const struct config_redis *redis = &w->in->config->redis;
	struct candidate *c = &w->candidates[w->count++];
	const char *slash = memchr(url.p, '/', url.n);
	size_t host = slash ? (size_t)(slash - url.p) : url.n;
	struct buf id BUF_CLEAN = { 0 };
	const char *reason;
	int r;

	*c = (struct candidate){ .line = c->line };
	buf_addf(&id, "redis:%.*s", SLICE_F(url));
	c->line->id = text_of(w, buf_slice(&id));
	c->line->host = text_of(w, slice_make(url.p, host));
	c->line->path = slash ? text_of(w, slice_make(slash, url.n - host)) : "/";
	c->line->upstream = "";
	c->line->redis = true;
	c->line->reason = "";
	r = DIALECT_REFUSED;
	reason = refusal ? refusal->reason : "";
	if (url.n <= RULES_NAME_MAX) /* else it was cut, and would apply somewhere else */
		r = dialect_read(redis->dialect, redis->max_path_length, url, w->arena, &c->at,
				 &reason);
	if (r != DIALECT_MATCHES) {
		c->line->state = r == DIALECT_UNREACHABLE ? ROUTE_UNREACHABLE : ROUTE_IS_REFUSED;
		c->line->reason = text_of(w, slice_of(reason));
		w->count--; /* it applies nowhere */
		return;
	}
	c->written = c->at.path;
	if (f)
		target_redis(w, c, f, refusal);
	else
		line_refuse(w, c, "", refusal->reason);
}

/* ---- the order ---- */

static int
compare_slices(struct slice a, struct slice b)
{
	size_t n = a.n < b.n ? a.n : b.n;
	int r = n ? memcmp(a.p, b.p, n) : 0;

	return r ? r : (a.n > b.n) - (a.n < b.n);
}

/* By where they apply; exact ones first, since that is the order of a node's chain. */
static int
compare_places(const struct candidate *a, const struct candidate *b)
{
	int r = a->at.verbatim - b->at.verbatim;

	if (!r)
		r = compare_slices(a->at.host, b->at.host);
	if (!r)
		r = compare_slices(a->at.path, b->at.path);
	return r ? r : (a->how < b->how) - (a->how > b->how);
}

/* Who wins at one place. Between two spellings of one key: the one with a slash at its end, then
 * the one that is spelled as it is matched. */
static int
compare_candidates(const void *x, const void *y)
{
	const struct candidate *a = x, *b = y;
	int r = compare_places(a, b);

	if (!r)
		r = (a->priority < b->priority) - (a->priority > b->priority);
	if (!r)
		r = a->line->redis - b->line->redis;
	if (!r && a->line->redis)
		r = b->at.slash - a->at.slash;
	if (!r && a->line->redis)
		r = b->at.plain - a->at.plain;
	if (!r && a->line->redis)
		r = strcmp(a->line->id, b->line->id);
	/* Of two of the file the first one in it. */
	return r ? r : (a->line > b->line) - (a->line < b->line);
}

static void
shadow(struct work *w, struct candidate *loser, const struct candidate *winner)
{
	loser->line->state = ROUTE_SHADOWED;
	loser->line->by = winner->line->id;
	line_reason(w, loser, "it matches the same as ", winner->line->id);
	if (loser->line->redis && !winner->line->redis)
		line_reason(w, loser, "the file matches the same: ", winner->line->id);
}

/* The route of the file that matches, under the canonical host, all that a verbatim candidate does.
 */
static const struct candidate *
find_file(const struct work *w, const struct candidate *verbatim)
{
	struct candidate wanted = *verbatim;
	size_t low = 0, high = w->count;

	wanted.at.verbatim = false;
	wanted.at.host = verbatim->at.canonical;
	while (low < high) {
		size_t middle = (low + high) / 2;

		if (compare_places(&w->candidates[middle], &wanted) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == w->count || compare_places(&w->candidates[low], &wanted) != 0)
		return NULL;
	return w->candidates[low].priority >= verbatim->priority ? &w->candidates[low] : NULL;
}

static void
write_route(struct work *w, const struct candidate *c)
{
	struct seg_builder *seg = &w->b->seg;
	struct slice id = slice_of(c->line->id);
	struct table_route route = {
		.flags = c->flags,
		.upstream = c->upstream,
		.policy = c->policy,
		.action = c->action,
		.slot = slots_get(w->in->slots->routes, id),
		.fallback = c->fallback,
		.priority = c->priority,
		.id = seg_builder_string(seg, id),
		.host = seg_builder_string(seg, slice_of(c->line->host)),
		.path = seg_builder_string(seg, c->written),
		.add_prefix = seg_builder_string(seg, slice_of(c->add_prefix)),
		.set_host = seg_builder_string(seg, slice_of(c->set_host)),
	};

	table_builder_route(w->b, c->at.host, c->at.verbatim, c->at.path, &route);
}

static void
write_routes(struct work *w)
{
	const struct candidate *winner = NULL;

	qsort(w->candidates, w->count, sizeof *w->candidates, compare_candidates);
	for (size_t i = 0; i < w->count; i++) {
		struct candidate *c = &w->candidates[i];
		const struct candidate *file = c->at.verbatim ? find_file(w, c) : NULL;

		if (file) {
			shadow(w, c, file);
		} else if (winner && compare_places(winner, c) == 0) {
			shadow(w, c, winner);
		} else {
			write_route(w, c);
			winner = c;
		}
	}
}

/* ---- all of it ---- */

static int
compare_lines(const void *a, const void *b)
{
	const struct compile_route *x = a, *y = b;

	return x->redis != y->redis ? x->redis - y->redis : x->redis ? strcmp(x->id, y->id) : 0;
}

static void
collect_redis(struct work *w, const struct rules *rules, struct compile_route *lines)
{
	static const char prefix[] = "frontend:";
	struct buf key BUF_CLEAN = { 0 };

	for (size_t i = 0; i < rules_frontends(rules); i++) {
		const struct rules_frontend *f = rules_frontend_at(rules, i);

		key.n = 0;
		buf_addf(&key, "%s%s", prefix, f->url);
		w->candidates[w->count].line = lines++;
		add_redis(w, slice_of(f->url), f, rules_refusal_find(rules, buf_slice(&key)));
	}
	for (size_t i = 0; i < rules_refusals(rules); i++) {
		const struct rules_refusal *f = rules_refusal_at(rules, i);
		struct slice url = slice_make(f->key, f->key_n);

		if (f->kept || !slice_starts(url, slice_of(prefix)))
			continue;
		url = slice_make(url.p + sizeof prefix - 1, url.n - (sizeof prefix - 1));
		w->candidates[w->count].line = lines++;
		add_redis(w, url, NULL, f);
	}
	w->report->routes_count = (size_t)(lines - w->report->routes);
}

void
compile_routes(const struct compile_input *in, struct table_builder *b,
	       struct compile_report *report)
{
	const struct config *c = in->config;
	struct work w = { .in = in, .b = b, .arena = &report->arena, .report = report };
	size_t most = c->routes_count;

	if (in->rules)
		most += rules_frontends(in->rules) + rules_refusals(in->rules);
	report->routes = arena_calloc(w.arena, (most + 1) * sizeof *report->routes);
	report->routes_count = c->routes_count;
	w.candidates = xcalloc(most + 1, sizeof *w.candidates);
	policy_of(&w, NULL);
	for (size_t i = 0; i < c->routes_count; i++) {
		w.candidates[w.count].line = &report->routes[i];
		add_file(&w, &c->routes[i]);
	}
	if (in->rules)
		collect_redis(&w, in->rules, report->routes + c->routes_count);
	write_routes(&w);
	write_fallback(&w);
	qsort(report->routes + c->routes_count, report->routes_count - c->routes_count,
	      sizeof *report->routes, compare_lines);
	free(w.candidates);
	free(w.policies);
}
