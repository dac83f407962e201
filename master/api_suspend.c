/*
 * /suspended: who may not pass. A change is stored before it is in force, and the answer waits
 * until every worker has closed what was under way.
 */

#include "api.h"

#include "master.h"
#include "suspend_keys.h"
#include "suspend_set.h"
#include "suspensions.h"

#include "lib/clock.h"
#include "lib/json.h"
#include "lib/xalloc.h"

#include <stdio.h>
#include <stdlib.h>

#define BODY_MAX 8192
#define BODY_DEPTH 4
#define REASON_MAX 1000
#define SHOWN 1000 /* of the list, where the query does not say how many */
#define SHOWN_MAX 20000

struct job {
	struct api_call *call;
	struct buf field;
	struct suspension suspension;
	bool resumes;
	uint64_t closed; /* by all sweeps before */
	struct suspension_waiter waiter;
};

static void
job_free(struct job *j)
{
	buf_deinit(&j->field);
	free(j);
}

static void
job_refuse(struct job *j, int status, const char *text)
{
	suspension_deinit(&j->suspension);
	api_reply_message(j->call, status, text, SLICE(""));
	job_free(j);
}

/* ---- what was asked for ---- */

/* "sub" and "alice" to "sub:alice"; false, and answered, when it is none. */
static bool
read_field(struct api_call *c, struct buf *out)
{
	struct slice kind = c->param[0], id = c->param[1], rest;
	enum suspended_kind is;

	buf_adds(out, kind);
	buf_addc(out, ':');
	if (!slice_eq(kind, slice_of(suspended_kind_name[SUSPENDED_ALL])) ||
	    !slice_eq(id, SLICE("*")))
		buf_adds(out, id);
	if (suspension_split(buf_slice(out), &is, &rest))
		return true;
	api_reply_message(c, 400,
			  "It is /suspended/KIND/ID, the kind sub, sid or jti with an id of at "
			  "most 512 bytes, or all with the id *",
			  SLICE(""));
	return false;
}

static bool
read_time(const struct json *root, const char *name, int64_t *out)
{
	const struct json *v = json_get(root, name);
	double number;

	if (!v || json_kind(v) == JSON_NULL)
		return true;
	if (!json_number(v, &number) || number < 1 || number > 1e12)
		return false;
	*out = (int64_t)number;
	return true;
}

static bool
is_known(struct slice name)
{
	static const char *const names[] = { "until", "before", "reason" };

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		if (slice_eq(name, slice_of(names[i])))
			return true;
	}
	return false;
}

/* What is wrong with the body; NULL: nothing. */
static const char *
read_body(struct api_call *c, struct suspension *out)
{
	struct slice body = c->text.part[CALL_BODY], why = c->text.part[CALL_WHY];
	struct json *root = NULL;
	const char *fault = NULL;

	if (body.n > 0 && json_parse(body, BODY_MAX, BODY_DEPTH, &root) < 0)
		return "The body is no JSON, or too large";
	if (root && json_kind(root) != JSON_OBJECT)
		fault = "The body is no object";
	for (const struct json *v = json_first(root); v && !fault; v = json_next(v)) {
		if (!is_known(json_name(v)))
			fault = "The body has another member than until, before and reason";
	}
	if (!fault &&
	    (!read_time(root, "until", &out->until) || !read_time(root, "before", &out->before)))
		fault = "until and before are seconds since 1970";
	if (!fault && json_get(root, "reason") && !json_text(json_get(root, "reason")).p)
		fault = "reason is a text";
	if (!fault && out->until && out->until <= clock_wall())
		fault = "until is in the past";
	if (json_text(json_get(root, "reason")).n > 0)
		why = json_text(json_get(root, "reason"));
	out->why = xstrndup(why.p ? why.p : "", why.n < REASON_MAX ? why.n : REASON_MAX);
	json_free(root);
	return fault;
}

/* ---- in force ---- */

static void
on_swept(struct suspension_waiter *w, unsigned swept, unsigned workers)
{
	struct job *j = w->userdata;
	uint64_t closed = j->call->master->suspensions.closed - j->closed;
	BUF_CLEAN struct buf data = { 0 };
	char text[96];

	snprintf(text, sizeof text, "%u/%u workers, %llu stream%s closed", swept, workers,
		 (unsigned long long)closed, closed == 1 ? "" : "s");
	buf_addf(&data, "{\"workers\":%u,\"workers_done\":%u,\"streams_closed\":%llu}", workers,
		 swept, (unsigned long long)closed);
	api_reply_message(j->call, swept == workers ? 200 : 202, text, buf_slice(&data));
	job_free(j);
}

static void
in_force(struct job *j)
{
	struct master *m = j->call->master;

	if (j->resumes) {
		api_reply_message(j->call, 200, "Resumed", SLICE(""));
		job_free(j);
		return;
	}
	j->waiter.done = on_swept;
	j->waiter.userdata = j;
	suspensions_wait(m, &j->waiter);
}

static void
apply(struct job *j)
{
	struct master *m = j->call->master;

	j->closed = m->suspensions.closed;
	j->suspension.seen = suspend_set_generation(m->suspensions.set);
	if (j->resumes)
		suspensions_drop(m, buf_slice(&j->field));
	else
		(void)!suspensions_put(m, buf_slice(&j->field), &j->suspension);
	j->suspension = (struct suspension){ 0 };
}

static void
on_stored(void *userdata, const char *fault)
{
	struct job *j = userdata;

	if (*fault) {
		job_refuse(j, 503, fault);
		return;
	}
	apply(j);
	in_force(j);
}

static void
on_saved(void *userdata, int error)
{
	struct job *j = userdata;
	char text[160];

	if (error == 0) {
		in_force(j);
		return;
	}
	snprintf(text, sizeof text, "In force, but lost at the next start: %s", strerror(-error));
	job_refuse(j, 500, text);
}

static void
store(struct job *j)
{
	struct master *m = j->call->master;
	BUF_CLEAN struct buf json = { 0 };

	if (!suspensions_use_redis(m)) {
		j->suspension.local = true;
		apply(j);
		suspend_file_save(m, on_saved, j);
		return;
	}
	if (!j->resumes)
		suspension_write(&j->suspension, &json);
	suspend_set_write(m->suspensions.set, buf_slice(&j->field),
			  j->resumes ? (struct slice){ 0 } : buf_slice(&json), on_stored, j);
}

static struct job *
job_new(struct api_call *c)
{
	struct job *j = xcalloc(1, sizeof *j);

	j->call = c;
	if (read_field(c, &j->field))
		return j;
	job_free(j);
	return NULL;
}

void
api_suspend(struct api_call *c)
{
	struct suspensions *s = &c->master->suspensions;
	struct job *j = job_new(c);
	const char *fault;
	struct slice who;

	if (!j) /* it is answered, and gone with that */
		return;
	who = c->text.part[CALL_WHO];
	j->suspension.since = clock_wall();
	j->suspension.by = xstrndup(who.p ? who.p : "", who.n);
	fault = read_body(c, &j->suspension);
	if (!fault && slice_eq(buf_slice(&j->field), SLICE("all:")) && !j->suspension.before)
		fault = "Everybody is only suspended with tokens issued before a time (before)";
	if (fault)
		job_refuse(j, 400, fault);
	else if (!map_get(&s->own, buf_slice(&j->field)) &&
		 s->own.count >= c->master->config->suspension.max)
		job_refuse(j, 409, "There are as many as suspension.max allows");
	else
		store(j);
}

void
api_resume(struct api_call *c)
{
	struct suspensions *s = &c->master->suspensions;
	struct job *j = job_new(c);

	if (!j)
		return;
	j->resumes = true;
	if (map_get(&s->own, buf_slice(&j->field)))
		store(j);
	else if (suspend_keys_suspends(s->keys, c->param[1]))
		job_refuse(j, 409, "A key of Redis with that name suspends it: delete the key");
	else
		job_refuse(j, 404, "It is not suspended");
}

/* ---- the list ---- */

struct list_out {
	struct buf json;
	size_t n, most;
};

static struct buf *
list_next(struct list_out *l, const char *kind, struct slice id)
{
	if (l->n++ >= l->most)
		return NULL;
	buf_addf(&l->json, "%s{\"kind\":\"%s\",\"id\":", l->n > 1 ? "," : "", kind);
	buf_add_json(&l->json, id);
	return &l->json;
}

static void
add_own(struct list_out *l, struct slice field, const struct suspension *one)
{
	enum suspended_kind kind;
	struct slice id;
	struct buf *out;

	if (!suspension_split(field, &kind, &id))
		return;
	out = list_next(l, suspended_kind_name[kind], kind == SUSPENDED_ALL ? SLICE("*") : id);
	if (!out)
		return;
	buf_adds(out, SLICE(",\"since\":"));
	buf_add_json_time(out, one->since);
	buf_adds(out, SLICE(",\"until\":"));
	buf_add_json_time(out, one->until);
	buf_adds(out, SLICE(",\"before\":"));
	buf_add_json_time(out, one->before);
	buf_adds(out, SLICE(",\"by\":"));
	buf_add_json(out, slice_of(one->by));
	buf_adds(out, SLICE(",\"reason\":"));
	buf_add_json(out, slice_of(one->why));
	buf_addc(out, '}');
}

static void
add_key(void *userdata, struct slice name, int64_t since)
{
	struct buf *out = list_next(userdata, suspended_kind_name[SUSPENDED_KEY], name);

	if (!out)
		return;
	buf_adds(out, SLICE(",\"since\":"));
	buf_add_json_time(out, since);
	buf_addc(out, '}');
}

static size_t
limit_of(struct slice text)
{
	size_t n = 0;

	if (text.n == 0)
		return SHOWN;
	for (size_t i = 0; i < text.n && text.p[i] >= '0' && text.p[i] <= '9' && n < SHOWN_MAX; i++)
		n = n * 10 + (size_t)(text.p[i] - '0');
	return n < SHOWN_MAX ? n : SHOWN_MAX;
}

void
api_suspended(struct api_call *c)
{
	const struct suspensions *s = &c->master->suspensions;
	struct list_out l = { .most = limit_of(api_query(c, SLICE("limit"))) };
	BUF_CLEAN struct buf data = { 0 };

	for (size_t i = 0; i < s->own.count; i++)
		add_own(&l, map_name(&s->own.entries[i]), s->own.entries[i].value);
	suspend_keys_each(s->keys, add_key, &l);
	buf_addf(&data, "{\"count\":%zu,\"suspended\":[%.*s]}", l.n, SLICE_F(buf_slice(&l.json)));
	buf_deinit(&l.json);
	api_reply_message(c, 200, "OK", buf_slice(&data));
}
