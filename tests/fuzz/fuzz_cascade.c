/*
 * Jobs of deletions as Redis may hold them: what is read can be sent, and comes out as it went in.
 * Names and values stand with a line feed between; a value may have NULs.
 */

#include "lib/redis.h"
#include "master/cascade_record.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CELLS 600

static void
check(const struct cascade_record *r)
{
	assert(!cascade_id_fault(r->user) && r->user.n <= CASCADE_ID_MAX);
	assert(!memchr(r->key.p, '\n', r->key.n) && !memchr(r->key.p, '\r', r->key.n));
	assert(r->services_count <= CASCADE_SERVICES_MAX && r->since_ms >= 0);
}

static void
check_attempt(struct cascade_record *r, struct cascade_service *s, uint32_t random)
{
	const struct cascade_pace pace = { 100, 1000, 5000 };
	int64_t now = 4000 + (r->since_ms < INT64_MAX / 2 ? r->since_ms : 0); /* that of no clock */

	cascade_attempted(s, r, random % 700 < 100 ? 0 : (int)(random % 700), "none", &pace, now,
			  random);
	assert(s->state != CASCADE_WAITS || s->next_ms - now <= 1200);
	assert(s->state != CASCADE_WAITS || cascade_next(r) <= s->next_ms);
	assert(s->state != CASCADE_DEAD || cascade_is_dead(r));
}

/* Another reader has of a service what this one has. */
static void
check_written(const struct cascade_record *r, const struct cascade_service *s)
{
	BUF_CLEAN struct buf text = { 0 }, again = { 0 };
	struct redis_reply cell[8], *cells[8];
	struct redis_reply all = { .type = REDIS_ARRAY, .elements = cells, .count = 8 };
	struct arena arena = { 0 };
	struct cascade_record copy;

	cascade_write(s, &text);
	const struct slice texts[] = { SLICE("user"),  r->user,    SLICE("key"), r->key,
				       SLICE("since"), SLICE("1"), SLICE("s:a"), buf_slice(&text) };
	for (size_t i = 0; i < 8; i++) {
		cell[i] = (struct redis_reply){ .type = REDIS_STRING, .text = texts[i] };
		cells[i] = &cell[i];
	}
	assert(cascade_read(&arena, &all, &copy) && copy.services_count == 1);
	cascade_write(&copy.services[0], &again);
	assert(slice_eq(buf_slice(&text), buf_slice(&again)));
	arena_deinit(&arena);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct redis_reply cell[CELLS], *cells[CELLS];
	struct redis_reply all = { .type = REDIS_ARRAY, .elements = cells };
	struct slice rest = slice_make((const char *)data, size);
	struct arena arena = { 0 };
	struct cascade_record r;
	char job[CASCADE_JOB];

	while (rest.p && all.count < CELLS) {
		struct redis_reply *c = &cell[all.count];

		*c = (struct redis_reply){ .type = REDIS_STRING };
		c->text = slice_cut(rest, '\n', &rest);
		cells[all.count++] = c;
	}
	if (cascade_read(&arena, &all, &r)) {
		check(&r);
		assert(cascade_is_job(slice_of(cascade_job(r.user, job))));
		for (size_t i = 0; i < r.services_count; i++) {
			check_written(&r, &r.services[i]);
			check_attempt(&r, &r.services[i], (uint32_t)(size * 31 + i));
			check_written(&r, &r.services[i]);
		}
	}
	arena_deinit(&arena);
	return 0;
}
