#include "publish.h"

#include "compile_index.h"
#include "lookup.h"
#include "master.h"

#include "lib/clock.h"
#include "lib/log.h"
#include "lib/xalloc.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define QUEUE_LONG 64  /* messages that wait for a worker: it gets no further table for now */
#define HOLD_MS 500    /* for names that nobody has asked for before */
#define MOVED_MAX 4096 /* upstreams that moved, over and over perhaps */
#define RETRY_MS 2000  /* after a compilation that failed */
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
	/* A timer of no length runs in the next turn, however many marks there were before. */
	uv_timer_start(&p->turn, publish_turn, 0, 0);
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

/* ---- the directory ---- */

static void
log_warnings(char **last, struct buf *warnings)
{
	struct slice rest = buf_slice(warnings);

	buf_addc(warnings, '\0');
	if (*last && strcmp(*last, warnings->p) == 0)
		return;
	while (rest.p && rest.n > 0) {
		struct slice line = slice_cut(rest, '\n', &rest);

		if (line.n && !(*last && memmem(*last, strlen(*last), line.p, line.n + 1)))
			log_warn("directory warning=\"%.*s\"", SLICE_F(line));
	}
	free(*last);
	*last = xstrdup(warnings->p);
}

static void
on_moved(void *userdata, const struct directory_upstream *u)
{
	struct publisher *p = userdata;

	if (p->base.moved_count == p->base.moved_cap) {
		p->base.moved_cap = p->base.moved_cap ? 2 * p->base.moved_cap : 16;
		p->base.moved = xrealloc(p->base.moved, p->base.moved_cap * sizeof *p->base.moved);
	}
	p->base.moved[p->base.moved_count++] =
	    (struct compile_moved){ compile_what_upstream(u->source, slice_of(u->name)), u->index };
}

/* Resolver and prober hear of new endpoints before the table that names them is compiled. */
static void
directory_renew(struct master *m)
{
	struct publisher *p = &m->publisher;
	BUF_CLEAN struct buf warnings = { 0 };
	struct directory *next = directory_build(m->config, m->rules, &p->slots, &warnings);

	log_warnings(&p->warnings, &warnings);
	resolver_watch(m->resolver, next);
	prober_watch(m->prober, next, m->config, m->certificates);
	ejector_watch(m->ejector, next, clock_mono_ms());
	if (next->speaks_tls || (p->directory && p->directory->speaks_tls))
		p->pending |= PUBLISH_KEYS; /* others may need the files */
	if (p->directory) {
		directory_compare(p->directory, next, on_moved, p);
		directory_free(p->directory);
	}
	p->directory = next;
	p->directory_old = false;
	p->directory_new = true;
	p->upstreams = rules_upstreams(m->rules);
	p->pending |= PUBLISH_ENDPOINTS; /* the rules name upstreams by their index */
}

void
publish_reconfigured(struct master *m)
{
	directory_renew(m);
	publish_mark(m, PUBLISH_ALL);
	m->publisher.directory_old = false;
}

/* ---- new names ---- */

static bool
name_awaited(const struct master *m, const char *host)
{
	const struct resolved *addresses;
	uint64_t generation;
	bool settled;

	if (map_get(&m->publisher.names, slice_of(host)))
		return false;
	resolver_get(m->resolver, host, &addresses, &generation, &settled);
	return !settled;
}

static bool
names_awaited(const struct master *m)
{
	const struct directory *d = m->publisher.directory;

	if (resolver_settled(m->resolver))
		return false;
	for (size_t u = 0; u < d->upstreams_count; u++) {
		const struct directory_upstream *upstream = &d->upstreams[u];

		for (size_t e = 0; e < upstream->endpoints_count; e++) {
			const char *host = upstream->endpoints[e].address.host;

			if (host && name_awaited(m, host))
				return true;
		}
	}
	return false;
}

/* A name delays one table, the first that has it: what it resolves to later is a change of its own.
 */
static void
names_note(struct master *m)
{
	struct publisher *p = &m->publisher;
	const struct directory *d = p->directory;
	struct resolved literal;

	map_deinit(&p->names, NULL);
	for (size_t u = 0; u < d->upstreams_count; u++) {
		const struct directory_upstream *upstream = &d->upstreams[u];

		for (size_t e = 0; e < upstream->endpoints_count; e++) {
			const char *host = upstream->endpoints[e].address.host;

			if (host && !lookup_literal(slice_of(host), &literal))
				*map_put(&p->names, slice_of(host)) = p;
		}
	}
}

/* ---- compiling ---- */

struct product {
	struct segment *segments[SEGMENT_N];  /* NULL: as before */
	struct compile_report *report, *over; /* of all rules, or of an overlay */
	struct buf warnings;                  /* of the endpoints */
};

static void
product_deinit(struct product *p)
{
	for (int i = 0; i < SEGMENT_N; i++)
		seg_unref(p->segments[i]);
	compile_report_free(p->report);
	compile_report_free(p->over);
	buf_deinit(&p->warnings);
}

struct slice
publish_sticky_key(const struct master *m, const struct config *c)
{
	if (c->sticky_secret.bytes && c->sticky_secret.n > 0)
		return slice_make(c->sticky_secret.bytes, c->sticky_secret.n);
	return slice_make((const char *)m->sticky_key.bytes, sizeof m->sticky_key.bytes);
}

/* Those that we have are of no use to a configuration that keeps its rules elsewhere. */
static const struct rules *
rules_for(const struct master *m, const struct config *c)
{
	return c->redis.configured == m->config->redis.configured ? m->rules : NULL;
}

/* Routes of the store that have a line each, but for those that are refused. */
static size_t
store_routes(const struct rules *r)
{
	return rules_frontends(r) + rules_natives(r, NATIVE_ROUTE);
}

/* Of the rules, where that is possible. 0; 1: they are to be compiled whole; or a negative errno.
 */
static int
overlay_make(struct master *m, struct product *out)
{
	struct publisher *p = &m->publisher;
	struct segment *base = p->segments[SEGMENT_RULES];
	const struct compile_touched touched = { rules_touched(m->rules), p->base.moved,
						 p->base.moved_count };

	if (!p->report || !touched.keys || p->base.moved_count > MOVED_MAX ||
	    p->base.serial != m->config->serial || p->rules_loaded != master_rules_loaded(m) ||
	    quarantine_knows(&p->quarantine, touched.keys))
		return 1;
	return compile_rules_over(m->config, m->rules, p->directory, &p->slots, &touched, p->report,
				  base->base ? base->base : base, p->generation,
				  &out->segments[SEGMENT_RULES], &out->over);
}

static int
product_make(struct master *m, const struct config *c, struct directory *d, unsigned parts,
	     struct product *out)
{
	struct publisher *p = &m->publisher;
	const struct certificates *files = c == m->config ? m->certificates : c->tls.loaded;
	bool loaded = c->redis.configured != m->config->redis.configured || master_rules_loaded(m);
	const struct rules *rules = rules_for(m, c);
	int r = 0;

	if (parts & PUBLISH_RULES)
		r = compile_rules(c, rules, loaded, d, &p->slots, p->generation,
				  &out->segments[SEGMENT_RULES], &out->report);
	if (r == 0 && parts & PUBLISH_ENDPOINTS)
		r = compile_endpoints(c, d, m->resolver, files, publish_sticky_key(m, c),
				      p->generation, &out->segments[SEGMENT_ENDPOINTS],
				      &out->warnings);
	if (r == 0 && parts & PUBLISH_KEYS)
		r = compile_keys(c, d, files, &m->tickets, p->generation,
				 &out->segments[SEGMENT_KEYS]);
	return r;
}

int
publish_check(struct master *m, const struct config *next, struct buf *report)
{
	BUF_CLEAN struct buf warnings = { 0 };
	const struct rules *rules = rules_for(m, next);
	struct directory *d = directory_build(next, rules, &m->publisher.slots, &warnings);
	struct product product = { 0 };
	int r = product_make(m, next, d, PUBLISH_ALL, &product);

	if (r < 0)
		buf_addf(report, "%s: the table cannot be compiled: %s\n", next->file,
			 strerror(-r));
	product_deinit(&product);
	directory_free(d);
	return r;
}

/* The same but for the generation. */
static bool
segment_same(const struct segment *a, const struct segment *b)
{
	size_t from = offsetof(struct seg_header, generation) + sizeof a->head->generation;

	return a && b && a->size == b->size &&
	       memcmp((const char *)a->head + from, (const char *)b->head + from, a->size - from) ==
		   0;
}

/* The same of the endpoints, once it was possible for the rules. */
static int
endpoints_make(struct master *m, struct product *out)
{
	struct publisher *p = &m->publisher;
	struct segment *base = p->segments[SEGMENT_ENDPOINTS];
	const struct compile_touched touched = { rules_touched(m->rules), p->base.moved,
						 p->base.moved_count };

	if (p->endpoints_old)
		return 1;
	return compile_endpoints_over(
	    m->config, p->directory, m->resolver, publish_sticky_key(m, m->config), &touched,
	    base->base ? base->base : base, p->generation, &out->segments[SEGMENT_ENDPOINTS]);
}

/* What is pending. Who makes all rules makes all endpoints, too: what is touched is counted from
 * there for both. */
static int
product_make_next(struct master *m, unsigned parts, struct product *out)
{
	int r = 1;

	if (parts & PUBLISH_RULES) {
		r = overlay_make(m, out);
		if (r < 0)
			return r;
		if (r > 0)
			parts |= PUBLISH_ENDPOINTS;
		else
			parts &= ~(unsigned)PUBLISH_RULES;
		if (r == 0 && parts & PUBLISH_ENDPOINTS) {
			r = endpoints_make(m, out);
			if (r < 0)
				return r;
			if (r == 0)
				parts &= ~(unsigned)PUBLISH_ENDPOINTS;
		}
	}
	return product_make(m, m->config, m->publisher.directory, parts, out);
}

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
	return p->report->routes_count + store_routes(m->rules) - p->base.rules;
}

/* ---- sending ---- */

static void
send_segment(struct slot *slot, const struct segment *s)
{
	struct msg_segment segment = { .kind = s->head->kind, .generation = s->head->generation };

	if (s->head->kind == SEGMENT_KEYS && slot->role != ROLE_TRAFFIC)
		return;
	supervisor_send(slot, MSG_SEGMENT, &segment, sizeof segment, s->fd);
}

static void
send_publish(const struct publisher *p, struct slot *slot)
{
	struct msg_publish publish = { .version = p->version, .revision_wall = p->revision_wall };

	memcpy(publish.revision, p->revision, sizeof publish.revision);

	for (int i = 0; i < SEGMENT_N; i++) {
		if (i != SEGMENT_KEYS || slot->role == ROLE_TRAFFIC)
			publish.generation[i] = p->segments[i]->head->generation;
	}
	supervisor_send(slot, MSG_PUBLISH, &publish, sizeof publish, -1);
}

void
publish_greet(struct master *m, struct slot *slot)
{
	struct publisher *p = &m->publisher;

	for (int i = 0; i < SEGMENT_N; i++) {
		if (p->segments[i]->base)
			send_segment(slot, p->segments[i]->base);
		send_segment(slot, p->segments[i]);
	}
	send_publish(p, slot);
}

static void
send_all(struct master *m, const bool changed[SEGMENT_N])
{
	struct publisher *p = &m->publisher;

	for (uint32_t i = 0; i < m->supervisor.slots_count; i++) {
		struct slot *slot = &m->supervisor.slots[i];

		if (!slot_is_live(slot))
			continue;
		if (slot->control && slot->control->queued > QUEUE_LONG)
			slot->behind = true;
		if (slot->behind)
			continue;
		for (int k = 0; k < SEGMENT_N; k++) {
			if (changed[k])
				send_segment(slot, p->segments[k]);
		}
		send_publish(p, slot);
	}
}

/* Tables that a stuck worker missed are not sent to it one after the other: the newest will do. */
static void
send_missed(struct master *m)
{
	for (uint32_t i = 0; i < m->supervisor.slots_count; i++) {
		struct slot *slot = &m->supervisor.slots[i];

		if (!slot->behind || !slot_is_live(slot) || !slot->control ||
		    slot->control->queued > 0)
			continue;
		slot->behind = false;
		publish_greet(m, slot);
	}
}

void
publish_tick(struct master *m)
{
	if (m->publisher.pending)
		publish_mark(m, 0);
	send_missed(m);
	waiters_settle(m);
	explainer_tick(m, clock_mono_ms());
}

/* ---- the turn ---- */

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
		p->base.rules = store_routes(m->rules);
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
	p->published_wall = clock_wall();
	board_set(&m->page->published_wall, (uint64_t)p->published_wall);
	board_set(&m->page->version, p->version);
	send_all(m, changed);
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
		if (now >= m->started_ms + m->config->start_wait)
			return false;
		return !master_rules_awaited(m) || !resolver_settled(m->resolver);
	}
	if (!names_awaited(m))
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

static void
publish_compile(struct master *m, uint64_t now)
{
	struct publisher *p = &m->publisher;
	uint64_t start = clock_mono_ns();
	struct product product = { 0 };
	unsigned parts = p->pending;
	int r = product_make_next(m, parts, &product);
	bool whole = product.report != NULL;

	if (r < 0) {
		log_error("table error=\"cannot be compiled: %s\" in_force=%llu", strerror(-r),
			  (unsigned long long)p->version);
		p->retry_ms = now + RETRY_MS;
	} else {
		p->pending = 0;
		p->endpoints_old = false;
		if (p->directory_new)
			names_note(m);
		p->hold_ms = 0;
		if (parts & PUBLISH_ENDPOINTS)
			log_warnings(&p->names_warnings, &product.warnings);
		if (parts & PUBLISH_RULES)
			p->rules_loaded = master_rules_loaded(m);
		if (publish_commit(m, &product, parts & PUBLISH_REVISION))
			log_info("table version=%llu routes=%zu upstreams=%zu took_ms=%.1f",
				 (unsigned long long)p->version, publish_routes(m),
				 p->directory->upstreams_count,
				 (double)(clock_mono_ns() - start) / 1e6);
		if (whole)
			quarantine_renew(m);
		if (parts & PUBLISH_RULES) {
			if (p->directory_new) { /* it named those that it needs */
				slots_sweep(p->slots.upstreams, ROUNDS_KEPT);
				slots_sweep(p->slots.endpoints, ROUNDS_KEPT);
			}
			p->directory_new = false;
			if (whole) /* so did the routes */
				slots_sweep(p->slots.routes, ROUNDS_KEPT);
			else
				slots_pass(p->slots.routes);
		}
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
		directory_renew(m);
	if (!p->pending || publish_held(m, now))
		return;
	publish_compile(m, now);
	if (m->phase == MASTER_WAITING && p->segments[SEGMENT_RULES])
		master_start_workers(m);
	waiters_settle(m);
}
