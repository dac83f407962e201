#include "publish.h"

#include "master.h"
#include "publish_own.h"

#include "lib/clock.h"
#include "lib/failpoint.h"
#include "lib/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HOLD_MS 500   /* for names that nobody has asked for before */
#define RETRY_MS 2000 /* after a compilation that failed */
/* A slot of the board that nothing names any more is given to others after so many tables: by then
 * the requests that hold an older one are few, and what they miscount is theirs alone. */
#define ROUNDS_KEPT 16
#define ROUNDS_SWEPT 8 /* of the tables with other upstreams so many, to look which are not */

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
	p->slots.endpoints = slots_new(BOARD_HEALTH);
	p->slots.routes = slots_new(BOARD_ROUTES);
	p->slots.limits = slots_new(BOARD_LIMITS);
	p->slots.seen_upstreams = slots_new(BOARD_UPSTREAMS);
	slots_on_board(p->slots.endpoints, m->page->names.endpoint);
	slots_on_board(p->slots.routes, m->page->names.route);
	slots_on_board(p->slots.limits, m->page->names.limit);
	slots_on_board(p->slots.seen_upstreams, m->page->names.upstream);
	builder_init(&p->builder, &m->loop);
	builder_init(&m->aside, &m->loop);
	p->turn.data = m;
	return uv_timer_init(&m->loop, &p->turn);
}

void
publish_deinit(struct master *m)
{
	struct publisher *p = &m->publisher;

	uv_close((uv_handle_t *)&p->turn, NULL);
	builder_stop(&p->builder);
	builder_stop(&m->aside);
	waiters_deinit(&p->waiters);
	for (int i = 0; i < SEGMENT_N; i++)
		seg_unref(p->segments[i]);
	if (p->directory)
		directory_free(p->directory);
	over_drop(p);
	base_deinit(&p->base);
	base_deinit(&p->next);
	slots_free(p->slots.upstreams);
	slots_free(p->slots.endpoints);
	slots_free(p->slots.routes);
	slots_free(p->slots.limits);
	slots_free(p->slots.seen_upstreams);
	quarantine_deinit(&p->quarantine);
	free(p->warnings);
	free(p->names_warnings);
}

/* It serves, and what it was compiled from is there, perhaps as others have changed it meanwhile.
 */
static bool
is_image_over(const struct master *m)
{
	return m->publisher.from_image && m->phase != MASTER_WAITING && !m->saver.loading &&
	       master_rules_loaded(m);
}

void
publish_mark(struct master *m, unsigned parts)
{
	struct publisher *p = &m->publisher;

	if (is_image_over(m)) {
		p->from_image = false;
		p->directory_whole = true;
		parts |= PUBLISH_ALL | PUBLISH_WHOLE;
	}
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
	m->publisher.directory_whole = true;
	publish_mark(m, PUBLISH_ENDPOINTS);
}

void
publish_reconfigured(struct master *m)
{
	publish_build_stop(m);
	m->publisher.directory_whole = true;
	publish_directory(m);
	publish_mark(m, PUBLISH_ALL);
	m->publisher.directory_old = false;
}

static uint64_t
generation_of(const struct segment *s)
{
	return s->head->generation;
}

void
publish_adopt(struct master *m, struct segment *rules, struct segment *endpoints)
{
	struct publisher *p = &m->publisher;

	p->segments[SEGMENT_RULES] = rules;
	p->segments[SEGMENT_ENDPOINTS] = endpoints;
	p->from_image = true;
	p->rules_loaded = table_global(rules)->rules_loaded;
	p->generation =
	    1 + (generation_of(rules) > generation_of(endpoints) ? generation_of(rules)
								 : generation_of(endpoints));
}

void
publish_certificates(struct master *m)
{
	const struct directory *d = m->publisher.directory;

	store_secure(m);
	publish_mark(m, PUBLISH_KEYS);
	if (!d || d->tls_count == 0)
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
		return p->base.report;
	if (!p->shown)
		p->shown = compile_report_over(p->base.report, p->over);
	return p->shown;
}

size_t
publish_routes(const struct master *m)
{
	const struct publisher *p = &m->publisher;

	if (!p->base.report)
		return 0;
	return p->base.report->total + publish_store_routes(m->rules) - p->base.routes;
}

/* ---- the turn ---- */

/* The rules that were compiled whole are what the next overlays are of. */
static void
base_commit(struct publisher *p)
{
	over_drop(p);
	base_deinit(&p->base);
	p->base = p->next;
	p->next = (struct publish_base){ 0 };
}

/* Puts in force what is new in `product`. Returns whether anything was. */
static bool
publish_commit(struct master *m, struct product *product)
{
	struct publisher *p = &m->publisher;
	bool changed[SEGMENT_N] = { 0 };
	bool any = product->parts & PUBLISH_REVISION;

	if (product->whole)
		base_commit(p);
	if (product->whole && !product->segments[SEGMENT_RULES])
		product->segments[SEGMENT_RULES] = seg_ref(p->base.rules);
	if (product->over) {
		over_drop(p);
		p->over = product->over;
		product->over = NULL;
	}
	for (int i = 0; i < SEGMENT_N; i++) {
		struct segment *s = product->segments[i];

		/* Rules that were compiled whole were compared with those before. */
		if (!s || s == p->segments[i] ||
		    (s != p->base.rules && segment_same(p->segments[i], s)))
			continue;
		seg_unref(p->segments[i]);
		p->segments[i] = s;
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
	FAILPOINT("publish-on-board");
	publish_send(m, changed, product->whole && p->base.rules != p->segments[SEGMENT_RULES]);
	FAILPOINT("publish-sent");
	return true;
}

static void
quarantine_renew(struct master *m)
{
	struct quarantine *q = &m->publisher.quarantine;

	quarantine_settle(q, m->rules, m->config, m->publisher.base.report);
	board_set(&m->page->rules_refused, (uint64_t)q->all.count);
	board_set(&m->page->rules_closed, (uint64_t)q->closed);
}

static bool
publish_held(struct master *m, uint64_t now)
{
	struct publisher *p = &m->publisher;

	if (now < p->retry_ms)
		return true;
	if (m->phase == MASTER_WAITING && p->from_image)
		return false;
	if (m->phase == MASTER_WAITING) {
		if (m->saver.loading) /* soon there are rules */
			return true;
		if (now >= m->started_ms + m->config->start_wait)
			return false;
		return !master_rules_awaited(m) || !resolver_settled(m->resolver);
	}
	if (!resolver_awaited(m->resolver))
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
	if (p->directory_new && ++p->directory_rounds % ROUNDS_SWEPT == 0) {
		directory_use(p->directory, &p->slots);
		slots_sweep(p->slots.upstreams, ROUNDS_KEPT);
		slots_sweep(p->slots.endpoints, ROUNDS_KEPT);
		slots_sweep(p->slots.seen_upstreams, ROUNDS_KEPT);
	} else if (p->directory_new) {
		slots_pass(p->slots.upstreams);
		slots_pass(p->slots.endpoints);
		slots_pass(p->slots.seen_upstreams);
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

/* `start`: when the compilation of this product began. */
static void
publish_compiled(struct master *m, struct product *product, uint64_t start)
{
	struct publisher *p = &m->publisher;
	unsigned parts = product->parts;

	p->pending &= ~parts;
	if (parts & PUBLISH_RULES)
		p->pending &= ~(unsigned)PUBLISH_WHOLE;
	if (parts & PUBLISH_ENDPOINTS)
		p->endpoints_old = false;
	if (parts & PUBLISH_RULES && p->directory_new)
		resolver_note(m->resolver);
	p->hold_ms = 0;
	if (parts & PUBLISH_ENDPOINTS)
		publish_warn(&p->names_warnings, &product->warnings);
	if (parts & PUBLISH_KEYS)
		p->api_keys = rules_api_keys(m->rules);
	if (publish_commit(m, product))
		log_info("table version=%llu routes=%zu upstreams=%zu took_ms=%.1f",
			 (unsigned long long)p->version, publish_routes(m),
			 p->directory->upstreams_count, (double)(clock_mono_ns() - start) / 1e6);
	if (parts & PUBLISH_RULES || product->whole)
		p->rules_loaded = p->base.rules_loaded;
	if (product->whole)
		quarantine_renew(m);
	if (parts & PUBLISH_RULES || product->whole)
		publish_sweep(p, product->whole);
}

/* Nothing is tried for a moment. */
static void
publish_failed(struct master *m)
{
	m->publisher.retry_ms = clock_mono_ms() + RETRY_MS;
}

static void
publish_compile(struct master *m)
{
	struct publisher *p = &m->publisher;
	uint64_t start = clock_mono_ns();
	struct product product = { 0 };
	int r = product_make_pending(m, &product);
	const struct segment *rules = product.segments[SEGMENT_RULES];

	if (!rules && product.whole)
		rules = p->next.rules;
	else if (!rules && p->from_image)
		rules = p->segments[SEGMENT_RULES];
	if (r == 0)
		r = rate_memory_need(m, rules);
	if (r == 0)
		r = fleet_need(m, rules);
	if (r < 0) {
		log_error("table error=\"cannot be compiled: %s\" in_force=%llu", strerror(-r),
			  (unsigned long long)p->version);
		publish_failed(m);
	} else if (product.parts || product.whole) {
		FAILPOINT("publish-compiled");
		publish_compiled(m, &product, start);
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
	if (p->directory_old || p->directory_whole)
		publish_directory(m);
	if (!p->pending || publish_held(m, now))
		return;
	publish_compile(m);
	if (!(p->pending & PUBLISH_KEYS))
		issuers_published(m->issuers);
	if (m->phase == MASTER_WAITING && p->segments[SEGMENT_RULES]) {
		master_start_workers(m);
		publish_mark(m, 0);
	}
	waiters_settle(m);
}

void
publish_tick(struct master *m)
{
	builder_tick(&m->publisher.builder, clock_mono_ms());
	builder_tick(&m->aside, clock_mono_ms());
	if (m->publisher.pending)
		publish_mark(m, 0);
	publish_send_missed(m);
	waiters_settle(m);
	explainer_tick(m, clock_mono_ms());
}
