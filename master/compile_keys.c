/*
 * compile_keys: the secret segment: what verifies tokens, and what TLS needs.
 */

#include "compile.h"

#include "certificates.h"
#include "compile_api_keys.h"
#include "compile_behind.h"
#include "compile_issuers.h"
#include "compile_login.h"
#include "tickets.h"

#include "lib/clock.h"
#include "lib/tls.h"
#include "lib/xalloc.h"

#include <stdlib.h>

#define OF_A_KIND 2 /* of a name: one for each kind of key and one to spare */

/* ---- certificates by name ---- */

struct ranked {
	const struct certificate_source *source;
	size_t place;
	uint32_t index; /* in KEYS_CERTIFICATES */
	bool ecdsa, doubtful;
};

struct choices { /* of one name */
	uint32_t index[TLS_CERTIFICATES_MAX];
	uint32_t n, of_kind[2];
	bool good; /* one that clients would take is among them */
};

/* ECDSA costs a tenth of RSA. */
static int
by_preference(const void *a, const void *b)
{
	const struct ranked *x = a, *y = b;

	if (x->doubtful != y->doubtful)
		return x->doubtful - y->doubtful;
	if (x->ecdsa != y->ecdsa)
		return y->ecdsa - x->ecdsa;
	return x->place < y->place ? -1 : x->place > y->place;
}

static struct ranked *
rank(const struct certificates *files, uint32_t *n)
{
	struct ranked *all = xcalloc(files->pairs_count + 1, sizeof *all);
	time_t now = clock_wall();

	*n = 0;
	for (size_t i = 0; i < files->pairs_count; i++) {
		const struct pair *p = files->pairs[i].pair;

		if (!p || !files->pairs[i].front)
			continue;
		all[*n] = (struct ranked){
			.source = &files->pairs[i],
			.place = i,
			.index = *n,
			.ecdsa = tls_certificate_is_ecdsa(p->certificate),
			.doubtful = pair_doubt(p, now) != NULL,
		};
		(*n)++;
	}
	return all;
}

static void
add_certificates(struct seg_builder *b, const struct ranked *all, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		const struct pair *p = all[i].source->pair;
		struct table_certificate row = {
			.chain = seg_builder_string(b, buf_slice(&p->chain)),
			.key = seg_builder_string(b, buf_slice(&p->key)),
		};

		memcpy(row.digest, p->digest, sizeof row.digest);
		seg_builder_add(b, KEYS_CERTIFICATES, &row, sizeof row);
	}
}

static void
choices_add(struct choices *to, const struct ranked *r)
{
	/* Which one is shown depends on what the client can verify: beside a good one there is no
	 * other. */
	if (to->of_kind[r->ecdsa] == OF_A_KIND || (r->doubtful && to->good))
		return;
	to->good |= !r->doubtful;
	to->of_kind[r->ecdsa]++;
	to->index[to->n++] = r->index;
}

static void
choices_collect(struct map *names, const struct ranked *all, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		const struct map *own = &all[i].source->pair->names;

		for (size_t k = 0; k < own->count; k++) {
			void **place = map_put(names, map_name(&own->entries[k]));

			if (!*place)
				*place = xcalloc(1, sizeof(struct choices));
			choices_add(*place, &all[i]);
		}
	}
}

static uint32_t
add_choices(struct seg_builder *b, const struct choices *c)
{
	uint32_t first = 0;

	for (uint32_t i = 0; i < c->n; i++) {
		uint32_t at = seg_builder_add(b, KEYS_CHOICES, &c->index[i], sizeof c->index[i]);

		first = i == 0 ? at : first;
	}
	return first;
}

static void
add_names(struct seg_builder *b, const struct map *names)
{
	struct table_tls_name *rows = xcalloc(names->count + 1, sizeof *rows);

	for (size_t i = 0; i < names->count; i++) {
		const struct choices *c = names->entries[i].value;
		struct slice name = map_name(&names->entries[i]);

		if (name.p[0] == '*')
			name = slice_make(name.p + 1, name.n - 1);
		rows[i].name.text = seg_builder_string(b, name);
		rows[i].first = add_choices(b, c);
		rows[i].count = c->n;
	}
	table_tls_add_names(b, rows, (uint32_t)names->count);
	free(rows);
}

/* What serves a name; NULL: nothing does. */
static const struct choices *
choices_for(const struct map *names, struct slice name)
{
	struct buf BUF_CLEAN wildcard = { 0 };
	const struct choices *exact = map_get(names, name);
	struct slice rest;

	slice_cut(name, '.', &rest);
	buf_addf(&wildcard, "*.%.*s", SLICE_F(rest));
	return exact ? exact : map_get(names, buf_slice(&wildcard));
}

/* For who asks for nothing that is known. */
static struct choices
default_choices(const struct config_tls *tls, const struct map *names, const struct ranked *all,
		uint32_t n)
{
	const struct choices *known = choices_for(names, slice_of(tls->default_certificate));
	const struct ranked *first = all;
	struct choices alone = { .n = 0 };

	for (uint32_t i = 0; i < n; i++) {
		if (all[i].place < first->place)
			first = &all[i];
	}
	if (!known && first->source->pair->names.count > 0)
		known = map_get(names, map_name(&first->source->pair->names.entries[0]));
	if (!known)
		choices_add(&alone, first);
	return known ? *known : alone;
}

/* ---- clients ---- */

static uint32_t
add_clients(struct seg_builder *b, const struct config_clients *c, const struct certificates *files)
{
	const struct trust *t = c->verify != CLIENTS_NONE
				    ? certificates_trust(files, c->ca, c->crl ? c->crl : "")
				    : NULL;
	struct table_clients row = { .required = c->verify == CLIENTS_REQUIRED };

	if (!t)
		return 0;
	row.ca = seg_builder_string(b, buf_slice(&t->ca));
	row.crl = seg_builder_string(b, buf_slice(&t->crl));
	memcpy(row.digest, t->digest, sizeof row.digest);
	return 1 + seg_builder_add(b, KEYS_CLIENTS, &row, sizeof row);
}

static void
add_client_hosts(struct seg_builder *b, const struct config_tls *tls,
		 const struct certificates *files)
{
	struct table_client_host *rows = xcalloc(tls->hosts_count + 1, sizeof *rows);

	for (size_t i = 0; i < tls->hosts_count; i++) {
		struct slice host = slice_of(tls->hosts[i].host);

		if (slice_starts(host, SLICE("*.")))
			host = slice_make(host.p + 1, host.n - 1);
		rows[i].name.text = seg_builder_string(b, host);
		rows[i].clients = add_clients(b, &tls->hosts[i].clients, files);
	}
	table_tls_add_hosts(b, rows, (uint32_t)tls->hosts_count);
	free(rows);
}

/* ---- the rest ---- */

static void
add_numbers(struct seg_builder *b, const struct config_tls *c, struct table_tls *tls)
{
	uint32_t number;

	tls->suites_count = (uint32_t)c->suites_count;
	for (size_t i = 0; i < c->suites_count; i++) {
		number = (uint32_t)tls_suite_parse(slice_of(c->suites[i]));
		seg_builder_add(b, KEYS_NUMBERS, &number, sizeof number);
	}
	tls->groups_first = tls->suites_count;
	tls->groups_count = (uint32_t)c->groups_count;
	for (size_t i = 0; i < c->groups_count; i++) {
		number = tls_group_parse(slice_of(c->groups[i]));
		seg_builder_add(b, KEYS_NUMBERS, &number, sizeof number);
	}
}

static void
add_tickets(struct seg_builder *b, const struct tickets *t)
{
	for (uint32_t i = 0; i < t->n; i++) {
		struct table_ticket row;

		memcpy(row.name, t->keys[i].name, sizeof row.name);
		memcpy(row.key, t->keys[i].key, sizeof row.key);
		seg_builder_add(b, KEYS_TICKETS, &row, sizeof row);
		explicit_bzero(&row, sizeof row);
	}
}

static void
add_tls(struct seg_builder *b, const struct config_tls *c, const struct certificates *files,
	const struct tickets *tickets)
{
	struct table_tls tls = { .oldest = c->min_version,
				 .newest = c->max_version,
				 .strict = c->strict_sni,
				 .ticket_lifetime_s = c->ticket_lifetime_s };
	struct map names = MAP_INIT;
	struct choices others;
	uint32_t n;
	struct ranked *all = rank(files, &n);

	if (n > 0) {
		add_certificates(b, all, n);
		qsort(all, n, sizeof *all, by_preference);
		choices_collect(&names, all, n);
		add_names(b, &names);
		others = default_choices(c, &names, all, n);
		tls.default_first = add_choices(b, &others);
		tls.default_count = others.n;
		tls.clients = add_clients(b, &c->clients, files);
		add_client_hosts(b, c, files);
		add_numbers(b, c, &tls);
		if (c->tickets != TICKETS_OFF)
			add_tickets(b, tickets);
		seg_builder_add(b, KEYS_TLS, &tls, sizeof tls);
	}
	map_deinit(&names, free);
	free(all);
}

/* Of everything that is secret, and more. */
static size_t
strings_size(const struct config *c, const struct rules *rules, const struct certificates *files,
	     const struct issuers *issuers)
{
	size_t n = compile_issuers_size(&c->gate, issuers) + compile_api_keys_size(c, rules) +
		   compile_login_keys_size(c);

	for (size_t i = 0; i < files->pairs_count; i++) {
		const struct pair *p = files->pairs[i].pair;

		n += p ? p->chain.n + p->key.n : 0;
	}
	for (size_t i = 0; i < files->trusts_count; i++) {
		const struct trust *t = files->trusts[i].trust;

		n += t ? t->ca.n + t->crl.n : 0;
	}
	return n;
}

int
compile_keys(const struct config *c, const struct rules *rules, const struct directory *d,
	     const struct segment *endpoints, const struct certificates *files,
	     const struct tickets *tickets, const struct issuers *issuers, uint64_t generation,
	     struct segment **out)
{
	struct seg_builder b;
	int result;

	seg_builder_init(&b);
	/* At once, so that growing leaves no copy of a secret behind. */
	buf_reserve(&b.sections[KEYS_STRINGS], strings_size(c, rules, files, issuers));
	buf_reserve(&b.sections[KEYS_TICKETS], TABLE_TICKETS_MAX * sizeof(struct table_ticket));
	compile_issuers_keys(&b, &c->gate, issuers);
	compile_api_keys(&b, c, rules);
	compile_login_keys(&b, c);
	add_tls(&b, &c->tls, files, tickets);
	compile_behind_keys(&b, files, d, endpoints);
	result = seg_builder_finish(&b, SEGMENT_KEYS, generation, out);
	seg_builder_deinit(&b);
	return result;
}
