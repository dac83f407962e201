#include "doctor_redis.h"

#define VERSION_LEAST 6 /* CLIENT TRACKING */
#define CLOCK_APART_S 2 /* a question may take as long */
#define CLOCK_FAR_S 30

/* As yett-api(7) has them. */
const struct doctor_try doctor_tries_rules[] = {
	{ "client setname yett-doctor", "+client|setname", false },
	{ "client id", "+client|id", false },
	{ "client tracking off", "+client|tracking", false },
	{ "scan 0 match yett:doctor count 1", "+scan", false },
	{ "get frontend:yett-doctor", "+get", false },
	{ "mget frontend:yett-doctor", "+mget", false },
	{ "hgetall backend:yett-doctor", "+hgetall", false },
	{ "type yett:doctor", "+type", false },
	{ "xrange yett:revisions - + count 1", "+xrange", false },
	{ "xrevrange yett:revisions + - count 1", "+xrevrange", false },
	{ "time", "+time", false },
	{ "watch yett:revisions", "+watch", false },
	{ "unwatch", "+unwatch", false },
	{ "set frontend:yett-doctor x", "+set", true },
	{ "del frontend:yett-doctor", "+del", true },
	{ "hset backend:yett-doctor x y", "+hset", true },
	{ "hdel backend:yett-doctor x", "+hdel", true },
	{ "xadd yett:revisions * x y", "+xadd", true },
	{ "eval return 1 yett:doctor", "+eval", true },
	{ "evalsha 0 1 yett:doctor", "+evalsha", true },
	{ "getrange yett:gateway:doctor 0 1", "+getrange", true },
	{ "zrange yett:gateways:heard 0 1", "+zrange", true },
	{ "zcount yett:gateways:heard 0 1", "+zcount", true },
	{ "zrangebyscore yett:gateways:heard 0 1", "+zrangebyscore", true },
	{ "subscribe __redis__:invalidate", "+subscribe", false },
	{ NULL, NULL, false },
};

/* As yett(8) has them. */
const struct doctor_try doctor_tries_sessions[] = {
	{ "client setname yett-doctor", "+client|setname", false },
	{ "client id", "+client|id", false },
	{ "client tracking off", "+client|tracking", false },
	{ "hgetall session:yett-doctor", "+hgetall", false },
	{ "exists session:yett-doctor", "+exists", false },
	{ "ttl session:yett-doctor", "+ttl", false },
	{ "pttl refreshLock:yett-doctor", "+pttl", false },
	{ "get accessToken:yett-doctor", "+get", false },
	{ "hget loginStates:yett-doctor x", "+hget", false },
	{ "hmget loginStates:yett-doctor x", "+hmget", false },
	{ "zrevrangebyscore userSessions:yett-doctor 1 0", "+zrevrangebyscore", false },
	{ "hset session:yett-doctor x y", "+hset", true },
	{ "hdel loginStates:yett-doctor x", "+hdel", true },
	{ "hincrby loginStates:yett-doctor x 1", "+hincrby", true },
	{ "del refreshToken:yett-doctor", "+del", true },
	{ "set idToken:yett-doctor x", "+set", true },
	{ "expire loginJti:yett-doctor 1", "+expire", true },
	{ "pexpire refreshLock:yett-doctor 1", "+pexpire", true },
	{ "expireat session:yett-doctor 1", "+expireat", true },
	{ "eval return 1 session:yett-doctor", "+eval", true },
	{ "zadd userSessions:yett-doctor 1 x", "+zadd", true },
	{ "zrem userSessions:yett-doctor x", "+zrem", true },
	{ "zremrangebyscore userSessions:yett-doctor 0 1", "+zremrangebyscore", true },
	{ "subscribe __redis__:invalidate", "+subscribe", false },
	{ NULL, NULL, false },
};

void
doctor_redis_deinit(struct doctor_redis *r)
{
	buf_deinit(&r->info);
	buf_deinit(&r->missing);
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
		doctor_remedy(d, "redis-cli ACL SETUSER %s +info", *r->user ? r->user : "default");
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
		doctor_remedy(d, "redis-cli CONFIG SET maxmemory-policy noeviction");
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
		doctor_remedy(d, "redis-cli INFO persistence");
	} else if (slice_eq(aof, SLICE("0")) && (saved.n == 0 || slice_eq(saved, SLICE("0")))) {
		doctor_tell(d, DOCTOR_WARNING, r->check,
			    "%s has no append-only file and has saved nothing: what is in it may "
			    "be gone when it is started anew",
			    r->where);
		doctor_remedy(d, "redis-cli CONFIG SET appendonly yes && redis-cli CONFIG REWRITE");
	}
}

static void
judge_permissions(struct doctor *d, const struct doctor_redis *r)
{
	if (r->missing.n == 0)
		return;
	doctor_tell(d, DOCTOR_PROBLEM, r->check, "%s does not let user %s do all that is needed",
		    r->where, *r->user ? r->user : "default");
	doctor_remedy(d, "redis-cli ACL SETUSER %s%.*s", *r->user ? r->user : "default",
		      SLICE_F(r->missing));
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
