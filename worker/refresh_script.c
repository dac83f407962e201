#include "refresh_script.h"

#include "session.h"
#include "session_commands.h"

#include "lib/moment.h"
#include "lib/redis.h"

/* KEYS: lock, refresh, access, id token; all that is known. */
static const char look_script[] =
    "local r=redis.call('HMGET',KEYS[2],'Value','ExpiresAt','Kept','Gone')\n"
    "local a=redis.call('HMGET',KEYS[3],'Value','ExpiresAt')\n"
    "return {redis.call('GET',KEYS[1]),redis.call('PTTL',KEYS[1]),r[1],r[2],r[3],r[4],a[1],a[2],\n"
    " redis.call('HGET',KEYS[4],'Value')}\n";

/* ARGV: owner, ms, what is stored as the asker knows it. */
static const char take_script[] =
    "local kept=redis.call('HGET',KEYS[2],'Kept') or ''\n"
    "if redis.call('EXISTS',KEYS[2])==0 or kept~=ARGV[3] then return {0} end\n"
    "if not redis.call('SET',KEYS[1],ARGV[1],'NX','PX',ARGV[2]) then return {0} end\n"
    "return {redis.call('HINCRBY',KEYS[2],'Fence',1),redis.call('HGET',KEYS[2],'Value')}\n";

/* One that has run out is taken again: its owner has something under way. */
static const char renew_script[] = "local v=redis.call('GET',KEYS[1])\n"
				   "if v and v~=ARGV[1] then return 0 end\n"
				   "redis.call('SET',KEYS[1],ARGV[1],'PX',ARGV[2])\n"
				   "return 1\n";

/* ARGV: owner, fence; sealed tokens and ends of access and refresh; sealed ID token and whose it
 * is; how long the access token lives. New keys live as long as the session's own do. */
static const char store_script[] =
    "if redis.call('GET',KEYS[1])==ARGV[1] then redis.call('DEL',KEYS[1]) end\n"
    "local r=redis.call('HMGET',KEYS[2],'ID','Subject','ProviderID','TokenURL','Kept')\n"
    "if not r[1] then return 0 end\n"
    "local kept,fence=tonumber(r[5] or '0'),tonumber(ARGV[2])\n"
    "if kept==fence then return 1 elseif kept>fence then return 2 end\n"
    "local ttl=redis.call('PTTL',KEYS[2])\n"
    "redis.call('HSET',KEYS[2],'Kept',ARGV[2])\n"
    "redis.call('HDEL',KEYS[2],'Gone')\n"
    "if ARGV[5]~='' then redis.call('HSET',KEYS[2],'Value',ARGV[5],'ExpiresAt',ARGV[6]) end\n"
    "local function put(key,kind,value,ends)\n"
    " redis.call('HSET',key,'ID',r[1],'Value',value,'ExpiresAt',ends,'Subject',r[2] or '',\n"
    "  'ProviderID',r[3] or '','TokenURL',r[4] or '','Type',kind)\n"
    " if ttl>0 then redis.call('PEXPIRE',key,ttl) end\n"
    "end\n"
    "put(KEYS[3],'AccessToken',ARGV[3],ARGV[4])\n"
    "redis.call('HSET',KEYS[3],'Life',ARGV[9])\n"
    "if ARGV[7]~='' and ARGV[8]==r[2] then put(KEYS[4],'IDToken',ARGV[7],ARGV[4]) end\n"
    "return 1\n";

/* ARGV: owner, why, ms, '1': it is gone, and what was stored then. */
static const char fail_script[] =
    "local there=redis.call('EXISTS',KEYS[2])==1\n"
    "local kept=redis.call('HGET',KEYS[2],'Kept') or ''\n"
    "if ARGV[4]=='1' and there and kept==ARGV[5] then redis.call('HSET',KEYS[2],'Gone','1') end\n"
    "if redis.call('GET',KEYS[1])~=ARGV[1] then return 0 end\n"
    "if ARGV[2]=='' then redis.call('DEL',KEYS[1])\n"
    "else redis.call('SET',KEYS[1],'!'..ARGV[2],'PX',ARGV[3]) end\n"
    "return 1\n";

static void
add_key(struct session_commands *c, const char *name, struct slice tid)
{
	struct buf BUF_CLEAN key = { 0 };

	buf_adds(&key, slice_of(name));
	buf_adds(&key, tid);
	commands_add(c, arena_copy(&c->arena, buf_slice(&key)));
}

static void
begin(struct session_commands *c, const char *script, struct slice tid)
{
	commands_begin(c, SLICE("EVAL"));
	commands_add(c, slice_of(script));
	commands_add_number(c, 4);
	add_key(c, "refreshLock:", tid);
	for (unsigned part = 0; part < SESSION_PARTS; part++) {
		static const enum session_part order[] = { SESSION_REFRESH, SESSION_ACCESS,
							   SESSION_ID_TOKEN };
		struct buf BUF_CLEAN key = { 0 };

		session_token_key(order[part], tid, &key);
		commands_add(c, arena_copy(&c->arena, buf_slice(&key)));
	}
}

static struct store_call *
ask(struct session_commands *c, struct worker *w, store_fn fn, void *userdata)
{
	struct store_call *call = store_ask(w, fn, userdata, c->all[0]->n, c->all[0]->words);

	arena_deinit(&c->arena);
	return call;
}

/* ---- looking ---- */

struct store_call *
refresh_look(struct worker *w, struct slice tid, store_fn fn, void *userdata)
{
	struct session_commands c = { 0 };

	begin(&c, look_script, tid);
	return ask(&c, w, fn, userdata);
}

/* Empty: it is not there. */
static struct slice
text_at(const struct redis_reply *r, size_t i)
{
	const struct redis_reply *e = i < r->count ? r->elements[i] : NULL;

	return e && e->type == REDIS_STRING ? e->text : SLICE("");
}

static int64_t
number_at(const struct redis_reply *r, size_t i)
{
	const struct redis_reply *e = i < r->count ? r->elements[i] : NULL;

	return e && e->type == REDIS_INTEGER ? e->integer : 0;
}

static int64_t
moment_at(const struct redis_reply *r, size_t i)
{
	int64_t moment;

	return moment_parse(text_at(r, i), &moment) ? moment : 0;
}

bool
refresh_look_read(const struct redis_reply *r, struct refresh_seen *out)
{
	struct slice lock, kept;

	*out = (struct refresh_seen){ 0 };
	if (!r || r->type != REDIS_ARRAY || r->count != 9)
		return false;
	lock = text_at(r, 0);
	kept = text_at(r, 4);
	if (kept.n > REFRESH_KEPT_MAX)
		return false;
	memcpy(out->kept, kept.p, kept.n);
	out->failed = lock.n > 1 && lock.p[0] == '!' ? lock.p[1] : '\0';
	out->locked = lock.n > 0 && !out->failed;
	out->wait_ms = number_at(r, 1);
	out->refresh = text_at(r, 2);
	out->there = out->refresh.n > 0;
	out->refresh_expires = moment_at(r, 3);
	out->gone = text_at(r, 5).n > 0;
	out->access = text_at(r, 6);
	out->expires = moment_at(r, 7);
	out->id = text_at(r, 8);
	return true;
}

/* ---- the lock ---- */

struct store_call *
refresh_take(struct worker *w, const struct refresh_lock *l, uint32_t ms, store_fn fn,
	     void *userdata)
{
	struct session_commands c = { 0 };

	begin(&c, take_script, l->tid);
	commands_add(&c, slice_of(l->owner));
	commands_add_number(&c, ms);
	commands_add(&c, slice_of(l->kept));
	return ask(&c, w, fn, userdata);
}

uint64_t
refresh_take_read(const struct redis_reply *r, struct slice *refresh)
{
	int64_t fence = r && r->type == REDIS_ARRAY ? number_at(r, 0) : 0;

	*refresh = fence > 0 ? text_at(r, 1) : SLICE("");
	return fence > 0 ? (uint64_t)fence : 0;
}

struct store_call *
refresh_renew(struct worker *w, const struct refresh_lock *l, uint32_t ms, store_fn fn,
	      void *userdata)
{
	struct session_commands c = { 0 };

	begin(&c, renew_script, l->tid);
	commands_add(&c, slice_of(l->owner));
	commands_add_number(&c, ms);
	return ask(&c, w, fn, userdata);
}

/* ---- the end ---- */

struct store_call *
refresh_store(struct worker *w, const struct refresh_lock *l, const struct refresh_result *result,
	      store_fn fn, void *userdata)
{
	struct session_commands c = { 0 };

	begin(&c, store_script, l->tid);
	commands_add(&c, slice_of(l->owner));
	commands_add_number(&c, (int64_t)l->fence);
	commands_add(&c, result->access);
	commands_add_moment(&c, result->expires);
	commands_add(&c, result->refresh);
	commands_add_moment(&c, result->refresh_expires);
	commands_add(&c, result->id);
	commands_add(&c, result->subject);
	commands_add_number(&c, result->life_s);
	return ask(&c, w, fn, userdata);
}

enum refresh_stored
refresh_store_read(const struct redis_reply *r)
{
	if (!r || r->type != REDIS_INTEGER)
		return REFRESH_UNKNOWN;
	if (r->integer == 1)
		return REFRESH_STORED;
	return r->integer == 2 ? REFRESH_SURPASSED : REFRESH_ENDED;
}

struct store_call *
refresh_fail(struct worker *w, const struct refresh_lock *l, const char *why, uint32_t ms,
	     bool gone, store_fn fn, void *userdata)
{
	struct session_commands c = { 0 };

	begin(&c, fail_script, l->tid);
	commands_add(&c, slice_of(l->owner));
	commands_add(&c, slice_of(why));
	commands_add_number(&c, ms);
	commands_add(&c, gone ? SLICE("1") : SLICE(""));
	commands_add(&c, slice_of(l->kept));
	return ask(&c, w, fn, userdata);
}
