#include "cascade_own.h"

#include "master.h"

#include "lib/clock.h"
#include "lib/log.h"

#include <stdio.h>

#define GROUP SLICE("yett") /* all gateways are one consumer: what one took another may claim */
#define BATCH 64

/* ---- what was heard becomes a job ---- */

/* Only the first of all who hear it makes one. */
static void
on_made(void *userdata, struct slice tag, const struct redis_reply *r)
{
	struct cascade *c = userdata;
	char fault[96];

	if (!r || r->type != REDIS_ARRAY || r->count == 0 || !r->elements[0] ||
	    r->elements[0]->type != REDIS_INTEGER) {
		log_error("cascade job=%.*s error=\"%s\" effect=\"a deletion that was published "
			  "may be lost\"",
			  SLICE_F(tag), r ? redis_fault(r, fault, sizeof fault) : "Redis is away");
		return;
	}
	if (r->elements[0]->integer == 1) {
		c->waiting++; /* until it is counted */
		board_add(&c->master->page->cascade_heard, 1);
		log_info("cascade job=%.*s state=heard services=%zu", SLICE_F(tag),
			 c->master->config->cascade.services_count);
	}
	cascade_look(c);
}

static void
put_once(struct cascade *c, struct slice key, const char *field, struct slice value)
{
	cascade_put(c, 4, (struct slice[]){ SLICE("HSETNX"), key, slice_of(field), value });
}

static void
put_services(struct cascade *c, struct slice key, int64_t now)
{
	const struct config_cascade *config = &c->master->config->cascade;
	const struct cascade_service fresh = { .next_ms = now, .reason = "" };
	BUF_CLEAN struct buf field = { 0 }, value = { 0 };

	cascade_write(&fresh, &value);
	for (size_t i = 0; i < config->services_count; i++) {
		field.n = 0;
		buf_addf(&field, "s:%s", config->services[i]);
		buf_addc(&field, '\0');
		put_once(c, key, field.p, buf_slice(&value));
	}
}

static void
put_entry_gone(struct cascade *c, struct slice entry)
{
	struct slice stream = slice_of(c->stream_name);

	cascade_put(c, 4, (struct slice[]){ SLICE("XACK"), stream, GROUP, entry });
	cascade_put(c, 3, (struct slice[]){ SLICE("XDEL"), stream, entry });
}

static void
reject(struct cascade *c, struct slice entry, const char *why)
{
	board_add(&c->master->page->cascade_rejected, 1);
	log_warn("cascade state=rejected from=%s reason=\"%s\"", entry.n ? "stream" : "channel",
		 why);
	if (entry.n > 0 && cascade_begin(c)) {
		put_entry_gone(c, entry);
		cascade_end(c, NULL, SLICE(""));
	}
}

/* A deletion was announced. `entry`: of the stream, or empty. False: it could not be noted. */
static bool
cascade_hear(struct cascade *c, struct slice user, struct slice entry)
{
	const char *fault = cascade_id_fault(user);
	BUF_CLEAN struct buf key = { 0 }, now = { 0 };
	char job[CASCADE_JOB], once[33];
	int64_t now_ms = clock_wall_ms();

	if (fault) {
		reject(c, entry, fault);
		return true;
	}
	if (!cascade_begin(c))
		return false;
	cascade_job(user, job);
	cascade_key("job", job, &key);
	cascade_number(now_ms, &now);
	cascade_random(once);
	put_once(c, buf_slice(&key), "user", user);
	put_once(c, buf_slice(&key), "key", slice_of(once));
	put_once(c, buf_slice(&key), "since", buf_slice(&now));
	put_services(c, buf_slice(&key), now_ms);
	cascade_put(c, 5,
		    (struct slice[]){ SLICE("ZADD"), SLICE(CASCADE_DUE), SLICE("NX"),
				      buf_slice(&now), slice_of(job) });
	if (entry.n > 0)
		put_entry_gone(c, entry);
	cascade_end(c, on_made, slice_of(job));
	return true;
}

/* ---- the channel ---- */

static void
on_channel(void *userdata, const char *fault)
{
	struct cascade *c = userdata;

	snprintf(c->channel_fault, sizeof c->channel_fault, "%s", fault);
}

static void
on_message(void *userdata, struct slice text)
{
	struct cascade *c = userdata;

	if (c->waiting >= CASCADE_WAITING_MAX)
		reject(c, SLICE(""), "more deletions wait than are kept");
	else if (!cascade_hear(c, text, SLICE("")))
		reject(c, SLICE(""), "Redis is away");
}

void
cascade_intake_channel(struct cascade *c)
{
	c->channel.name = slice_of(c->channel_name);
	c->channel.state = on_channel;
	c->channel.message = on_message;
	c->channel.userdata = c;
	snprintf(c->channel_fault, sizeof c->channel_fault, "not subscribed yet");
	side_listen(c->master->side, &c->channel);
	c->listening = true;
}

/* ---- the stream ---- */

static bool
is_fault(const struct redis_reply *r, const char *word)
{
	return r->type == REDIS_FAILED && slice_starts(r->text, slice_of(word));
}

static void
on_group(void *userdata, struct slice tag, const struct redis_reply *r)
{
	struct cascade *c = userdata;

	if (r && !is_fault(r, "BUSYGROUP"))
		cascade_fault(&c->stream, r);
}

void
cascade_intake_up(struct cascade *c)
{
	if (c->stream_name)
		cascade_ask(c, on_group, SLICE(""), 6,
			    (struct slice[]){ SLICE("XGROUP"), SLICE("CREATE"),
					      slice_of(c->stream_name), GROUP, SLICE("0"),
					      SLICE("MKSTREAM") });
}

static bool
is_text(const struct redis_reply *r)
{
	return r && r->type == REDIS_STRING;
}

/* [ENTRY, [FIELD, VALUE, ..]]; one that was deleted has no fields. */
static void
take_entry(struct cascade *c, const struct redis_reply *r)
{
	const struct redis_reply *fields = r && r->count == 2 ? r->elements[1] : NULL;

	if (!fields || !is_text(r->elements[0]))
		return;
	for (size_t i = 0; fields->type == REDIS_ARRAY && i + 1 < fields->count; i += 2) {
		if (!is_text(fields->elements[i]) || !is_text(fields->elements[i + 1]) ||
		    !slice_eq(fields->elements[i]->text, SLICE("id")))
			continue;
		/* One that cannot be noted stays where it is, and is claimed later. */
		cascade_hear(c, fields->elements[i + 1]->text, r->elements[0]->text);
		return;
	}
	reject(c, r->elements[0]->text, "it has no field id");
}

static void
take_entries(struct cascade *c, const struct redis_reply *entries)
{
	for (size_t i = 0; entries && entries->type == REDIS_ARRAY && i < entries->count; i++)
		take_entry(c, entries->elements[i]);
}

static bool
stream_is_well(struct cascade *c, struct cascade_fault *f, const struct redis_reply *r)
{
	if (r && is_fault(r, "NOGROUP"))
		cascade_intake_up(c);
	else
		cascade_fault(f, r);
	return r && r->type == REDIS_ARRAY;
}

/* [[STREAM, ENTRIES]], or nothing. */
static void
on_entries(void *userdata, struct slice tag, const struct redis_reply *r)
{
	struct cascade *c = userdata;
	const struct redis_reply *stream;

	if (!stream_is_well(c, &c->stream, r) || r->count != 1)
		return;
	stream = r->elements[0];
	if (!stream || stream->type != REDIS_ARRAY || stream->count != 2)
		return;
	take_entries(c, stream->elements[1]);
	if (stream->elements[1] && stream->elements[1]->count == BATCH)
		cascade_intake_read(c, false); /* there is more */
}

/* [CURSOR, ENTRIES, ..] */
static void
on_left(void *userdata, struct slice tag, const struct redis_reply *r)
{
	struct cascade *c = userdata;

	if (stream_is_well(c, &c->left, r) && r->count >= 2)
		take_entries(c, r->elements[1]);
}

void
cascade_intake_read(struct cascade *c, bool left)
{
	struct slice stream = slice_of(c->stream_name);
	BUF_CLEAN struct buf batch = { 0 };

	if (!c->stream_name || c->waiting >= CASCADE_WAITING_MAX)
		return;
	cascade_number(BATCH, &batch);
	cascade_ask(c, on_entries, SLICE(""), 9,
		    (struct slice[]){ SLICE("XREADGROUP"), SLICE("GROUP"), GROUP, GROUP,
				      SLICE("COUNT"), buf_slice(&batch), SLICE("STREAMS"), stream,
				      SLICE(">") });
	if (left)
		cascade_ask(c, on_left, SLICE(""), 8,
			    (struct slice[]){ SLICE("XAUTOCLAIM"), stream, GROUP, GROUP,
					      SLICE("5000"), SLICE("0"), SLICE("COUNT"),
					      buf_slice(&batch) });
}
