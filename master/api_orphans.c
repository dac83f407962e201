/*
 * Frontends that lead to no backend, and backends that no frontend leads to.
 */

#include "api.h"

#include "change.h"
#include "master.h"

#include "lib/map.h"

/* Calls `found` for each of them. */
static void
each_orphan(const struct rules *r, void (*found)(void *userdata, bool frontend, const char *name),
	    void *userdata)
{
	struct map used = MAP_INIT;

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

	each_orphan(c->master->rules, list, &o);
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

	each_orphan(c->master->rules, add_deletion, change);
	api_change(c, change);
}
