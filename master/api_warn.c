#include "api.h"

#include "config_floor.h"
#include "master.h"

/* What opens nothing, and the path by which the file keeps it closed; NULL: all has its effect. */
static const char *
without_effect(const struct config *c, enum native_kind kind, const void *entry, const char **what)
{
	const struct config_route *route = entry;

	switch (kind) {
	case NATIVE_ROUTE:
		*what = route->action.auth == AUTH_OPTIONAL ? "auth: optional" : "auth: none";
		return config_opens(route) ? config_floor_route(c, route) : NULL;
	case NATIVE_POLICY:
		*what = "an exception";
		return config_floor_policy(c, entry);
	case NATIVE_UPSTREAM:
	case NATIVE_KEY:
	case NATIVE_KINDS:
		break;
	}
	return NULL;
}

void
api_warn(struct api_call *c, struct slice key, struct slice json)
{
	const struct config *config = c->master->config;
	BUF_CLEAN struct buf why = { 0 }, text = { 0 };
	struct arena arena = { 0 };
	const char *what, *path = NULL;
	enum native_kind kind;
	struct slice name;
	void *entry;

	if (rules_native_key(key, &kind, &name) &&
	    config_rule_read(kind, config, name, json, &arena, &entry, &why) == 0)
		path = without_effect(config, kind, entry, &what);
	if (path) {
		buf_addf(&text,
			 "%.*s: %s has no effect where the file protects %s; only what is below "
			 "gate.delegate is left to the store",
			 SLICE_F(key), what, path);
		buf_adds(&c->warnings, c->warnings.n ? SLICE(",") : SLICE(""));
		buf_add_json(&c->warnings, buf_slice(&text));
	}
	arena_deinit(&arena);
}
