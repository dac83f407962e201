/*
 * GET /errors: the last requests that were no HTTP, or none that is taken here; and those that a
 * route or a policy refused.
 */

#include "api.h"

#include "master.h"
#include "takeover.h"

#include "lib/xalloc.h"
#include "shm/reason.h"

#include <stdlib.h>

static int
newest_first(const void *a, const void *b)
{
	const struct fault *x = a, *y = b;

	return (x->wall_ms < y->wall_ms) - (x->wall_ms > y->wall_ms);
}

/* What is no printable ASCII as "\x00", CR and LF as "\r" and "\n". */
static void
add_bytes(struct buf *out, const struct fault *f)
{
	BUF_CLEAN struct buf text = { 0 };

	for (uint32_t i = 0; i < f->n; i++) {
		unsigned char b = (unsigned char)f->bytes[i];

		if (b == '\r' || b == '\n')
			buf_adds(&text, b == '\r' ? SLICE("\\r") : SLICE("\\n"));
		else if (b == '\\')
			buf_adds(&text, SLICE("\\\\"));
		else if (b < ' ' || b > '~')
			buf_addf(&text, "\\x%02x", b);
		else
			buf_addc(&text, (char)b);
	}
	buf_add_json(out, buf_slice(&text));
}

static void
add_fault(struct buf *out, const struct fault *f)
{
	unsigned reason = f->reason < REASON_N ? f->reason : REASON_internal;

	buf_adds(out, SLICE("{\"time\":"));
	buf_add_json_time(out, (int64_t)(f->wall_ms / 1000));
	buf_addf(out, ",\"client\":\"%s\",\"reason\":\"%s\"", f->client,
		 reason_info((enum reason)reason)->name);
	if (f->field[0]) {
		buf_adds(out, SLICE(",\"field\":"));
		buf_add_json(out, slice_of(f->field));
	}
	if (f->at != FAULT_NOWHERE)
		buf_addf(out, ",\"at\":%u", f->at);
	buf_addf(out, ",\"first\":%u,\"size\":%u,\"bytes\":", f->first, f->size);
	add_bytes(out, f);
	buf_addc(out, '}');
}

/* How many there are. */
static size_t
read_page(const struct board_worker *page, bool refused, struct fault *out)
{
	size_t count = 0;

	for (unsigned i = 0; page && i < FAULTS; i++)
		count += faults_read(refused ? &page->refused : &page->faults, i, &out[count]);
	return count;
}

/* Of one kind, of all workers that live. */
static void
add_list(struct buf *out, const struct master *m, bool refused)
{
	const struct supervisor *s = &m->supervisor;
	const struct takeover *t = &m->takeover;
	struct fault *all = xcalloc((s->slots_count + t->old_count) * FAULTS, sizeof *all);
	size_t count = 0;

	for (uint32_t i = 0; i < s->slots_count; i++) {
		if (s->slots[i].role == ROLE_TRAFFIC)
			count += read_page(s->slots[i].page, refused, &all[count]);
	}
	for (size_t i = 0; i < t->old_count; i++) /* they finish what they have */
		count += read_page(takeover_living(t, i), refused, &all[count]);
	qsort(all, count, sizeof *all, newest_first);
	for (size_t i = 0; i < count; i++) {
		if (i > 0)
			buf_addc(out, ',');
		add_fault(out, &all[i]);
	}
	free(all);
}

void
api_errors(struct api_call *c)
{
	BUF_CLEAN struct buf json = { 0 };

	buf_adds(&json, SLICE("{\"errors\":["));
	add_list(&json, c->master, false);
	buf_adds(&json, SLICE("],\"refused\":["));
	add_list(&json, c->master, true);
	buf_adds(&json, SLICE("]}\n"));
	api_reply(c, 200, buf_slice(&json), NULL);
}
