/*
 * Rows of a rate table as a worker that was taken over may leave them, and questions to them: every
 * answer agrees with itself, and what is refused with a time passes at that time.
 *
 * The first 256 bytes are the rows, then six bytes are a question.
 */

#include "shm/rate_rows.h"

#include <assert.h>

#define NOW UINT64_C(1000000000000000)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
try_question(struct rate_table *t, const uint8_t *q, uint64_t now)
{
	static const uint64_t seconds[] = { 1, 60, 3600, 86400 };
	uint64_t key = (uint64_t)(q[0] & 15) + 1, burst = (uint64_t)(q[4] & 15) + 1;
	struct rate_limit l;
	struct rate_result r, again;

	assert(rate_limit_init(&l, q[2] + 1u, seconds[q[3] & 3], burst) == 0 || burst > q[2] + 1u);
	if (l.burst_ns > RATE_BURST_NS)
		return;
	(q[0] & 16 ? rate_charge : rate_take)(t, key, &l, q[1] & 31, now, &r);
	assert(r.remaining <= burst && r.allowed == (r.retry_ns == 0));
	assert(r.shared || r.reset_ns <= 2 * l.burst_ns);
	assert(r.shared || r.retry_ns == RATE_NEVER || r.retry_ns <= 2 * l.burst_ns);
	if (r.allowed || r.shared || r.retry_ns == RATE_NEVER || q[0] & 16)
		return;
	rate_take(t, key, &l, q[1] & 31, now + r.retry_ns - 1, &again);
	assert(!again.allowed);
	rate_take(t, key, &l, q[1] & 31, now + r.retry_ns, &again);
	assert(again.allowed);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct rate_table t;
	uint64_t now = NOW;
	int fd;

	if (!t.sets && rate_create(1, NULL, &t, &fd))
		return 0;
	if (size < sizeof *t.sets)
		return 0;
	memcpy(t.sets, data, sizeof *t.sets);
	for (size_t i = sizeof *t.sets; i + 6 <= size; i += 6) {
		try_question(&t, data + i, now);
		now += (uint64_t)data[i + 5] << (data[i + 4] >> 4) << 20;
	}
	return 0;
}
