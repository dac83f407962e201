/*
 * Which segments the next table needs, each whole or as an overlay; and their compilation.
 */

#include "publish_own.h"

#include "master.h"

#include <string.h>

#define MOVED_MAX 4096 /* upstreams that moved, over and over perhaps */

void
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
size_t
publish_store_routes(const struct rules *r)
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
		r = compile_rules(c, rules, loaded, d, &p->slots, m->issuers, p->generation,
				  &out->segments[SEGMENT_RULES], &out->report);
	if (r == 0 && parts & PUBLISH_ENDPOINTS)
		r = compile_endpoints(c, d, m->resolver, files, publish_sticky_key(m, c),
				      p->generation, &out->segments[SEGMENT_ENDPOINTS],
				      &out->warnings);
	if (r == 0 && parts & PUBLISH_KEYS)
		r = compile_keys(c, rules, d, files, &m->tickets, m->issuers, p->generation,
				 &out->segments[SEGMENT_KEYS]);
	return r;
}

int
publish_check(struct master *m, const struct config *next, struct buf *report)
{
	BUF_CLEAN struct buf warnings = { 0 };
	const struct rules *rules = rules_for(m, next);
	struct directory *d = directory_build(next, rules, NULL, &m->publisher.slots, &warnings);
	struct product product = { 0 };
	int r = product_make(m, next, d, PUBLISH_ALL, &product);

	if (r < 0)
		buf_addf(report, "%s: the table cannot be compiled: %s\n", next->file,
			 strerror(-r));
	product_deinit(&product);
	directory_free(d);
	return r;
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
int
product_make_pending(struct master *m, unsigned parts, struct product *out)
{
	int r = 1;

	if (parts & PUBLISH_RULES) {
		r = parts & PUBLISH_WHOLE ? 1 : overlay_make(m, out);
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
