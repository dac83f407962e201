#include "board_fields.h"

#include "board.h"

#include "lib/buf.h"
#include "lib/xalloc.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct list {
	struct board_field *out;
	size_t n;
	size_t base; /* of the struct that is being named */
	const char *prefix;
};

static void
name_rows(struct list *l, const char *name, size_t offset, size_t bytes, size_t rows, size_t stride)
{
	struct board_field *f = &l->out[l->n++];

	assert(l->n <= BOARD_FIELDS_MAX);
	*f = (struct board_field){ .offset = (uint32_t)(l->base + offset),
				   .bytes = (uint32_t)bytes,
				   .rows = (uint32_t)rows,
				   .stride = (uint32_t)stride };
	snprintf(f->name, sizeof f->name, "%s%s", l->prefix, name);
}

#define FIELD(type, field)                                                                         \
	name_rows(l, #field, offsetof(struct type, field), sizeof((struct type *)0)->field, 1, 0)
#define ROWS(outer, array, row, field)                                                             \
	name_rows(l, #array "." #field,                                                            \
		  offsetof(struct outer, array) + offsetof(struct row, field),                     \
		  sizeof((struct row *)0)->field,                                                  \
		  sizeof((struct outer *)0)->array / sizeof(struct row), sizeof(struct row))

static void
name_words(struct list *l)
{
	char name[48];

	for (int i = 0; i < COUNTER_N; i++) {
		snprintf(name, sizeof name, "counter.%s", board_counter_name[i]);
		name_rows(l, name, offsetof(struct board_counts, counter) + 8u * (unsigned)i, 8, 1,
			  0);
	}
	for (int i = REASON_none + 1; i < REASON_N; i++) {
		snprintf(name, sizeof name, "reason.%s", reason_info((enum reason)i)->name);
		name_rows(l, name, offsetof(struct board_counts, by_reason) + 8u * (unsigned)i, 8,
			  1, 0);
	}
}

static void
name_counts(struct list *l, const char *prefix, size_t base)
{
	struct list before = *l;

	l->prefix = prefix;
	l->base = base;
	name_words(l);
	FIELD(board_counts, by_code);
	FIELD(board_counts, duration);
	FIELD(board_counts, request_size);
	FIELD(board_counts, response_size);
	ROWS(board_counts, upstream, board_upstream, by_class);
	ROWS(board_counts, upstream, board_upstream, first_byte);
	ROWS(board_counts, route, board_route, by_class);
	ROWS(board_counts, route, board_route, bytes_in);
	ROWS(board_counts, route, board_route, bytes_out);
	ROWS(board_counts, route, board_route, duration);
	ROWS(board_counts, route, board_route, shadow_refusals);
	ROWS(board_counts, endpoint, board_endpoint, requests);
	ROWS(board_counts, endpoint, board_endpoint, failures);
	ROWS(board_counts, endpoint, board_endpoint, connects);
	ROWS(board_counts, endpoint, board_endpoint, duration_us);
	ROWS(board_counts, endpoint, board_endpoint, errors);
	ROWS(board_counts, endpoint, board_endpoint, bytes_in);
	ROWS(board_counts, endpoint, board_endpoint, bytes_out);
	ROWS(board_counts, endpoint, board_endpoint, in_flight);
	ROWS(board_counts, endpoint, board_endpoint, idle);
	ROWS(board_counts, endpoint, board_endpoint, retrying);
	ROWS(board_counts, limit, board_limit, refused);
	ROWS(board_counts, limit, board_limit, shadowed);
	l->prefix = before.prefix;
	l->base = before.base;
}

static void
name_worker(struct list *l)
{
	FIELD(board_worker, role);
	FIELD(board_worker, slot);
	FIELD(board_worker, pid);
	FIELD(board_worker, instance);
	FIELD(board_worker, heartbeat_ms);
	FIELD(board_worker, version);
	FIELD(board_worker, connections);
	FIELD(board_worker, in_flight);
	FIELD(board_worker, queued);
	FIELD(board_worker, tunnels_open);
	FIELD(board_worker, sessions);
	FIELD(board_worker, store_up);
	FIELD(board_worker, tables_alive);
	FIELD(board_worker, draining);
	FIELD(board_worker, addresses);
	FIELD(board_worker, busy);
	FIELD(board_worker, identities);
	name_counts(l, "", offsetof(struct board_worker, counts));
}

static void
name_base(struct list *l, const char *prefix, size_t at)
{
	l->prefix = prefix;
	l->base = at;
	FIELD(board_base, folded);
	FIELD(board_base, folded_count);
	name_counts(l, prefix, at + offsetof(struct board_base, counts));
	l->prefix = "";
	l->base = 0;
}

static void
name_master(struct list *l)
{
	FIELD(board_master, pid);
	FIELD(board_master, version);
	FIELD(board_master, gateway);
	FIELD(board_master, reloads_ok);
	FIELD(board_master, reloads_failed);
	FIELD(board_master, respawns);
	FIELD(board_master, cascade_heard);
	FIELD(board_master, cascade_done);
	FIELD(board_master, cascade_failed);
	FIELD(board_master, cascade_given_up);
	FIELD(board_master, cascade_rejected);
	FIELD(board_master, fleet_messages);
	FIELD(board_master, spans_exported);
	FIELD(board_master, spans_lost);
	FIELD(board_master, span_failures);
	ROWS(board_master, health, board_health, state);
	ROWS(board_master, health, board_health, seen_2xx);
	ROWS(board_master, health, board_health, died);
	ROWS(board_master, health, board_health, checked_ms);
	ROWS(board_master, health, board_health, last_status);
	ROWS(board_master, health, board_health, ejected_count);
	ROWS(board_master, health, board_health, ejected_until_ms);
	ROWS(board_master, redis, board_redis, changes);
	ROWS(board_master, issuers, board_issuer, name);
	ROWS(board_master, issuers, board_issuer, fetches);
	ROWS(board_master, issuers, board_issuer, failures);
	ROWS(board_master, health, board_health, ejections);
	ROWS(board_master, health, board_health, up_since_ms);
	ROWS(board_master, health, board_health, drained);
	ROWS(board_master, names.route, board_name, high);
	ROWS(board_master, names.route, board_name, low);
	ROWS(board_master, names.limit, board_name, high);
	ROWS(board_master, names.limit, board_name, low);
	ROWS(board_master, names.endpoint, board_name, high);
	ROWS(board_master, names.endpoint, board_name, low);
	ROWS(board_master, names.upstream, board_name, high);
	ROWS(board_master, names.upstream, board_name, low);
	FIELD(board_master, base_turn);
	name_base(l, "base0.", offsetof(struct board_master, base[0]));
	name_base(l, "base1.", offsetof(struct board_master, base[1]));
	FIELD(board_master, identities_turn);
	FIELD(board_master, identities);
	FIELD(board_master, flush);
}

size_t
board_fields(enum board_page which, struct board_field out[BOARD_FIELDS_MAX])
{
	struct list l = { .out = out, .prefix = "" };

	if (which == BOARD_PAGE_WORKER)
		name_worker(&l);
	else
		name_master(&l);
	return l.n;
}

const char *const board_page_name[] = {
	[BOARD_PAGE_WORKER] = "worker",
	[BOARD_PAGE_MASTER] = "master",
};

void
board_fields_write(uint32_t layout, enum board_page which, const struct board_field *fields,
		   size_t n, const char *prefix, struct buf *out)
{
	for (size_t i = 0; i < n; i++)
		buf_addf(out, "%s%u %s %s %u %u %u %u\n", prefix, layout, board_page_name[which],
			 fields[i].name, fields[i].offset, fields[i].bytes, fields[i].rows,
			 fields[i].stride);
}

void
board_fields_write_own(const char *prefix, struct buf *out)
{
	struct board_field *own = xcalloc(BOARD_FIELDS_MAX, sizeof *own);

	for (int which = BOARD_PAGE_WORKER; which <= BOARD_PAGE_MASTER; which++)
		board_fields_write(BOARD_LAYOUT, (enum board_page)which, own,
				   board_fields((enum board_page)which, own), prefix, out);
	free(own);
}

/* Words as words, for who reads them meanwhile. */
static void
copy(char *to, const char *from, size_t bytes)
{
	if (((uintptr_t)to | (uintptr_t)from | bytes) % 8 != 0) {
		memcpy(to, from, bytes);
		return;
	}
	for (size_t i = 0; i < bytes; i += 8)
		board_set((uint64_t *)(void *)(to + i),
			  board_get((const uint64_t *)(const void *)(from + i)));
}

static int
is_inside(const struct board_field *f, uint32_t rows, size_t size)
{
	uint64_t last = rows > 0 ? (uint64_t)(rows - 1) * f->stride : 0;

	return f->offset + last + f->bytes <= size;
}

void
board_translate(const struct board_field *now, size_t now_n, void *to, size_t to_size,
		const struct board_field *then, size_t then_n, const void *from, size_t from_size)
{
	for (size_t i = 0; i < now_n; i++) {
		/* Mostly it stands as many places behind as the one before did. */
		const struct board_field *n = &now[i], *t = NULL;
		uint32_t rows;

		for (size_t k = 0; k < then_n && !t; k++) {
			const struct board_field *at = &then[(i + k) % then_n];

			if (strcmp(at->name, n->name) == 0)
				t = at;
		}
		if (!t || t->bytes != n->bytes)
			continue;
		rows = t->rows < n->rows ? t->rows : n->rows;
		if (!is_inside(n, rows, to_size) || !is_inside(t, rows, from_size))
			continue;
		for (uint32_t k = 0; k < rows; k++)
			copy((char *)to + n->offset + (size_t)k * n->stride,
			     (const char *)from + t->offset + (size_t)k * t->stride, n->bytes);
	}
}
