/*
 * Frontends that lead to no backend, and backends that neither a frontend nor a rule of our own
 * leads to.
 */

#include "api.h"

#include "change.h"
#include "master.h"

#include "lib/map.h"

#define BACKEND SLICE("backend:")

/* `upstream` as a rule names it: "backend:X" is redx's. */
static void
use(struct map *used, const char *upstream)
{
	struct slice name = slice_of(upstream ? upstream : "");

	if (slice_starts(name, BACKEND))
		*map_put(used, slice_make(name.p + BACKEND.n, name.n - BACKEND.n)) = used;
}

static void
use_of_route(struct map *used, const struct config_route *r)
{
	if (!r)
		return;
	use(used, r->upstream);
	use(used, r->fallback);
	use(used, r->action.mirror);
	for (size_t i = 0; i < r->action.arms_count; i++)
		use(used, r->action.arms[i].upstream);
}

static void
use_of_upstream(struct map *used, const struct config_upstream *u)
{
	if (u)
		use(used, u->fallback);
}

/* Of the rules in force, and of those that will be when they are mended. */
static void
uses_of_natives(const struct master *m, struct map *used)
{
	const struct rules *r = m->rules;
	struct arena arena = { 0 };
	const char *fault;
	enum native_kind kind;
	struct slice name;

	for (size_t i = 0; i < rules_natives(r, NATIVE_ROUTE); i++, arena_reset(&arena))
		use_of_route(used, rules_native_route(rules_native_at(r, NATIVE_ROUTE, i),
						      m->config, &arena, &fault));
	arena_deinit(&arena);
	for (size_t i = 0; i < rules_natives(r, NATIVE_UPSTREAM); i++)
		use_of_upstream(
		    used, rules_native_read(rules_native_at(r, NATIVE_UPSTREAM, i), m->config));
	for (size_t i = 0; i < rules_refusals(r); i++) {
		const struct rules_refusal *f = rules_refusal_at(r, i);

		if (f->native && rules_native_key(slice_make(f->key, f->key_n), &kind, &name) &&
		    kind == NATIVE_ROUTE)
			use_of_route(used, rules_native_read(f->native, m->config));
	}
}

/* Calls `found` for each of them. */
static void
each_orphan(const struct master *m, void (*found)(void *userdata, bool frontend, const char *name),
	    void *userdata)
{
	const struct rules *r = m->rules;
	struct map used = MAP_INIT;

	uses_of_natives(m, &used);
	for (size_t i = 0; i < rules_frontends(r); i++) {
		const struct rules_frontend *f = rules_frontend_at(r, i);
		struct buf key BUF_CLEAN = { 0 };

		*map_put(&used, slice_of(f->backend)) = (void *)(uintptr_t)f;
		buf_addf(&key, "backend:%s", f->backend);
		if (!rules_knows(r, buf_slice(&key)))
			found(userdata, true, f->url);
	}
	for (size_t i = 0; i < rules_backends(r); i++) {
		const struct rules_backend *b = rules_backend_at(r, i);

		if (!map_get(&used, slice_of(b->name)))
			found(userdata, false, b->name);
	}
	map_deinit(&used, NULL);
}

struct orphans {
	struct buf frontends, backends;
};

static void
list(void *userdata, bool frontend, const char *name)
{
	struct orphans *o = userdata;
	struct buf *out = frontend ? &o->frontends : &o->backends;

	buf_adds(out, out->n ? SLICE(",") : SLICE(""));
	buf_addf(out, "{\"%s\":", frontend ? "url" : "name");
	buf_add_json(out, slice_of(name));
	buf_addc(out, '}');
}

void
api_orphans(struct api_call *c)
{
	struct buf data BUF_CLEAN = { 0 };
	struct orphans o = { 0 };

	each_orphan(c->master, list, &o);
	buf_adds(&data, SLICE("{\"frontends\":["));
	buf_adds(&data, buf_slice(&o.frontends));
	buf_adds(&data, SLICE("],\"backends\":["));
	buf_adds(&data, buf_slice(&o.backends));
	buf_adds(&data, SLICE("]}"));
	buf_deinit(&o.frontends);
	buf_deinit(&o.backends);
	api_reply_message(c, 200, "OK", buf_slice(&data));
}

static void
add_deletion(void *userdata, bool frontend, const char *name)
{
	struct change *change = userdata;

	change_delete(change, change_key(change, frontend ? SLICE("frontend:") : SLICE("backend:"),
					 slice_of(name)));
}

void
api_orphans_delete(struct api_call *c)
{
	struct change *change = api_new_change(c);

	each_orphan(c->master, add_deletion, change);
	api_change(c, change);
}
