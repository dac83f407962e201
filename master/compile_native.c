/*
 * Native rules, as candidates. One that is refused and has no last good version answers 503 where
 * it would have matched, as far as that can be read of it.
 */

#include "compile_candidate.h"
#include "config_floor.h"

#define BACKEND SLICE("backend:")

/* Where a route leads: its refusal, or what is wrong with it beside this configuration. */
struct lead {
	const struct directory_upstream *u;
	const struct rules_refusal *refusal;
	const char *fault;
};

static const struct rules_refusal *
refusal_of(const struct rules *rules, struct slice prefix, struct slice name)
{
	struct buf key BUF_CLEAN = { 0 };

	buf_adds(&key, prefix);
	buf_adds(&key, name);
	return rules_refusal_find(rules, buf_slice(&key));
}

/* "backend:X" is redx's; else a rule's upstream goes before one of the file. */
static struct lead
lead_of(const struct compile_input *in, const char *upstream)
{
	struct slice name = slice_of(upstream ? upstream : "");
	struct rules_native *native;
	struct lead lead = { 0 };

	if (slice_starts(name, BACKEND)) {
		name = slice_make(name.p + BACKEND.n, name.n - BACKEND.n);
		lead.u = compile_find(in, SOURCE_REDX, name);
		lead.refusal = refusal_of(in->rules, BACKEND, name);
		return lead;
	}
	lead.u = compile_find(in, SOURCE_RULE, name);
	lead.refusal = refusal_of(in->rules, rules_native_prefix(NATIVE_UPSTREAM), name);
	native = rules_native_find(in->rules, NATIVE_UPSTREAM, name);
	if (native)
		lead.fault = rules_native_fault(native, in->config);
	if (!lead.u && !lead.refusal && !native)
		lead.u = compile_find(in, SOURCE_FILE, name);
	return lead;
}

const struct directory_upstream *
compile_native_upstream(const struct compile_input *in, const char *name)
{
	return lead_of(in, name).u;
}

static const char *
id_of(struct work *w, struct slice name)
{
	struct buf id BUF_CLEAN = { 0 };

	buf_addf(&id, "rule:%.*s", SLICE_F(name));
	return compile_text(w, buf_slice(&id));
}

/* Where it would apply cannot be read. */
static void
refuse_nowhere(struct work *w, struct candidate *c, const char *why)
{
	c->line->host = c->line->path = "";
	c->line->state = ROUTE_IS_REFUSED;
	c->line->reason = compile_text(w, slice_of(why));
	w->count--;
}

/* ---- names of nothing ---- */

static bool
is_named(const char *name)
{
	return name && *name && strcmp(name, "off") != 0;
}

static bool
is_nowhere(const struct compile_input *in, const char *name)
{
	struct lead lead = lead_of(in, name);

	return !lead.u && !lead.refusal && !lead.fault;
}

/* The fallback of a route to this upstream (NULL: there is none), if it does not exist; else NULL.
 */
static const char *
missing_fallback(const struct compile_input *in, const struct config_route *r,
		 const struct directory_upstream *u)
{
	const char *name = r->fallback && *r->fallback ? r->fallback : u ? u->fallback : NULL;

	if (!is_named(name) || compile_find(in, SOURCE_FILE, slice_of(name)) ||
	    !is_nowhere(in, name))
		return NULL;
	return name;
}

/* Without all of its arms a split would not be the one that was meant, and a fallback that is not
 * there is missed when it is too late: the rule is refused until they are. */
static bool
refuse_dangling(struct work *w, struct candidate *c, const struct config_route *r,
		const struct directory_upstream *u)
{
	const char *fallback = missing_fallback(w->in, r, u);

	for (size_t i = 0; i < r->action.arms_count; i++) {
		const char *name = r->action.arms[i].upstream;

		if (is_nowhere(w->in, name)) {
			compile_refuse(w, c, "split: there is no upstream ", name);
			return true;
		}
		if (!fallback)
			fallback = missing_fallback(w->in, r, lead_of(w->in, name).u);
	}
	if (!fallback)
		return false;
	compile_refuse(w, c, "fallback: there is no upstream ", fallback);
	return true;
}

void
compile_native(struct work *w, const struct rules_native *n)
{
	const char *fault;
	const struct config_route *r = rules_native_route(n, w->in->config, w->arena, &fault);
	struct slice name = slice_of(rules_native_name(n));
	const struct rules_refusal *kept =
	    refusal_of(w->in->rules, rules_native_prefix(NATIVE_ROUTE), name);
	struct candidate *c = compile_next(w);
	struct lead lead;

	c->line->source = SOURCE_RULE;
	c->line->id = id_of(w, name);
	if (!r) {
		refuse_nowhere(w, c, fault);
		c->line->faulty = true;
		return;
	}
	compile_route_of(w, c, r);
	lead = lead_of(w->in, r->upstream);
	compile_leads(w, c, r, lead.u);
	c->line->faulty = fault || refuse_dangling(w, c, r, lead.u);
	if (fault)
		compile_refuse(w, c, "", fault);
	else if (c->line->faulty)
		;
	else if (lead.refusal && !lead.refusal->kept)
		compile_refuse(w, c, "its upstream is refused: ", lead.refusal->reason);
	else if (lead.fault)
		compile_refuse(w, c, "its upstream is refused: ", lead.fault);
	else if (lead.u && lead.u->own_count > 0)
		compile_reason(
		    w, c, "left out, because it is a listener of this gateway: ", lead.u->own[0]);
	else if (kept)
		compile_reason(
		    w, c, "the last good value stays; the newest one is refused: ", kept->reason);
	else if (lead.refusal)
		compile_reason(w, c, "the last good upstream stays; the newest one is refused: ",
			       lead.refusal->reason);
	else if (*r->action.mirror && is_nowhere(w->in, r->action.mirror))
		compile_reason(w, c, "mirror: there is no upstream ", r->action.mirror);
	else if (config_opens(r) && config_floor_route(w->in->config, r))
		compile_reason(w, c,
			       r->action.auth == AUTH_OPTIONAL
				   ? "auth: optional has no effect where the file protects "
				   : "auth: none has no effect where the file protects ",
			       config_floor_route(w->in->config, r));
}

/* NULL in `r`: where it would have matched is not known. */
void
compile_native_refused(struct work *w, const struct rules_refusal *f, struct slice name)
{
	const struct config_route *r =
	    f->native ? rules_native_read(f->native, w->in->config) : NULL;
	struct candidate *c = compile_next(w);

	c->line->source = SOURCE_RULE;
	c->line->id = id_of(w, name);
	if (!r) {
		refuse_nowhere(w, c, f->reason);
		return;
	}
	compile_route_of(w, c, r);
	c->add_prefix = c->set_host = NULL;
	compile_refuse(w, c, "", f->reason);
}
