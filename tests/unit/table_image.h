#pragma once

/*
 * table_image: one image of each kind that uses every section, and every question that can be asked
 * of an image. Shared by the unit test that mutates images and by the fuzz target.
 */

#include "lib/buf.h"
#include "lib/tls.h"
#include "shm/table.h"

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

/* Of every kind; `pick` says which ones. */
static inline void
image_conditions(struct table_builder *b, size_t pick, struct table_shape *shape)
{
	for (uint32_t kind = 0; kind <= CONDITION_CERTIFICATE; kind++) {
		struct table_condition c = { .kind = kind, .how = (uint32_t)pick % 4 };
		uint32_t at;

		if (!(pick & 1u << kind))
			continue;
		c.methods = 1u << METHOD_GET | 1u << METHOD_HEAD;
		c.name = seg_builder_string(&b->seg, SLICE("x-beta"));
		c.value = seg_builder_string(&b->seg, SLICE("a+"));
		at = seg_builder_add(&b->seg, RULES_CONDITIONS, &c, sizeof c);
		if (shape->conditions_count++ == 0)
			shape->conditions = at;
	}
}

/* An operation of each kind. */
static inline uint32_t
image_translation(struct table_builder *b)
{
	struct seg_ref text = seg_builder_string(&b->seg, SLICE("/a/*/b~1c"));
	struct table_translation t = { .request_count = OPERATION_KIND_N, .max = 1024 };

	for (uint32_t kind = 0; kind < OPERATION_KIND_N; kind++) {
		struct table_operation op = { .kind = kind, .count = 2, .to = text, .value = text };
		uint32_t at;

		op.first = seg_builder_add(&b->seg, RULES_POINTERS, &text, sizeof text);
		seg_builder_add(&b->seg, RULES_POINTERS, &text, sizeof text);
		at = seg_builder_add(&b->seg, RULES_OPERATIONS, &op, sizeof op);
		if (kind == 0)
			t.request_first = t.response_first = at;
	}
	t.response_count = 2;
	return 1 + seg_builder_add(&b->seg, RULES_TRANSLATIONS, &t, sizeof t);
}

/* One that has all that an action can have. */
static inline uint32_t
image_action(struct table_builder *b)
{
	struct seg_ref text = seg_builder_string(&b->seg, SLICE("https://$host$path"));
	struct table_change change = { .name = text, .value = text, .kind = CHANGE_SET };
	struct table_arm arm = { .weight = 1, .name = text };
	struct table_action a = {
		.flags = ACTION_BACK,
		.status = 302,
		.text = text,
		.type = text,
		.methods = text,
		.headers = text,
		.expose = text,
		.split_by = SPLIT_HEADER,
		.split_name = text,
		.mirror_percent = 100,
		.request_count = 1,
		.response_count = 2,
		.origins_count = 1,
		.arms_count = 2,
	};

	a.translation = image_translation(b);
	a.request_first = seg_builder_add(&b->seg, RULES_CHANGES, &change, sizeof change);
	a.response_first = seg_builder_add(&b->seg, RULES_CHANGES, &change, sizeof change);
	seg_builder_add(&b->seg, RULES_CHANGES, &change, sizeof change);
	a.origins_first = seg_builder_add(&b->seg, RULES_ORIGINS, &text, sizeof text);
	a.arms_first = seg_builder_add(&b->seg, RULES_ARMS, &arm, sizeof arm);
	seg_builder_add(&b->seg, RULES_ARMS, &arm, sizeof arm);
	return seg_builder_add(&b->seg, RULES_ACTIONS, &a, sizeof a);
}

/* Three clauses that ask about texts, networks and a fact. */
static inline uint32_t
image_authorise(struct table_builder *b)
{
	struct seg_ref text = seg_builder_string(&b->seg, SLICE("orders:write"));
	uint32_t at = seg_builder_count(&b->seg, RULES_CLAUSES);
	struct table_authorise a = { .first = at, .count = 3 };
	struct table_cidr cidr = { .bits = 128 };
	struct table_clause c = {
		.kind = CLAUSE_SCOPES, .holds = at + 1, .fails = CLAUSE_REFUSE, .text = text
	};

	c.facts_count = 2;
	c.facts[0] = table_builder_fact(b, SLICE("scope"));
	c.facts[1] = table_builder_fact(b, SLICE("scp"));
	c.first = seg_builder_add(&b->seg, RULES_VALUES, &text, sizeof text);
	seg_builder_add(&b->seg, RULES_VALUES, &text, sizeof text);
	c.count = 2;
	seg_builder_add(&b->seg, RULES_CLAUSES, &c, sizeof c);
	c = (struct table_clause){ .kind = CLAUSE_ADDRESSES, .holds = CLAUSE_PASS, .text = text };
	c.fails = at + 2;
	c.first = seg_builder_add(&b->seg, RULES_NETWORKS, &cidr, sizeof cidr);
	c.count = 1;
	seg_builder_add(&b->seg, RULES_CLAUSES, &c, sizeof c);
	c = (struct table_clause){ .kind = CLAUSE_CERTIFICATE, .negated = 1, .text = text };
	c.holds = CLAUSE_PASS;
	c.fails = CLAUSE_REFUSE;
	seg_builder_add(&b->seg, RULES_CLAUSES, &c, sizeof c);
	return seg_builder_add(&b->seg, RULES_AUTHORISE, &a, sizeof a) + 1;
}

static inline void
image_route(struct table_builder *b, const char *host, bool verbatim, const char *path,
	    uint32_t flags)
{
	struct table_shape shape = { .flags = flags };
	struct table_route r = { 0 };
	struct buf id = { 0 };

	buf_addf(&id, "redis:%s%s", host, path);
	shape.add_prefix = table_builder_text(b, SLICE("/base"));
	shape.set_host = table_builder_text(b, SLICE("inner"));
	image_conditions(b, id.n, &shape);
	shape.action = id.n % 3 ? 0 : image_action(b);
	shape.authorise = id.n % 5 ? 0 : image_authorise(b);
	r.shape = table_builder_shape(b, &shape);
	table_builder_texts(b, &r, buf_slice(&id), slice_of(host), slice_of(path));
	table_builder_route(b, slice_of(host), verbatim, slice_of(path), &r);
	buf_deinit(&id);
}

static inline void
image_routes(struct table_builder *b)
{
	static const char *const hosts[] = {
		"",      "a.example.org",      "a.example.org:80", "*.example.org",
		"*.org", "*.b.example.org:80", "[::1]:80"
	};
	static const char *const paths[] = { "/", "/a", "/a/b", "/a/b/c/", "/x" };

	for (size_t h = 0; h < sizeof hosts / sizeof *hosts; h++) {
		for (size_t p = 0; p < sizeof paths / sizeof *paths; p++) {
			image_route(b, hosts[h], false, paths[p], ROUTE_EXACT);
			image_route(b, hosts[h], false, paths[p], ROUTE_EXACT | ROUTE_EXACT_SLASH);
			if ((h + p) % 3)
				image_route(b, hosts[h], false, paths[p], 0);
		}
	}
	image_route(b, "A.Example.org", true, "/a", 0);
}

static inline void
image_gates(struct table_builder *b)
{
	static const struct {
		const char *path;
		uint32_t flags, methods;
	} gates[] = {
		{ "/a", GATE_PROTECT, 0 },
		{ "/a/b", GATE_EXCEPT, 1u << METHOD_POST },
		{ "/a/b", GATE_PROTECT | GATE_EXACT, 0 },
		{ "/a/b/c", GATE_EXCEPT | GATE_EXACT, 0 },
		{ "/x", GATE_PROTECT, 1u << METHOD_GET },
		{ "/x", GATE_DELEGATE, 0 },
		{ "/x/y", GATE_EXCEPT | GATE_STORE, 0 },
		{ "/x", GATE_ROUTE, 0 },
		{ "/a", GATE_ROUTE | GATE_FLOOR, 0 },
		{ "/x", GATE_ISSUERS, 0 },
	};

	for (size_t i = 0; i < sizeof gates / sizeof *gates; i++) {
		struct table_gate g = { .flags = gates[i].flags,
					.methods = gates[i].methods,
					.authorise = i % 2 ? 0 : image_authorise(b),
					.host = seg_builder_string(&b->seg, SLICE("*.org")) };

		table_builder_gate(b, slice_of(gates[i].path), &g);
	}
}

/* One of each kind, by one of each key. */
static inline void
image_limits(struct table_builder *b, struct table_policy *policy)
{
	for (uint32_t i = 0; i < LIMIT_BY_N; i++) {
		struct table_limit_key key = { .by = i,
					       .fact = table_builder_fact(b, SLICE("scope")),
					       .name = seg_builder_string(&b->seg, SLICE("X-A")) };

		seg_builder_add(&b->seg, RULES_LIMIT_KEYS, &key, sizeof key);
	}
	for (uint32_t i = 0; i < LIMIT_COUNTS_N; i++) {
		struct table_limit l = { .counts = i,
					 .keys_first = i,
					 .keys_count = i % 3,
					 .seconds = 60,
					 .rate.burst = 9,
					 .name = seg_builder_string(&b->seg, SLICE("rates.r")),
					 .setting = seg_builder_string(&b->seg, SLICE("rates.r")),
					 .label = seg_builder_string(&b->seg, SLICE("r")) };
		uint32_t at;

		if (i != LIMIT_UNDER_WAY && rate_limit_init(&l.rate, 100, l.seconds, 9))
			abort();
		seg_builder_add(&b->seg, RULES_LIMITS, &l, sizeof l);
		at = seg_builder_add(&b->seg, RULES_LIMITED, &i, sizeof i);
		policy->limits_first = i == 0 ? at : policy->limits_first;
		policy->limits_count++;
	}
}

static inline struct segment *
image_rules(void)
{
	struct table_builder b;
	struct table_policy policy = { .connect_ms = 5000 };
	struct table_issuer issuer = { .algorithms = 1, .audience_count = 2, .required_count = 1 };
	struct table_required required = { .count = 2 };
	struct table_cidr cidr = { .address = { [10] = 0xff, 0xff, 10 }, .bits = 104 };
	struct table_strip strip = { 0 };
	struct table_claim claim = { 0 };
	struct table_page page = { .status = 502 };
	struct segment *s = NULL;

	table_builder_init(&b);
	image_limits(&b, &policy);
	seg_builder_add(&b.seg, RULES_POLICIES, &policy, sizeof policy);
	image_routes(&b);
	image_gates(&b);
	issuer.iss = seg_builder_string(&b.seg, SLICE("https://issuer.example"));
	seg_builder_add(&b.seg, RULES_ISSUERS, &issuer, sizeof issuer);
	seg_builder_add(&b.seg, RULES_AUDIENCES, &issuer.iss, sizeof issuer.iss);
	seg_builder_add(&b.seg, RULES_AUDIENCES, &issuer.iss, sizeof issuer.iss);
	required.claim = seg_builder_string(&b.seg, SLICE("azp"));
	seg_builder_add(&b.seg, RULES_REQUIRED, &required, sizeof required);
	claim.claim = seg_builder_string(&b.seg, SLICE("id"));
	claim.header = strip.name = seg_builder_string(&b.seg, SLICE("auth-id"));
	seg_builder_add(&b.seg, RULES_CLAIMS, &claim, sizeof claim);
	seg_builder_add(&b.seg, RULES_STRIP, &strip, sizeof strip);
	strip.name = seg_builder_string(&b.seg, SLICE("x-forwarded-"));
	strip.prefix = 1;
	seg_builder_add(&b.seg, RULES_STRIP, &strip, sizeof strip);
	seg_builder_add(&b.seg, RULES_TRUSTED, &cidr, sizeof cidr);
	seg_builder_add(&b.seg, RULES_TRACED, &cidr, sizeof cidr);
	page.html = seg_builder_string(&b.seg, SLICE("<p>sorry</p>"));
	seg_builder_add(&b.seg, RULES_PAGES, &page, sizeof page);
	if (table_builder_finish(&b, 7, &s))
		abort();
	table_builder_deinit(&b);
	return s;
}

/* Over image_rules: places that are others, that are gone and that are new. */
static inline struct segment *
image_rules_over(const struct segment *base)
{
	struct table_builder b;
	struct segment *s = NULL;

	table_builder_init_over(&b, base);
	image_route(&b, "a.example.org", false, "/a/b", ROUTE_EXACT);
	image_route(&b, "a.example.org", false, "/x/y", 0);
	image_route(&b, "a.example.org", false, "/new/one", 0);
	image_route(&b, "q.example.org", false, "/a", 0);
	image_route(&b, "", false, "/", 0);
	table_builder_clear(&b, 9); /* the only ones of their places */
	table_builder_clear(&b, 10);
	if (table_builder_finish(&b, 11, &s))
		abort();
	table_builder_deinit(&b);
	return s;
}

static inline void
image_upstream(struct seg_builder *b)
{
	struct table_upstream u = { .count = 2, .balance = BALANCE_CHAIN, .plugins_count = 2 };
	struct table_plugin plugin = { .kind = PLUGIN_STICKINESS };
	struct table_sticky sticky = { .same_site = SAME_SITE_NONE };
	struct table_endpoint e = { .weight = 1, .count = 1 };
	struct table_address a = { .family = AF_INET6, .port = 80 };
	struct table_upstream_tls tls = { .identity = { 1 }, .pins_count = 2 };
	struct table_pin pin = { { 2 } };

	u.name = seg_builder_string(b, SLICE("users"));
	u.hash_name = sticky.cookie = sticky.path = seg_builder_string(b, SLICE("/stay"));
	u.plugins_first = seg_builder_add(b, ENDPOINTS_PLUGINS, &plugin, sizeof plugin);
	seg_builder_add(b, ENDPOINTS_PLUGINS, &plugin, sizeof plugin);
	u.sticky = 1 + seg_builder_add(b, ENDPOINTS_STICKY, &sticky, sizeof sticky);
	e.authority = seg_builder_string(b, SLICE("users.internal:80"));
	e.first = seg_builder_add(b, ENDPOINTS_ADDRESSES, &a, sizeof a);
	a.family = AF_UNIX;
	a.path = seg_builder_string(b, SLICE("/run/u.sock"));
	seg_builder_add(b, ENDPOINTS_ADDRESSES, &a, sizeof a);
	u.first = seg_builder_add(b, ENDPOINTS_ENDPOINTS, &e, sizeof e);
	e.first++;
	e.host = tls.server_name = seg_builder_string(b, SLICE("users.internal"));
	tls.pins_first = seg_builder_add(b, ENDPOINTS_PINS, &pin, sizeof pin);
	seg_builder_add(b, ENDPOINTS_PINS, &pin, sizeof pin);
	e.tls = 1 + seg_builder_add(b, ENDPOINTS_TLS, &tls, sizeof tls);
	seg_builder_add(b, ENDPOINTS_ENDPOINTS, &e, sizeof e);
	seg_builder_add(b, ENDPOINTS_UPSTREAMS, &u, sizeof u);
}

static inline struct segment *
image_endpoints(void)
{
	struct seg_builder b;
	struct segment *s = NULL;

	seg_builder_init(&b);
	image_upstream(&b);
	if (seg_builder_finish(&b, SEGMENT_ENDPOINTS, 8, &s))
		abort();
	seg_builder_deinit(&b);
	return s;
}

static inline void
image_tls(struct seg_builder *b)
{
	struct table_tls tls = { TLS_1_2,
				 TLS_1_3,
				 .groups_count = 2,
				 .ticket_lifetime_s = 60,
				 .default_count = 1,
				 .clients = 1 };
	struct table_certificate certificates[2] = { { .digest = { 1 } }, { .digest = { 2 } } };
	struct table_clients clients = { .required = 1, .digest = { 3 } };
	struct table_tls_name names[2] = { { .first = 0, .count = 2 }, { .first = 1, .count = 1 } };
	struct table_client_host hosts[2] = { { .clients = 0 }, { .clients = 1 } };
	struct table_ticket ticket = { .name = { 4 }, .key = { 5 } };
	struct table_roots roots = { .digest = { 6 } };
	const uint32_t choices[2] = { 1, 0 }, numbers[2] = { 29, 23 };

	seg_builder_add(b, KEYS_TLS, &tls, sizeof tls);
	clients.ca = seg_builder_string(b, SLICE("roots"));
	clients.crl = seg_builder_string(b, SLICE("revoked"));
	seg_builder_add(b, KEYS_CLIENTS, &clients, sizeof clients);
	roots.pem = clients.ca;
	seg_builder_add(b, KEYS_ROOTS, &roots, sizeof roots);
	for (int i = 0; i < 2; i++) {
		certificates[i].chain = seg_builder_string(b, SLICE("chain"));
		certificates[i].key = seg_builder_string(b, SLICE("key"));
		seg_builder_add(b, KEYS_CERTIFICATES, &certificates[i], sizeof certificates[i]);
		seg_builder_add(b, KEYS_CHOICES, &choices[i], sizeof choices[i]);
		seg_builder_add(b, KEYS_NUMBERS, &numbers[i], sizeof numbers[i]);
	}
	names[0].name.text = seg_builder_string(b, SLICE("www.example.org"));
	names[1].name.text = seg_builder_string(b, SLICE(".example.net"));
	table_tls_add_names(b, names, 2);
	hosts[0].name.text = seg_builder_string(b, SLICE("open.example.org"));
	hosts[1].name.text = seg_builder_string(b, SLICE(".example.org"));
	table_tls_add_hosts(b, hosts, 2);
	seg_builder_add(b, KEYS_TICKETS, &ticket, sizeof ticket);
}

/* Over image_endpoints: its upstream is another one, and there is one more. */
static inline struct segment *
image_endpoints_over(const struct segment *base)
{
	static const uint32_t indices[] = { 0, 5 };
	struct seg_builder b;
	struct segment *s = NULL;

	seg_builder_init(&b);
	seg_builder_extend(&b, base);
	image_upstream(&b);
	image_upstream(&b);
	table_moved_write(&b, indices, 2);
	if (seg_builder_finish(&b, SEGMENT_ENDPOINTS, 12, &s))
		abort();
	seg_builder_deinit(&b);
	return s;
}

static inline struct segment *
image_keys(void)
{
	struct seg_builder b;
	struct table_key_material k = { .kind = KEY_SECRET, .algorithms = 1 };
	struct segment *s = NULL;

	seg_builder_init(&b);
	k.bytes = seg_builder_string(&b, SLICE("0123456789abcdef0123456789abcdef"));
	seg_builder_add(&b, KEYS_KEYS, &k, sizeof k);
	image_tls(&b);
	if (seg_builder_finish(&b, SEGMENT_KEYS, 9, &s))
		abort();
	seg_builder_deinit(&b);
	return s;
}

static inline struct segment *
image_of(enum table_segment kind)
{
	switch (kind) {
	case SEGMENT_RULES:
		return image_rules();
	case SEGMENT_ENDPOINTS:
		return image_endpoints();
	case SEGMENT_KEYS:
	case SEGMENT_N:
		break;
	}
	return image_keys();
}

/* Reads every byte, so that a sanitizer sees those that are not ours. */
static inline unsigned
image_add_up(struct slice text)
{
	unsigned sum = 0;

	for (size_t i = 0; i < text.n; i++)
		sum += (unsigned char)text.p[i];
	return sum;
}

static inline unsigned
image_read(const struct segment *s, struct seg_ref ref)
{
	return image_add_up(seg_string(s, ref));
}

static inline unsigned
image_read_operations(const struct segment *s, uint32_t first, uint32_t count)
{
	unsigned sum = 0;

	for (uint32_t i = 0; i < count; i++) {
		const struct table_operation *op = table_operation(s, first + i);

		sum += image_read(s, op->to) + image_read(s, op->value);
		for (uint32_t k = 0; k < op->count; k++)
			sum += (unsigned)table_operation_pointer(s, op, k).n;
	}
	return sum;
}

static inline unsigned
image_read_action(const struct segment *s, const struct table_action *a)
{
	unsigned sum = image_read(s, a->text) + image_read(s, a->type) + image_read(s, a->methods) +
		       image_read(s, a->headers) + image_read(s, a->expose) +
		       image_read(s, a->split_name);
	const struct table_change *c;
	const struct table_arm *arm;
	const struct seg_ref *origin;
	const struct table_translation *t = table_translation(s, a->translation - 1);

	if (t)
		sum += image_read_operations(s, t->request_first, t->request_count) +
		       image_read_operations(s, t->response_first, t->response_count);
	for (uint32_t i = 0; i < a->request_count; i++) {
		c = seg_at(s, RULES_CHANGES, a->request_first + i, sizeof *c);
		sum += image_read(s, c->name) + image_read(s, c->value);
	}
	for (uint32_t i = 0; i < a->response_count; i++) {
		c = seg_at(s, RULES_CHANGES, a->response_first + i, sizeof *c);
		sum += image_read(s, c->name) + image_read(s, c->value);
	}
	for (uint32_t i = 0; i < a->origins_count; i++) {
		origin = seg_at(s, RULES_ORIGINS, a->origins_first + i, sizeof *origin);
		sum += image_read(s, *origin);
	}
	for (uint32_t i = 0; i < a->arms_count; i++) {
		arm = seg_at(s, RULES_ARMS, a->arms_first + i, sizeof *arm);
		sum += image_read(s, arm->name);
	}
	return sum;
}

/* A run that takes every other turn ends, too. */
static inline unsigned
image_read_authorise(const struct segment *s, uint32_t number)
{
	const struct table_authorise *a = table_authorise(s, number);
	const uint8_t address[16] = { 0 };
	unsigned sum = 0, turns = 0;

	for (uint32_t at = a ? a->first : CLAUSE_PASS; at < CLAUSE_PASS;) {
		const struct table_clause *c = table_clause(s, at);

		if (++turns > CLAUSES_MAX)
			abort();
		sum += image_read(s, c->text) + table_clause_networks(s, c, address);
		for (uint32_t i = 0; i < c->count; i++)
			sum += (unsigned)table_clause_value(s, c, i).n;
		for (uint32_t i = 0; i < c->facts_count; i++)
			sum += (unsigned)table_fact(s, c->facts[i]).n;
		at = sum % 2 ? c->holds : c->fails;
	}
	return sum;
}

struct image_sum {
	const struct segment *s;
	unsigned sum;
};

static inline void
image_add_authorise(void *userdata, uint32_t number, const struct table_gate *gate, struct slice at)
{
	struct image_sum *sum = userdata;

	sum->sum += image_read_authorise(sum->s, number) + (unsigned)at.n;
}

static inline bool
image_test(const struct table_key *key, uint32_t condition)
{
	const struct segment *s = key->userdata;
	const struct table_condition *c = table_condition(s, condition);

	return (image_read(s, c->name) + image_read(s, c->value)) % 2;
}

static inline unsigned
image_find(const struct segment *s)
{
	static const char *const hosts[] = {
		"",     "a.example.org", "A.Example.org", "q.example.org", "q.b.example.org",
		".org", "[::1]"
	};
	static const char *const paths[] = { "/",        "/a",   "/a/",   "/a/b/c/",
					     "/a/b/c/d", "/x/y", "/none", "" };
	unsigned sum = 0;

	for (size_t h = 0; h < sizeof hosts / sizeof *hosts; h++) {
		for (size_t p = 0; p < sizeof paths / sizeof *paths; p++) {
			char port[64];
			struct table_key key = { .host = slice_of(hosts[h]),
						 .host_raw = slice_of(hosts[h]),
						 .path = slice_of(paths[p]),
						 .method = p % 3,
						 .test = image_test,
						 .userdata = (void *)(uintptr_t)s };
			struct image_sum gates = { .s = s };
			const struct table_shape *shape;
			struct table_match m;
			struct slice at;

			snprintf(port, sizeof port, "%s:80", hosts[h]);
			key.host_port = slice_of(port);
			table_find(s, &key, &m);
			sum += table_gate_protects(s, p % 10, key.path);
			sum += table_route_floor(s, &key, &at) != NULL;
			sum += table_allowed(s, &key);
			table_gate_authorises(s, &key, p % 2 ? ROUTE_FLOOR : 0, image_add_authorise,
					      &gates);
			sum += gates.sum;
			if (!m.r)
				continue;
			shape = table_shape(s, m.r);
			sum += image_add_up(table_route_id(s, m.r)) +
			       image_add_up(table_route_host(s, m.r)) +
			       image_add_up(table_route_path(s, m.r)) +
			       image_read(s, shape->add_prefix) + image_read(s, shape->set_host) +
			       (unsigned)m.rest.n;
			sum += table_policy(s, shape->policy)->connect_ms;
			sum += image_read_action(s, table_action(s, shape->action));
			sum += image_read_authorise(s, shape->authorise);
		}
	}
	return sum;
}

static inline unsigned
image_read_limits(const struct segment *s)
{
	unsigned sum = 0;

	for (uint32_t p = 0; table_policy(s, p); p++) {
		const struct table_policy *policy = table_policy(s, p);

		for (uint32_t i = 0; i < policy->limits_count; i++) {
			const struct table_limit *l = table_limited(s, policy->limits_first + i);

			sum += image_read(s, l->name) + image_read(s, l->setting) +
			       image_read(s, l->label) + (unsigned)l->rate.interval_ns;
			for (uint32_t k = 0; k < l->keys_count; k++)
				sum += image_read(s, table_limit_key(s, l->keys_first + k)->name);
		}
	}
	return sum;
}

static inline unsigned
image_ask_rules(const struct segment *s)
{
	static const char *const names[] = { "Host", "Auth_ID", "X-Forwarded-For", "" };
	static const uint8_t peer[16] = { [10] = 0xff, 0xff, 10, 1, 2, 3 };
	const struct table_global *g = table_global(s);
	unsigned sum = image_find(s);

	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		sum += table_strips(s, slice_of(names[i]));
	sum += image_read(s, g->cookie) + image_read(s, g->realm) + image_read_limits(s);
	return sum + table_trusts(s, peer) + table_traces(s, peer) + (unsigned)table_page(s, 502).n;
}

static inline unsigned
image_ask_tls(const struct segment *s, uint32_t tls)
{
	const struct table_upstream_tls *row = tls ? table_upstream_tls(s, tls - 1) : NULL;
	unsigned sum = 0;

	for (uint32_t k = 0; row && k < row->pins_count && k < 16; k++)
		sum += table_pin(s, row->pins_first + k)->sha256[0];
	return sum + (row ? image_read(s, row->server_name) : 0);
}

static inline unsigned
image_ask_endpoints(const struct segment *s)
{
	const struct table_upstream *u;
	unsigned sum = 0;

	for (uint32_t i = 0; i < table_upstreams(s) && i < 16; i++) {
		u = table_upstream(s, i);
		if (!u)
			continue;
		sum += image_read(s, u->name) + image_read(s, u->hash_name);
		for (uint32_t k = 0; k < u->plugins_count && k < 16; k++)
			sum += table_plugin(s, u->plugins_first + k)->kind;
		if (u->sticky)
			sum += image_read(s, table_sticky(s, u->sticky - 1)->cookie) +
			       image_read(s, table_sticky(s, u->sticky - 1)->path);
		for (uint32_t k = 0; k < u->count && k < 16; k++) {
			const struct table_endpoint *e = table_endpoint(s, u->first + k);

			sum += image_read(s, e->authority) + image_read(s, e->base) +
			       image_read(s, e->sticky) + image_read(s, e->host) +
			       image_ask_tls(s, e->tls);
			for (uint32_t n = 0; n < e->count && n < 16; n++)
				sum += image_read(s, table_address(s, e->first + n)->path);
		}
	}
	return sum;
}

static inline unsigned
image_ask_keys(const struct segment *s)
{
	static const char *const asked[] = { "www.example.org", "a.example.net", "b.a.example.org",
					     "", "." };
	const struct table_key_material *k;
	const struct table_certificate *c;
	const struct table_clients *clients;
	const struct table_roots *roots = table_roots_find(s, (uint8_t[32]){ 6 });
	uint32_t first, count;
	unsigned sum = 0;

	for (uint32_t i = 0; (k = table_key_material(s, i)); i++)
		sum += image_read(s, k->kid) + image_read(s, k->bytes);
	if (roots)
		sum += image_read(s, roots->pem);
	if (table_certificate_find(s, (uint8_t[32]){ 2 }))
		sum++;
	for (uint32_t i = 0; i < sizeof asked / sizeof asked[0]; i++) {
		clients = table_clients(s, table_tls_clients(s, slice_of(asked[i])) - 1);
		if (clients)
			sum += image_read(s, clients->ca) + image_read(s, clients->crl);
		if (!table_tls_find(s, slice_of(asked[i]), &first, &count))
			continue;
		for (; count > 0; count--) {
			c = table_certificate(s, table_tls_choice(s, first + count - 1));
			sum += image_read(s, c->chain) + image_read(s, c->key);
		}
	}
	return sum;
}

/* Once it is checked and has its base, as the caller of seg_open asks. */
static inline bool
image_ask(const struct segment *s, enum table_segment kind, unsigned *sum)
{

	switch (kind) {
	case SEGMENT_RULES:
		if (table_verify_rules(s))
			return false;
		*sum += image_ask_rules(s);
		return true;
	case SEGMENT_ENDPOINTS:
		if (table_verify_endpoints(s))
			return false;
		*sum += image_ask_endpoints(s);
		return true;
	case SEGMENT_KEYS:
	case SEGMENT_N:
		break;
	}
	if (table_verify_keys(s))
		return false;
	*sum += image_ask_keys(s);
	return true;
}

/* Checks an image in memory as seg_open and its caller would, over `base` where that is not NULL,
 * and asks everything of it if it is accepted. */
static inline bool
image_try(const void *image, size_t size, struct segment *base, enum table_segment kind,
	  unsigned *sum)
{
	struct segment s = { .head = image, .size = size, .refs = 1, .fd = -1 };
	bool accepted;

	if (seg_check(image, size, kind) || (base && seg_extend(&s, base)))
		return false;
	accepted = image_ask(&s, kind, sum);
	seg_unref(s.base);
	return accepted;
}
