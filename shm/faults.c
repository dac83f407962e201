#include "faults.h"

#include <string.h>

#define BEFORE 768 /* of FAULT_BYTES, shown before the offending byte */

static void
put_text(char *out, size_t size, struct slice text)
{
	size_t n = text.n < size ? text.n : size - 1;

	if (n > 0)
		memcpy(out, text.p, n);
	out[n] = '\0';
}

static bool
is_telling(char c)
{
	return !((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'));
}

void
faults_note(struct faults *f, const struct fault_facts *facts)
{
	struct fault *e = &f->ring[f->count % FAULTS];
	const struct slice head = facts->head;
	size_t masked = head.n < FAULT_HEAD_MAX ? head.n : FAULT_HEAD_MAX;
	char room[FAULT_HEAD_MAX];
	uint32_t at = facts->at < masked ? facts->at : FAULT_NOWHERE;
	size_t first = at != FAULT_NOWHERE && at > BEFORE ? at - BEFORE : 0;

	memcpy(room, head.p, masked);
	fault_mask(room, masked);
	if (at != FAULT_NOWHERE && is_telling(head.p[at]))
		room[at] = head.p[at];
	__atomic_store_n(&e->seq, e->seq | 1, __ATOMIC_RELAXED);
	__atomic_thread_fence(__ATOMIC_RELEASE);
	e->wall_ms = facts->wall_ms;
	e->reason = facts->reason;
	e->at = at;
	e->first = (uint32_t)first;
	e->n = (uint32_t)(masked - first < FAULT_BYTES ? masked - first : FAULT_BYTES);
	e->size = (uint32_t)head.n;
	memcpy(e->bytes, room + first, e->n);
	put_text(e->client, sizeof e->client, facts->client);
	put_text(e->field, sizeof e->field, facts->field);
	__atomic_store_n(&e->seq, (e->seq | 1) + 1, __ATOMIC_RELEASE);
	f->count++;
}

bool
faults_read(const struct faults *f, unsigned i, struct fault *out)
{
	uint64_t seq = __atomic_load_n(&f->ring[i].seq, __ATOMIC_ACQUIRE);

	if (seq == 0 || seq % 2 == 1)
		return false;
	memcpy(out, &f->ring[i], sizeof *out);
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	if (__atomic_load_n(&f->ring[i].seq, __ATOMIC_RELAXED) != seq || out->n > FAULT_BYTES)
		return false;
	out->client[sizeof out->client - 1] = out->field[sizeof out->field - 1] = '\0';
	return true;
}
