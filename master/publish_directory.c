/*
 * The upstreams that the next table is made of.
 */

#include "publish_own.h"

#include "compile_index.h"
#include "master.h"

#include "lib/clock.h"
#include "lib/log.h"
#include "lib/xalloc.h"

#include <stdlib.h>
#include <string.h>

#define WARNINGS_MAX 65536

/* Was any of them new? */
static bool
warn(const char *last, const struct buf *warnings)
{
	struct slice rest = buf_slice(warnings);
	bool news = false;

	while (rest.n > 0) {
		struct slice line = slice_cut(rest, '\n', &rest);

		if (line.n == 0 || (last && memmem(last, strlen(last), line.p, line.n + 1)))
			continue;
		log_warn("directory warning=\"%.*s\"", SLICE_F(line));
		news = true;
	}
	return news;
}

void
publish_warn(char **last, struct buf *warnings)
{
	warn(*last, warnings);
	free(*last);
	*last = xstrndup(warnings->n ? warnings->p : "", warnings->n);
}

/* Of some upstreams: what was said of the others stands, as far as it is kept. */
static void
warn_more(char **last, struct buf *warnings)
{
	BUF_CLEAN struct buf all = { 0 };
	struct slice kept = slice_of(*last);

	if (!warn(*last, warnings))
		return;
	if (kept.n < WARNINGS_MAX)
		buf_adds(&all, kept);
	buf_adds(&all, buf_slice(warnings));
	free(*last);
	*last = xstrndup(all.p, all.n);
}

static void
on_moved(void *userdata, const struct directory_upstream *u)
{
	struct publisher *p = userdata;

	base_move(&p->base, u);
	if (publish_awaits(p))
		base_move(&p->next, u);
}

static void
on_changed(void *userdata, const struct directory_upstream *before,
	   const struct directory_upstream *next)
{
	struct master *m = userdata;
	struct publisher *p = &m->publisher;

	resolver_change(m->resolver, before, next);
	prober_change(m->prober, p->directory, before, next, m->certificates);
	ejector_change(m->ejector, before, next, clock_mono_ms());
	if ((before && before->speaks_tls) || (next && next->speaks_tls))
		p->pending |= PUBLISH_KEYS;
	if (directory_leads_same(before, next))
		return;
	if (before)
		on_moved(p, before);
	if (next)
		on_moved(p, next);
}

static void
directory_renew(struct master *m)
{
	struct publisher *p = &m->publisher;
	BUF_CLEAN struct buf warnings = { 0 };
	struct seek_servers sessions;
	struct directory *next;

	seek_servers(m->seek_sessions, &sessions);
	next = directory_build(m->config, m->rules, &sessions, &p->slots, &warnings);
	publish_warn(&p->warnings, &warnings);
	resolver_watch(m->resolver, next);
	prober_watch(m->prober, next, m->config, m->certificates);
	ejector_watch(m->ejector, next, clock_mono_ms());
	if (next->tls_count || (p->directory && p->directory->tls_count))
		p->pending |= PUBLISH_KEYS; /* others may need the files */
	if (p->directory) {
		directory_compare(p->directory, next, on_moved, p);
		directory_free(p->directory);
	}
	p->directory = next;
}

/* Many at once cost more one by one. Where an upstream has no index, others may have left theirs.
 */
static bool
is_whole(const struct master *m)
{
	const struct publisher *p = &m->publisher;
	const struct map *keys = rules_touched(m->rules);

	return p->directory_whole || !p->directory || !keys || p->directory->lacking ||
	       keys->count > 64 + p->directory->upstreams_count / 8;
}

static void
tell(struct master *m)
{
	const struct directory *d = m->publisher.directory;

	if (d->unprobed && !m->page->endpoints_unprobed)
		log_warn("probe endpoints=%zu error=\"the board is full: they are used without "
			 "health checks\"",
			 d->unprobed);
	if (d->uncounted && !m->page->endpoints_uncounted)
		log_warn("endpoints=%zu error=\"the board counts %u: the others are neither "
			 "ejected nor kept to max_connections\"",
			 d->uncounted, BOARD_ENDPOINTS - 1);
	board_set(&m->page->endpoints, (uint64_t)d->endpoints);
	board_set(&m->page->endpoints_unprobed, (uint64_t)d->unprobed);
	board_set(&m->page->endpoints_uncounted, (uint64_t)d->uncounted);
}

/* Resolver and prober hear of new endpoints before the table that names them is compiled. */
void
publish_directory(struct master *m)
{
	struct publisher *p = &m->publisher;
	BUF_CLEAN struct buf warnings = { 0 };

	if (is_whole(m)) {
		directory_renew(m);
	} else {
		directory_change(p->directory, m->config, m->rules, rules_touched(m->rules),
				 &p->slots, &warnings, on_changed, m);
		warn_more(&p->warnings, &warnings);
	}
	tell(m);
	drains_apply(m);
	p->directory_old = p->directory_whole = false;
	p->directory_new = true;
	p->upstreams = rules_upstreams(m->rules);
	p->pending |= PUBLISH_ENDPOINTS; /* the rules name upstreams by their index */
}
