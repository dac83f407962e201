#include "compile.h"

#include "compile_authorise.h"
#include "compile_index.h"
#include "compile_issuers.h"
#include "compile_login.h"
#include "compile_routes.h"
#include "lib/log.h"
#include "lib/uri.h"
#include "lib/xalloc.h"
#include "via.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>

/* ---- what a client could pose as the gateway with ---- */

struct stripped {
	const char *name; /* folded */
	bool prefix;
};

static const struct stripped always_stripped[] = {
	{ "auth-id", false },
	{ "x-redx-", true },
	{ "renku-auth-", true },
	{ "renku-user", true },
	{ "gitlab-access-token", true },
	{ "x-yett-", true },
	/* Other spellings of what the gateway itself sends; under their own names they are replaced
	   or believed. */
	{ "x-forwarded-", true },
	{ "content-length", false },
	{ "transfer-encoding", false },
	/* A CGI upstream would take it for its proxy setting. */
	{ "proxy", false },
	{ "x-real-ip", false },
	{ "x-request-id", false },
	{ "client-cert", false },
	{ "client-cert-chain", false },
};

static void
add_strip(struct table_builder *b, const char *name, bool prefix)
{
	struct table_strip strip = { .prefix = prefix };
	char *folded = xstrdup(name);

	for (char *p = folded; *p; p++)
		*p = *p == '_' || *p == '.' ? '-' : ascii_lower(*p);
	strip.name = seg_builder_string(&b->seg, slice_of(folded));
	seg_builder_add(&b->seg, RULES_STRIP, &strip, sizeof strip);
	free(folded);
}

static void
strip_credential(void *userdata, const char *name)
{
	add_strip(userdata, name, false);
}

/* ---- the gate ---- */

/* A claim for which there is no place is told by the routes, of which the report speaks. */
static void
add_gate_entries(struct table_builder *b, const struct config *c,
		 const struct config_gate_entry *entries, size_t count, uint32_t flag)
{
	bool lacks = false;

	for (size_t i = 0; i < count; i++) {
		struct slice path = slice_of(entries[i].path);
		char *form = xmalloc(path.n + 1);
		struct table_gate gate = {
			.flags = flag | (entries[i].exact ? GATE_EXACT : 0),
			.methods = entries[i].methods,
			.authorise = compile_authorise(b, c, entries[i].authorise, &lacks),
		};

		b->global.gate_authorises |= gate.authorise ? GATE_AUTHORISES : 0;
		table_builder_gate(b, uri_match_form(path, form), &gate);
		free(form);
	}
}

/* `whose`: GATE_STORE or 0. */
static void
add_policy(struct table_builder *b, const struct config *c, const struct config_policy *p,
	   uint32_t whose)
{
	add_gate_entries(b, c, p->protect, p->protect_count, GATE_PROTECT | whose);
	add_gate_entries(b, c, p->except, p->except_count, GATE_EXCEPT | whose);
}

/* What a refused one closes stays closed, as far as it can be read. */
static void
add_refused_policy(struct table_builder *b, const struct config *c, const struct rules_refusal *f)
{
	const struct config_policy *p = f->native ? rules_native_read(f->native, c) : NULL;

	if (p)
		add_policy(b, c, p, GATE_STORE);
}

/* Those of the store; what they may open is the table's to say. */
static void
add_store_policies(struct table_builder *b, const struct config *c, const struct rules *rules)
{
	for (size_t i = 0; i < rules_natives(rules, NATIVE_POLICY); i++) {
		const struct config_policy *p =
		    rules_native_read(rules_native_at(rules, NATIVE_POLICY, i), c);

		if (p)
			add_policy(b, c, p, GATE_STORE);
	}
	for (size_t i = 0; i < rules_refusals(rules); i++) {
		const struct rules_refusal *f = rules_refusal_at(rules, i);
		enum native_kind kind;
		struct slice name;

		if (!f->kept && rules_native_key(slice_make(f->key, f->key_n), &kind, &name) &&
		    kind == NATIVE_POLICY)
			add_refused_policy(b, c, f);
	}
}

static void
add_delegates(struct table_builder *b, const struct config *c)
{
	const struct config_gate *g = &c->gate;

	for (size_t i = 0; i < g->delegate_count; i++) {
		const struct config_gate_entry entry = { .path = g->delegate[i].path };

		add_gate_entries(b, c, &entry, 1, GATE_DELEGATE);
	}
}

static void
add_reserved(struct table_builder *b, const char *end)
{
	struct seg_ref ref = seg_builder_string(&b->seg, slice_of(end));

	seg_builder_add(&b->seg, RULES_RESERVED, &ref, sizeof ref);
}

static void
add_gate(struct table_builder *b, const struct config *c)
{
	const struct config_gate *g = &c->gate;

	add_gate_entries(b, c, g->protect, g->protect_count, GATE_PROTECT);
	add_gate_entries(b, c, g->except, g->except_count, GATE_EXCEPT);
	for (size_t i = 0; i < c->policies_count; i++)
		add_policy(b, c, &c->policies[i], 0);
	add_delegates(b, c);
	compile_issuers(b, g);
	for (size_t i = 0; i < g->claims_count; i++) {
		struct table_claim claim = {
			.claim = seg_builder_string(&b->seg, slice_of(g->claims[i].claim)),
			.header = seg_builder_string(&b->seg, slice_of(g->claims[i].header)),
			.format = g->claims[i].format,
			.optional = g->claims[i].optional,
		};

		seg_builder_add(&b->seg, RULES_CLAIMS, &claim, sizeof claim);
		add_strip(b, g->claims[i].header, false);
	}
	for (size_t i = 0; i < g->reserved_count; i++)
		add_reserved(b, g->reserved[i]);
	if (c->cascade.enabled)
		add_reserved(b, c->cascade.path);
	if (g->sources & TOKEN_FROM_API_KEY && !g->api_key_forward)
		add_strip(b, g->api_key_header, false);
	compile_login_stripped(c, strip_credential, b);
	for (size_t i = 0; i < sizeof always_stripped / sizeof always_stripped[0]; i++)
		add_strip(b, always_stripped[i].name, always_stripped[i].prefix);
}

/* ---- trusted peers, pages, global settings ---- */

int
compile_cidr(const char *text, struct table_cidr *out)
{
	struct slice rest, address = slice_cut(slice_of(text), '/', &rest);
	char copy[INET6_ADDRSTRLEN];
	unsigned most = 128, bits = 0;

	if (address.n >= sizeof copy)
		return -EINVAL;
	memcpy(copy, address.p, address.n);
	copy[address.n] = '\0';
	*out = (struct table_cidr){ .address = { [10] = 0xff, [11] = 0xff } };
	if (inet_pton(AF_INET, copy, out->address + 12) == 1)
		most = 32;
	else if (inet_pton(AF_INET6, copy, out->address) != 1)
		return -EINVAL;
	for (size_t i = 0; i < rest.n; i++) {
		if (rest.p[i] < '0' || rest.p[i] > '9' || i > 2)
			return -EINVAL;
		bits = bits * 10 + (unsigned)(rest.p[i] - '0');
	}
	if (rest.p && (rest.n == 0 || bits > most))
		return -EINVAL;
	out->bits = 128 - most + (rest.p ? bits : most);
	return 0;
}

static int
add_networks(struct table_builder *b, unsigned section, const char *setting,
	     const char *const *networks, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct table_cidr cidr;

		if (compile_cidr(networks[i], &cidr) != 0) {
			log_error("compile %s=%s reason=\"no address or network\"", setting,
				  networks[i]);
			return -EINVAL;
		}
		seg_builder_add(&b->seg, section, &cidr, sizeof cidr);
	}
	return 0;
}

static void
add_pages(struct table_builder *b, const struct config *c)
{
	for (size_t i = 0; i < c->pages_count; i++) {
		struct table_page page = {
			.status = c->pages[i].status,
			.html = seg_builder_string(&b->seg, c->pages[i].html),
		};

		seg_builder_add(&b->seg, RULES_PAGES, &page, sizeof page);
	}
}

/* Where what comes in clear is led to. */
static uint32_t
https_port(const struct config *c)
{
	for (size_t i = 0; c->tls.redirect_port == 0 && i < c->listeners_count; i++) {
		if (c->listeners[i].tls && c->listeners[i].address.port > 0)
			return c->listeners[i].address.port;
	}
	return c->tls.redirect_port;
}

static void
fill_global(struct table_builder *b, const struct config *c, bool rules_loaded)
{
	struct table_global *g = &b->global;
	struct buf BUF_CLEAN hsts = { 0 };

	g->forwarded = c->forwarded_append ? FORWARDED_APPEND : FORWARDED_REPLACE;
	g->forwarded_send = c->forwarded_send;
	g->no_route_status = c->no_route_status;
	g->rules_loaded = rules_loaded;
	g->redx_headers = c->profile == PROFILE_REDX || c->profile == PROFILE_RIOX;
	g->scrub = (c->scrub_user_delete ? SCRUB_USER_DELETE : 0) |
		   (c->scrub_internal_origin ? SCRUB_INTERNAL_ORIGIN : 0) |
		   (c->scrub_repeated_trace ? SCRUB_REPEATED_TRACE : 0);
	g->client_head_ms = c->client_head;
	g->keepalive_ms = c->keepalive;
	g->keepalive_requests = c->keepalive_requests;
	g->head_bytes = c->limit_head;
	g->head_fields = c->limit_fields;
	g->uri_bytes = c->limit_uri;
	g->access_log = c->access_log != ACCESS_LOG_OFF;
	g->log_sample = c->access_log_sample;
	g->log_format = seg_builder_string(&b->seg, slice_of(c->access_log_program));
	g->upstream_idle_ms = c->upstream_idle;
	g->upstream_idle_max = c->upstream_idle_max;
	g->retry_budget = c->retry_budget;
	g->sources = c->gate.sources;
	g->cookie = seg_builder_string(&b->seg, slice_of(c->gate.cookie));
	g->token_header = seg_builder_string(&b->seg, slice_of(c->gate.token_header));
	g->token_query = seg_builder_string(&b->seg, slice_of(c->gate.token_query));
	g->first_cookie = c->gate.first_cookie;
	g->refuse_bad_optional = c->gate.refuse_bad_optional;
	g->is_auth = seg_builder_string(&b->seg, slice_of(c->gate.is_auth));
	g->forward_auth = seg_builder_string(&b->seg, slice_of(c->gate.forward_auth));
	g->api_key_header = seg_builder_string(&b->seg, slice_of(c->gate.api_key_header));
	g->realm = seg_builder_string(&b->seg, slice_of(c->gate.realm));
	g->via = seg_builder_string(&b->seg, slice_of(c->via ? via_pseudonym() : ""));
	g->token_profile = c->profile == PROFILE_ASHINE ? TOKEN_REPLY_ASHINE : TOKEN_REPLY_RFC6750;
	g->reveal_version = c->reveal_version;
	g->cut_slash = c->cut_slash;
	g->https_port = c->tls.redirect_http ? https_port(c) : 0;
	g->client_certificate = c->tls.client_certificate;
	g->limit_ipv6_bits = c->limit_ipv6_bits;
	g->limit_headers = c->limit_headers;
	g->limit_headers_always = c->limit_headers_always;
	g->tracing = c->tracing.endpoint != NULL;
	g->trace_sample = c->tracing.sample;
	g->profile_renku = c->profile == PROFILE_RENKU;
	if (c->tls.hsts_s > 0)
		buf_addf(&hsts, "max-age=%u%s", c->tls.hsts_s,
			 c->tls.hsts_subdomains ? "; includeSubDomains" : "");
	g->hsts = seg_builder_string(&b->seg, buf_slice(&hsts));
}

int
compile_rules(const struct config *c, const struct rules *rules, bool rules_loaded,
	      const struct directory *d, struct directory_slots *slots,
	      const struct issuers *issuers, uint64_t generation, bool all, struct segment **out,
	      struct compile_report **report)
{
	struct compile_report *lines = xcalloc(1, sizeof *lines);
	struct compile_input in = { c, rules, d, slots, lines->index = compile_index_new() };
	struct table_builder b;
	int r;

	lines->all = all;
	table_builder_init(&b);
	fill_global(&b, c, rules_loaded);
	r = compile_routes(&in, &b, lines);
	add_gate(&b, c);
	compile_login(&b, c, d, issuers);
	if (rules)
		add_store_policies(&b, c, rules);
	add_pages(&b, c);
	if (r == 0)
		r = add_networks(&b, RULES_TRUSTED, "trusted_proxies", c->trusted_proxies,
				 c->trusted_proxies_count);
	if (r == 0)
		r = add_networks(&b, RULES_TRACED, "tracing.trust", c->tracing.trust,
				 c->tracing.trust_count);
	if (r == 0)
		r = table_builder_finish(&b, generation, out);
	table_builder_deinit(&b);
	if (r == 0)
		*report = lines;
	else
		compile_report_free(lines);
	return r;
}
