#include "publish.h"

#include "master.h"
#include "publish_own.h"

#include "lib/clock.h"
#include "lib/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HOLD_MS 500   /* for names that nobody has asked for before */
#define RETRY_MS 2000 /* after a compilation that failed */
/* A slot of the board that nothing names any more is given to others after so many tables: by then
 * the requests that hold an older one are few, and what they miscount is theirs alone. */
#define ROUNDS_KEPT 16

static void publish_turn(uv_timer_t *timer);

static void
over_drop(struct publisher *p)
{
	compile_report_free(p->over);
	compile_report_free(p->shown);
	p->over = p->shown = NULL;
}

int
publish_init(struct master *m)
{
	struct publisher *p = &m->publisher;

	*p = (struct publisher){ .generation = 1 };
	waiters_init(&p->waiters);
	explainer_init(&m->explainer);
	p->slots.upstreams = slots_new(UPSTREAMS_MAX);
	p->slots.endpoints = slots_new(BOARD_ENDPOINTS);
	p->slots.routes = slots_new(BOARD_ROUTES);
	p->slots.limits = slots_new(BOARD_LIMITS);
	slots_on_board(p->slots.endpoints, m->page->names.endpoint);
	slots_on_board(p->slots.routes, m->page->names.route);
	slots_on_board(p->slots.limits, m->page->names.limit);
	p->turn.data = m;
	return uv_timer_init(&m->loop, &p->turn);
}

void
publish_deinit(struct master *m)
{
	struct publisher *p = &m->publisher;

	uv_close((uv_handle_t *)&p->turn, NULL);
	waiters_deinit(&p->waiters);
	explainer_deinit(&m->explainer);
	for (int i = 0; i < SEGMENT_N; i++)
		seg_unref(p->segments[i]);
	if (p->directory)
		directory_free(p->directory);
	compile_report_free(p->report);
	over_drop(p);
	free(p->base.moved);
	slots_free(p->slots.upstreams);
	slots_free(p->slots.endpoints);
	slots_free(p->slots.routes);
	slots_free(p->slots.limits);
	map_deinit(&p->names, NULL);
	quarantine_deinit(&p->quarantine);
	free(p->warnings);
	free(p->names_warnings);
}

void
publish_mark(struct master *m, unsigned parts)
{
	struct publisher *p = &m->publisher;

	p->pending |= parts;
	p->endpoints_old |= (parts & PUBLISH_ENDPOINTS) != 0;
	/* A rule that leads somewhere else is no reason for another directory. */
	if (parts & PUBLISH_RULES && (!p->directory || rules_upstreams(m->rules) != p->upstreams))
		p->directory_old = true;
	if (parts & PUBLISH_RULES && rules_api_keys(m->rules) != p->api_keys)
		p->pending |= PUBLISH_KEYS;
	/* A timer of no length runs in the next turn, however many marks there were before. */
	uv_timer_start(&p->turn, publish_turn, 0, 0);
}

void
publish_sessions(struct master *m)
{
	m->publisher.directory_old = true;
	publish_mark(m, PUBLISH_ENDPOINTS);
}

void
publish_reconfigured(struct master *m)
{
	publish_directory(m);
	publish_mark(m, PUBLISH_ALL);
	m->publisher.directory_old = false;
}

void
publish_certificates(struct master *m)
{
	const struct directory *d = m->publisher.directory;

	store_secure(m);
	publish_mark(m, PUBLISH_KEYS);
	if (!d || !d->speaks_tls)
		return;
	prober_watch(m->prober, d, m->config, m->certificates);
	publish_mark(m, PUBLISH_ENDPOINTS); /* they say which */
}

void
publish_revision(struct master *m, const char *id, int64_t wall)
{
	struct publisher *p = &m->publisher;

	if (strcmp(p->revision, id) == 0)
		return;
	snprintf(p->revision, sizeof p->revision, "%s", id);
	p->revision_wall = wall;
	publish_mark(m, PUBLISH_REVISION);
}

/* ---- what is in force ---- */

struct compile_report *
publish_report(struct master *m)
{
	struct publisher *p = &m->publisher;

	if (!p->over)
		return p->report;
	if (!p->shown)
		p->shown = compile_report_over(p->report, p->over);
	return p->shown;
}

size_t
publish_routes(const struct master *m)
{
	const struct publisher *p = &m->publisher;

	if (!p->report)
		return 0;
	return p->report->routes_count + publish_store_routes(m->rules) - p->base.rules;
}

/* ---- the turn ---- */

/* The same but for the generation. */
static bool
segment_same(const struct segment *a, const struct segment *b)
{
	size_t from = offsetof(struct seg_header, generation) + sizeof a->head->generation;

	return a && b && a->size == b->size &&
	       memcmp((const char *)a->head + from, (const char *)b->head + from, a->size - from) ==
		   0;
}

/* Puts in force what is new in `product`. Returns whether anything was. */
static bool
publish_commit(struct master *m, struct product *product, bool revision)
{
	struct publisher *p = &m->publisher;
	bool changed[SEGMENT_N] = { 0 };
	bool any = revision;

	if (product->report || product->over) {
		over_drop(p);
		p->over = product->over;
		product->over = NULL;
	}
	if (product->report) {
		compile_report_free(p->report);
		p->report = product->report;
		product->report = NULL;
		p->base.serial = m->config->serial;
		p->base.rules = publish_store_routes(m->rules);
		p->base.moved_count = 0;
		rules_settle(m->rules);
	}
	for (int i = 0; i < SEGMENT_N; i++) {
		if (!product->segments[i] || segment_same(p->segments[i], product->segments[i]))
			continue;
		seg_unref(p->segments[i]);
		p->segments[i] = product->segments[i];
		product->segments[i] = NULL;
		changed[i] = any = true;
	}
	if (!any)
		return false;
	p->version++;
	p->generation++;
	if (changed[SEGMENT_RULES])
		p->rules_since = p->version;
	p->published_wall = clock_wall();
	board_set(&m->page->published_wall, (uint64_t)p->published_wall);
	board_set(&m->page->version, p->version);
	publish_send(m, changed);
	return true;
}

static void
quarantine_renew(struct master *m)
{
	struct quarantine *q = &m->publisher.quarantine;

	quarantine_settle(q, m->rules, m->config, m->publisher.report);
	board_set(&m->page->rules_refused, (uint64_t)q->all.count);
	board_set(&m->page->rules_closed, (uint64_t)q->closed);
}

static bool
publish_held(struct master *m, uint64_t now)
{
	struct publisher *p = &m->publisher;

	if (now < p->retry_ms)
		return true;
	if (m->phase == MASTER_WAITING) {
		if (m->saver.loading) /* soon there are rules */
			return true;
		if (now >= m->started_ms + m->config->start_wait)
			return false;
		return !master_rules_awaited(m) || !resolver_settled(m->resolver);
	}
	if (!publish_names_awaited(m))
		return false;
	/* Counted from the first of several names, so that their stream cannot hold up a table for
	 * ever. */
	if (p->hold_ms == 0)
		p->hold_ms = now + HOLD_MS;
	if (now >= p->hold_ms)
		return false;
	uv_timer_start(&p->turn, publish_turn, p->hold_ms - now, 0);
	return true;
}

/* Whoever was compiled whole has named all slots that it needs. */
static void
publish_sweep(struct publisher *p, bool whole)
{
	if (p->directory_new) {
		slots_sweep(p->slots.upstreams, ROUNDS_KEPT);
		slots_sweep(p->slots.endpoints, ROUNDS_KEPT);
	}
	p->directory_new = false;
	if (whole) {
		slots_sweep(p->slots.routes, ROUNDS_KEPT);
		slots_sweep(p->slots.limits, ROUNDS_KEPT);
	} else {
		slots_pass(p->slots.routes);
		slots_pass(p->slots.limits);
	}
}

/* `start`: when the compilation of these parts began. */
static void
publish_compiled(struct master *m, unsigned parts, struct product *product, uint64_t start)
{
	struct publisher *p = &m->publisher;
	bool whole = product->report != NULL;

	p->pending = 0;
	p->endpoints_old = false;
	if (p->directory_new)
		publish_names_note(m);
	p->hold_ms = 0;
	if (parts & PUBLISH_ENDPOINTS)
		publish_warn(&p->names_warnings, &product->warnings);
	if (parts & PUBLISH_RULES)
		p->rules_loaded = master_rules_loaded(m);
	if (parts & PUBLISH_KEYS)
		p->api_keys = rules_api_keys(m->rules);
	if (publish_commit(m, product, parts & PUBLISH_REVISION))
		log_info("table version=%llu routes=%zu upstreams=%zu took_ms=%.1f",
			 (unsigned long long)p->version, publish_routes(m),
			 p->directory->upstreams_count, (double)(clock_mono_ns() - start) / 1e6);
	if (whole)
		quarantine_renew(m);
	if (parts & PUBLISH_RULES)
		publish_sweep(p, whole);
}

static void
publish_compile(struct master *m, uint64_t now)
{
	struct publisher *p = &m->publisher;
	uint64_t start = clock_mono_ns();
	struct product product = { 0 };
	unsigned parts = p->pending;
	int r = product_make_pending(m, parts, &product);

	if (r == 0)
		r = rate_memory_need(m, product.segments[SEGMENT_RULES]);
	if (r == 0)
		r = fleet_need(m, product.segments[SEGMENT_RULES]);
	if (r < 0) {
		log_error("table error=\"cannot be compiled: %s\" in_force=%llu", strerror(-r),
			  (unsigned long long)p->version);
		p->retry_ms = now + RETRY_MS;
	} else {
		publish_compiled(m, parts, &product, start);
	}
	product_deinit(&product);
}

static void
publish_turn(uv_timer_t *timer)
{
	struct master *m = timer->data;
	struct publisher *p = &m->publisher;
	uint64_t now = clock_mono_ms();

	if (m->phase == MASTER_DRAINING || m->phase == MASTER_ENDED)
		return;
	if (p->directory_old)
		publish_directory(m);
	if (!p->pending || publish_held(m, now))
		return;
	publish_compile(m, now);
	if (!(p->pending & PUBLISH_KEYS))
		issuers_published(m->issuers);
	if (m->phase == MASTER_WAITING && p->segments[SEGMENT_RULES])
		master_start_workers(m);
	waiters_settle(m);
}

void
publish_tick(struct master *m)
{
	if (m->publisher.pending)
		publish_mark(m, 0);
	publish_send_missed(m);
	waiters_settle(m);
	explainer_tick(m, clock_mono_ms());
}
