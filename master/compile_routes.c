#include "compile_routes.h"

#include "authorise.h"
#include "compile_action.h"
#include "compile_authorise.h"
#include "compile_candidate.h"
#include "compile_conditions.h"
#include "compile_issuers.h"
#include "compile_login.h"
#include "lib/log.h"
#include "lib/uri.h"
#include "lib/xalloc.h"

#include <errno.h>
#include <stdlib.h>

/* ---- lines ---- */

struct candidate *
compile_next(struct work *w)
{
	struct candidate *c = &w->candidates[w->count++];

	*c = (struct candidate){ .line = &w->lines[w->lines_count++] };
	c->key = SLICE("");
	*c->line = (struct compile_route){ .upstream = "", .reason = "", .asks = "" };
	return c;
}

const char *
compile_text(struct work *w, struct slice s)
{
	return arena_string(w->arena, s);
}

void
compile_reason(struct work *w, struct candidate *c, const char *what, const char *why)
{
	struct buf text BUF_CLEAN = { 0 };

	buf_addf(&text, "%s%s", what, why);
	c->line->reason = compile_text(w, buf_slice(&text));
}

void
compile_refuse(struct work *w, struct candidate *c, const char *what, const char *why)
{
	c->line->state = ROUTE_IS_REFUSED;
	c->flags |= ROUTE_REFUSED;
	compile_reason(w, c, what, why);
}

/* ---- policies ---- */

static uint32_t
policy_index(struct work *w, const struct table_policy *p)
{
	const struct segment *base = w->b->seg.base;
	uint32_t below = base ? seg_own_count(base, RULES_POLICIES) : 0;

	for (uint32_t i = 0; i < below; i++) {
		if (memcmp(table_policy(base, i), p, sizeof *p) == 0)
			return i;
	}
	for (uint32_t i = 0; i < w->policies_count; i++) {
		if (memcmp(&w->policies[i].policy, p, sizeof *p) == 0)
			return w->policies[i].index;
	}
	w->policies = xrealloc(w->policies, (w->policies_count + 1) * sizeof w->policies[0]);
	w->policies[w->policies_count] = (struct placed_policy){
		*p,
		seg_builder_add(&w->b->seg, RULES_POLICIES, p, sizeof *p),
	};
	return w->policies[w->policies_count++].index;
}

static uint32_t
own_or(uint32_t own, uint32_t global)
{
	return own == UINT32_MAX ? global : own;
}

/* NULL: the default. *why: as compile_limited says it. */
static uint32_t
policy_of(struct work *w, const struct config_route *r, const char *id, const char **why)
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
	p.issuers = compile_issuers_of(w->in->config, r);
	p.flags = r && r->close_on_expiry ? POLICY_CLOSE_ON_EXPIRY : 0;
	p.maintenance_s = r ? (r->maintenance + 999) / 1000 : 0;
	p.body_bytes = r && r->body != UINT64_MAX ? r->body : w->in->config->limit_body;
	*why = compile_limited(w, r, id, &p);
	if (r && compile_limits_own(r)) /* there is no other like it */
		return seg_builder_add(&w->b->seg, RULES_POLICIES, &p, sizeof p);
	return policy_index(w, &p);
}

/* ---- upstreams ---- */

const struct directory_upstream *
compile_find(const struct compile_input *in, enum rules_source source, struct slice name)
{
	compile_index_note(in->index, compile_what_upstream(source, name));
	return directory_find(in->directory, source, name);
}

void
compile_placed(struct work *w, const struct candidate *c)
{
	w->in->index->group = compile_group(c);
	compile_index_note(w->in->index, compile_what_id(slice_of(c->line->id)));
}

/* ---- the fallback ---- */

uint32_t
compile_index(const struct directory_upstream *u)
{
	return u ? u->index : 0;
}

/* As the first of them says that says anything. */
const struct directory_upstream *
compile_fallback(const struct compile_input *in, const char *route,
		 const struct directory_upstream *upstream)
{
	const struct directory_upstream *u;
	const char *name = route;

	if ((!name || !*name) && upstream)
		name = upstream->fallback;
	if (!name || !*name)
		name = in->config->fallback;
	if (!name || !*name || strcmp(name, "off") == 0)
		return NULL;
	u = compile_find(in, SOURCE_FILE, slice_of(name));
	if (!u && in->rules) /* rules can name others, and change none that the file names */
		u = compile_native_upstream(in, name);
	return u != upstream ? u : NULL;
}

/* A route for what no route matches, which stands in no trie. */
static void
write_fallback(struct work *w)
{
	struct slice id = SLICE("fallback");
	const char *why;
	const struct table_shape shape = { .policy = policy_of(w, NULL, NULL, &why) };
	struct table_route route = {
		.next = TRIE_NONE,
		.shape = table_builder_shape(w->b, &shape),
		.upstream = compile_index(compile_fallback(w->in, NULL, NULL)),
		.slot = slots_get(w->in->slots->routes, id),
	};

	table_builder_texts(w->b, &route, id, SLICE(""), SLICE("/"));
	if (route.upstream != 0)
		w->b->global.fallback =
		    seg_builder_add(&w->b->seg, RULES_ROUTES, &route, sizeof route);
}

/* The same for who asks whether his token is good; with the default policy, the first one. */
static void
write_is_auth(struct work *w)
{
	struct seg_builder *seg = &w->b->seg;
	struct slice id = SLICE("is_auth"), path = slice_of(w->in->config->gate.is_auth);
	struct table_action action = { .flags = ACTION_RESPOND, .status = 200 };
	struct table_shape shape = { .flags = ROUTE_AUTH | ROUTE_EXACT };
	struct table_route route = {
		.next = TRIE_NONE,
		.slot = slots_get(w->in->slots->routes, id),
	};

	if (path.n == 0)
		return;
	action.text = action.type = seg_builder_string(seg, SLICE(""));
	compile_cors(w->b, &w->in->config->gate.cors, &action);
	table_builder_texts(w->b, &route, id, SLICE(""), path);
	shape.action = seg_builder_add(seg, RULES_ACTIONS, &action, sizeof action);
	route.shape = table_builder_shape(w->b, &shape);
	w->b->global.is_auth_route = seg_builder_add(seg, RULES_ROUTES, &route, sizeof route);
}

/* ---- candidates of the file, and of rules in its form ---- */

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

void
compile_place_of(struct work *w, struct candidate *c, const struct config_route *r)
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

/* Routes for one place that have no name are told apart by a number. */
static const char *
file_id(struct work *w, const struct config_route *r)
{
	struct buf id BUF_CLEAN = { 0 };
	void **seen;
	uintptr_t n;

	if (r->name && *r->name) {
		buf_addf(&id, "file:%s", r->name);
		return compile_text(w, buf_slice(&id));
	}
	buf_addf(&id, "file:%s%s", r->host ? r->host : "", r->path);
	seen = map_put(&w->unnamed, buf_slice(&id));
	n = (uintptr_t)*seen + 1;
	*seen = (void *)n;
	if (n > 1)
		buf_addf(&id, "#%zu", (size_t)n);
	return compile_text(w, buf_slice(&id));
}

static void
ask(struct work *w, struct candidate *c, const struct config_route *r)
{
	struct buf key BUF_CLEAN = { 0 }, text BUF_CLEAN = { 0 };

	c->route = r;
	c->asks = compile_conditions_count(r) + r->unread;
	compile_conditions_key(r, &key);
	compile_conditions_text(r, &text);
	c->key = slice_make(compile_text(w, buf_slice(&key)), key.n);
	c->line->asks = compile_text(w, buf_slice(&text));
}

/* Would a token be needed, were it not for the shadow mode? */
static bool
looks(const struct config_action *a)
{
	return a->auth == AUTH_INHERIT && a->authorise && a->authorise->shadow &&
	       authorise_asks_who(a->authorise);
}

static bool
rewrites(const struct config_route *r)
{
	return r->rewrite && *r->rewrite;
}

void
compile_route_of(struct work *w, struct candidate *c, const struct config_route *r)
{
	struct buf BUF_CLEAN leads = { 0 };
	bool lacks = false;
	const char *unknown;

	c->line->host = compile_text(w, slice_of(r->host ? r->host : ""));
	c->line->path = compile_text(w, slice_of(r->path));
	c->line->upstream = compile_text(w, compile_action_leads(r, &leads));
	c->line->exact = r->exact;
	c->line->priority = r->priority;
	compile_place_of(w, c, r);
	compile_placed(w, c);
	ask(w, c, r);
	c->priority = r->priority;
	c->flags = c->how | (r->strip ? ROUTE_STRIP : 0) | (rewrites(r) ? ROUTE_REWRITE : 0) |
		   (r->upstream_host ? ROUTE_UPSTREAM_HOST : 0) |
		   (r->action.auth == AUTH_REQUIRED ? ROUTE_AUTH : 0) |
		   (r->action.auth == AUTH_NONE ? ROUTE_OPEN : 0) |
		   (r->action.auth == AUTH_OPTIONAL ? ROUTE_OPEN | ROUTE_OPTIONAL : 0) |
		   (looks(&r->action) ? ROUTE_LOOK : 0) | compile_cookies(r);
	c->add_prefix = rewrites(r) ? r->rewrite : r->add_prefix;
	c->set_host = r->set_host;
	c->authorise = compile_authorise(w->b, w->in->config, r->action.authorise, &lacks);
	w->lacks |= lacks;
	if (lacks)
		compile_reason(
		    w, c, "authorize: ",
		    "all rules together ask about more claims than there is room for, so "
		    "that what this one asks about them fails");
	unknown = compile_issuers_unknown(w->in->config, r);
	if (!unknown && r->action.authorise)
		unknown = authorise_unknown(r->action.authorise, &w->in->config->gate);
	if (unknown)
		compile_refuse(w, c, "there is no such issuer in gate.issuers: ", unknown);
}

void
compile_leads(struct work *w, struct candidate *c, const struct config_route *r,
	      const struct directory_upstream *u)
{
	const char *why;

	if (!u && r->upstream && *r->upstream != '\0')
		c->line->reason = "the upstream does not exist";
	c->upstream = compile_index(u);
	c->policy = policy_of(w, r, c->line->id, &why);
	if (why)
		compile_refuse(w, c, why, "");
	c->action = compile_action(w->in, w->b, c->line->source, r, u);
	c->fallback = compile_index(compile_fallback(w->in, r->fallback, u));
}

/* What it asks beside host, path and method does not matter: who is not asked for a token by it is
 * by what the store puts in its place. */
static void
add_floor(struct work *w, const struct candidate *c)
{
	struct table_gate gate = {
		.flags = (c->flags & ROUTE_AUTH ? GATE_ROUTE : 0) |
			 (c->authorise ? GATE_FLOOR : 0) | (c->how & ROUTE_EXACT ? GATE_EXACT : 0),
		.methods = compile_conditions_methods(c->route),
		.authorise = c->authorise,
		.host = seg_builder_string(&w->b->seg, c->at.host),
	};

	w->b->global.gate_authorises |= (c->authorise ? GATE_AUTHORISES : 0) |
					(c->flags & ROUTE_LOOK ? GATE_AUTHORISES_LOOKS : 0);

	table_builder_gate(w->b, c->at.path, &gate);
	w->floors = true;
}

/* Nor does it accept tokens that one of the file would not. Where any of these names some, each has
 * its own entry, so that the deepest one says it. */
static void
add_issuers_floor(struct work *w, const struct candidate *c)
{
	struct table_gate gate = {
		.flags = GATE_ISSUERS | (c->how & ROUTE_EXACT ? GATE_EXACT : 0),
		.methods = compile_conditions_methods(c->route),
		.issuers = compile_issuers_of(w->in->config, c->route),
		.host = seg_builder_string(&w->b->seg, c->at.host),
	};

	table_builder_gate(w->b, c->at.path, &gate);
	w->floors = true;
}

void
compile_file(struct work *w, const struct config_route *r, const char *id)
{
	struct candidate *c = compile_next(w);

	c->line->id = *id ? id : file_id(w, r);
	compile_route_of(w, c, r);
	compile_leads(w, c, r, compile_find(w->in, SOURCE_FILE, slice_of(r->upstream)));
	if ((c->flags & ROUTE_AUTH || c->authorise) && !w->b->seg.base) /* an overlay has no gate */
		add_floor(w, c);
	if (w->issuers && !w->b->seg.base)
		add_issuers_floor(w, c);
}

/* ---- all of it ---- */

void
work_deinit(struct work *w)
{
	map_deinit(&w->unnamed, NULL);
	map_deinit(&w->limited, NULL);
	map_deinit(&w->asked, NULL);
	free(w->candidates);
	free(w->places);
	free(w->policies);
}

int
compile_routes(const struct compile_input *in, struct table_builder *b,
	       struct compile_report *report)
{
	const struct config *c = in->config;
	struct work w = { .in = in, .b = b, .arena = &report->arena };
	const char *why;

	w.lines = arena_calloc(w.arena, (c->routes_count + 1) * sizeof *w.lines);
	w.candidates = xcalloc(c->routes_count + 1, sizeof *w.candidates);
	compile_limits(&w);
	policy_of(&w, NULL, NULL, &why);
	w.issuers = compile_issuers_named(c);
	for (size_t i = 0; i < c->routes_count; i++)
		compile_file(&w, &c->routes[i], "");
	compile_groups(&w, report);
	in->index->floors = w.floors;
	write_fallback(&w);
	write_is_auth(&w);
	work_deinit(&w);
	return w.overfull ? -ERANGE : 0;
}
