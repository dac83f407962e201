/*
 * A table with all rules, compiled by a child: the master goes on with the one in force meanwhile.
 */

#include "publish_own.h"

#include "issuer_set.h"
#include "master.h"

#include "lib/clock.h"
#include "lib/log.h"
#include "shm/memfd.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define PAUSE_MIN_MS 2000  /* after one that failed; */
#define PAUSE_MAX_MS 64000 /* of several one after the other */

enum { RESULT_RULES, RESULT_REPORT, RESULT_SLOTS };

bool
publish_is_large(const struct master *m, const struct rules *rules)
{
	size_t store = rules ? publish_store_routes(rules) + rules_refusals(rules) : 0;

	return store + m->config->routes_count >= m->config->build_routes;
}

int
publish_report_all(struct master *m, struct compile_report **out)
{
	struct publisher *p = &m->publisher;
	struct segment *rules;
	int r;

	if (!p->segments[SEGMENT_RULES])
		return -EAGAIN;
	r = compile_rules(m->config, m->rules, p->rules_loaded, p->directory, &p->slots, m->issuers,
			  p->generation, true, &rules, out);
	if (r == 0)
		seg_unref(rules);
	return r;
}

/* ---- the child ---- */

static int
slots_pack(struct publisher *p, int *fd)
{
	BUF_CLEAN struct buf routes = { 0 }, limits = { 0 };
	uint64_t head[2];
	struct slice parts[3];

	slots_write(p->slots.routes, false, &routes);
	slots_write(p->slots.limits, false, &limits);
	head[0] = routes.n;
	head[1] = limits.n;
	parts[0] = slice_make((const char *)head, sizeof head);
	parts[1] = buf_slice(&routes);
	parts[2] = buf_slice(&limits);
	return memfd_of("yett-slots", parts, 3, fd);
}

static int
work(void *userdata, struct build_result *out)
{
	struct master *m = userdata;
	struct publisher *p = &m->publisher;
	struct segment *rules;
	struct compile_report *report;
	int r;

	slots_borrow(p->slots.routes);
	slots_borrow(p->slots.limits);
	r = compile_rules(m->config, m->rules, p->next.rules_loaded, p->directory, &p->slots,
			  m->issuers, p->generation, false, &rules, &report);
	if (r < 0)
		return r;
	out->fd[RESULT_RULES] = rules->fd;
	out->same = segment_same(p->segments[SEGMENT_RULES], rules);
	r = compile_report_pack(report, &out->fd[RESULT_REPORT]);
	return r < 0 ? r : slots_pack(p, &out->fd[RESULT_SLOTS]);
}

/* ---- the master ---- */

static int
slots_unpack(struct publisher *p, int fd)
{
	struct slice all, rest;
	uint64_t head[2];
	int r = memfd_map(fd, &all);

	close(fd);
	if (r < 0)
		return r;
	r = -EBADMSG;
	memcpy(head, all.p, all.n < sizeof head ? 0 : sizeof head);
	rest = slice_make(all.p + sizeof head, all.n - sizeof head);
	if (all.n >= sizeof head && head[0] <= rest.n && head[1] == rest.n - head[0] &&
	    slots_read(p->slots.routes, slice_make(rest.p, head[0])) == 0 &&
	    slots_read(p->slots.limits, slice_make(rest.p + head[0], head[1])) == 0)
		r = 0;
	memfd_unmap(all);
	return r;
}

static void
slots_end_loan(struct publisher *p)
{
	slots_lend(p->slots.routes, false);
	slots_lend(p->slots.limits, false);
}

static int
take(struct master *m, struct build_result *result)
{
	struct publisher *p = &m->publisher;
	struct publish_base *next = &p->next;
	int *fd = result->fd, r;

	if (fd[RESULT_RULES] < 0 || fd[RESULT_REPORT] < 0 || fd[RESULT_SLOTS] < 0)
		return -EBADMSG;
	r = seg_take(fd[RESULT_RULES], SEGMENT_RULES, &next->rules);
	fd[RESULT_RULES] = -1;
	if (r < 0)
		return r;
	r = compile_report_open(fd[RESULT_REPORT], &next->report);
	fd[RESULT_REPORT] = -1;
	if (r < 0)
		return r;
	r = slots_unpack(p, fd[RESULT_SLOTS]);
	fd[RESULT_SLOTS] = -1;
	if (r == 0 && result->same && p->segments[SEGMENT_RULES] &&
	    p->segments[SEGMENT_RULES]->head->generation == p->building_over) {
		seg_unref(next->rules);
		next->rules = seg_ref(p->segments[SEGMENT_RULES]);
	}
	return r;
}

static const char *
failure(int r)
{
	switch (r) {
	case -ECHILD:
		return "the process that compiles the rules has ended amid it";
	case -ETIME:
		return "the process that compiles the rules took too long";
	default:
		return strerror(-r);
	}
}

/* What needs no build goes on meanwhile, so the pause is that of builds alone. */
static void
done(void *userdata, int r, struct build_result *result)
{
	struct master *m = userdata;
	struct publisher *p = &m->publisher;

	slots_end_loan(p);
	if (r == -ECANCELED)
		return;
	if (r == 0)
		r = take(m, result);
	if (r == 0) {
		p->build_pause_ms = 0;
		log_info("build routes=%zu took_ms=%.1f", p->next.report->total,
			 (double)(clock_mono_ns() - p->building_since) / 1e6);
		publish_mark(m, PUBLISH_RULES);
		return;
	}
	base_begin(&p->next, m);
	p->build_pause_ms = p->build_pause_ms ? 2 * p->build_pause_ms : PAUSE_MIN_MS;
	if (p->build_pause_ms > PAUSE_MAX_MS)
		p->build_pause_ms = PAUSE_MAX_MS;
	p->build_ms = clock_mono_ms() + p->build_pause_ms;
	log_error("build error=\"%s\" in_force=%llu again_ms=%u", failure(r),
		  (unsigned long long)p->version, p->build_pause_ms);
	publish_mark(m, p->building_other ? PUBLISH_RULES | PUBLISH_WHOLE : 0);
}

int
publish_build(struct master *m)
{
	struct publisher *p = &m->publisher;
	int r;

	if (p->builder.now)
		return 0;
	if (issuer_work_any() || clock_mono_ms() < p->build_ms)
		return -EAGAIN;
	base_begin(&p->next, m);
	p->building_since = clock_mono_ns();
	p->building_over =
	    p->segments[SEGMENT_RULES] ? p->segments[SEGMENT_RULES]->head->generation : 0;
	slots_lend(p->slots.routes, true);
	slots_lend(p->slots.limits, true);
	r = builder_start(&p->builder, "yett-build", work, done, m);
	if (r < 0) {
		slots_end_loan(p);
		return r;
	}
	p->generation++; /* the child's is its own */
	p->building_other = p->pending & PUBLISH_WHOLE;
	p->pending &= ~(unsigned)PUBLISH_WHOLE;
	return 0;
}

void
publish_build_stop(struct master *m)
{
	struct publisher *p = &m->publisher;

	builder_cancel(&p->builder);
	p->build_ms = p->build_pause_ms = 0;
	base_begin(&p->next, m);
}
