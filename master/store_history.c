#include "store_history.h"

#include "lib/log.h"
#include "lib/redis.h"
#include "lib/xalloc.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define TAG "h"

struct store_history {
	struct history *history;
	void (*changed)(void *userdata);
	void *userdata;
	struct redis_conn *conn;             /* NULL: none */
	struct revision *found[HISTORY_MAX]; /* by the reading under way, the newest first */
	size_t count;
	bool reading, again;
	bool settled;
	bool oversized; /* nothing is asked before the stream changes */
	char fault[200];
};

static void read_next(struct store_history *s, struct slice from);

static void
found_clear(struct store_history *s)
{
	for (size_t i = 0; i < s->count; i++)
		revision_free(s->found[i]);
	s->count = 0;
}

static void
set_fault(struct store_history *s, const char *fault)
{
	if (strcmp(s->fault, fault) == 0)
		return;
	snprintf(s->fault, sizeof s->fault, "%s", fault);
	if (*fault)
		log_warn("revisions key=" HISTORY_KEY " error=\"%s\" rules=\"served all the same\"",
			 s->fault);
}

/* ---- one entry ---- */

/* One entry from the fields of the stream; NULL when it is none of ours. */
static struct revision *
store_history_entry(struct slice id, const struct slice *fields, size_t count)
{
	struct slice who = { 0 }, why = { 0 }, digest = { 0 }, delta = { 0 }, never = { 0 };
	struct revision *r;
	uint64_t ms;
	const struct {
		struct slice name, *value;
	} rows[] = {
		{ SLICE("who"), &who },       { SLICE("why"), &why },
		{ SLICE("digest"), &digest }, { SLICE("delta"), &delta },
		{ SLICE("never"), &never },
	};

	for (size_t i = 0; i + 1 < count; i += 2) {
		for (size_t k = 0; k < sizeof rows / sizeof rows[0]; k++) {
			if (slice_eq(fields[i], rows[k].name))
				*rows[k].value = fields[i + 1];
		}
	}
	if (!revision_is_id(id))
		return NULL;
	ms = strtoull(id.p, NULL, 10);
	r = revision_new(id, digest, (int64_t)(ms / 1000), who, why, delta);
	if (r)
		revision_set_never(r, never);
	return r;
}

/* An element of what XREVRANGE gives: the id, and the fields. */
static struct revision *
entry_read(const struct redis_reply *e)
{
	const struct redis_reply *list;
	struct revision *r = NULL;
	struct slice *fields;
	bool good = true;

	if (!e || e->type != REDIS_ARRAY || e->count != 2 || !e->elements[0] ||
	    e->elements[0]->type != REDIS_STRING || !e->elements[1] ||
	    e->elements[1]->type != REDIS_ARRAY)
		return NULL;
	list = e->elements[1];
	fields = xcalloc(list->count, sizeof *fields);
	for (size_t i = 0; i < list->count; i++) {
		good = good && list->elements[i] && list->elements[i]->type == REDIS_STRING;
		if (good)
			fields[i] = list->elements[i]->text;
	}
	if (good)
		r = store_history_entry(e->elements[0]->text, fields, list->count);
	free(fields);
	return r;
}

/* ---- the whole ---- */

/* What was found stands behind `known`; all that was newer than that is gone. */
static void
read_end(struct store_history *s, const struct revision *known)
{
	struct history *h = s->history, old = *h;
	bool keep = known != NULL;

	*h = (struct history){ 0 };
	for (size_t i = 0; i < old.count; i++) {
		struct revision *r = old.at[i];

		if (keep)
			history_add(h, r);
		else
			revision_free(r);
		keep = keep && r != known;
	}
	while (s->count > 0)
		history_add(h, s->found[--s->count]);
	s->reading = false;
	s->settled = !s->again;
	if (s->again)
		store_history_announce(s);
	else
		s->changed(s->userdata);
}

/* What is known stays. */
static void
read_fail(struct store_history *s, const char *fault)
{
	set_fault(s, fault);
	found_clear(s);
	s->reading = s->again = false;
	s->changed(s->userdata);
}

/* The largest id before this one: Redis before 6.2 knows no open ranges. */
static struct slice
id_before(const char *id, char *out, size_t cap)
{
	uint64_t ms = 0, n = 0;

	sscanf(id, "%" SCNu64 "-%" SCNu64, &ms, &n);
	if (n > 0)
		snprintf(out, cap, "%" PRIu64 "-%" PRIu64, ms, n - 1);
	else
		snprintf(out, cap, "%" PRIu64 "-%" PRIu64, ms - (ms > 0), UINT64_MAX);
	return slice_of(out);
}

static void
on_entry(void *userdata, struct slice tag, const struct redis_reply *r)
{
	struct store_history *s = userdata;
	const struct revision *known;
	char before[REVISION_TEXT], fault[160];
	struct revision *entry = NULL;

	if (r->type == REDIS_ARRAY && r->count)
		entry = entry_read(r->elements[0]);
	if (r->type != REDIS_ARRAY || (r->count && !entry)) {
		read_fail(s, redis_fault(r, fault, sizeof fault));
		return;
	}
	set_fault(s, "");
	known = entry ? history_find(s->history, slice_of(entry->id)) : NULL;
	if (!entry || (known && strcmp(known->digest, entry->digest) == 0)) {
		revision_free(entry);
		read_end(s, known);
		return;
	}
	s->found[s->count++] = entry;
	if (s->count == HISTORY_MAX)
		read_end(s, NULL);
	else
		read_next(s, id_before(entry->id, before, sizeof before));
}

static void
read_next(struct store_history *s, struct slice from)
{
	const struct slice argv[] = { SLICE("XREVRANGE"), SLICE(HISTORY_KEY), from,
				      SLICE("-"),         SLICE("COUNT"),     SLICE("1") };

	redis_conn_command(s->conn, on_entry, s, SLICE(TAG), sizeof argv / sizeof argv[0], argv);
	redis_conn_flush(s->conn);
}

void
store_history_announce(struct store_history *s)
{
	s->oversized = false;
	s->settled = false;
	s->again = s->reading;
	if (!s->conn || s->reading)
		return;
	s->reading = true;
	found_clear(s);
	read_next(s, SLICE("+"));
}

void
store_history_oversized(struct store_history *s, struct slice tag)
{
	if (!slice_eq(tag, SLICE(TAG)))
		return;
	set_fault(s, "an entry is too large to be read; delete the key, and it begins anew");
	s->oversized = true;
}

/* ---- life ---- */

struct store_history *
store_history_new(struct history *history, void (*changed)(void *userdata), void *userdata)
{
	struct store_history *s = xcalloc(1, sizeof *s);

	s->history = history;
	s->changed = changed;
	s->userdata = userdata;
	return s;
}

void
store_history_free(struct store_history *s)
{
	if (!s)
		return;
	found_clear(s);
	free(s);
}

void
store_history_attach(struct store_history *s, struct redis_conn *conn)
{
	s->conn = conn;
	if (!s->oversized)
		store_history_announce(s);
}

void
store_history_detach(struct store_history *s)
{
	s->conn = NULL;
	s->reading = s->again = s->settled = false;
	found_clear(s);
}

bool
store_history_settled(const struct store_history *s)
{
	return s->settled;
}

const char *
store_history_fault(const struct store_history *s)
{
	return s->fault;
}
