#include "store_write.h"

#include "change.h"
#include "delta.h"
#include "rules.h"
#include "store_history.h"
#include "store_read.h"

#include "lib/failpoint.h"
#include "lib/redis.h"
#include "lib/xalloc.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define REVISIONS_KEPT "50"
#define PROBE_KEY "healthcheck:yett"

enum writing { WRITING_NOT, WRITING_LOOKS, WRITING_STORES, WRITING_PROBES };

struct store_writer {
	struct redis_conn *conn; /* NULL: none */
	enum writing state;
	struct write_order order;
	write_done_fn done;
	void *userdata;
	bool differs; /* a key is not what the change leads to, as far as we have looked */
	enum write_result result; /* so far */
	char text[300];
};

/* ---- the end ---- */

static void
write_end(struct store_writer *w)
{
	write_done_fn done = w->done;
	char text[sizeof w->text];

	w->state = WRITING_NOT;
	w->done = NULL;
	memcpy(text, w->text, sizeof text);
	done(w->userdata, w->result, slice_of(text));
}

/* The first thing that went wrong is what is told. */
static void
spoil(struct store_writer *w, enum write_result result, const char *text)
{
	if (w->result != WRITE_DONE)
		return;
	w->result = result;
	snprintf(w->text, sizeof w->text, "%s", text);
}

static void
spoil_reply(struct store_writer *w, const struct redis_reply *r)
{
	char fault[160];

	spoil(w, WRITE_FAILED, redis_fault(r, fault, sizeof fault));
}

static void
say(struct store_writer *w, redis_answer_fn answer, struct slice tag, size_t argc,
    const struct slice *argv)
{
	redis_conn_command(w->conn, answer, w, tag, argc, argv);
}

/* ---- storing ---- */

static void
on_queued(void *userdata, struct slice tag, const struct redis_reply *r)
{
	if (r->type != REDIS_STATUS)
		spoil_reply(userdata, r);
}

/* Redis undoes nothing of a transaction in which a command fails. We have looked, so that none
 * does. */
static void
exec_read(struct store_writer *w, const struct redis_reply *r)
{
	const struct redis_reply *id = r->count ? r->elements[r->count - 1] : NULL;
	char fault[160], text[300];

	for (size_t i = 0; i < r->count; i++) {
		if (!r->elements[i] || r->elements[i]->type != REDIS_FAILED)
			continue;
		snprintf(text, sizeof text, "%s; other parts of the change are stored",
			 redis_fault(r->elements[i], fault, sizeof fault));
		spoil(w, WRITE_FAILED, text);
	}
	if (!id || id->type != REDIS_STRING)
		spoil(w, WRITE_FAILED, "an answer that is none to XADD");
	else if (w->result == WRITE_DONE)
		snprintf(w->text, sizeof w->text, "%.*s", SLICE_F(id->text));
}

static void
on_executed(void *userdata, struct slice tag, const struct redis_reply *r)
{
	struct store_writer *w = userdata;

	FAILPOINT("write-executed");
	if (r->type == REDIS_NIL)
		spoil(w, WRITE_STALE, "somebody else writes at the same time");
	else if (r->type == REDIS_ARRAY)
		exec_read(w, r);
	else
		spoil_reply(w, r);
	write_end(w);
}

static void
send_op(struct store_writer *w, const struct change_op *op)
{
	const struct slice set[] = { SLICE("SET"), op->key, op->value };
	const struct slice del[] = { SLICE("DEL"), op->key };
	const struct slice hset[] = { SLICE("HSET"), op->key, op->field, op->value };
	const struct slice hdel[] = { SLICE("HDEL"), op->key, op->field };

	switch (op->kind) {
	case OP_SET:
		say(w, on_queued, SLICE(""), 3, set);
		break;
	case OP_DELETE:
		say(w, on_queued, SLICE(""), 2, del);
		break;
	case OP_SET_FIELD:
		say(w, on_queued, SLICE(""), 4, hset);
		break;
	case OP_DELETE_FIELD:
		say(w, on_queued, SLICE(""), 3, hdel);
		break;
	}
}

static void
write_store(struct store_writer *w)
{
	const struct change *c = w->order.change;
	const struct slice multi[] = { SLICE("MULTI") }, exec[] = { SLICE("EXEC") };
	const struct slice entry[] = {
		SLICE("XADD"),
		SLICE(HISTORY_KEY),
		SLICE("MAXLEN"),
		SLICE(REVISIONS_KEPT),
		SLICE("*"),
		SLICE("who"),
		c->who,
		SLICE("why"),
		c->why,
		SLICE("digest"),
		slice_of(w->order.digest),
		SLICE("delta"),
		w->order.delta,
		SLICE("never"),
		w->order.never,
	};
	size_t fields = sizeof entry / sizeof entry[0];

	w->state = WRITING_STORES;
	say(w, on_queued, SLICE(""), 1, multi);
	for (size_t i = 0; i < c->count; i++)
		send_op(w, &c->ops[i]);
	say(w, on_queued, SLICE(""), w->order.never.n ? fields : fields - 2, entry);
	say(w, on_executed, SLICE(""), 1, exec);
	redis_conn_flush(w->conn);
	FAILPOINT("write-sent");
}

/* ---- looking ---- */

static void
on_unwatched(void *userdata, struct slice tag, const struct redis_reply *r)
{
	write_end(userdata);
}

static void
on_watched(void *userdata, struct slice tag, const struct redis_reply *r)
{
	if (r->type != REDIS_STATUS)
		spoil_reply(userdata, r);
}

static void
on_type(void *userdata, struct slice tag, const struct redis_reply *r)
{
	char text[300];

	if (r->type != REDIS_STATUS) {
		spoil_reply(userdata, r);
	} else if (!slice_eq(r->text, SLICE("hash")) && !slice_eq(r->text, SLICE("none"))) {
		snprintf(text, sizeof text, "%.*s: it is no hash; delete it first",
			 (int)(tag.n < 200 ? tag.n : 200), tag.p);
		spoil(userdata, WRITE_REFUSED, text);
	}
}

/* What the key was before the change, or what it is behind it, in source form. */
static void
known_value(const struct rules *draft, struct slice key, bool before, struct buf *out)
{
	const struct delta_item *item = before ? map_get(&rules_changes(draft)->items, key) : NULL;

	if (item)
		buf_adds(out, slice_of(item->before));
	else
		rules_value(draft, key, out);
}

static void
on_value(void *userdata, struct slice tag, const struct redis_reply *r)
{
	struct store_writer *w = userdata;
	struct rules *scratch = rules_new();
	struct buf is BUF_CLEAN = { 0 }, was BUF_CLEAN = { 0 }, will BUF_CLEAN = { 0 };

	if (store_reads_nothing(r) || store_read(scratch, tag, r)) {
		rules_value(scratch, tag, &is);
		known_value(w->order.draft, tag, true, &was);
		known_value(w->order.draft, tag, false, &will);
		w->differs = w->differs || !slice_eq(buf_slice(&is), buf_slice(&will));
		if (w->order.exact && !slice_eq(buf_slice(&is), buf_slice(&was)))
			spoil(w, WRITE_CHANGED, "somebody else changed a key of it just now");
	} else {
		spoil_reply(w, r);
	}
	rules_free(scratch);
}

/* That goes before what the keys say: the change has not seen the newest. */
static void
spoil_stale(struct store_writer *w)
{
	if (w->result == WRITE_CHANGED)
		w->result = WRITE_DONE;
	spoil(w, WRITE_STALE, "somebody else wrote meanwhile");
}

/* Entries behind the newest one that is known. */
static void
on_newer(void *userdata, struct slice tag, const struct redis_reply *r)
{
	struct store_writer *w = userdata;
	const struct slice unwatch[] = { SLICE("UNWATCH") };

	if (r->type != REDIS_ARRAY)
		spoil_reply(w, r);
	else if (r->count > 0)
		spoil_stale(w);
	else if (w->order.draft && delta_is_empty(rules_changes(w->order.draft)) && !w->differs)
		spoil(w, WRITE_IDLE, "");
	if (w->result == WRITE_DONE) {
		write_store(w);
		return;
	}
	say(w, on_unwatched, SLICE(""), 1, unwatch);
	redis_conn_flush(w->conn);
}

/* Redis before 6.2 knows no open ranges. False: nothing can come behind it. */
static bool
id_behind(const char *id, char *out, size_t cap)
{
	uint64_t ms = 0, n = 0;

	if (sscanf(id, "%" SCNu64 "-%" SCNu64, &ms, &n) == 2)
		snprintf(out, cap, "%" PRIu64 "-%" PRIu64, ms + (n == UINT64_MAX), n + 1);
	else
		snprintf(out, cap, "-");
	return ms < UINT64_MAX || n < UINT64_MAX;
}

/* Fields are set in what must be a hash, or nothing, when the transaction runs. */
static bool
wants_hash(const struct change_op *first)
{
	return first->kind == OP_SET_FIELD || first->kind == OP_DELETE_FIELD;
}

/* What is refused may be too large to be read: it is not asked for. */
static void
look_at(struct store_writer *w, struct slice key, bool wants_hash)
{
	struct buf was BUF_CLEAN = { 0 };
	const struct slice type[] = { SLICE("TYPE"), key };
	const struct slice value[] = {
		store_reads_hash(key) ? SLICE("HGETALL") : SLICE("GET"),
		key,
	};

	if (wants_hash)
		say(w, on_type, key, 2, type);
	known_value(w->order.draft, key, true, &was);
	if (slice_eq(buf_slice(&was), SLICE("false")))
		w->differs = true;
	else
		say(w, on_value, key, 2, value);
}

static void
write_look(struct store_writer *w)
{
	const struct change *c = w->order.change;
	char from[64];
	struct slice watch[] = { SLICE("WATCH"), SLICE(HISTORY_KEY) };

	if (!id_behind(w->order.known, from, sizeof from))
		spoil(
		    w, WRITE_FAILED,
		    "yett:revisions has an entry with the last possible id; delete the key, and it "
		    "begins anew");
	say(w, on_watched, SLICE(""), 2, watch);
	for (size_t i = 0; i < c->keys.count; i++) {
		struct slice key = map_name(&c->keys.entries[i]);

		watch[1] = key;
		say(w, on_watched, SLICE(""), 2, watch);
		look_at(w, key, wants_hash(change_first(c, i)));
	}
	say(w, on_newer, SLICE(""), 6,
	    (const struct slice[]){ SLICE("XRANGE"), SLICE(HISTORY_KEY), slice_of(from), SLICE("+"),
				    SLICE("COUNT"), SLICE("1") });
	redis_conn_flush(w->conn);
}

/* ---- the probe ---- */

static void
on_probed(void *userdata, struct slice tag, const struct redis_reply *r)
{
	struct store_writer *w = userdata;
	bool set = slice_eq(tag, SLICE("write to")), get = slice_eq(tag, SLICE("read"));
	bool good = set   ? r->type == REDIS_STATUS
		    : get ? r->type == REDIS_STRING
			  : r->type == REDIS_INTEGER;
	char fault[160], text[300];

	if (!good) {
		snprintf(text, sizeof text, "Failed to %.*s redis: %s", SLICE_F(tag),
			 redis_fault(r, fault, sizeof fault));
		spoil(w, WRITE_FAILED, text);
	}
	if (!set && !get)
		write_end(w);
}

/* ---- the interface ---- */

static void
write_begin(struct store_writer *w, enum writing state, write_done_fn done, void *userdata)
{
	w->state = state;
	w->done = done;
	w->userdata = userdata;
	w->result = WRITE_DONE;
	w->differs = false;
	w->text[0] = '\0';
}

void
writer_run(struct store_writer *w, const struct write_order *order, write_done_fn done,
	   void *userdata)
{
	write_begin(w, WRITING_LOOKS, done, userdata);
	w->order = *order;
	write_look(w);
}

void
writer_probe(struct store_writer *w, write_done_fn done, void *userdata)
{
	const struct slice set[] = { SLICE("SET"), SLICE(PROBE_KEY), SLICE("1"), SLICE("EX"),
				     SLICE("10") };
	const struct slice get[] = { SLICE("GET"), SLICE(PROBE_KEY) };
	const struct slice del[] = { SLICE("DEL"), SLICE(PROBE_KEY) };

	write_begin(w, WRITING_PROBES, done, userdata);
	say(w, on_probed, SLICE("write to"), 5, set);
	say(w, on_probed, SLICE("read"), 2, get);
	say(w, on_probed, SLICE("delete key from"), 2, del);
	redis_conn_flush(w->conn);
}

struct store_writer *
writer_new(void)
{
	return xcalloc(1, sizeof(struct store_writer));
}

void
writer_free(struct store_writer *w)
{
	free(w);
}

void
writer_attach(struct store_writer *w, struct redis_conn *conn)
{
	w->conn = conn;
}

void
writer_detach(struct store_writer *w, const char *reason)
{
	char text[300];

	w->conn = NULL;
	if (w->state == WRITING_NOT)
		return;
	snprintf(text, sizeof text, "%s%s", reason,
		 w->state == WRITING_STORES
		     ? "; whether the change is stored shows when Redis is back"
		     : "");
	w->result = WRITE_DONE;
	spoil(w, WRITE_FAILED, text);
	write_end(w);
}

bool
writer_ready(const struct store_writer *w)
{
	return w->conn && w->state == WRITING_NOT;
}
