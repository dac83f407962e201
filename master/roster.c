#include "roster.h"

#include "config_rule.h"
#include "master.h"
#include "roster_own.h"

#include "lib/clock.h"
#include "lib/log.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <unistd.h>

#define BRIEF_MS 100 /* between two announcements, however often something changes */
#define CLOCK_APART_S 30
#define LAST_MS 500 /* for the deletion of our key */

/* KEYS: ours, who was heard of when. ARGV: what we are, how long that holds (s), our member. What
 * is of a time to come, because the clock of Redis was set back, is of now: who is gone would be
 * counted until then. Gives how many there are, and whether we were not among them:
 * then others may have expired as we did, while Redis or its clock stood still. And what time it is
 * there. */
static const char announce_script[] =
    "local t = redis.call('TIME') "
    "local now = t[1] * 1000 + math.floor(t[2] / 1000) "
    "local had = redis.pcall('GETRANGE', KEYS[1], 0, 0) "
    "redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[2]) "
    "local new = redis.call('ZADD', KEYS[2], now, ARGV[3]) "
    "if had == '' then new = 1 end "
    "redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', now - 600000) "
    "local late = redis.call('ZRANGEBYSCORE', KEYS[2], '(' .. now, '+inf', 'LIMIT', 0, 100) "
    "for _, member in ipairs(late) do redis.call('ZADD', KEYS[2], now, member) end "
    "redis.call('EXPIRE', KEYS[2], 600) "
    "return {redis.call('ZCOUNT', KEYS[2], now - ARGV[2] * 1000, '+inf'), new, tonumber(t[1])}";

const char *const roster_state_name[] = {
	[ROSTER_STARTING] = "starting", [ROSTER_READY] = "ready", [ROSTER_DEGRADED] = "degraded",
	[ROSTER_DRAINING] = "draining", [ROSTER_GONE] = "gone",
};

/* ---- what we are ---- */

const char *
roster_degraded(const struct master *m)
{
	if (m->phase != MASTER_SERVING)
		return "";
	if (!board_get(&m->page->ready))
		return "a worker is missing";
	if (m->config->redis.configured && !store_redis_is_up(m->store))
		return "Redis is away: what it said last is in force";
	if (m->roster.clock_off)
		return "the clock is more than 30 s from that of Redis";
	if (board_get(&m->page->memory_short))
		return "memory is short: requests are refused";
	if (m->saver.failures)
		return "state_dir cannot be written: a start without Redis would have older rules";
	return "";
}

enum roster_state
roster_state(const struct master *m)
{
	switch (m->phase) {
	case MASTER_WAITING:
	case MASTER_STARTING:
		return ROSTER_STARTING;
	case MASTER_SERVING:
		if (m->leaving_ms)
			return ROSTER_DRAINING;
		return *roster_degraded(m) ? ROSTER_DEGRADED : ROSTER_READY;
	case MASTER_DRAINING:
	case MASTER_ENDED:
		break;
	}
	return ROSTER_DRAINING;
}

void
roster_self(const struct master *m, struct roster_gateway *out)
{
	const struct roster *r = &m->roster;
	uint64_t now = clock_mono_ms();

	*out = (struct roster_gateway){
		.state = roster_state(m),
		.format = RULE_FORMAT,
		.pid = (uint64_t)getpid(),
		.table = m->publisher.version,
		.workers = m->supervisor.slots_count - 1,
		.in_force_ms = r->force.since_ms ? now - r->force.since_ms : 0,
		.up_ms = now - m->started_ms,
	};
	memcpy(out->id, r->id, sizeof out->id);
	memcpy(out->name, r->name, sizeof out->name);
	memcpy(out->revision, r->force.revision, sizeof out->revision);
	snprintf(out->version, sizeof out->version, "%s", YETT_VERSION);
	snprintf(out->degraded, sizeof out->degraded, "%s", roster_degraded(m));
}

/* Has every worker that serves this table, or a newer one? */
static bool
all_have(const struct master *m, uint64_t version)
{
	const struct supervisor *s = &m->supervisor;
	bool any = false;

	for (uint32_t i = 0; i + 1 < s->slots_count; i++) {
		if (s->slots[i].state == SLOT_RUNNING && s->slots[i].acked < version)
			return false;
		any = any || s->slots[i].state == SLOT_RUNNING;
	}
	return any;
}

/* A revision is awaited until they have it, whatever comes meanwhile: changes that come faster than
 * workers follow would hide it for ever. */
static void
force_look(struct master *m)
{
	struct roster *r = &m->roster;
	const char *published = m->publisher.revision;

	if (!r->force.next_version && !m->publisher.pending && *published &&
	    strcmp(published, r->force.revision) != 0) {
		memcpy(r->force.next, published, sizeof r->force.next);
		r->force.next_version = m->publisher.version;
	}
	if (!r->force.next_version || !all_have(m, r->force.next_version))
		return;
	memcpy(r->force.revision, r->force.next, sizeof r->force.revision);
	r->force.since_ms = clock_mono_ms();
	r->force.next_version = 0;
	if (strcmp(published, r->force.revision) != 0)
		force_look(m);
}

/* ---- telling Redis ---- */

void
roster_complain(struct roster *r, enum roster_doing doing, const struct redis_reply *reply)
{
	static const char *const effect[] = {
		[ROSTER_TELLS] = "the others do not know of this one",
		[ROSTER_ASKS] = "this one does not know of the others",
	};
	char *complaint = r->complaint[doing], fault[sizeof r->complaint[doing]];
	const char *what = reply ? redis_fault(reply, fault, sizeof fault) : "";

	if (strcmp(complaint, what) == 0)
		return;
	snprintf(complaint, sizeof r->complaint[doing], "%s", what);
	if (*what)
		log_warn("gateways redis=\"%s\" effect=\"%s\"", what, effect[doing]);
	else
		log_info("gateways redis=well");
}

void
roster_forgotten(struct roster *r)
{
	r->forgotten_ms = clock_mono_ms();
	r->listed = false;
}

/* Expiry is judged by each gateway's own clock: of tokens, certificates and suspensions. */
static void
look_at_clock(struct roster *r, int64_t ahead_s)
{
	bool off = ahead_s > CLOCK_APART_S || ahead_s < -CLOCK_APART_S;

	if (off == r->clock_off)
		return;
	r->clock_off = off;
	if (off)
		log_warn("clock ahead_of_redis_s=%lld effect=\"tokens, certificates and "
			 "suspensions end too early or too late here\"",
			 (long long)ahead_s);
	else
		log_info("clock state=well");
}

static void
on_told(void *userdata, struct slice tag, const struct redis_reply *reply)
{
	struct master *m = userdata;
	struct roster *r = &m->roster;

	if (reply->type == REDIS_FAILED && slice_starts(reply->text, SLICE("NOSCRIPT"))) {
		r->script[0] = '\0';
		r->told.ms = 0;
		return;
	}
	if (reply->type != REDIS_ARRAY || reply->count != 3 || !reply->elements[0] ||
	    !reply->elements[1] || !reply->elements[2]) {
		roster_complain(r, ROSTER_TELLS, reply);
		return;
	}
	roster_complain(r, ROSTER_TELLS, NULL);
	if (r->listed && reply->elements[1]->integer)
		roster_forgotten(r);
	r->listed = true;
	r->gateways = (uint64_t)reply->elements[0]->integer;
	look_at_clock(r, clock_wall() - reply->elements[2]->integer);
	fleet_counted(m, r->gateways);
}

static void
on_loaded(void *userdata, struct slice tag, const struct redis_reply *reply)
{
	struct roster *r = &((struct master *)userdata)->roster;

	if (reply->type == REDIS_STRING && reply->text.n == sizeof r->script - 1)
		snprintf(r->script, sizeof r->script, "%.*s", SLICE_F(reply->text));
}

static struct slice
key_text(const struct roster *r, char room[64])
{
	return slice_make(room, (size_t)snprintf(room, 64, ROSTER_KEY "%s", r->id));
}

/* In the set: it has to name who is gone, too. */
static struct slice
member_text(const struct roster *r, char room[96])
{
	return slice_make(room, (size_t)snprintf(room, 96, "%s %s", r->id, r->name));
}

static void
announce(struct master *m, uint64_t now)
{
	struct roster *r = &m->roster;
	const struct slice load[] = { SLICE("SCRIPT"), SLICE("LOAD"), slice_of(announce_script) };
	struct buf BUF_CLEAN text = { 0 };
	struct roster_gateway self;
	char key[64], member[96], seconds[16];

	roster_self(m, &self);
	roster_write_one(&self, true, &text);
	snprintf(seconds, sizeof seconds, "%d", ROSTER_EXPIRE_S);
	const struct slice argv[] = {
		*r->script ? SLICE("EVALSHA") : SLICE("EVAL"),
		slice_of(*r->script ? r->script : announce_script),
		SLICE("2"),
		key_text(r, key),
		SLICE(ROSTER_HEARD),
		buf_slice(&text),
		slice_of(seconds),
		member_text(r, member),
	};
	if (!r->told.ms)
		store_redis_command(m->store, on_loaded, m, SLICE(""), 3, load);
	store_redis_command(m->store, on_told, m, SLICE(""), sizeof argv / sizeof argv[0], argv);
	r->told.ms = now;
	memcpy(r->told.revision, self.revision, sizeof r->told.revision);
	r->told.state = self.state;
	r->told.degraded = roster_degraded(m);
}

/* Is there news, or was nothing heard of us for long? */
static bool
is_due(const struct master *m, uint64_t now)
{
	const struct roster *r = &m->roster;
	bool news = strcmp(r->told.revision, r->force.revision) != 0 ||
		    r->told.state != roster_state(m) ||
		    strcmp(r->told.degraded, roster_degraded(m)) != 0;

	return !r->told.ms || now >= r->told.ms + (news ? BRIEF_MS : ROSTER_EVERY_MS);
}

void
roster_tick(struct master *m)
{
	struct roster *r = &m->roster;
	uint64_t now = clock_mono_ms();

	force_look(m);
	if (roster_state(m) != ROSTER_STARTING && !r->ended_ms && store_redis_is_up(m->store) &&
	    is_due(m, now))
		announce(m, now);
	roster_settle(m);
}

/* ---- life ---- */

void
roster_init(struct master *m)
{
	struct roster *r = &m->roster;
	uint64_t id = m->page->gateway;

	list_init(&r->waits);
	if (!id)
		(void)!getrandom(&id, sizeof id, 0);
	m->page->gateway = id;
	snprintf(r->id, sizeof r->id, "%016" PRIx64, id);
	if (gethostname(r->name, sizeof r->name - 1) < 0)
		r->name[0] = '\0';
}

static void
on_left(void *userdata, struct slice tag, const struct redis_reply *reply)
{
	((struct master *)userdata)->roster.left = true;
}

bool
roster_end(struct master *m)
{
	struct roster *r = &m->roster;
	uint64_t now = clock_mono_ms();
	char key[64], member[96];
	const struct slice del[] = { SLICE("DEL"), key_text(r, key) };
	const struct slice rem[] = { SLICE("ZREM"), SLICE(ROSTER_HEARD), member_text(r, member) };

	if (!r->told.ms || !store_redis_is_up(m->store))
		return true;
	if (!r->ended_ms) {
		r->ended_ms = now;
		store_redis_command(m->store, on_left, m, SLICE(""), 2, del);
		store_redis_command(m->store, on_left, m, SLICE(""), 3, rem);
	}
	return r->left || now > r->ended_ms + LAST_MS;
}
