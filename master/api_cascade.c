/*
 * Deletions of users that are under way or were given up, for operators. What is known of them is
 * in Redis, so each answer comes later.
 */

#include "api.h"

#include "cascade_own.h"
#include "master.h"

#include "lib/clock.h"
#include "lib/xalloc.h"

#include <stdlib.h>

#define SHOWN "99" /* the last one of each kind */

static void
refuse_away(struct api_call *c)
{
	if (!c->master->config->cascade.enabled)
		api_reply_message(c, 409, "cascade.enabled is off", SLICE(""));
	else
		api_reply_message(c, 503, "Redis is away", SLICE(""));
}

/* ---- the list ---- */

struct listing {
	struct api_call *call;
	size_t pending; /* answers to come */
	bool lost;
	struct buf waiting, dead; /* JSON, with commas between */
};

static void
listing_pass(struct listing *l)
{
	BUF_CLEAN struct buf json = { 0 };

	if (--l->pending > 0)
		return;
	buf_addf(&json, "{\"waiting\":[%.*s],\"dead\":[%.*s]}", SLICE_F(l->waiting),
		 SLICE_F(l->dead));
	if (l->lost)
		api_reply_message(l->call, 503, "Redis is away", SLICE(""));
	else
		api_reply_message(l->call, 200, "OK", buf_slice(&json));
	buf_deinit(&l->waiting);
	buf_deinit(&l->dead);
	free(l);
}

static void
listing_ask(struct listing *l, side_answer_fn answer, const char *tag, size_t argc,
	    const struct slice *argv)
{
	if (side_command(l->call->master->side, answer, l, slice_of(tag), argc, argv) == 0)
		l->pending++;
	else
		l->lost = true;
}

static void
add_services(const struct cascade_record *r, struct buf *out)
{
	int64_t now = clock_wall_ms();

	for (size_t i = 0; i < r->services_count; i++) {
		const struct cascade_service *s = &r->services[i];
		int64_t left = s->next_ms > now ? s->next_ms - now : 0;

		buf_adds(out, i ? SLICE(",{\"name\":") : SLICE("{\"name\":"));
		buf_add_json(out, slice_of(s->name));
		buf_addf(out, ",\"state\":\"%s\",\"attempts\":%u,\"status\":%d,\"reason\":",
			 cascade_state_name(s->state), s->attempts, s->status);
		buf_add_json(out, slice_of(s->reason));
		if (s->state == CASCADE_WAITS)
			buf_addf(out, ",\"next_in_ms\":%lld}", (long long)left);
		else
			buf_adds(out, SLICE(",\"next_in_ms\":null}"));
	}
}

/* The tag is "w" or "d" and the job. */
static void
on_record(void *userdata, struct slice tag, const struct redis_reply *reply)
{
	struct listing *l = userdata;
	struct buf *out = tag.p[0] == 'd' ? &l->dead : &l->waiting;
	struct arena arena = { 0 };
	struct cascade_record r;

	bool read = cascade_read(&arena, reply, &r);

	l->lost |= !reply;
	if (read || r.user.n > 0) { /* else it just ended */
		buf_addf(out, "%s{\"job\":\"%.*s\",\"user\":", out->n ? "," : "", (int)tag.n - 1,
			 tag.p + 1);
		buf_add_json(out, r.user);
		buf_adds(out, SLICE(",\"since\":"));
		buf_add_json_time(out, read ? r.since_ms / 1000 : 0);
		buf_addf(out, ",\"understood\":%s,\"services\":[", read ? "true" : "false");
		if (read)
			add_services(&r, out);
		buf_adds(out, SLICE("]}"));
	}
	arena_deinit(&arena);
	listing_pass(l);
}

static void
on_jobs(void *userdata, struct slice tag, const struct redis_reply *r)
{
	struct listing *l = userdata;

	l->lost |= !r || r->type != REDIS_ARRAY;
	for (size_t i = 0; !l->lost && i < r->count; i++) {
		BUF_CLEAN struct buf key = { 0 }, name = { 0 };
		const struct redis_reply *job = r->elements[i];

		if (!job || !cascade_is_job(job->text))
			continue;
		buf_addf(&name, "%.*s%.*s", SLICE_F(tag), SLICE_F(job->text));
		buf_addc(&name, '\0');
		cascade_key("job", name.p + 1, &key);
		listing_ask(l, on_record, name.p, 2,
			    (struct slice[]){ SLICE("HGETALL"), buf_slice(&key) });
	}
	listing_pass(l);
}

void
api_cascade(struct api_call *c)
{
	struct listing *l;

	if (!c->master->config->cascade.enabled) {
		refuse_away(c);
		return;
	}
	l = xcalloc(1, sizeof *l);
	l->call = c;
	l->pending = 1; /* this function */
	listing_ask(
	    l, on_jobs, "w", 4,
	    (struct slice[]){ SLICE("ZRANGE"), SLICE(CASCADE_DUE), SLICE("0"), SLICE(SHOWN) });
	listing_ask(l, on_jobs, "d", 4,
		    (struct slice[]){ SLICE("ZREVRANGE"), SLICE(CASCADE_DEAD_SET), SLICE("0"),
				      SLICE(SHOWN) });
	listing_pass(l);
}

/* ---- again, and no more ---- */

/* False: the answer is given. */
static bool
is_job(struct api_call *c)
{
	struct side_status st;

	side_get_status(c->master->side, &st);
	if (!c->master->config->cascade.enabled || !st.up)
		refuse_away(c);
	else if (!cascade_is_job(c->param[0]))
		api_reply_message(c, 400, "A job has 32 hexadecimal digits", SLICE(""));
	else
		return true;
	return false;
}

static void
reply_no_job(struct api_call *c)
{
	api_reply_message(c, 404, "There is no such job", SLICE(""));
}

static void
on_done(void *userdata, struct slice tag, const struct redis_reply *r)
{
	struct api_call *c = userdata;
	int64_t changed = 0;

	for (size_t i = 0; r && r->type == REDIS_ARRAY && i < r->count; i++)
		changed += r->elements[i] && r->elements[i]->type == REDIS_INTEGER
			       ? r->elements[i]->integer
			       : 0;
	if (!r || r->type != REDIS_ARRAY)
		api_reply_message(c, 503, "Redis did not do it, or is away", SLICE(""));
	else if (slice_eq(tag, SLICE("drop")) && changed == 0)
		reply_no_job(c);
	else
		api_reply_message(c, 200, "OK", SLICE(""));
}

static void
put(struct cascade *cascade, const char *a, struct slice b, struct slice d)
{
	cascade_put(cascade, d.p ? 3 : 2, (struct slice[]){ slice_of(a), b, d });
}

/* All that is not done begins anew, now. */
static void
put_again(struct cascade *cascade, struct slice key, const struct cascade_record *r,
	  struct slice now, int64_t now_ms)
{
	const struct cascade_service fresh = { .next_ms = now_ms, .reason = "" };
	BUF_CLEAN struct buf value = { 0 }, field = { 0 };

	cascade_write(&fresh, &value);
	for (size_t i = 0; i < r->services_count; i++) {
		if (r->services[i].state == CASCADE_DONE)
			continue;
		field.n = 0;
		buf_addf(&field, "s:%s", r->services[i].name);
		cascade_put(
		    cascade, 4,
		    (struct slice[]){ SLICE("HSET"), key, buf_slice(&field), buf_slice(&value) });
	}
	cascade_put(cascade, 4, (struct slice[]){ SLICE("HSET"), key, SLICE("since"), now });
	put(cascade, "PERSIST", key, (struct slice){ 0 });
}

static void
on_found(void *userdata, struct slice tag, const struct redis_reply *reply)
{
	struct api_call *c = userdata;
	struct cascade *cascade = c->master->cascade;
	BUF_CLEAN struct buf key = { 0 }, now = { 0 };
	struct slice job = c->param[0];
	struct arena arena = { 0 };
	struct cascade_record r;
	bool read = cascade_read(&arena, reply, &r);

	if (!reply || (read && !cascade_begin(cascade))) {
		refuse_away(c);
	} else if (!read) {
		reply_no_job(c);
	} else {
		cascade_number(clock_wall_ms(), &now);
		cascade_key("job", arena_string(&arena, job), &key);
		put_again(cascade, buf_slice(&key), &r, buf_slice(&now), clock_wall_ms());
		put(cascade, "ZREM", SLICE(CASCADE_DEAD_SET), job);
		cascade_put(
		    cascade, 4,
		    (struct slice[]){ SLICE("ZADD"), SLICE(CASCADE_DUE), buf_slice(&now), job });
		cascade_end_for(cascade, on_done, c, SLICE("retry"));
	}
	arena_deinit(&arena);
}

void
api_cascade_retry(struct api_call *c)
{
	BUF_CLEAN struct buf key = { 0 };

	if (!is_job(c))
		return;
	buf_addf(&key, "yett:cascade:job:%.*s", SLICE_F(c->param[0]));
	if (side_command(c->master->side, on_found, c, SLICE(""), 2,
			 (struct slice[]){ SLICE("HGETALL"), buf_slice(&key) }) < 0)
		refuse_away(c);
}

void
api_cascade_drop(struct api_call *c)
{
	struct cascade *cascade = c->master->cascade;
	BUF_CLEAN struct buf key = { 0 };

	if (!is_job(c))
		return;
	if (!cascade_begin(cascade)) {
		refuse_away(c);
		return;
	}
	buf_addf(&key, "yett:cascade:job:%.*s", SLICE_F(c->param[0]));
	put(cascade, "DEL", buf_slice(&key), (struct slice){ 0 });
	put(cascade, "ZREM", SLICE(CASCADE_DUE), c->param[0]);
	put(cascade, "ZREM", SLICE(CASCADE_DEAD_SET), c->param[0]);
	cascade_end_for(cascade, on_done, c, SLICE("drop"));
}
