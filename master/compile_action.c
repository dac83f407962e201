#include "compile_action.h"

#include "compile_candidate.h"
#include "compile_hub.h"
#include "compile_translation.h"

static bool
has_store(const struct config_action *a)
{
	return a->store.upstream && *a->store.upstream;
}

struct slice
compile_action_leads(const struct config_route *r, struct buf *space)
{
	const struct config_action *a = &r->action;

	if (*a->redirect)
		buf_addf(space, "redirect %u", a->redirect_status);
	else if (a->respond_status)
		buf_addf(space, "respond %u", a->respond_status);
	else if (has_store(a))
		buf_addf(space, "redirect store %s", a->store.upstream);
	else if (a->hub.given)
		buf_addf(space, "hub");
	for (size_t i = 0; i < a->arms_count; i++)
		buf_addf(space, "%s%s", i > 0 ? "," : "", a->arms[i].upstream);
	return space->n > 0 ? buf_slice(space) : slice_of(r->upstream);
}

/* Of a split or a mirror, named by a route from there. */
static const struct directory_upstream *
find_upstream(const struct compile_input *in, enum rules_source source, const char *name)
{
	if (source == SOURCE_RULE)
		return compile_native_upstream(in, name);
	return compile_find(in, SOURCE_FILE, slice_of(name));
}

static struct seg_ref
text(struct table_builder *b, const char *s)
{
	return seg_builder_string(&b->seg, slice_of(s));
}

/* ["A", "B"] as "A, B". */
static struct seg_ref
list(struct table_builder *b, const char *const *items, size_t count)
{
	struct buf BUF_CLEAN all = { 0 };

	for (size_t i = 0; i < count; i++)
		buf_addf(&all, "%s%s", i > 0 ? ", " : "", items[i]);
	return seg_builder_string(&b->seg, buf_slice(&all));
}

static uint32_t
add_change(struct table_builder *b, uint32_t kind, const char *name, const char *value)
{
	struct table_change change = {
		.name = text(b, name),
		.value = text(b, value),
		.kind = kind,
	};

	return seg_builder_add(&b->seg, RULES_CHANGES, &change, sizeof change);
}

static void
add_changes(struct table_builder *b, const struct config_changes *c, uint32_t *first,
	    uint32_t *count)
{
	uint32_t at = 0;

	*count = (uint32_t)(c->remove_count + c->set_count + c->add_count);
	for (size_t i = 0; i < c->remove_count; i++)
		at = add_change(b, CHANGE_REMOVE, c->remove[i], "");
	for (size_t i = 0; i < c->set_count; i++)
		at = add_change(b, CHANGE_SET, c->set[i].name, c->set[i].value);
	for (size_t i = 0; i < c->add_count; i++)
		at = add_change(b, CHANGE_ADD, c->add[i].name, c->add[i].value);
	*first = *count ? at + 1 - *count : 0;
}

void
compile_cors(struct table_builder *b, const struct config_cors *c, struct table_action *a)
{
	uint32_t at = 0;

	if (c->origins_count == 0)
		return;
	for (size_t i = 0; i < c->origins_count; i++) {
		struct seg_ref origin = text(b, c->origins[i]);

		at = seg_builder_add(&b->seg, RULES_ORIGINS, &origin, sizeof origin);
	}
	a->origins_count = (uint32_t)c->origins_count;
	a->origins_first = at + 1 - a->origins_count;
	a->methods = list(b, c->methods, c->methods_count);
	a->headers = list(b, c->headers, c->headers_count);
	a->expose = list(b, c->expose, c->expose_count);
	a->max_age_s = c->max_age_s;
	a->flags |= c->credentials ? ACTION_CREDENTIALS : 0;
	if (c->headers_count == 1 && strcmp(c->headers[0], "*") == 0)
		a->flags |= ACTION_ANY_HEADER;
}

static void
add_split(const struct compile_input *in, struct table_builder *b, enum rules_source source,
	  const struct config_route *r, struct table_action *a)
{
	const struct config_action *c = &r->action;
	static const struct {
		const char *word;
		enum split_by by;
	} ways[] = {
		{ "user", SPLIT_USER },
		{ "address", SPLIT_ADDRESS },
		{ "cookie", SPLIT_COOKIE },
		{ "header", SPLIT_HEADER },
	};
	struct slice name, way = slice_cut(slice_of(c->split_by), ':', &name);
	uint32_t at = 0;

	if (c->arms_count == 0)
		return;
	for (size_t i = 0; i < c->arms_count; i++) {
		const struct directory_upstream *u = find_upstream(in, source, c->arms[i].upstream);
		struct table_arm arm = {
			.upstream = compile_index(u),
			.fallback = compile_index(compile_fallback(in, r->fallback, u)),
			.weight = c->arms[i].weight,
			.name = text(b, c->arms[i].upstream),
		};

		at = seg_builder_add(&b->seg, RULES_ARMS, &arm, sizeof arm);
	}
	a->arms_count = (uint32_t)c->arms_count;
	a->arms_first = at + 1 - a->arms_count;
	a->split_by = SPLIT_REQUEST;
	for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++) {
		if (slice_eq(way, slice_of(ways[i].word)))
			a->split_by = ways[i].by;
	}
	a->split_name = seg_builder_string(&b->seg, name);
}

static void
add_mirror(const struct compile_input *in, enum rules_source source, const struct config_action *c,
	   struct table_action *a)
{
	const struct directory_upstream *u = find_upstream(in, source, c->mirror);

	if (!u)
		return;
	a->mirror = u->index;
	a->mirror_percent = c->mirror_percent;
}

static void
add_store(const struct compile_input *in, struct table_builder *b, enum rules_source source,
	  const struct config_action *c, struct table_action *a)
{
	struct table_store store = {
		.name = text(b, c->store.upstream),
		.path = text(b, c->store.path),
		.upstream = compile_index(find_upstream(in, source, c->store.upstream)),
		.ttl_s = c->store.ttl_s,
		.hosts_count = (uint32_t)c->store.hosts_count,
	};
	uint32_t at = 0;

	for (size_t i = 0; i < c->store.hosts_count; i++) {
		struct seg_ref host = text(b, c->store.hosts[i]);

		at = seg_builder_add(&b->seg, RULES_ORIGINS, &host, sizeof host);
	}
	store.hosts_first = store.hosts_count ? at + 1 - store.hosts_count : 0;
	a->flags = ACTION_STORE;
	a->text = text(b, c->store.source);
	a->store = seg_builder_add(&b->seg, RULES_STORES, &store, sizeof store);
}

static bool
has_base(const struct directory_upstream *u)
{
	bool base = false;

	for (size_t i = 0; u && i < u->endpoints_count; i++)
		base |= *u->endpoints[i].base != '\0';
	return base;
}

/* Does the upstream see another path or another Host than the client named? */
static bool
is_changed(const struct compile_input *in, enum rules_source source, const struct config_route *r,
	   const struct directory_upstream *u)
{
	bool base = has_base(u) || has_base(compile_fallback(in, r->fallback, u));

	for (size_t i = 0; i < r->action.arms_count && !base; i++) {
		const struct directory_upstream *arm =
		    find_upstream(in, source, r->action.arms[i].upstream);

		base = has_base(arm) || has_base(compile_fallback(in, r->fallback, arm));
	}
	return base || r->strip || *r->add_prefix || (r->rewrite && *r->rewrite) || *r->set_host ||
	       r->upstream_host;
}

uint32_t
compile_action(const struct compile_input *in, struct table_builder *b, enum rules_source source,
	       const struct config_route *r, const struct directory_upstream *upstream)
{
	const struct config_action *c = &r->action;
	struct table_action a = { 0 };

	if (*c->redirect) {
		a.flags = ACTION_REDIRECT;
		a.status = c->redirect_status;
		a.text = text(b, c->redirect);
	} else if (c->respond_status) {
		a.flags = ACTION_RESPOND;
		a.status = c->respond_status;
		a.text = text(b, c->respond_body);
		a.type = text(b, c->respond_type);
	} else if (has_store(c)) {
		add_store(in, b, source, c, &a);
	} else if (c->hub.given) {
		a.hub = compile_hub(in, b, &c->hub);
	} else if (c->rewrite_location && is_changed(in, source, r, upstream)) {
		a.flags = ACTION_BACK;
	}
	a.flags |= c->rewrite_cookie_domain ? ACTION_COOKIE_DOMAIN : 0;
	add_changes(b, &c->request, &a.request_first, &a.request_count);
	add_changes(b, &c->response, &a.response_first, &a.response_count);
	compile_cors(b, &c->cors, &a);
	add_split(in, b, source, r, &a);
	add_mirror(in, source, c, &a);
	a.translation = compile_translation(b, &c->translate);
	if (a.flags == 0 && a.hub == 0 &&
	    a.request_count + a.response_count + a.origins_count + a.arms_count + a.mirror_percent +
		    a.translation ==
		0)
		return 0;
	return seg_builder_add(&b->seg, RULES_ACTIONS, &a, sizeof a);
}
