/*
 * Rows of leased units as a worker that was taken over may leave them, and what the others and the
 * master do with them: nobody spends more than there is, no row has more than fits, and nobody
 * looks outside.
 *
 * The first 128 bytes are the rows, the next 256 the news of them; then four bytes are an act.
 */

#include "shm/lease.h"

#include <assert.h>
#include <string.h>

#define NOW UINT64_C(1000000000)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_row(const struct lease_table *t, uint32_t row)
{
	int64_t units;

	if (row == LEASE_NO_ROW)
		return;
	assert(row < LEASE_ROWS);
	units = lease_units(t, row);
	assert(units >= -2 * LEASE_UNITS_MAX && units < 2 * LEASE_UNITS_MAX);
}

static void
take(struct lease_table *t, uint64_t key, uint64_t cost, uint64_t now)
{
	struct lease_result looked, r;
	int64_t before = 0;

	lease_look(t, key, cost, now, &looked);
	if (looked.row != LEASE_NO_ROW)
		before = lease_units(t, looked.row);
	lease_take(t, key, cost, now, &r);
	assert(r.verdict == looked.verdict && r.row == looked.row && !looked.ask);
	check_row(t, r.row);
	if (r.verdict == LEASE_TAKEN)
		assert(before >= (int64_t)cost);
	if (r.row != LEASE_NO_ROW && r.verdict != LEASE_TAKEN)
		assert(lease_units(t, r.row) == before || before > LEASE_UNITS_MAX ||
		       before < -LEASE_UNITS_MAX);
}

static void
act(struct lease_table *t, const uint8_t *q, uint64_t now)
{
	uint64_t key = (uint64_t)(q[0] >> 4) + 1, cost = (uint64_t)q[1] << (q[2] & 31);
	uint32_t row = q[1] % LEASE_ROWS;
	int64_t units = (int64_t)(int8_t)q[1] * (INT64_C(1) << (q[2] & 31));

	switch (q[0] % 8) {
	case 0:
	case 1:
		take(t, key, cost > (uint64_t)LEASE_UNITS_MAX ? (uint64_t)LEASE_UNITS_MAX : cost,
		     now);
		break;
	case 2:
		lease_charge(t, key, cost);
		lease_return(t, key, cost);
		break;
	case 3:
		check_row(t, lease_open(t, key, now));
		break;
	case 4:
		lease_put(t, row, units, now);
		check_row(t, row);
		break;
	case 5:
		lease_renew(t, row, now);
		break;
	case 6:
		lease_drain(t, row);
		break;
	default:
		lease_close(t, row);
		check_row(t, row);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t secret[SIPHASH_SECRET];
	static struct lease_table t;
	const size_t rows = LEASE_ROWS * sizeof *t.rows, news = LEASE_ROWS * sizeof *t.news;
	uint64_t now = NOW;
	int fd;

	if (!t.memory && lease_create(1, secret, &t, &fd) < 0)
		return 0;
	if (size < rows + news)
		return 0;
	memcpy(t.rows, data, rows);
	memcpy(t.news, data + rows, news);
	t.memory->up = 1;
	for (size_t i = rows + news; i + 4 <= size; i += 4) {
		act(&t, data + i, now);
		now += (uint64_t)data[i + 3] << (data[i + 2] >> 4);
	}
	return 0;
}
