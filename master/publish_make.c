/*
 * Which segments the next table needs, each whole or as an overlay; and their compilation.
 */

#include "publish_own.h"

#include "master.h"

#include "lib/log.h"

#include <errno.h>
#include <string.h>

#define MOVED_MAX 4096 /* upstreams that moved, over and over perhaps */

void
product_deinit(struct product *p)
{
	for (int i = 0; i < SEGMENT_N; i++)
		seg_unref(p->segments[i]);
	compile_report_free(p->over);
	buf_deinit(&p->warnings);
}

bool
segment_same(const struct segment *a, const struct segment *b)
{
	size_t from = offsetof(struct seg_header, generation) + sizeof a->head->generation;

	return a && b && a->size == b->size &&
	       memcmp((const char *)a->head + from, (const char *)b->head + from, a->size - from) ==
		   0;
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
size_t
publish_store_routes(const struct rules *r)
{
	return rules_frontends(r) + rules_natives(r, NATIVE_ROUTE);
}

/* ---- rules ---- */

/* As an overlay of `base`. 0; 1: that is not possible; or a negative errno. */
static int
overlay_make(struct master *m, const struct publish_base *base, struct product *out)
{
	struct publisher *p = &m->publisher;
	const struct compile_touched touched = { &base->touched, base->moved, base->moved_count };

	if (!base->rules || base->touched_all || base->moved_count > MOVED_MAX ||
	    base->serial != m->config->serial || base->rules_loaded != master_rules_loaded(m) ||
	    quarantine_knows(&p->quarantine, touched.keys))
		return 1;
	return compile_rules_over(m->config, m->rules, p->directory, &p->slots, &touched,
				  base->report, base->rules, p->generation,
				  &out->segments[SEGMENT_RULES], &out->over);
}

/* All of them, here or by a child: then it is not done yet. */
static int
rules_all(struct master *m, struct product *out)
{
	struct publisher *p = &m->publisher;
	int r;

	if (publish_is_large(m, m->rules)) {
		r = publish_build(m);
		return r == -EAGAIN ? 0 : r;
	}
	base_begin(&p->next, m);
	r = compile_rules(m->config, m->rules, p->next.rules_loaded, p->directory, &p->slots,
			  m->issuers, p->generation, false, &p->next.rules, &p->next.report);
	if (r == 0 && segment_same(p->segments[SEGMENT_RULES], p->next.rules)) {
		seg_unref(p->next.rules);
		p->next.rules = seg_ref(p->segments[SEGMENT_RULES]);
	}
	out->whole = r == 0;
	out->parts |= PUBLISH_RULES;
	return r;
}

/* What a child has compiled, with what changed meanwhile. Where an overlay cannot say that, it is
 * for the next one, and the rules stay pending; but what is in force already, a rule that is gone
 * perhaps, is not taken back until then. */
static int
rules_take(struct master *m, struct product *out)
{
	struct publisher *p = &m->publisher;
	int r = base_touched(&p->next) ? overlay_make(m, &p->next, out) : 0;

	if (r < 0)
		return r;
	if (r > 0 && p->next.passed)
		return rules_all(m, out);
	out->whole = true;
	out->parts |= r > 0 || p->pending & PUBLISH_WHOLE ? 0 : PUBLISH_RULES;
	return 0;
}

/* The next base is made before this one is full, so that a change need not wait for it; nor for
 * one that cannot be made. */
static void
base_renew(struct master *m)
{
	const struct publish_base *base = &m->publisher.base;
	int r;

	if (!publish_is_large(m, m->rules) ||
	    base->touched.count + base->moved_count < COMPILE_OVER_MAX / 2)
		return;
	r = publish_build(m);
	if (r < 0 && r != -EAGAIN)
		log_error("build error=\"%s\"", strerror(-r));
}

static int
rules_make(struct master *m, struct product *out)
{
	struct publisher *p = &m->publisher;
	int r = 1;

	if (p->next.rules)
		return rules_take(m, out);
	if (!(p->pending & PUBLISH_WHOLE) && !(p->builder.now && p->building_other))
		r = overlay_make(m, &p->base, out);
	if (r == 0) {
		out->parts |= PUBLISH_RULES;
		p->next.passed = p->builder.now != NULL;
		base_renew(m);
	}
	if (r > 0 && !p->builder.now)
		r = rules_all(m, out);
	return r < 0 ? r : 0;
}

/* ---- all of it ---- */

static int
rest_make(struct master *m, const struct config *c, struct directory *d, unsigned parts,
	  struct product *out)
{
	struct publisher *p = &m->publisher;
	const struct certificates *files = c == m->config ? m->certificates : c->tls.loaded;
	int r = 0;

	if (parts & PUBLISH_ENDPOINTS)
		r = compile_endpoints(c, d, m->resolver, files, publish_sticky_key(m, c),
				      p->generation, &out->segments[SEGMENT_ENDPOINTS],
				      &out->warnings);
	if (r == 0 && parts & PUBLISH_KEYS)
		r = compile_keys(c, rules_for(m, c), d,
				 parts & PUBLISH_ENDPOINTS ? NULL : p->segments[SEGMENT_ENDPOINTS],
				 files, &m->tickets, m->issuers, p->generation,
				 &out->segments[SEGMENT_KEYS]);
	return r;
}

int
publish_check(struct master *m, const struct config *next, struct buf *report)
{
	BUF_CLEAN struct buf warnings = { 0 };
	const struct rules *all = rules_for(m, next);
	/* What is wrong with it shows without the rules of the store, too. */
	const struct rules *rules = publish_is_large(m, all) ? NULL : all;
	bool loaded =
	    next->redis.configured != m->config->redis.configured || master_rules_loaded(m);
	struct directory *d = directory_build(next, rules, NULL, &m->publisher.slots, &warnings);
	struct product product = { 0 };
	struct segment *table = NULL;
	struct compile_report *lines = NULL;
	int r = compile_rules(next, rules, loaded, d, &m->publisher.slots, m->issuers,
			      m->publisher.generation, false, &table, &lines);

	if (r == 0)
		r = rest_make(m, next, d, PUBLISH_ALL, &product);
	if (r < 0)
		buf_addf(report, "%s: the table cannot be compiled: %s\n", next->file,
			 strerror(-r));
	seg_unref(table);
	compile_report_free(lines);
	product_deinit(&product);
	directory_free(d);
	return r;
}

/* As an overlay, once it was possible for the rules. */
static int
endpoints_make(struct master *m, struct product *out)
{
	struct publisher *p = &m->publisher;
	struct segment *base = p->segments[SEGMENT_ENDPOINTS];
	const struct compile_touched touched = { &p->base.touched, p->base.moved,
						 p->base.moved_count };

	if (p->endpoints_old)
		return 1;
	return compile_endpoints_over(
	    m->config, p->directory, m->resolver, publish_sticky_key(m, m->config), &touched,
	    base->base ? base->base : base, p->generation, &out->segments[SEGMENT_ENDPOINTS]);
}

/* While rules are on their way, the others would stand beside those of before: of another
 * configuration, or with upstreams that are not there any more. */
static unsigned
without_rules(const struct publisher *p, const struct master *m)
{
	if (!p->base.rules || p->base.serial != m->config->serial)
		return 0;
	return p->pending & (p->directory_new ? PUBLISH_KEYS : PUBLISH_KEYS | PUBLISH_ENDPOINTS);
}

int
product_make_pending(struct master *m, struct product *out)
{
	struct publisher *p = &m->publisher;
	unsigned rest = p->pending & (PUBLISH_KEYS | PUBLISH_ENDPOINTS);
	int r = 0;

	publish_drain(m);
	if (p->from_image) {
		rest = p->pending & PUBLISH_KEYS;
	} else if (p->pending & PUBLISH_RULES) {
		r = rules_make(m, out);
		if (r < 0)
			return r;
		if (out->whole)
			rest |= PUBLISH_ENDPOINTS;
		else if (!(out->parts & PUBLISH_RULES))
			rest = without_rules(p, m);
	}
	out->parts |= rest;
	if (!(p->pending & PUBLISH_RULES) || out->parts & PUBLISH_RULES)
		out->parts |= p->pending & PUBLISH_REVISION;
	if (rest & PUBLISH_ENDPOINTS && !out->whole && out->parts & PUBLISH_RULES) {
		r = endpoints_make(m, out);
		if (r < 0)
			return r;
		if (r == 0)
			rest &= ~(unsigned)PUBLISH_ENDPOINTS;
	}
	return rest_make(m, m->config, p->directory, rest, out);
}
