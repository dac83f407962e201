#include "replay.h"

#include "master.h"

#include "lib/xalloc.h"

#include <errno.h>
#include <stdlib.h>

/* What one worker was asked last, newest first. */
struct reel {
	char *copy;
	struct asked_key *keys;
	size_t count, next;
};

static size_t
reels_load(const struct master *m, struct reel **out)
{
	const struct supervisor *s = &m->supervisor;
	struct reel *reels = xcalloc(s->slots_count, sizeof *reels);
	size_t n = 0;

	for (uint32_t i = 0; i < s->slots_count; i++) {
		struct reel *reel = &reels[n];

		if (s->slots[i].role != ROLE_TRAFFIC || !s->slots[i].page)
			continue;
		reel->copy = xmalloc(ASKED_BYTES);
		reel->keys = xcalloc(m->config->replay_keys, sizeof *reel->keys);
		reel->count = asked_read(&s->slots[i].page->asked, reel->copy, reel->keys,
					 m->config->replay_keys);
		n++;
	}
	*out = reels;
	return n;
}

static void
reels_free(struct reel *reels, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		free(reels[i].copy);
		free(reels[i].keys);
	}
	free(reels);
}

/* The newest over all workers. */
static size_t
reels_merge(struct reel *reels, size_t n, struct asked_key *out, size_t most)
{
	size_t count = 0;

	while (count < most) {
		struct reel *newest = NULL;

		for (size_t i = 0; i < n; i++) {
			struct reel *reel = &reels[i];

			if (reel->next < reel->count &&
			    (!newest ||
			     reel->keys[reel->next].second > newest->keys[newest->next].second))
				newest = reel;
		}
		if (!newest)
			break;
		out[count++] = newest->keys[newest->next++];
	}
	return count;
}

static void
replay_by(const struct master *m, const struct replay_side *after, bool examples, struct buf *out)
{
	const struct publisher *p = &m->publisher;
	const struct replay_side before = { p->segments[SEGMENT_RULES],
					    p->segments[SEGMENT_ENDPOINTS] };
	struct asked_key *keys = xcalloc(m->config->replay_keys, sizeof *keys);
	struct reel *reels;
	size_t n = reels_load(m, &reels), count;

	count = reels_merge(reels, n, keys, m->config->replay_keys);
	replay_compare(keys, count, &before, after, examples, out);
	reels_free(reels, n);
	free(keys);
}

int
replay_candidate(struct master *m, const struct rules *candidate, bool examples, struct buf *out)
{
	struct publisher *p = &m->publisher;
	BUF_CLEAN struct buf warnings = { 0 };
	struct compile_report *report = NULL;
	struct segment *rules = NULL, *endpoints = NULL;
	struct directory *d;
	int r;

	if (m->config->replay_keys == 0)
		return -ENOENT;
	if (!p->segments[SEGMENT_RULES])
		return -EAGAIN;
	d = directory_build(m->config, candidate, NULL, &p->slots, &warnings);
	r = compile_rules(m->config, candidate, true, d, &p->slots, m->issuers, p->generation,
			  false, &rules, &report);
	if (r == 0)
		r = compile_endpoints(m->config, d, m->resolver, m->certificates,
				      publish_sticky_key(m, m->config), p->generation, &endpoints,
				      &warnings);
	if (r == 0)
		replay_by(m, &(struct replay_side){ rules, endpoints }, examples, out);
	seg_unref(rules);
	seg_unref(endpoints);
	if (report)
		compile_report_free(report);
	directory_free(d);
	return r;
}
