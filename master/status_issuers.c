#include "status_issuers.h"

#include "config.h"
#include "exchange.h"
#include "introspect.h"
#include "issuers.h"

#include "lib/clock.h"
#include "shm/board.h"

#include <stdio.h>

static void
add_kids(const struct jwks *jwks, struct buf *out)
{
	bool any = false;

	buf_adds(out, SLICE(",\"kids\":["));
	for (size_t k = 0; jwks && k < jwks->count; k++) {
		if (!jwks->keys[k].kid.p)
			continue;
		buf_adds(out, any ? SLICE(",") : SLICE(""));
		buf_add_json(out, jwks->keys[k].kid);
		any = true;
	}
	buf_addc(out, ']');
}

static void
add_text(struct buf *out, const char *name, const char *text)
{
	buf_addf(out, "\"%s\":", name);
	buf_add_json(out, slice_of(text));
	buf_addc(out, ',');
}

static const char *
source_of(const struct issuer_status *s)
{
	if (s->config->jwks)
		return "file";
	if (s->remembered)
		return "last-known-good";
	return s->jwks ? "fetched" : "none";
}

/* Of a provider of login: what it can be asked for. */
static void
add_endpoints(const struct issuers *is, const struct config_issuer *c, struct buf *out)
{
	bool any = false;

	buf_adds(out, SLICE(",\"login\":{\"endpoints\":["));
	for (int k = 0; k < ISSUER_ENDPOINTS; k++) {
		if (!issuers_endpoint(is, c, (enum issuer_endpoint)k))
			continue;
		buf_adds(out, any ? SLICE(",") : SLICE(""));
		buf_add_json(out, slice_of(issuer_endpoint_name((enum issuer_endpoint)k)));
		any = true;
	}
	buf_adds(out, SLICE("]}"));
}

static void
add_issuer(const struct issuers *is, const struct issuer_status *s, struct buf *out)
{
	const struct config_issuer *c = s->config;

	buf_addc(out, '{');
	add_text(out, "name", c->name);
	add_text(out, "issuer", c->iss);
	add_text(out, "from", c->jwks ? c->jwks : c->jwks_uri ? c->jwks_uri : c->discovery);
	add_text(out, "source", source_of(s));
	buf_addf(out, "\"keys\":%zu", s->keys);
	add_kids(s->jwks, out);
	buf_adds(out, SLICE(",\"fetched\":"));
	buf_add_json_time(out, s->fetched_wall);
	if (s->fetched_wall)
		buf_addf(out, ",\"age_s\":%lld", (long long)(clock_wall() - s->fetched_wall));
	else
		buf_adds(out, SLICE(",\"age_s\":null"));
	buf_addf(out, ",\"fetching\":%s,\"fetches\":%llu,\"failures\":%llu",
		 s->running ? "true" : "false", (unsigned long long)s->fetches,
		 (unsigned long long)s->failures);
	if (c->jwks)
		buf_adds(out, SLICE(",\"next_s\":null"));
	else
		buf_addf(out, ",\"next_s\":%llu", (unsigned long long)(s->next_ms + 999) / 1000);
	buf_adds(out, SLICE(",\"error\":"));
	buf_add_json(out, slice_of(s->error));
	if (c->provider)
		add_endpoints(is, c, out);
	buf_addc(out, '}');
}

void
status_write_issuers(const struct issuers *is, struct buf *out)
{
	buf_adds(out, SLICE("\"issuers\":["));
	for (size_t i = 0; i < issuers_count(is); i++) {
		struct issuer_status s;

		issuers_status(is, i, &s);
		buf_adds(out, i > 0 ? SLICE(",") : SLICE(""));
		add_issuer(is, &s, out);
	}
	buf_addc(out, ']');
}

/* NULL: it had none of that name. */
static const struct board_issuer *
row_of(const struct board_master *before, const struct board_issuer *row)
{
	for (size_t i = 0; before && row->name[0] && i < BOARD_ISSUERS; i++) {
		if (strncmp(before->issuers[i].name, row->name, sizeof row->name) == 0)
			return &before->issuers[i];
	}
	return NULL;
}

void
status_board_issuers(const struct issuers *is, const struct board_master *before,
		     struct board_master *board)
{
	size_t n = issuers_count(is);

	board_set(&board->issuers_seq, board->issuers_seq + 1);
	__atomic_thread_fence(__ATOMIC_RELEASE);
	for (size_t i = 0; i < BOARD_ISSUERS; i++) {
		struct board_issuer *row = &board->issuers[i];
		const struct board_issuer *old;
		struct issuer_status s = { 0 };

		if (i < n)
			issuers_status(is, i, &s);
		row->fetched_wall = (uint64_t)s.fetched_wall;
		row->keys = s.keys;
		/* Only where it is another: the next master may find us at any moment. */
		if (strncmp(row->name, s.config ? s.config->name : "", sizeof row->name - 1) != 0)
			snprintf(row->name, sizeof row->name, "%s", s.config ? s.config->name : "");
		old = row_of(before, row);
		row->fetches = s.fetches + (old ? old->fetches : 0);
		row->failures = s.failures + (old ? old->failures : 0);
	}
	__atomic_thread_fence(__ATOMIC_RELEASE);
	board_set(&board->issuers_seq, board->issuers_seq + 1);
}

void
status_write_introspection(const struct introspector *is, struct buf *out)
{
	struct introspect_status s;

	introspect_get_status(is, &s);
	buf_adds(out, SLICE("\"introspection\":"));
	if (!s.name) {
		buf_adds(out, SLICE("null"));
		return;
	}
	buf_addc(out, '{');
	add_text(out, "issuer", s.name);
	add_text(out, "url", s.url);
	buf_addf(out, "\"asked\":%llu,\"failures\":%llu,\"known\":%llu,\"waiting\":%llu,\"error\":",
		 (unsigned long long)s.asked, (unsigned long long)s.failures,
		 (unsigned long long)s.known, (unsigned long long)s.waiting);
	buf_add_json(out, slice_of(s.error));
	buf_addc(out, '}');
}

void
status_write_exchanges(const struct exchanger *x, struct buf *out)
{
	static const char *const kinds[EXCHANGE_KIND_N] = {
		[EXCHANGE_CODE] = "code",
		[EXCHANGE_REFRESH] = "refresh",
		[EXCHANGE_REVOKE] = "revoke",
		[EXCHANGE_TOKEN] = "token",
	};
	struct exchanger_status s;

	exchanger_get_status(x, &s);
	buf_adds(out, SLICE("\"exchanges\":{"));
	for (int i = 0; i < EXCHANGE_KIND_N; i++)
		buf_addf(out, "\"%s\":{\"asked\":%llu,\"failed\":%llu},", kinds[i],
			 (unsigned long long)s.asked[i], (unsigned long long)s.failed[i]);
	buf_addf(out, "\"refused\":%llu,\"adopted\":%llu,\"under_way\":%llu,\"unkept\":%llu}",
		 (unsigned long long)s.refused, (unsigned long long)s.adopted,
		 (unsigned long long)s.under_way, (unsigned long long)s.unkept);
}
