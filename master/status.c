#include "status.h"

#include "master.h"
#include "own.h"
#include "probe.h"
#include "status_issuers.h"
#include "status_limits.h"
#include "status_redis.h"
#include "status_tls.h"

#include "lib/clock.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define FOUND_MOST 500 /* routes that are listed of those that were looked for */
#define FIND_MAX 1024  /* bytes of a word that is looked for; what is behind is not */
#define ENDPOINTS_LISTED 2000

/* ---- workers ---- */

static void
add_worker(struct buf *b, const struct slot *slot, uint64_t now)
{
	const struct board_worker *page = slot->page;
	uint64_t beat = page ? board_get(&page->heartbeat_ms) : 0;

	buf_addf(b, "{\"slot\":%d,\"role\":\"%s\",\"pid\":%d,\"state\":\"%s\",\"version\":%llu,",
		 slot->role == ROLE_ADMIN ? -1 : (int)slot->number,
		 slot->role == ROLE_ADMIN ? "admin" : "traffic", (int)slot->pid,
		 slot_state_name[slot->state], (unsigned long long)slot->acked);
	if (page && board_get(&page->sandbox) <= SANDBOX_MISSING)
		buf_addf(b, "\"sandbox\":\"%s\",", board_sandbox_name[board_get(&page->sandbox)]);
	buf_addf(b,
		 "\"connections\":%llu,\"in_flight\":%llu,\"queued\":%llu,\"tunnels\":%llu,"
		 "\"tables\":%llu,\"sessions\":%llu,\"sessions_up\":%s,"
		 "\"restarts\":%llu,",
		 (unsigned long long)(page ? board_get(&page->connections) : 0),
		 (unsigned long long)(page ? board_get(&page->in_flight) : 0),
		 (unsigned long long)(page ? board_get(&page->queued) : 0),
		 (unsigned long long)(page ? board_get(&page->tunnels_open) : 0),
		 (unsigned long long)(page ? board_get(&page->tables_alive) : 0),
		 (unsigned long long)(page ? board_get(&page->sessions) : 0),
		 page && board_get(&page->store_up) ? "true" : "false",
		 (unsigned long long)slot->restarts);
	if (slot->lent_to)
		buf_addf(b, "\"lent_to\":%u,", slot->lent_to->number);
	if (beat)
		buf_addf(b, "\"heartbeat_age_ms\":%llu}",
			 (unsigned long long)(now > beat ? now - beat : 0));
	else
		buf_adds(b, SLICE("\"heartbeat_age_ms\":null}"));
}

static void
add_workers(struct buf *b, const struct master *m)
{
	const struct supervisor *s = &m->supervisor;
	uint32_t traffic = s->slots_count - 1;
	uint64_t now = clock_mono_ms();

	buf_adds(b, SLICE("\"workers\":["));
	for (uint32_t i = 0; i < traffic; i++) {
		if (i > 0)
			buf_addc(b, ',');
		add_worker(b, &s->slots[i], now);
	}
	buf_adds(b, SLICE("],\"admin\":"));
	add_worker(b, &s->slots[traffic], now);
}

static void
add_table(struct buf *b, const struct master *m)
{
	const struct supervisor *s = &m->supervisor;
	uint64_t alive = 0;

	buf_addf(b, "\"table\":{\"version\":%llu,\"published\":",
		 (unsigned long long)m->publisher.version);
	buf_add_json_time(b, m->publisher.published_wall);
	buf_adds(b, SLICE(",\"acknowledged\":["));
	for (uint32_t i = 0; i + 1 < s->slots_count; i++) {
		const struct slot *slot = &s->slots[i];
		uint64_t tables = slot->page ? board_get(&slot->page->tables_alive) : 0;

		buf_addf(b, "%s%llu", i > 0 ? "," : "",
			 slot->pid > 0 ? (unsigned long long)slot->acked : 0);
		alive = tables > alive ? tables : alive;
	}
	/* The most versions that one worker still uses. */
	buf_addf(b, "],\"alive\":%llu,\"image\":", (unsigned long long)alive);
	buf_add_json(b, slice_of(m->image));
	buf_addc(b, '}');
}

/* ---- rules ---- */

static void
add_shadowed(struct buf *b, const struct compile_report *report)
{
	bool first = true;

	buf_adds(b, SLICE(",\"shadowed\":["));
	for (size_t i = 0; report && i < report->routes_count; i++) {
		if (report->routes[i].state != ROUTE_SHADOWED)
			continue;
		if (!first)
			buf_addc(b, ',');
		first = false;
		buf_add_json(b, slice_of(report->routes[i].id));
	}
	buf_addc(b, ']');
}

static const char *
rules_source(const struct master *m, const struct store_redis_status *st)
{
	if (!m->config->redis.configured)
		return "file";
	if (st->loaded)
		return "redis";
	return m->remembered ? "last-known-good" : "none";
}

static void
add_rules(struct buf *b, struct master *m, const struct store_redis_status *st)
{
	const struct rules *rules = m->rules;
	int64_t compared = st->compared_wall;

	if (!compared && m->remembered)
		compared = m->remembered_wall;
	buf_addf(b,
		 "\"rules\":{\"source\":\"%s\",\"frontends\":%zu,\"backends\":%zu,\"routes\":%zu,",
		 rules_source(m, st), rules ? rules_frontends(rules) : 0,
		 rules ? rules_backends(rules) : 0, publish_routes(m));
	buf_adds(b, SLICE("\"refused\":"));
	quarantine_write(&m->publisher.quarantine, b);
	buf_addf(b, ",\"withheld\":%zu,", st->withheld);
	revisions_write(m, b);
	buf_adds(b, SLICE(",\"store_error\":"));
	buf_add_json(b, slice_of(m->store_fault));
	add_shadowed(b, publish_report(m));
	buf_adds(b, SLICE(",\"compared\":"));
	buf_add_json_time(b, compared);
	if (compared)
		buf_addf(b, ",\"age_s\":%lld}", (long long)(clock_wall() - compared));
	else
		buf_adds(b, SLICE(",\"age_s\":null}"));
}

/* ---- upstreams ---- */

static void
add_resolved(struct buf *b, const struct master *m, const struct directory_endpoint *e)
{
	const struct resolved *addresses;
	char text[64];
	uint64_t generation;
	bool settled;
	size_t n = 0;

	if (e->address.host)
		n = resolver_get(m->resolver, e->address.host, &addresses, &generation, &settled);
	buf_adds(b, SLICE("\"resolved\":["));
	for (size_t i = 0; i < n; i++) {
		uv_inet_ntop(addresses[i].family, addresses[i].ip, text, sizeof text);
		buf_addf(b, "%s\"%s\"", i > 0 ? "," : "", text);
	}
	buf_addc(b, ']');
}

static void
add_endpoint(struct buf *b, const struct master *m, const struct directory_endpoint *e,
	     uint64_t now)
{
	static const char *const state[] = {
		[HEALTH_UNKNOWN] = "unknown",
		[HEALTH_ALIVE] = "alive",
		[HEALTH_DEAD] = "dead",
	};
	const struct board_health *h = &m->page->health[e->slot];

	buf_adds(b, SLICE("{\"address\":"));
	buf_add_json(b, slice_of(e->authority));
	buf_addf(b, ",\"drained\":%s", h->drained ? "true" : "false");
	buf_addf(b, ",\"state\":\"%s\",\"page\":\"%s\",\"last_status\":%u,",
		 state[h->state <= HEALTH_DEAD ? h->state : 0], h->seen_2xx ? "2xx" : "never",
		 h->last_status);
	buf_adds(b, SLICE("\"error\":"));
	buf_add_json(b, slice_of(prober_error(m->prober, e->slot)));
	buf_addf(b, ",\"ejected_ms\":%llu,\"ejections\":%llu,",
		 (unsigned long long)(h->ejected_until_ms > now ? h->ejected_until_ms - now : 0),
		 (unsigned long long)h->ejections);
	add_resolved(b, m, e);
	if (h->checked_ms)
		buf_addf(b, ",\"checked_age_ms\":%llu}",
			 (unsigned long long)(now > h->checked_ms ? now - h->checked_ms : 0));
	else
		buf_adds(b, SLICE(",\"checked_age_ms\":null}"));
}

static void
add_left_out_one(struct buf *b, bool *first, const char *authority, const char *reason)
{
	buf_adds(b, *first ? SLICE("{\"address\":") : SLICE(",{\"address\":"));
	buf_add_json(b, slice_of(authority));
	buf_addf(b, ",\"reason\":\"%s\"}", reason);
	*first = false;
}

static bool
resolves_to_own(const struct master *m, const struct own *own, const struct directory_endpoint *e)
{
	const struct resolved *addresses;
	uint64_t generation;
	bool settled;
	size_t n = 0;

	if (e->address.host)
		n = resolver_get(m->resolver, e->address.host, &addresses, &generation, &settled);
	for (size_t i = 0; i < n; i++) {
		if (own_reaches(own, addresses[i].family, addresses[i].ip, e->address.port))
			return true;
	}
	return false;
}

static void
add_left_out(struct buf *b, const struct master *m, const struct own *own,
	     const struct directory_upstream *u)
{
	bool first = true;

	for (size_t i = 0; i < u->own_count; i++)
		add_left_out_one(b, &first, u->own[i], "it is a listener of this gateway");
	for (size_t i = 0; i < u->endpoints_count; i++) {
		if (resolves_to_own(m, own, &u->endpoints[i]))
			add_left_out_one(b, &first, u->endpoints[i].authority,
					 "its name resolves to a listener of this gateway");
	}
}

static void
add_tls(struct buf *b, const struct directory_upstream *u)
{
	if (u->speaks_tls)
		buf_addf(b, "\"%s\"", u->tls.insecure_skip_verify ? "unverified" : "verified");
	else
		buf_adds(b, SLICE("null"));
}

static void
add_upstream(struct buf *b, const struct master *m, const struct own *own,
	     const struct directory_upstream *u, uint64_t now)
{
	buf_adds(b, SLICE("{\"name\":"));
	buf_add_json(b, slice_of(u->name));
	buf_addf(b, ",\"source\":\"%s\",\"tls\":", rules_source_name(u->source));
	add_tls(b, u);
	buf_adds(b, SLICE(",\"endpoints\":["));
	for (size_t k = 0; k < u->endpoints_count; k++) {
		if (k > 0)
			buf_addc(b, ',');
		add_endpoint(b, m, &u->endpoints[k], now);
	}
	buf_adds(b, SLICE("],\"left_out\":["));
	add_left_out(b, m, own, u);
	buf_adds(b, SLICE("]}"));
}

/* Is there something to tell of it that somebody should see? */
static bool
is_troubled(const struct master *m, const struct directory_upstream *u, uint64_t now)
{
	bool troubled = u->own_count > 0 || u->endpoints_count == 0;

	for (size_t k = 0; k < u->endpoints_count && !troubled; k++) {
		const struct board_health *h = &m->page->health[u->endpoints[k].slot];

		troubled = h->state == HEALTH_DEAD || h->ejected_until_ms > now || h->drained;
	}
	return troubled;
}

/* Of very many endpoints those alone that somebody should see, and no more than can be read. */
static void
add_upstreams(struct buf *b, const struct master *m)
{
	const struct directory *d = m->publisher.directory;
	struct own *own = own_new(m->config);
	uint64_t now = clock_mono_ms();
	size_t listed = 0, upstreams = 0;
	bool all = !d || d->endpoints <= ENDPOINTS_LISTED;

	buf_adds(b, SLICE("\"upstreams\":["));
	for (size_t i = 0; d && i < d->upstreams_count; i++) {
		const struct directory_upstream *u = d->upstreams[i];

		if (!all &&
		    (listed + u->endpoints_count > ENDPOINTS_LISTED || !is_troubled(m, u, now)))
			continue;
		if (upstreams++ > 0)
			buf_addc(b, ',');
		listed += u->endpoints_count;
		add_upstream(b, m, own, u, now);
	}
	buf_addf(b, "],\"upstreams_more\":%zu", d ? d->upstreams_count - upstreams : 0);
	own_free(own);
}

static void
add_endpoints(struct buf *b, const struct master *m)
{
	const struct directory *d = m->publisher.directory;
	uint64_t late_s;
	size_t probed = prober_watched(m->prober, &late_s);

	buf_addf(b,
		 ",\"endpoints\":{\"count\":%zu,\"uncounted\":%zu,\"unprobed\":%zu,\"probed\":%zu,"
		 "\"probed_every_s\":%llu}",
		 d ? d->endpoints : 0, d ? d->uncounted : 0, d ? d->unprobed : 0, probed,
		 (unsigned long long)late_s);
}

/* ---- the whole ---- */

static void
add_reload(struct buf *b, const struct master *m)
{
	if (!m->last_reload.wall) {
		buf_adds(b, SLICE("\"last_reload\":null"));
		return;
	}
	buf_addf(b, "\"last_reload\":{\"ok\":%s,\"at\":", m->last_reload.ok ? "true" : "false");
	buf_add_json_time(b, m->last_reload.wall);
	buf_adds(b, SLICE(",\"error\":"));
	buf_add_json(b, slice_of(m->last_reload.error));
	buf_addc(b, '}');
}

void
status_write(struct master *m, struct buf *out)
{
	struct store_redis_status st;

	store_redis_get_status(m->store, &st);
	buf_adds(out, SLICE("{\"version\":"));
	buf_add_json(out, slice_of(m->supervisor.settings.version));
	buf_addf(out, ",\"pid\":%d,\"uptime_s\":%llu,", (int)getpid(),
		 (unsigned long long)((clock_mono_ms() - m->started_ms) / 1000));
	add_table(out, m);
	buf_addf(out, ",\"ready\":%s,\"state\":\"%s\",\"degraded\":\"%s\",\"gateway\":\"%s\",",
		 m->page->ready ? "true" : "false", roster_state_name[roster_state(m)],
		 roster_degraded(m), m->roster.id);
	add_workers(out, m);
	buf_addc(out, ',');
	add_rules(out, m, &st);
	buf_addc(out, ',');
	status_write_redis(m, &st, out);
	buf_addc(out, ',');
	add_upstreams(out, m);
	add_endpoints(out, m);
	buf_adds(out, SLICE(",\"cascade\":"));
	cascade_write_status(m->cascade, out);
	buf_addc(out, ',');
	status_write_limits(m, out);
	buf_addc(out, ',');
	status_write_tls(m, out);
	buf_addc(out, ',');
	status_write_issuers(m->issuers, out);
	buf_addc(out, ',');
	status_write_introspection(m->introspector, out);
	buf_addc(out, ',');
	status_write_exchanges(m->exchanger, out);
	buf_addc(out, ',');
	suspensions_status(m, out);
	buf_addc(out, ',');
	fleet_write(m, out);
	buf_addc(out, ',');
	add_reload(out, m);
	buf_adds(out, SLICE(",\"maintenance\":"));
	maintenance_write(m, out);
	buf_adds(out, SLICE(",\"memory\":"));
	memory_write(m, out);
	buf_adds(out, SLICE(",\"upgrade\":"));
	upgrade_write(m, out);
	buf_adds(out, SLICE("}\n"));
}

static void
add_route(struct buf *b, const struct compile_route *r)
{
	static const char *const state[] = {
		[ROUTE_ACTIVE] = "active",
		[ROUTE_SHADOWED] = "shadowed",
		[ROUTE_IS_REFUSED] = "refused",
		[ROUTE_UNREACHABLE] = "unreachable",
	};
	const struct {
		const char *key, *value;
	} texts[] = {
		{ "{\"id\":", r->id },           { ",\"host\":", r->host },
		{ ",\"path\":", r->path },       { ",\"upstream\":", r->upstream },
		{ ",\"conditions\":", r->asks }, { ",\"reason\":", r->reason },
	};

	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		buf_adds(b, slice_of(texts[i].key));
		buf_add_json(b, slice_of(texts[i].value));
	}
	buf_addf(b,
		 ",\"exact\":%s,\"priority\":%d,\"order\":%u,\"source\":\"%s\",\"state\":\"%s\"}",
		 r->exact ? "true" : "false", r->priority, r->order, rules_source_name(r->source),
		 state[r->state]);
}

/* Each of the words stands somewhere in it, in any case. */
static bool
has_words(const struct compile_route *r, const char *words)
{
	const char *const texts[] = { r->id, r->host, r->path, r->upstream, r->asks };
	struct slice rest = slice_of(words);

	while (rest.p && rest.n > 0) {
		struct slice word = slice_cut(rest, ' ', &rest);
		char text[FIND_MAX];
		bool found = word.n == 0;

		snprintf(text, sizeof text, "%.*s", SLICE_F(word));
		for (size_t i = 0; i < sizeof texts / sizeof texts[0] && !found; i++)
			found = strcasestr(texts[i], text) != NULL;
		if (!found)
			return false;
	}
	return true;
}

void
status_write_routes(struct compile_report *report, const char *find, struct buf *out)
{
	size_t found = 0;

	compile_report_sort(report);
	buf_adds(out, SLICE("{\"routes\":["));
	for (size_t i = 0; i < report->routes_count; i++) {
		if (find && (!has_words(&report->routes[i], find) || found++ >= FOUND_MOST))
			continue;
		if (out->p[out->n - 1] == '}')
			buf_addc(out, ',');
		add_route(out, &report->routes[i]);
	}
	buf_addc(out, ']');
	if (find)
		buf_addf(out, ",\"found\":%zu", found);
	buf_adds(out, SLICE("}\n"));
}

void
status_write_refused(const struct master *m, struct buf *out)
{
	buf_adds(out, SLICE("{\"refused\":"));
	quarantine_write(&m->publisher.quarantine, out);
	buf_adds(out, SLICE("}\n"));
}
