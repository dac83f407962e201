/*
 * config_check_identity: who somebody is: claims and their headers, API keys.
 */

#include "config_check.h"
#include "config_check_action.h"

#include "lib/json.h"
#include "lib/map.h"
#include "shm/table.h"

/* Names that frame a message, or that somebody else gives a meaning. */
static const char *const taken[] = {
	"host",
	"content-length",
	"transfer-encoding",
	"connection",
	"upgrade",
	"te",
	"trailer",
	"keep-alive",
	"expect",
	"authorization",
	"cookie",
	"via",
	"forwarded",
	"proxy-connection",
	"http2-settings",
	"x-forwarded-for",
	"x-forwarded-host",
	"x-forwarded-port",
	"x-forwarded-proto",
	"x-forwarded-protocol",
	"x-real-ip",
	"x-request-id",
};

/* Case, '-', '_' and '.' make no difference where inbound spellings are removed, so they make none
 * here. */
static void
fold_header(const char *name, struct buf *out)
{
	for (; *name; name++)
		buf_addc(out, *name == '_' || *name == '.' ? '-' : ascii_lower(*name));
}

static void
check_header(struct config_reader *r, const char *header, int line, const char *key)
{
	struct buf BUF_CLEAN name = { 0 };

	fold_header(header, &name);
	for (size_t i = 0; i < sizeof taken / sizeof taken[0]; i++) {
		if (slice_eq(buf_slice(&name), slice_of(taken[i])))
			mistakes_add(&r->mistakes, false, line, key,
				     "the header %s has a meaning of its own; choose another",
				     header);
	}
}

/* What pages of other origins hear of the gateway's own path. */
static void
check_cors(struct config_reader *r)
{
	static const char *const rest[] = { "gate.cors.methods", "gate.cors.headers",
					    "gate.cors.expose", "gate.cors.credentials",
					    "gate.cors.max_age" };
	const struct config_gate *g = &r->c->gate;
	const struct action_check check = {
		.mistakes = &r->mistakes,
		.arena = &r->c->arena,
		.key = "gate",
		.line = config_line(r, "gate.cors.origins"),
	};

	config_check_cors(&check, &g->cors);
	if (g->cors.origins_count > 0 && !(g->is_auth && *g->is_auth))
		mistakes_add(&r->mistakes, false, check.line, "gate.cors",
			     "there is nothing that it is for; give gate.is_auth, or remove it");
	for (size_t i = 0; g->cors.origins_count == 0 && i < sizeof rest / sizeof rest[0]; i++) {
		if (config_line(r, rest[i]) > 0)
			mistakes_add(&r->mistakes, false, config_line(r, rest[i]), rest[i],
				     "origins is missing beside it");
	}
}

static void
check_claims(struct config_reader *r)
{
	struct config_gate *g = &r->c->gate;
	struct map seen = MAP_INIT;

	for (size_t i = 0; i < g->claims_count; i++) {
		struct buf BUF_CLEAN name = { 0 }, key = { 0 };
		struct config_claim *claim = &g->claims[i];
		void **place;

		if (!claim->header || !claim->claim)
			continue;
		buf_addf(&key, "gate.claims.%s", claim->claim);
		buf_addc(&key, '\0');
		fold_header(claim->header, &name);
		check_header(r, claim->header, claim->place.line, key.p);
		place = map_put(&seen, buf_slice(&name));
		if (*place)
			mistakes_add(&r->mistakes, false, claim->place.line, key.p,
				     "the header %s is that of claim %s already; choose another",
				     claim->header, (const char *)*place);
		*place = (void *)(uintptr_t)claim->claim;
	}
	map_deinit(&seen, NULL);
}

/* Who says nothing of sub has the name of the key for it. */
void
config_complete_api_key(struct arena *arena, struct config_api_key *k)
{
	struct slice given = k->claims ? slice_of(k->claims) : SLICE("{}");
	struct buf BUF_CLEAN whole = { 0 };
	struct json *v = NULL;

	if (json_parse(given, given.n, JSON_DEPTH_MAX, &v) < 0 || !json_get(v, "sub")) {
		buf_adds(&whole, SLICE("{\"sub\":"));
		buf_add_json(&whole, slice_of(k->name));
		buf_adds(&whole, v && json_first(v) ? SLICE(",") : SLICE(""));
		buf_adds(&whole, slice_make(given.p + 1, given.n - 1));
		k->claims = arena_string(arena, buf_slice(&whole));
	}
	json_free(v);
}

static void
check_api_keys(struct config_reader *r)
{
	const struct config *c = r->c;
	struct map seen = MAP_INIT;

	if (c->gate.api_key_header)
		check_header(r, c->gate.api_key_header, config_line(r, "gate.api_key_header"),
			     "gate.api_key_header");
	for (size_t i = 0; i < c->api_keys_count; i++) {
		struct config_api_key *k = &c->api_keys[i];
		struct buf BUF_CLEAN key = { 0 };
		void **place;

		if (!k->name || !k->sha256)
			continue;
		config_complete_api_key(&r->c->arena, k);
		buf_addf(&key, "api_keys.%s.sha256", k->name);
		buf_addc(&key, '\0');
		place = map_put(&seen, slice_of(k->sha256));
		if (*place)
			mistakes_add(&r->mistakes, false, k->place.line, key.p,
				     "this is the key %s already; make another one by yett key",
				     (const char *)*place);
		*place = (void *)(uintptr_t)k->name;
	}
	if (c->api_keys_count > 0 && !(c->gate.sources & TOKEN_FROM_API_KEY))
		mistakes_add(&r->mistakes, true, config_line(r, "api_keys"), "api_keys",
			     "no API key is taken; add api_key to gate.sources");
	map_deinit(&seen, NULL);
}

/* An end without a slash would be that of other names, too. */
static void
check_paths(struct config_reader *r)
{
	const struct config_gate *g = &r->c->gate;

	for (size_t i = 0; i < g->reserved_count; i++) {
		if (g->reserved[i][0] != '/')
			mistakes_add(&r->mistakes, false, config_line(r, "gate.reserved"),
				     "gate.reserved", "\"%s\" does not begin with '/'; write /%s",
				     g->reserved[i], g->reserved[i]);
	}
	if (g->forward_auth && *g->forward_auth && r->c->trusted_proxies_count == 0)
		mistakes_add(&r->mistakes, true, config_line(r, "gate.forward_auth"),
			     "gate.forward_auth",
			     "no proxy is believed, so that who says what request it is about is "
			     "refused; name the other proxy in trusted_proxies");
	if (g->token_header)
		check_header(r, g->token_header, config_line(r, "gate.token_header"),
			     "gate.token_header");
}

void
config_check_identity(struct config_reader *r)
{
	check_claims(r);
	check_api_keys(r);
	check_paths(r);
	check_cors(r);
}
