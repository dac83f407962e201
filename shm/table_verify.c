/*
 * Does the content of a segment hold together? One pass over each section, when the segment
 * arrives. The accessors check bounds at every use; what is asked here on top of it is that each
 * look-up ends, and that the parts fit one another.
 */

#include "table.h"

#include "fold.h"
#include "verify.h"

#include "lib/http_head.h"
#include "lib/proxy_protocol.h"
#include "lib/tls_peer.h"

#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

/* Chains run upwards only, so they end. */
static bool
next_ok(uint32_t next, uint32_t i, uint32_t count)
{
	return next == TRIE_NONE || (next > i && next < count);
}

/* An index of a section, or none. */
static bool
root_ok(const struct segment *s, uint32_t root, unsigned nodes)
{
	return root == TRIE_NONE || root < seg_count(s, nodes);
}

static bool
global_ok(const struct segment *s)
{
	const struct table_global *g = table_global(s);

	return g && seg_own_count(s, RULES_GLOBAL) == 1 && root_ok(s, g->root_any, RULES_NODES) &&
	       root_ok(s, g->gate_root, RULES_GATE_NODES) && ref_ok(s, g->cookie) &&
	       ref_ok(s, g->realm) && ref_ok(s, g->log_format) && ref_ok(s, g->via) &&
	       g->head_fields <= HTTP_FIELDS_MAX && root_ok(s, g->fallback, RULES_ROUTES) &&
	       ref_ok(s, g->api_key_header) && ref_ok(s, g->token_header) &&
	       ref_ok(s, g->token_query) && ref_ok(s, g->is_auth) &&
	       root_ok(s, g->is_auth_route, RULES_ROUTES) && ref_ok(s, g->forward_auth) &&
	       ref_ok(s, g->introspection) && g->introspecting < ISSUERS_N &&
	       (g->is_auth.size == 0 || g->is_auth_route != TRIE_NONE) && ref_ok(s, g->hsts) &&
	       g->https_port <= UINT16_MAX;
}

static bool
hosts_ok(const struct segment *s)
{
	bool ok = true, room = false;
	uint32_t count;
	const struct table_host *h = section(s, RULES_HOSTS, sizeof *h, &count, &ok);

	for (uint32_t i = 0; i < count; i++) {
		room |= h[i].root == TRIE_NONE;
		ok &= root_ok(s, h[i].root, RULES_NODES) && ref_ok(s, h[i].name);
	}
	return ok && (room || count == 0);
}

static bool
conditions_ok(const struct segment *s)
{
	uint32_t count;
	bool ok = true;
	const struct table_condition *c = section(s, RULES_CONDITIONS, sizeof *c, &count, &ok);

	for (uint32_t i = 0; i < count; i++)
		ok &= c[i].kind <= CONDITION_CERTIFICATE && c[i].how <= CONDITION_REGEX &&
		      (c[i].kind != CONDITION_CERTIFICATE || c[i].fact < TLS_FACT_N) &&
		      ref_ok(s, c[i].name) && ref_ok(s, c[i].value);
	return ok;
}

static bool
shapes_ok(const struct segment *s)
{
	uint32_t count, policies, actions = seg_count(s, RULES_ACTIONS);
	uint32_t conditions = seg_count(s, RULES_CONDITIONS);
	bool ok = true;
	const struct table_shape *r = section(s, RULES_SHAPES, sizeof *r, &count, &ok);

	section(s, RULES_POLICIES, sizeof(struct table_policy), &policies, &ok);
	for (uint32_t i = 0; i < count; i++)
		ok &= r[i].policy < seg_count(s, RULES_POLICIES) && r[i].action < actions &&
		      ref_ok(s, r[i].add_prefix) && ref_ok(s, r[i].set_host) &&
		      run_ok(r[i].conditions, r[i].conditions_count, conditions) &&
		      r[i].authorise <= seg_count(s, RULES_AUTHORISE);
	return ok;
}

/* There may be a million. */
static bool
routes_ok(const struct segment *s)
{
	uint32_t count, shapes = seg_count(s, RULES_SHAPES);
	uint32_t below = seg_base_count(s, RULES_ROUTES), all = seg_count(s, RULES_ROUTES);
	uint32_t end = seg_count(s, RULES_STRINGS);
	bool ok = true;
	const struct table_route *r = section(s, RULES_ROUTES, sizeof *r, &count, &ok);

	for (uint32_t i = 0; i < count; i++)
		ok &= next_ok(r[i].next, below + i, all) && r[i].shape < shapes &&
		      run_ok(r[i].text, r[i].id_size, end) &&
		      run_ok(r[i].text, (uint32_t)r[i].host_at + r[i].host_size, end) &&
		      run_ok(r[i].text, (uint32_t)r[i].path_at + r[i].path_size, end);
	return ok;
}

static bool
actions_ok(const struct segment *s)
{
	uint32_t actions, changes, origins, arms, stores, all_changes = seg_count(s, RULES_CHANGES);
	uint32_t all_origins = seg_count(s, RULES_ORIGINS), all_arms = seg_count(s, RULES_ARMS);
	bool ok = true;
	const struct table_action *a = section(s, RULES_ACTIONS, sizeof *a, &actions, &ok);
	const struct table_change *c = section(s, RULES_CHANGES, sizeof *c, &changes, &ok);
	const struct seg_ref *origin = section(s, RULES_ORIGINS, sizeof *origin, &origins, &ok);
	const struct table_arm *arm = section(s, RULES_ARMS, sizeof *arm, &arms, &ok);
	const struct table_store *store = section(s, RULES_STORES, sizeof *store, &stores, &ok);

	for (uint32_t i = 0; i < actions; i++)
		ok &= ref_ok(s, a[i].text) && ref_ok(s, a[i].type) && ref_ok(s, a[i].methods) &&
		      ref_ok(s, a[i].headers) && ref_ok(s, a[i].expose) &&
		      ref_ok(s, a[i].split_name) && a[i].split_by <= SPLIT_HEADER &&
		      a[i].status < 600 && a[i].mirror_percent <= 100 &&
		      (!(a[i].flags & ACTION_STORE) || a[i].store < seg_count(s, RULES_STORES)) &&
		      a[i].hub <= seg_count(s, RULES_HUBS) &&
		      a[i].translation <= seg_count(s, RULES_TRANSLATIONS) &&
		      run_ok(a[i].request_first, a[i].request_count, all_changes) &&
		      run_ok(a[i].response_first, a[i].response_count, all_changes) &&
		      run_ok(a[i].origins_first, a[i].origins_count, all_origins) &&
		      run_ok(a[i].arms_first, a[i].arms_count, all_arms);
	for (uint32_t i = 0; i < changes; i++)
		ok &= ref_ok(s, c[i].name) && ref_ok(s, c[i].value) && c[i].kind <= CHANGE_ADD;
	for (uint32_t i = 0; i < origins; i++)
		ok &= ref_ok(s, origin[i]);
	for (uint32_t i = 0; i < arms; i++)
		ok &= ref_ok(s, arm[i].name);
	for (uint32_t i = 0; i < stores; i++)
		ok &= ref_ok(s, store[i].name) && ref_ok(s, store[i].path) &&
		      run_ok(store[i].hosts_first, store[i].hosts_count, all_origins);
	return ok;
}

static bool
gates_ok(const struct segment *s)
{
	bool ok = true;
	uint32_t count;
	const struct table_gate *gate = section(s, RULES_GATES, sizeof *gate, &count, &ok);

	for (uint32_t i = 0; i < count; i++)
		ok &= next_ok(gate[i].next, i, count) && ref_ok(s, gate[i].host) &&
		      gate[i].authorise <= seg_count(s, RULES_AUTHORISE);
	return ok;
}

static bool
tokens_ok(const struct segment *s)
{
	uint32_t issuers, audiences, claims, facts, required;
	bool ok = true;
	const struct table_issuer *issuer =
	    section(s, RULES_ISSUERS, sizeof *issuer, &issuers, &ok);
	const struct seg_ref *audience =
	    section(s, RULES_AUDIENCES, sizeof *audience, &audiences, &ok);
	const struct table_claim *claim = section(s, RULES_CLAIMS, sizeof *claim, &claims, &ok);
	const struct seg_ref *fact = section(s, RULES_FACTS, sizeof *fact, &facts, &ok);
	const struct table_required *need =
	    section(s, RULES_REQUIRED, sizeof *need, &required, &ok);

	ok &= facts <= FACTS_MAX && issuers <= ISSUERS_N;
	for (uint32_t i = 0; i < issuers; i++)
		ok &= ref_ok(s, issuer[i].iss) && ref_ok(s, issuer[i].name) &&
		      run_ok(issuer[i].audience_first, issuer[i].audience_count, audiences) &&
		      run_ok(issuer[i].required_first, issuer[i].required_count, required);
	for (uint32_t i = 0; i < required; i++)
		ok &= ref_ok(s, need[i].claim) && run_ok(need[i].first, need[i].count, audiences);
	for (uint32_t i = 0; i < audiences; i++)
		ok &= ref_ok(s, audience[i]);
	for (uint32_t i = 0; i < claims; i++)
		ok &= ref_ok(s, claim[i].claim) && ref_ok(s, claim[i].header) &&
		      claim[i].format <= CLAIM_BASE64;
	for (uint32_t i = 0; i < facts; i++)
		ok &= ref_ok(s, fact[i]);
	return ok;
}

/* A filter that hides a name would let a client pose as the gateway. */
static bool
strips_ok(const struct segment *s)
{
	const struct table_global *g = table_global(s);
	bool ok = true;
	uint32_t count;
	const struct table_strip *strip = section(s, RULES_STRIP, sizeof *strip, &count, &ok);

	for (uint32_t i = 0; i < count; i++) {
		struct slice name = seg_string(s, strip[i].name);
		uint64_t bits;

		if (name.n == 0)
			return false;
		for (size_t k = 0; k < name.n; k++)
			ok &= fold_char(name.p[k]) == name.p[k];
		bits = fold_lengths(name.n, strip[i].prefix);
		ok &= (g->strip_lengths[fold_class(name.p[0])] & bits) == bits;
	}
	return ok;
}

static bool
peers_and_pages_ok(const struct segment *s)
{
	uint32_t cidrs, callers, pages, ends;
	bool ok = true;
	const struct table_cidr *cidr = section(s, RULES_TRUSTED, sizeof *cidr, &cidrs, &ok);
	const struct table_cidr *caller = section(s, RULES_TRACED, sizeof *caller, &callers, &ok);
	const struct table_page *page = section(s, RULES_PAGES, sizeof *page, &pages, &ok);
	const struct seg_ref *end = section(s, RULES_RESERVED, sizeof *end, &ends, &ok);

	for (uint32_t i = 0; i < cidrs; i++)
		ok &= cidr[i].bits <= 128;
	for (uint32_t i = 0; i < callers; i++)
		ok &= caller[i].bits <= 128;
	for (uint32_t i = 0; i < pages; i++)
		ok &= ref_ok(s, page[i].html);
	for (uint32_t i = 0; i < ends; i++)
		ok &= ref_ok(s, end[i]);
	return ok;
}

/* What only a base has, and what only an overlay has. */
static bool
layer_ok(const struct segment *s)
{
	static const unsigned of_base[] = { RULES_GATE_NODES, RULES_GATE_EDGES, RULES_GATES,
					    RULES_ISSUERS,    RULES_AUDIENCES,  RULES_REQUIRED,
					    RULES_CLAIMS,     RULES_STRIP,      RULES_TRUSTED,
					    RULES_PAGES,      RULES_FACTS,      RULES_RESERVED,
					    RULES_TRACED };
	bool ok = true;
	uint32_t count;

	if (!s->base)
		return s->head->base == 0 && seg_own_count(s, RULES_HEADS) == 0 &&
		       seg_own_count(s, RULES_GONE) == 0;
	for (size_t i = 0; i < sizeof of_base / sizeof of_base[0]; i++)
		ok &= seg_own_count(s, of_base[i]) == 0;
	section(s, RULES_GONE, sizeof(uint32_t), &count, &ok);
	return ok && table_global(s)->gate_root == table_global(s->base)->gate_root &&
	       table_global(s)->gate_authorises == table_global(s->base)->gate_authorises &&
	       memcmp(table_global(s)->strip_lengths, table_global(s->base)->strip_lengths,
		      sizeof table_global(s)->strip_lengths) == 0;
}

int
table_verify_rules(const struct segment *s)
{
	if (!global_ok(s) || !layer_ok(s) || !hosts_ok(s) || !conditions_ok(s) || !shapes_ok(s) ||
	    !routes_ok(s) || !actions_ok(s) || !gates_ok(s) || !tokens_ok(s) || !strips_ok(s) ||
	    !peers_and_pages_ok(s) || !table_authorise_ok(s) || !table_limits_ok(s) ||
	    !table_login_ok(s) || !table_hubs_ok(s) || !table_translation_ok(s))
		return -EBADMSG;
	if (trie_verify(s, RULES_NODES, RULES_EDGES, RULES_HEADS, seg_count(s, RULES_ROUTES)))
		return -EBADMSG;
	return trie_verify(s, RULES_GATE_NODES, RULES_GATE_EDGES, 0, seg_count(s, RULES_GATES));
}

static bool
address_ok(const struct segment *s, const struct table_address *a)
{
	if (!ref_ok(s, a->path))
		return false;
	if (a->family == AF_UNIX)
		return a->path.size > 0 &&
		       a->path.size < sizeof(((struct sockaddr_un *)0)->sun_path);
	return a->family == AF_INET || a->family == AF_INET6;
}

/* How an upstream chooses. */
static bool
balance_ok(const struct segment *s, const struct table_upstream *u)
{
	return u->balance < BALANCE_N && u->hash_by < HASH_BY_N && ref_ok(s, u->hash_name) &&
	       run_ok(u->plugins_first, u->plugins_count, seg_count(s, ENDPOINTS_PLUGINS)) &&
	       u->sticky <= seg_count(s, ENDPOINTS_STICKY);
}

static bool
plugins_and_cookies_ok(const struct segment *s)
{
	uint32_t plugins, cookies;
	bool ok = true;
	const struct table_plugin *p = section(s, ENDPOINTS_PLUGINS, sizeof *p, &plugins, &ok);
	const struct table_sticky *c = section(s, ENDPOINTS_STICKY, sizeof *c, &cookies, &ok);

	for (uint32_t i = 0; i < plugins; i++)
		ok &= p[i].kind < PLUGIN_N;
	for (uint32_t i = 0; i < cookies; i++)
		ok &= ref_ok(s, c[i].cookie) && c[i].cookie.size > 0 && ref_ok(s, c[i].path) &&
		      c[i].same_site < SAME_SITE_N && c[i].secure < STICKY_SECURE_N;
	return ok;
}

/* An upstream of an overlay is one of its own rows. */
static bool
moved_ok(const struct segment *s)
{
	uint32_t count, below = seg_base_count(s, ENDPOINTS_UPSTREAMS);
	bool ok = s->base || s->head->base == 0, room = false;
	const struct table_moved *moved = section(s, ENDPOINTS_MOVED, sizeof *moved, &count, &ok);

	for (uint32_t i = 0; i < count; i++) {
		room |= moved[i].row == TRIE_NONE;
		ok &= moved[i].row == TRIE_NONE ||
		      (moved[i].row >= below && moved[i].row < seg_count(s, ENDPOINTS_UPSTREAMS) &&
		       moved[i].index < UPSTREAMS_MAX);
	}
	return ok && (room || count == 0);
}

int
table_verify_endpoints(const struct segment *s)
{
	uint32_t upstreams, endpoints, addresses, all_endpoints = seg_count(s, ENDPOINTS_ENDPOINTS);
	uint32_t all_addresses = seg_count(s, ENDPOINTS_ADDRESSES);
	bool ok = plugins_and_cookies_ok(s) && moved_ok(s) && table_behind_endpoints_ok(s);
	const struct table_upstream *u =
	    section(s, ENDPOINTS_UPSTREAMS, sizeof *u, &upstreams, &ok);
	const struct table_endpoint *e =
	    section(s, ENDPOINTS_ENDPOINTS, sizeof *e, &endpoints, &ok);
	const struct table_address *a = section(s, ENDPOINTS_ADDRESSES, sizeof *a, &addresses, &ok);

	for (uint32_t i = 0; i < upstreams; i++)
		ok &= run_ok(u[i].first, u[i].count, all_endpoints) && ref_ok(s, u[i].name) &&
		      u[i].proxy <= PROXY_V2 && balance_ok(s, &u[i]);
	for (uint32_t i = 0; i < endpoints; i++)
		ok &= run_ok(e[i].first, e[i].count, all_addresses) && ref_ok(s, e[i].authority) &&
		      ref_ok(s, e[i].base) && ref_ok(s, e[i].sticky);
	for (uint32_t i = 0; i < addresses; i++)
		ok &= address_ok(s, &a[i]);
	return ok ? 0 : -EBADMSG;
}

int
table_verify_keys(const struct segment *s)
{
	uint32_t count;
	bool ok = s->head->base == 0;
	const struct table_key_material *k = section(s, KEYS_KEYS, sizeof *k, &count, &ok);

	for (uint32_t i = 0; i < count; i++)
		ok &= k[i].kind <= KEY_PUBLIC && ref_ok(s, k[i].kid) && ref_ok(s, k[i].bytes);
	return ok && table_tls_ok(s) && table_behind_keys_ok(s) && table_api_keys_ok(s) &&
		       table_secrets_ok(s)
		   ? 0
		   : -EBADMSG;
}
