/*
 * lookup: what a table of many routes takes: bytes, time until a worker may use it, and a look-up
 * in it. Routes are those of many services: every fourth has one of the hosts of its team, the
 * others share one host; paths have two segments. Look-ups go to routes at random, so that in a
 * large table each is of memory that no cache has.
 *
 * All times are of the processor.
 *
 * usage: bench-lookup [ROUTES...]   tables of so many, 10 and 1000000 when not said
 */

#include "lib/buf.h"
#include "lib/xalloc.h"
#include "shm/table.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define LOOKUPS 500000
#define ROUNDS 5
#define TEAM 400 /* routes, of which every fourth has its host */

struct asked {
	struct slice host, path;
	uint32_t route;
};

/* Of processor time. */
static uint64_t
cpu_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static struct slice
host_of(uint32_t i, char *space)
{
	if (i % 4)
		return SLICE("api.example.org");
	return slice_make(space, (size_t)sprintf(space, "team-%u.apps.example.org", i / TEAM));
}

static void
add_route(struct table_builder *b, uint32_t i)
{
	const struct table_shape shape = { .flags = ROUTE_STRIP };
	struct table_route r = { .upstream = i % 1000, .slot = i % 4096 };
	char space[64], id[160];
	struct slice host = host_of(i, space), path;
	int n = sprintf(id, "redis:%.*s", SLICE_F(host));

	path = slice_make(id + n, (size_t)sprintf(id + n, "/svc-%06x/v1", i));
	r.shape = table_builder_shape(b, &shape);
	table_builder_texts(b, &r, slice_of(id), host, path);
	table_builder_route(b, host, false, path, &r);
}

static struct segment *
build(uint32_t count)
{
	const struct table_policy policy = { .connect_ms = 5000 };
	struct segment *s = NULL;
	struct table_builder b;
	int r;

	table_builder_init(&b);
	seg_builder_add(&b.seg, RULES_POLICIES, &policy, sizeof policy);
	for (uint32_t i = 0; i < count; i++)
		add_route(&b, i);
	r = table_builder_finish(&b, 1, &s);
	assert(r == 0);
	table_builder_deinit(&b);
	return s;
}

static double
ms_since(uint64_t start)
{
	return (double)(cpu_ns() - start) / 1e6;
}

/* What a worker does with one that arrives, and when nobody uses it any more. */
static void
tell_arrival(const struct segment *made)
{
	uint64_t start = cpu_ns();
	struct segment *s = NULL;
	double opened, verified;
	int r = seg_open(dup(made->fd), SEGMENT_RULES, &s);

	assert(r == 0);
	opened = ms_since(start);
	start = cpu_ns();
	r = table_verify_rules(s);
	assert(r == 0);
	verified = ms_since(start);
	start = cpu_ns();
	seg_unref(s);
	printf(", open %.1f ms, verify %.1f ms, close %.1f ms", opened, verified, ms_since(start));
}

static struct asked *
questions(uint32_t count, struct buf *texts)
{
	struct asked *all = xcalloc(LOOKUPS, sizeof *all);
	uint64_t state = 1;

	buf_reserve(texts, (size_t)LOOKUPS * 96);
	for (uint32_t i = 0; i < LOOKUPS; i++) {
		char *at = texts->p + texts->n, space[64];
		uint32_t route;
		struct slice host;
		int n;

		state = state * 6364136223846793005u + 1442695040888963407u;
		route = (uint32_t)((state >> 32) * count >> 32);
		host = host_of(route, space);
		n = sprintf(at, "%.*s/svc-%06x/v1/items/7", SLICE_F(host), route);
		all[i] = (struct asked){ slice_make(at, host.n),
					 slice_make(at + host.n, (size_t)n - host.n), route };
		texts->n += (size_t)n;
	}
	return all;
}

/* ns for one, at best. */
static double
look_up(const struct segment *s, const struct asked *all)
{
	double best = 1e9;

	for (int round = 0; round < ROUNDS; round++) {
		uint64_t start = cpu_ns();
		uint32_t sum = 0;
		double ns;

		for (uint32_t i = 0; i < LOOKUPS; i++) {
			struct table_key key = { .host = all[i].host,
						 .host_port = all[i].host,
						 .host_raw = all[i].host,
						 .path = all[i].path };
			struct table_match m;

			table_find(s, &key, &m);
			assert(m.route == all[i].route);
			sum += m.r->upstream + table_shape(s, m.r)->policy;
		}
		ns = (double)(cpu_ns() - start) / LOOKUPS;
		best = ns < best && sum > 0 ? ns : best;
	}
	return best;
}

static void
tell(uint32_t count)
{
	uint64_t start = cpu_ns();
	struct segment *s = build(count);
	double built = ms_since(start);
	struct buf texts BUF_CLEAN = { 0 };
	struct asked *all = questions(count, &texts);

	printf("%u routes: %.1f MiB, %.1f bytes a route; build %.0f ms", count,
	       (double)s->size / 1048576, (double)s->size / count, built);
	tell_arrival(s);
	printf("; %.0f ns a look-up\n", look_up(s, all));
	free(all);
	seg_unref(s);
}

int
main(int argc, char **argv)
{
	static const uint32_t usual[] = { 10, 1000000 };

	for (int i = 1; i < argc; i++)
		tell((uint32_t)strtoul(argv[i], NULL, 10));
	for (size_t i = 0; argc == 1 && i < sizeof usual / sizeof usual[0]; i++)
		tell(usual[i]);
	return 0;
}
