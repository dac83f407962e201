#include "doctor_redis.h"

#include <stdio.h>

#define VERSION_LEAST 6 /* CLIENT TRACKING */
#define CLOCK_APART_S 2 /* a question may take as long */
#define CLOCK_FAR_S 30

/* As yett-admin(7) has them. */
const struct doctor_try doctor_tries_rules[] = {
	{ "client setname yett-doctor", "+client|setname", false, true },
	{ "client id", "+client|id", false, true },
	{ "client tracking off", "+client|tracking", false, true },
	{ "scan 0 match yett:doctor count 1", "+scan", false, false },
	{ "get frontend:yett-doctor", "+get", false, false },
	{ "mget frontend:yett-doctor", "+mget", false, false },
	{ "hgetall backend:yett-doctor", "+hgetall", false, false },
	{ "type yett:doctor", "+type", false, true },
	{ "xrange yett:revisions - + count 1", "+xrange", false, true },
	{ "xrevrange yett:revisions + - count 1", "+xrevrange", false, true },
	{ "time", "+time", false, true },
	{ "watch yett:revisions", "+watch", false, true },
	{ "unwatch", "+unwatch", false, true },
	{ "set frontend:yett-doctor x", "+set", true, true },
	{ "del frontend:yett-doctor", "+del", true, true },
	{ "hset backend:yett-doctor x y", "+hset", true, true },
	{ "hdel backend:yett-doctor x", "+hdel", true, true },
	{ "xadd yett:revisions * x y", "+xadd", true, true },
	{ "eval return 1 yett:doctor", "+eval", true, true },
	{ "evalsha 0 1 yett:doctor", "+evalsha", true, true },
	{ "getrange yett:gateway:doctor 0 1", "+getrange", true, true },
	{ "zrange yett:gateways:heard 0 1", "+zrange", true, true },
	{ "zcount yett:gateways:heard 0 1", "+zcount", true, true },
	{ "zrangebyscore yett:gateways:heard 0 1", "+zrangebyscore", true, true },
	{ "exists yett:suspended", "+exists", false, true },
	{ "hscan yett:suspended 0 count 1", "+hscan", false, true },
	{ "hlen yett:suspended", "+hlen", false, true },
	{ NULL, NULL, false, false },
};

const struct doctor_try doctor_tries_statistics[] = {
	{ "hgetall yett:statistics:doctor", "+hgetall", false, true },
	{ "eval return 1 yett:statistics:doctor", "+eval", true, true },
	{ "get yett:statistics:doctor", "+get", true, true },
	{ "set yett:statistics:doctor x", "+set", true, true },
	{ "hlen yett:statistics:doctor", "+hlen", true, true },
	{ "hexists yett:statistics:doctor x", "+hexists", true, true },
	{ "hincrby yett:statistics:doctor x 1", "+hincrby", true, true },
	{ "hset yett:statistics:doctor x y", "+hset", true, true },
	{ "expire yett:statistics:doctor 1", "+expire", true, true },
	{ NULL, NULL, false, false },
};

const struct doctor_try doctor_tries_cascade[] = {
	{ "hgetall yett:cascade:doctor", "+hgetall", false, false },
	{ "zcard yett:cascade:due", "+zcard", false, false },
	{ "zrangebyscore yett:cascade:due 0 1", "+zrangebyscore", false, false },
	{ "hset yett:cascade:doctor x y", "+hset", true, false },
	{ "hsetnx yett:cascade:doctor x y", "+hsetnx", true, false },
	{ "pexpire yett:cascade:doctor 1", "+pexpire", true, false },
	{ "set yett:cascade:doctor x", "+set", true, false },
	{ "del yett:cascade:doctor", "+del", true, false },
	{ "zadd yett:cascade:due 1 x", "+zadd", true, false },
	{ "zrem yett:cascade:due x", "+zrem", true, false },
	{ "zremrangebyscore yett:cascade:dead 0 1", "+zremrangebyscore", true, false },
	{ NULL, NULL, false, false },
};

const struct doctor_try doctor_tries_stream[] = {
	{ "xack %s yett 0-1", "+xack", true, false },
	{ "xdel %s 0-1", "+xdel", true, false },
	{ "xautoclaim %s yett yett 5000 0", "+xautoclaim", true, false },
	{ "xgroup create %s yett $", "+xgroup|create", true, false },
	{ "xreadgroup group yett yett streams %s >", "+xreadgroup", true, false },
	{ NULL, NULL, false, false },
};

const struct doctor_try doctor_try_last = { "subscribe __redis__:invalidate", "+subscribe", false,
					    true };

/* As yett(8) has them. */
const struct doctor_try doctor_tries_sessions[] = {
	{ "client setname yett-doctor", "+client|setname", false, true },
	{ "client id", "+client|id", false, true },
	{ "client tracking off", "+client|tracking", false, true },
	{ "time", "+time", false, true },
	{ "hgetall session:yett-doctor", "+hgetall", false, false },
	{ "exists session:yett-doctor", "+exists", false, false },
	{ "ttl session:yett-doctor", "+ttl", false, false },
	{ "pttl refreshLock:yett-doctor", "+pttl", false, false },
	{ "get accessToken:yett-doctor", "+get", false, false },
	{ "hget loginStates:yett-doctor x", "+hget", false, false },
	{ "hmget loginStates:yett-doctor x", "+hmget", false, false },
	{ "zrevrangebyscore userSessions:yett-doctor 1 0", "+zrevrangebyscore", false, false },
	{ "hset session:yett-doctor x y", "+hset", true, false },
	{ "hdel loginStates:yett-doctor x", "+hdel", true, false },
	{ "hincrby loginStates:yett-doctor x 1", "+hincrby", true, false },
	{ "del refreshToken:yett-doctor", "+del", true, false },
	{ "set idToken:yett-doctor x", "+set", true, false },
	{ "expire loginJti:yett-doctor 1", "+expire", true, false },
	{ "pexpire refreshLock:yett-doctor 1", "+pexpire", true, false },
	{ "expireat session:yett-doctor 1", "+expireat", true, false },
	{ "eval return 1 session:yett-doctor", "+eval", true, false },
	{ "zadd userSessions:yett-doctor 1 x", "+zadd", true, false },
	{ "zrem userSessions:yett-doctor x", "+zrem", true, false },
	{ "zremrangebyscore userSessions:yett-doctor 0 1", "+zremrangebyscore", true, false },
	{ NULL, NULL, false, false },
};

void
doctor_redis_deinit(struct doctor_redis *r)
{
	buf_deinit(&r->info);
	buf_deinit(&r->missing);
	buf_deinit(&r->useful);
}

void
doctor_redis_remedy(struct doctor *d, const struct doctor_redis *r, const char *fmt, ...)
{
	struct slice where = slice_of(r->where), unix_path = SLICE("unix:");
	char command[1024];
	va_list words;

	va_start(words, fmt);
	vsnprintf(command, sizeof command, fmt, words);
	va_end(words);
	if (slice_starts(where, unix_path))
		doctor_remedy(d, "redis-cli -s %s %s", r->where + unix_path.n, command);
	else
		doctor_remedy(d, "redis-cli -u %s://%s %s", r->secure ? "rediss" : "redis",
			      r->where, command);
}

/* A field of INFO; empty: there is none. */
static struct slice
field(const struct doctor_redis *r, const char *name)
{
	struct slice rest = buf_slice(&r->info), begin = slice_of(name);

	while (rest.p && rest.n > 0) {
		struct slice line = slice_cut(rest, '\n', &rest);

		if (line.n > 0 && line.p[line.n - 1] == '\r')
			line.n--;
		if (line.n > begin.n && slice_starts(line, begin) && line.p[begin.n] == ':')
			return slice_make(line.p + begin.n + 1, line.n - begin.n - 1);
	}
	return (struct slice){ NULL, 0 };
}

static void
judge_version(struct doctor *d, const struct doctor_redis *r)
{
	struct slice rest, version = field(r, "redis_version");
	struct slice first = slice_cut(version, '.', &rest);
	unsigned major = 0;

	for (size_t i = 0; i < first.n && first.p[i] >= '0' && first.p[i] <= '9' && i < 4; i++)
		major = major * 10 + (unsigned)(first.p[i] - '0');
	if (version.n == 0) {
		doctor_tell(d, DOCTOR_UNKNOWN, r->check, "%s answers, but not to INFO", r->where);
		doctor_redis_remedy(d, r, "ACL SETUSER %s +info", *r->user ? r->user : "default");
	} else if (major < VERSION_LEAST) {
		doctor_tell(d, DOCTOR_WARNING, r->check,
			    "%s is Redis %.*s, which announces no changes: they are looked for",
			    r->where, SLICE_F(version));
		doctor_remedy(d, "apt install redis-server # 6 or newer");
	} else {
		doctor_tell(d, DOCTOR_OK, r->check, "%s is Redis %.*s", r->where, SLICE_F(version));
	}
}

static void
judge_eviction(struct doctor *d, const struct doctor_redis *r)
{
	struct slice policy = field(r, "maxmemory_policy");
	bool all = slice_starts(policy, SLICE("allkeys-"));

	if (policy.n == 0)
		return;
	if (all || (r->sessions && slice_starts(policy, SLICE("volatile-")))) {
		doctor_tell(d, all ? DOCTOR_PROBLEM : DOCTOR_WARNING, r->check,
			    "%s has maxmemory-policy %.*s: when it is full it throws %s away",
			    r->where, SLICE_F(policy), r->sessions ? "sessions" : "rules");
		doctor_redis_remedy(d, r, "CONFIG SET maxmemory-policy noeviction");
	}
}

static void
judge_persistence(struct doctor *d, const struct doctor_redis *r)
{
	struct slice aof = field(r, "aof_enabled"), saved = field(r, "rdb_saves");

	if (slice_eq(field(r, "rdb_last_bgsave_status"), SLICE("err")) ||
	    slice_eq(field(r, "aof_last_write_status"), SLICE("err"))) {
		doctor_tell(d, DOCTOR_PROBLEM, r->check, "%s could not save the last time",
			    r->where);
		doctor_redis_remedy(d, r, "INFO persistence");
	} else if (slice_eq(aof, SLICE("0")) && (saved.n == 0 || slice_eq(saved, SLICE("0")))) {
		doctor_tell(d, DOCTOR_WARNING, r->check,
			    "%s has no append-only file and has saved nothing: what is in it may "
			    "be gone when it is started anew",
			    r->where);
		doctor_redis_remedy(d, r, "CONFIG SET appendonly yes # and in redis.conf");
	}
}

static void
tell_missing(struct doctor *d, enum doctor_state state, const struct doctor_redis *r,
	     const struct buf *missing, const char *what)
{
	const char *user = *r->user ? r->user : "default";

	if (missing->n == 0)
		return;
	doctor_tell(d, state, r->check, "%s does not let user %s %s", r->where, user, what);
	doctor_redis_remedy(d, r, "ACL SETUSER %s%.*s", user, SLICE_F(*missing));
}

static void
judge_permissions(struct doctor *d, const struct doctor_redis *r)
{
	tell_missing(d, DOCTOR_PROBLEM, r, &r->missing, "do what is needed");
	tell_missing(d, DOCTOR_WARNING, r, &r->useful,
		     r->sessions ? "hear of changes: what is known is read again each second"
				 : "do all that is of use: changes by the API, hearing of "
				   "changes, suspensions, statistics, and what gateways tell "
				   "one another");
}

static void
judge_time(struct doctor *d, const struct doctor_redis *r, int64_t now)
{
	int64_t apart = r->time > now ? r->time - now : now - r->time;

	if (r->time == 0 || apart <= CLOCK_APART_S)
		return;
	doctor_tell(d, apart > CLOCK_FAR_S ? DOCTOR_PROBLEM : DOCTOR_WARNING, "clock",
		    "this machine's and that of %s are %lld s apart", r->where, (long long)apart);
	doctor_remedy(d, "timedatectl set-ntp true # on both");
}

void
doctor_redis_judge(struct doctor *d, const struct doctor_redis *r, int64_t now)
{
	judge_version(d, r);
	judge_eviction(d, r);
	judge_persistence(d, r);
	judge_permissions(d, r);
	judge_time(d, r, now);
}
