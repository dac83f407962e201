/*
 * What `GET /statistics` answers.
 */

#include "statistics.h"

#include "master.h"

#include "lib/clock.h"
#include "lib/xalloc.h"

#include <stdlib.h>

static void
add_number(struct buf *b, const char *name, uint64_t value)
{
	buf_addf(b, ",\"%s\":%llu", name, (unsigned long long)value);
}

/* ---- routes ---- */

static void
add_route(struct buf *b, struct slice id, const struct board_route *r)
{
	uint64_t requests = 0;

	for (size_t i = 0; i < sizeof r->by_class / sizeof r->by_class[0]; i++)
		requests += r->by_class[i];
	if (requests == 0)
		return;
	if (b->p[b->n - 1] != '[')
		buf_addc(b, ',');
	buf_adds(b, SLICE("{\"id\":"));
	buf_add_json(b, id);
	add_number(b, "requests", requests);
	add_number(b, "errors", r->by_class[5] + r->by_class[0]);
	add_number(b, "denied", r->by_class[4]);
	add_number(b, "bytes_in", r->bytes_in);
	add_number(b, "bytes_out", r->bytes_out);
	add_number(b, "duration_us", r->duration.sum);
	buf_addc(b, '}');
}

/* Those that share a slot of the board are counted together. */
static void
add_routes(struct buf *b, const struct segment *rules, const struct board_counts *sum)
{
	uint8_t *seen = xcalloc(BOARD_ROUTES, 1);
	uint32_t n = rules ? seg_count(rules, RULES_ROUTES) : 0;

	buf_adds(b, SLICE("\"routes\":["));
	for (uint32_t i = 0; i < n; i++) {
		const struct table_route *r = table_route(rules, i);
		uint32_t slot = r->slot < BOARD_ROUTES ? r->slot : 0;

		if (!table_route_stands(rules, i) || slot == 0 || seen[slot]++)
			continue;
		add_route(b, table_route_id(rules, r), &sum->route[slot]);
	}
	/* No route, routes beyond the board's slots, and those that came to nothing before. */
	add_route(b, SLICE("other"), &sum->route[0]);
	buf_addc(b, ']');
	free(seen);
}

/* ---- upstreams ---- */

static void
add_endpoint(struct buf *b, const struct board_endpoint *e)
{
	add_number(b, "requests", e->requests);
	add_number(b, "errors", e->errors);
	add_number(b, "failures", e->failures);
	add_number(b, "bytes_in", e->bytes_in);
	add_number(b, "bytes_out", e->bytes_out);
	add_number(b, "duration_us", e->duration_us);
}

static bool
is_counted(const struct directory_endpoint *e)
{
	return e->slot > 0 && e->slot < BOARD_ENDPOINTS;
}

static void
add_sums(struct board_endpoint *all, const struct board_endpoint *e)
{
	all->requests += e->requests;
	all->errors += e->errors;
	all->failures += e->failures;
	all->bytes_in += e->bytes_in;
	all->bytes_out += e->bytes_out;
	all->duration_us += e->duration_us;
}

static void
add_upstream(struct buf *b, const struct directory_upstream *u, const struct board_counts *sum)
{
	struct board_endpoint all = { 0 };
	bool first = true;

	buf_adds(b, SLICE("{\"name\":"));
	buf_add_json(b, slice_of(u->name));
	buf_addf(b, ",\"source\":\"%s\",\"endpoints\":[", rules_source_name(u->source));
	for (size_t i = 0; i < u->endpoints_count; i++) {
		const struct directory_endpoint *e = &u->endpoints[i];

		if (!is_counted(e))
			continue;
		buf_adds(b, first ? SLICE("{\"address\":") : SLICE(",{\"address\":"));
		first = false;
		buf_add_json(b, slice_of(e->authority));
		add_endpoint(b, &sum->endpoint[e->slot]);
		buf_addc(b, '}');
		add_sums(&all, &sum->endpoint[e->slot]);
	}
	buf_addc(b, ']');
	add_endpoint(b, &all);
	buf_addc(b, '}');
}

/* Of one whose endpoints have no counters nothing is known. */
static bool
is_known(const struct directory_upstream *u)
{
	bool known = u->endpoints_count == 0;

	for (size_t i = 0; i < u->endpoints_count && !known; i++)
		known = is_counted(&u->endpoints[i]);
	return known;
}

static void
add_upstreams(struct buf *b, const struct directory *d, const struct board_counts *sum)
{
	bool first = true;

	buf_adds(b, SLICE("\"upstreams\":["));
	for (size_t i = 0; d && i < d->upstreams_count; i++) {
		if (!is_known(d->upstreams[i]))
			continue;
		if (!first)
			buf_addc(b, ',');
		first = false;
		add_upstream(b, d->upstreams[i], sum);
	}
	buf_addc(b, ']');
}

/* ---- identities ---- */

void
statistics_write_list(struct top_list *l, struct buf *out)
{
	top_list_sort(l);
	buf_addf(out, "{\"requests\":%llu,\"slack\":%llu,\"list\":[", (unsigned long long)l->total,
		 (unsigned long long)l->slack);
	for (size_t i = 0; i < l->count; i++) {
		const struct top_entry *e = &l->entries[i];

		buf_adds(out, i > 0 ? SLICE(",{\"name\":") : SLICE("{\"name\":"));
		buf_add_json(out, slice_make(e->name, e->name_n));
		add_number(out, "requests", e->sums.requests);
		add_number(out, "errors", e->sums.errors);
		add_number(out, "denied", e->sums.denied);
		add_number(out, "bytes", e->sums.bytes);
		add_number(out, "duration_us", e->sums.duration_us);
		buf_addc(out, '}');
	}
	buf_adds(out, SLICE("]}"));
}

static void
add_identities(struct buf *b, const struct master *m)
{
	struct top_list l = TOP_LIST_INIT;

	buf_adds(b, SLICE("\"identities\":"));
	statistics_identities(m, &l);
	statistics_write_list(&l, b);
	top_list_deinit(&l);
}

/* ---- the whole ---- */

void
statistics_write(const struct master *m, bool identities, struct buf *out)
{
	const struct supervisor *s = &m->supervisor;
	struct board_counts *sum = xcalloc(1, sizeof *sum);

	board_fold(sum, &board_base(m->page)->counts);
	for (uint32_t i = 0; i < s->slots_count; i++) {
		if (s->slots[i].role == ROLE_TRAFFIC && s->slots[i].page)
			board_fold(sum, &s->slots[i].page->counts);
	}
	for (size_t i = 0; i < m->takeover.old_count; i++) {
		const struct board_worker *page = takeover_living(&m->takeover, i);

		if (page)
			board_fold(sum, &page->counts);
	}
	buf_addf(out, "{\"uptime_s\":%llu,",
		 (unsigned long long)((clock_mono_ms() - m->started_ms) / 1000));
	add_routes(out, m->publisher.segments[SEGMENT_RULES], sum);
	buf_addc(out, ',');
	add_upstreams(out, m->publisher.directory, sum);
	buf_addc(out, ',');
	if (identities && m->config->statistics.identities)
		add_identities(out, m);
	else
		buf_adds(out, SLICE("\"identities\":null"));
	buf_addf(out, ",\"identities_counted\":%s}\n",
		 m->config->statistics.identities ? "true" : "false");
	free(sum);
}
