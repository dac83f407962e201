#include "doctor_visit.h"

#include "lib/redis.h"

#include <stdio.h>
#include <stdlib.h>

#define PATIENCE_MS 2000
#define WORDS_MAX 8

static void
finish(struct doctor_visit *v)
{
	if (v->told)
		return;
	v->told = true;
	v->done(v->userdata);
}

static void
fail(struct doctor_visit *v, const char *reason)
{
	if (!*v->fault)
		snprintf(v->fault, sizeof v->fault, "%s", reason);
	finish(v);
}

static void
send_words(struct doctor_visit *v, redis_answer_fn answer, struct slice tag, struct slice words)
{
	struct slice argv[WORDS_MAX];
	size_t n = 0;

	while (words.p && n < WORDS_MAX)
		argv[n++] = slice_cut(words, ' ', &words);
	redis_conn_command(v->conn, answer, v, tag, n, argv);
}

/* The key or channel of a command: what has a colon, or is the stream; "~session:*" stands for all
 * of the first kind. */
static void
add_place(const struct doctor_visit *v, const struct doctor_try *t, char kind, struct buf *out)
{
	const char *colon = strchr(t->words, ':'), *begin = colon;

	while (begin && begin > t->words && begin[-1] != ' ')
		begin--;
	if (colon && kind == '&')
		buf_addf(out, " &%s", begin);
	else if (colon)
		buf_addf(out, " ~%.*s:*", (int)(colon - begin), begin);
	else if (strstr(t->words, "%s"))
		buf_addf(out, " ~%s", v->stream);
	else
		buf_addf(out, " %s", t->permission);
}

/* What the user lacks: the command, or a key or channel of it. */
static void
note_missing(struct doctor_visit *v, const struct doctor_try *t, struct slice why)
{
	struct buf *missing = t->optional ? &v->redis.useful : &v->redis.missing;
	struct buf BUF_CLEAN permission = { 0 };

	if (memmem(why.p, why.n, "channel", 7))
		add_place(v, t, '&', &permission);
	else if (memmem(why.p, why.n, " key", 4))
		add_place(v, t, '~', &permission);
	else
		buf_addf(&permission, " %s", t->permission);
	if (!memmem(missing->p ? missing->p : "", missing->n, permission.p, permission.n))
		buf_adds(missing, buf_slice(&permission));
}

/* The tag is the place of the command's row. */
static void
on_try(void *userdata, struct slice tag, const struct redis_reply *r)
{
	const struct doctor_try *t;

	memcpy(&t, tag.p, sizeof t);
	if (r->type == REDIS_FAILED && slice_starts(r->text, SLICE("NOPERM")))
		note_missing(userdata, t, r->text);
}

static void
send_try(struct doctor_visit *v, const struct doctor_try *t, redis_answer_fn answer)
{
	struct buf BUF_CLEAN words = { 0 };
	const char *place = strstr(t->words, "%s");
	size_t n = place ? (size_t)(place - t->words) : strlen(t->words);

	buf_add(&words, t->words, n);
	if (place)
		buf_addf(&words, "%s%s", v->stream, place + 2);
	send_words(v, answer, slice_make((const char *)&t, sizeof t), buf_slice(&words));
}

static void
send_tries(struct doctor_visit *v, bool changes)
{
	for (size_t i = 0; i < VISIT_TRIES && v->tries[i]; i++) {
		for (const struct doctor_try *t = v->tries[i]; t->words; t++) {
			if (t->changes == changes)
				send_try(v, t, on_try);
		}
	}
}

static void
on_last(void *userdata, struct slice tag, const struct redis_reply *r)
{
	on_try(userdata, tag, r);
	finish(userdata);
}

static void
on_thrown_away(void *userdata, struct slice tag, const struct redis_reply *r)
{
	(void)userdata, (void)tag, (void)r; /* who may not discard it is cut off */
}

static void
send_last(struct doctor_visit *v)
{
	send_try(v, &doctor_try_last, on_last);
	redis_conn_flush(v->conn);
}

/* Only if there is a transaction may that be sent which changes something. */
static void
on_multi(void *userdata, struct slice tag, const struct redis_reply *r)
{
	struct doctor_visit *v = userdata;
	const struct doctor_try multi = { "multi", "+multi", true, !v->redis.sessions };

	(void)tag;
	if (r->type == REDIS_STATUS) {
		send_tries(v, true);
		send_words(v, on_thrown_away, SLICE(""), SLICE("discard"));
	} else if (slice_starts(r->text, SLICE("NOPERM"))) {
		note_missing(v, &multi, r->text);
	}
	send_last(v);
}

static void
on_time(void *userdata, struct slice tag, const struct redis_reply *r)
{
	struct doctor_visit *v = userdata;

	(void)tag;
	if (r->type == REDIS_ARRAY && r->count == 2 && r->elements[0] &&
	    r->elements[0]->type == REDIS_STRING) {
		struct slice t = r->elements[0]->text;

		for (size_t i = 0; i < t.n && i < 12 && t.p[i] >= '0' && t.p[i] <= '9'; i++)
			v->redis.time = v->redis.time * 10 + (t.p[i] - '0');
	}
}

static void
on_info(void *userdata, struct slice tag, const struct redis_reply *r)
{
	struct doctor_visit *v = userdata;
	char why[200];

	(void)tag;
	if (r->type == REDIS_STRING)
		buf_adds(&v->redis.info, r->text);
	else if (!slice_starts(r->text, SLICE("NOPERM")))
		fail(v, redis_fault(r, why, sizeof why));
}

static void
on_greeted(void *userdata, struct slice tag, const struct redis_reply *r)
{
	struct doctor_visit *v = userdata;
	char why[200];

	(void)tag;
	if (r->type == REDIS_FAILED)
		fail(v, redis_fault(r, why, sizeof why));
}

static void
on_up(void *userdata)
{
	struct doctor_visit *v = userdata;
	char select[32];

	redis_login_send(&v->login, v->conn, on_greeted, v);
	if (v->database != 0) {
		int n = snprintf(select, sizeof select, "select %u", v->database);

		send_words(v, on_greeted, SLICE(""), slice_make(select, (size_t)n));
	}
	send_words(v, on_info, SLICE(""), SLICE("info"));
	send_words(v, on_time, SLICE(""), SLICE("time"));
	send_tries(v, false);
	send_words(v, on_multi, SLICE(""), SLICE("multi"));
	redis_conn_flush(v->conn);
}

static void
on_turn(void *userdata)
{
	(void)userdata; /* each answer is looked at when it comes */
}

static void
on_down(void *userdata, const char *reason)
{
	struct doctor_visit *v = userdata;

	v->conn = NULL;
	fail(v, reason);
}

static void
on_found(void *userdata, const struct sockaddr *address)
{
	static const struct redis_conn_ops ops = { .up = on_up, .turn = on_turn, .down = on_down };
	struct doctor_visit *v = userdata;
	int r;

	v->login = (struct redis_login){
		.user = slice_of(v->redis.user),
		.password = slice_make(v->password->bytes, v->password->n),
		.peer = *v->files->server_name ? v->files->server_name : v->address->host,
		.where = v->redis.where,
	};
	if (v->secure && !v->tls) {
		fail(v, "a file that its TLS needs is not good");
		return;
	}
	r = redis_conn_new(v->loop, address, v->tls, v->login.peer, PATIENCE_MS, PATIENCE_MS, &ops,
			   v, &v->conn);
	if (r < 0)
		fail(v, strerror(-r));
}

static void
on_not_found(void *userdata, const char *reason)
{
	fail(userdata, reason);
}

void
doctor_visit_begin(struct doctor_visit *v)
{
	v->dial.found = on_found;
	v->dial.failed = on_not_found;
	v->dial.userdata = v;
	dial_start(&v->dial, v->address);
}

void
doctor_visit_tell(const struct doctor_visit *v, struct doctor *d, int64_t now)
{
	if (v->told && !*v->fault) {
		doctor_redis_judge(d, &v->redis, now);
		return;
	}
	doctor_tell(d, DOCTOR_PROBLEM, v->redis.check, "%s cannot be used: %s", v->redis.where,
		    *v->fault ? v->fault : "no answer within two seconds");
	doctor_redis_remedy(d, &v->redis, "ping");
}

void
doctor_visit_deinit(struct doctor_visit *v)
{
	dial_stop(&v->dial);
	redis_conn_close(v->conn);
	doctor_redis_deinit(&v->redis);
}
