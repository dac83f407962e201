#include "cascade_own.h"

#include "master.h"

#include "lib/clock.h"
#include "lib/log.h"
#include "lib/xalloc.h"

#include <stdlib.h>
#include <sys/random.h>

#define AT_ONCE 8 /* services of one job */
#define SLACK_MS 1000

/* A round is at most two timeouts long, and the lease longer, so that as long as ours holds nobody
 * else is at it. */
struct round {
	struct cascade *of;
	struct list link;
	char job[CASCADE_JOB], token[33];
	uint64_t claimed_ms; /* no later than Redis thinks */
	uint32_t timeout_ms; /* of each service */
	int64_t started_ms;  /* since 1970: what is due by then is done in this round */
	struct arena arena;
	struct cascade_record record;
	struct cascade_call **calls; /* by service; NULL: none is under way */
	bool *touched;               /* by service: it was asked in this round */
	size_t under_way;
	bool over; /* nothing is left to ask, but to note how it went */
};

static uint32_t
lease_ms(const struct round *r)
{
	return 2 * r->timeout_ms + SLACK_MS;
}

static bool
lease_holds(const struct round *r)
{
	return clock_mono_ms() - r->claimed_ms < lease_ms(r);
}

/* By the token of its lease, so that a late answer is not taken for another round's; NULL: it is
 * over. */
static struct round *
round_find(struct cascade *c, struct slice token)
{
	list_for (pos, &c->rounds) {
		struct round *r = container_of(pos, struct round, link);

		if (slice_eq(slice_of(r->token), token))
			return r;
	}
	return NULL;
}

static bool
is_under_way(struct cascade *c, struct slice job)
{
	list_for (pos, &c->rounds) {
		if (slice_eq(slice_of(container_of(pos, struct round, link)->job), job))
			return true;
	}
	return false;
}

static void
round_free(struct round *r)
{
	for (size_t i = 0; i < r->record.services_count && r->calls; i++) {
		if (r->calls[i])
			cascade_call_cancel(r->calls[i]);
	}
	list_remove(&r->link);
	r->of->rounds_count--;
	free(r->calls);
	free(r->touched);
	arena_deinit(&r->arena);
	free(r);
}

/* ---- how it went ---- */

static void
put_service(struct cascade *c, const char *job, const struct cascade_service *s, bool alone)
{
	BUF_CLEAN struct buf key = { 0 }, field = { 0 }, value = { 0 };
	struct slice argv[4];

	cascade_key("job", job, &key);
	buf_addf(&field, "s:%s", s->name);
	cascade_write(s, &value);
	argv[0] = SLICE("HSET");
	argv[1] = buf_slice(&key);
	argv[2] = buf_slice(&field);
	argv[3] = buf_slice(&value);
	if (alone)
		cascade_ask(c, NULL, SLICE(""), 4, argv);
	else
		cascade_put(c, 4, argv);
}

static void
put_score(struct cascade *c, const char *set, const char *job, int64_t score)
{
	BUF_CLEAN struct buf number = { 0 };

	cascade_number(score, &number);
	cascade_put(
	    c, 4,
	    (struct slice[]){ SLICE("ZADD"), slice_of(set), buf_slice(&number), slice_of(job) });
}

/* The job is over: it is remembered for a while. */
static void
put_end(struct round *r, bool dead)
{
	const struct config_cascade *config = &r->of->master->config->cascade;
	BUF_CLEAN struct buf key = { 0 }, kept = { 0 };

	cascade_key("job", r->job, &key);
	cascade_number(dead ? CASCADE_KEPT_MS : (int64_t)config->remember_s * 1000, &kept);
	cascade_put(r->of, 3,
		    (struct slice[]){ SLICE("ZREM"), SLICE(CASCADE_DUE), slice_of(r->job) });
	if (dead)
		put_score(r->of, CASCADE_DEAD_SET, r->job, clock_wall_ms());
	cascade_put(r->of, 3,
		    (struct slice[]){ SLICE("PEXPIRE"), buf_slice(&key), buf_slice(&kept) });
}

static void
on_noted(void *userdata, struct slice tag, const struct redis_reply *r)
{
	struct cascade *c = userdata;
	struct round *round = round_find(c, tag);
	char fault[96];

	if (!round)
		return;
	if (r && r->type != REDIS_ARRAY)
		log_error("cascade job=%s error=\"%s\" effect=\"services may be told again\"",
			  round->job, redis_fault(r, fault, sizeof fault));
	if (!r) /* it is noted when the link is up again */
		return;
	round_free(round);
	cascade_look(c);
}

/* Where our lease has ended, another gateway may be at it: what we know for certain is noted, and
 * when it goes on is up to him. */
static void
round_note(struct round *r)
{
	BUF_CLEAN struct buf lease = { 0 };
	int64_t next = cascade_next(&r->record);
	bool ours = lease_holds(r);

	r->over = true;
	if (!cascade_begin(r->of))
		return;
	for (size_t i = 0; i < r->record.services_count; i++) {
		const struct cascade_service *s = &r->record.services[i];

		if (r->touched[i] && (ours || s->state == CASCADE_DONE))
			put_service(r->of, r->job, s, false);
	}
	cascade_key("lease", r->job, &lease);
	if (ours && next == INT64_MAX)
		put_end(r, cascade_is_dead(&r->record));
	else if (ours)
		put_score(r->of, CASCADE_DUE, r->job, next);
	if (ours)
		cascade_put(r->of, 2, (struct slice[]){ SLICE("DEL"), buf_slice(&lease) });
	cascade_end(r->of, on_noted, slice_of(r->token));
}

/* ---- services ---- */

static uint32_t
scatter(void)
{
	uint32_t random;

	if (getrandom(&random, sizeof random, GRND_NONBLOCK) != sizeof random)
		random = (uint32_t)uv_hrtime();
	return random;
}

/* What the log says names the job and never the user. */
static void
tell(struct round *r, const struct cascade_service *s)
{
	char name[160], reason[160];
	const char *service = log_words(slice_of(s->name), name, sizeof name);
	const char *why = log_words(slice_of(s->reason), reason, sizeof reason);

	if (s->state == CASCADE_DONE)
		log_info(
		    "cascade job=%s service=\"%s\" state=done status=%d attempts=%u note=\"%s\"",
		    r->job, service, s->status, s->attempts, why);
	else if (s->state == CASCADE_WAITS)
		log_warn("cascade job=%s service=\"%s\" state=waits status=%d attempts=%u "
			 "next_ms=%lld reason=\"%s\"",
			 r->job, service, s->status, s->attempts,
			 (long long)(s->next_ms - clock_wall_ms()), why);
	else
		log_error("cascade job=%s service=\"%s\" state=dead status=%d attempts=%u "
			  "reason=\"%s\" remedy=\"mend the service, then yett cascade retry %s\"",
			  r->job, service, s->status, s->attempts, why, r->job);
}

static void
count(struct cascade *c, const struct cascade_service *s)
{
	struct board_master *page = c->master->page;

	board_add(&page->cascade_done, s->state == CASCADE_DONE);
	board_add(&page->cascade_failed, s->state != CASCADE_DONE);
	board_add(&page->cascade_given_up, s->state == CASCADE_DEAD);
}

static void round_go_on(struct round *r);

static void
on_called(void *userdata, size_t index, int status, const char *reason)
{
	struct round *r = userdata;
	const struct config_cascade *config = &r->of->master->config->cascade;
	const struct cascade_pace pace = { config->retry, config->retry_max,
					   (uint64_t)config->give_up_s * 1000 };
	struct cascade_service *s = &r->record.services[index];

	r->calls[index] = NULL;
	r->under_way--;
	cascade_attempted(s, &r->record, status, arena_string(&r->arena, slice_of(reason)), &pace,
			  clock_wall_ms(), scatter());
	tell(r, s);
	count(r->of, s);
	if (lease_holds(r) || s->state == CASCADE_DONE)
		put_service(r->of, r->job, s, true); /* at once: we may be killed */
	round_go_on(r);
}

/* As many as may be at a time; none is begun that would outlast the lease. */
static void
round_go_on(struct round *r)
{
	bool late = clock_mono_ms() - r->claimed_ms >= r->timeout_ms;

	for (size_t i = 0; i < r->record.services_count && r->under_way < AT_ONCE && !late; i++) {
		const struct cascade_service *s = &r->record.services[i];

		if (s->state != CASCADE_WAITS || r->touched[i] || s->next_ms > r->started_ms)
			continue;
		r->touched[i] = true;
		r->under_way++;
		r->calls[i] =
		    cascade_call_new(r->of, s->name, &r->record, r->timeout_ms, i, on_called, r);
	}
	if (r->under_way == 0)
		round_note(r);
}

/* ---- the lease ---- */

/* There is no such job any more, or nobody can make sense of it. What is left of one that was
 * dropped while somebody was at it has no user. */
static void
forget(struct round *r)
{
	bool nonsense = r->record.user.n > 0;
	BUF_CLEAN struct buf key = { 0 };

	cascade_key("job", r->job, &key);
	if (nonsense)
		log_error("cascade job=%s error=\"what Redis holds of it is not understood\" "
			  "remedy=\"yett cascade drop %s\"",
			  r->job, r->job);
	if (cascade_begin(r->of)) {
		cascade_put(
		    r->of, 3,
		    (struct slice[]){ SLICE("ZREM"), SLICE(CASCADE_DUE), slice_of(r->job) });
		if (nonsense)
			put_score(r->of, CASCADE_DEAD_SET, r->job, clock_wall_ms());
		else
			cascade_put(r->of, 2, (struct slice[]){ SLICE("DEL"), buf_slice(&key) });
		cascade_end(r->of, NULL, SLICE(""));
	}
	round_free(r);
}

static void
on_read(void *userdata, struct slice tag, const struct redis_reply *reply)
{
	struct cascade *c = userdata;
	struct round *r = round_find(c, tag);

	if (!r)
		return;
	if (!reply) {
		round_free(r);
		return;
	}
	if (!cascade_read(&r->arena, reply, &r->record)) {
		forget(r);
		return;
	}
	r->calls = xcalloc(r->record.services_count + 1, sizeof *r->calls);
	r->touched = xcalloc(r->record.services_count + 1, sizeof *r->touched);
	r->started_ms = clock_wall_ms();
	round_go_on(r);
}

static void
on_claimed(void *userdata, struct slice tag, const struct redis_reply *reply)
{
	struct cascade *c = userdata;
	struct round *r = round_find(c, tag);
	BUF_CLEAN struct buf key = { 0 };

	if (!r)
		return;
	cascade_fault(&c->jobs, reply);
	cascade_key("job", r->job, &key);
	if (!reply || reply->type != REDIS_STATUS || /* another gateway is at it */
	    !cascade_ask(c, on_read, slice_of(r->token), 2,
			 (struct slice[]){ SLICE("HGETALL"), buf_slice(&key) }))
		round_free(r);
}

void
cascade_round_begin(struct cascade *c, struct slice job)
{
	BUF_CLEAN struct buf key = { 0 }, ms = { 0 };
	struct round *r;

	if (!cascade_is_job(job) || is_under_way(c, job) || c->rounds_count == CASCADE_ROUNDS)
		return;
	r = xcalloc(1, sizeof *r);
	r->of = c;
	snprintf(r->job, sizeof r->job, "%.*s", SLICE_F(job));
	r->claimed_ms = clock_mono_ms();
	r->timeout_ms = c->master->config->cascade.timeout;
	list_push(&c->rounds, &r->link);
	c->rounds_count++;
	cascade_random(r->token);
	cascade_key("lease", r->job, &key);
	cascade_number(lease_ms(r), &ms);
	if (!cascade_ask(c, on_claimed, slice_of(r->token), 6,
			 (struct slice[]){ SLICE("SET"), buf_slice(&key), slice_of(r->token),
					   SLICE("NX"), SLICE("PX"), buf_slice(&ms) }))
		round_free(r);
}

void
cascade_rounds_up(struct cascade *c)
{
	list_for (pos, &c->rounds) {
		struct round *r = container_of(pos, struct round, link);

		if (r->over)
			round_note(r);
	}
}

void
cascade_rounds_stop(struct cascade *c)
{
	list_drain (pos, &c->rounds)
		round_free(container_of(pos, struct round, link));
}
