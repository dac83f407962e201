/*
 * login_browser: what is under way in one browser, by its cookie. In Redis it is one hash,
 * `loginStates:<browser>`: a field for each login (its state, as the provider gives it back), and
 * `done`, where the last ones ended. Fields are taken by deleting them: of two who try one is told
 * that he did.
 */

#include "login_own.h"

#include "fields.h"
#include "session_cookie.h"
#include "worker.h"

#include "lib/siphash.h"

#include <time.h>

#define ENTRIES_MAX 16 /* logins under way */
#define LOOP_S 60
#define LOOP_LOGINS 3
#define DONE "done"

/*
 * A login is put into a browser's record, of which the oldest go where there are too many: of
 * those that several requests put at once, too. KEYS: the record. ARGV: the login's key, its value
 * (which begins with when it began), when the record goes, the most.
 */
static const char put_script[] =
    "redis.call('HSET',KEYS[1],ARGV[1],ARGV[2])\n"
    "redis.call('EXPIRE',KEYS[1],ARGV[3])\n"
    "local r,all=redis.call('HGETALL',KEYS[1]),{}\n"
    "for i=1,#r,2 do\n"
    " if r[i]~='done' then\n"
    "  all[#all+1]={r[i],tonumber(string.match(r[i+1],'^%d+')) or 0}\n"
    " end\n"
    "end\n"
    "table.sort(all,function(a,b) return a[2]<b[2] end)\n"
    "for i=1,#all-ARGV[4] do redis.call('HDEL',KEYS[1],all[i][1]) end\n"
    "return 1\n";

static struct slice
cookie_name(const struct login *l)
{
	const struct segment *rules = login_rules(l);

	return login_text(l, "%.*s-login", SLICE_F(seg_string(rules, table_login(rules)->cookie)));
}

static struct slice
record_name(const struct login *l)
{
	return login_text(l, "loginStates:%s", l->browser);
}

/* What a state belongs to: nobody can put it in another browser's record, or under another key. */
static struct slice
bound_to(const struct login *l, struct slice key)
{
	return login_text(l, "loginStates:%s/%.*s", l->browser, SLICE_F(key));
}

static struct slice
number(const struct login *l, long long n)
{
	return login_text(l, "%lld", n);
}

void
login_browser(struct login *l)
{
	struct slice value = fields_cookie(l->request, cookie_name(l));
	struct session_signed s;

	l->browser_new = !value.p || !session_cookie_read(value, &s) ||
			 !session_cookie_good(login_keys(l), cookie_name(l), &s);
	if (l->browser_new)
		session_id_new(l->browser);
	else
		memcpy(l->browser, s.id.p, SESSION_ID);
}

/* ---- reading ---- */

/* The decimal number that s begins with. */
static uint64_t
leading_number(struct slice s)
{
	uint64_t n = 0;

	for (size_t i = 0; i < s.n && i < 20 && s.p[i] >= '0' && s.p[i] <= '9'; i++)
		n = n * 10 + (uint64_t)(s.p[i] - '0');
	return n;
}

/* "<time>,<place> <time>,<place> ...", the last ones. */
static void
take_done(struct login *l, struct slice text)
{
	while (text.n > 0 && l->done < LOGIN_DONE_MAX) {
		struct slice place, at = slice_cut(slice_cut(text, ' ', &text), ',', &place);

		l->done_at[l->done] = (int64_t)leading_number(at);
		l->done_place[l->done++] = leading_number(place.p ? place : SLICE(""));
	}
}

static void
on_done(struct login *l, const struct redis_reply *reply)
{
	if (reply->type == REDIS_STRING)
		take_done(l, reply->text);
}

void
login_browser_read(struct login *l)
{
	const struct slice argv[] = { SLICE("HGET"), record_name(l), SLICE(DONE) };

	if (!l->browser_new)
		login_ask(l, on_done, 3, argv);
}

/* ---- one login ---- */

static void
add_cookie(struct login *l)
{
	const struct table_login *login = table_login(login_rules(l));

	char value[SESSION_COOKIE];

	if (!session_cookie_write(login_keys(l), cookie_name(l), l->browser, value))
		return;
	buf_addf(&l->cookies,
		 "Set-Cookie: %.*s=%.*s; Path=/; Max-Age=%u; HttpOnly%s; SameSite=Lax\r\n",
		 SLICE_F(cookie_name(l)), SESSION_COOKIE, value, login->state_s,
		 login->flags & LOGIN_COOKIE_INSECURE ? "" : "; Secure");
}

static void
expire(struct login *l)
{
	const struct table_login *login = table_login(login_rules(l));
	const struct slice argv[] = { SLICE("EXPIRE"), record_name(l), number(l, login->state_s) };

	login_post(l, 3, argv);
}

/* Several may begin within a second, and the oldest has to be told. */
static long long
now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (long long)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

bool
login_browser_put(struct login *l)
{
	const struct table_login *login = table_login(login_rules(l));
	struct buf BUF_CLEAN value = { 0 };
	struct slice argv[] = { SLICE("EVAL"),
				slice_of(put_script),
				SLICE("1"),
				record_name(l),
				{ l->key, SESSION_ID },
				{ NULL, 0 },
				number(l, login->state_s),
				number(l, ENTRIES_MAX) };

	l->state.begun = store_wall(l->request->worker);
	buf_addf(&value, "%lld.", now_us());
	session_id_new(l->key);
	if (!login_state_close(login_keys(l), bound_to(l, slice_of(l->key)), &l->state, &value))
		return false;
	argv[5] = buf_slice(&value);
	login_ask(l, NULL, sizeof argv / sizeof argv[0], argv);
	add_cookie(l);
	return true;
}

static void
on_value(struct login *l, const struct redis_reply *reply)
{
	if (reply->type == REDIS_STRING)
		l->closed = arena_copy(&l->request->arena, reply->text);
}

static void
on_deleted(struct login *l, const struct redis_reply *reply)
{
	l->taken = reply->type == REDIS_INTEGER && reply->integer == 1;
}

void
login_browser_take(struct login *l, struct slice key)
{
	struct slice argv[3] = { SLICE("HGET"), record_name(l), key };

	l->taken = false;
	l->closed = (struct slice){ NULL, 0 };
	memcpy(l->key, key.p, SESSION_ID);
	login_ask(l, on_value, 3, argv);
	argv[0] = SLICE("HDEL");
	login_ask(l, on_deleted, 3, argv);
	argv[0] = SLICE("HGET");
	argv[2] = SLICE(DONE);
	login_ask(l, on_done, 3, argv);
}

bool
login_browser_open(struct login *l)
{
	struct request *r = l->request;
	struct slice sealed;

	if (!l->taken || !l->closed.p)
		return false;
	slice_cut(l->closed, '.', &sealed);
	return sealed.p &&
	       login_state_open(login_keys(l), bound_to(l, slice_of(l->key)), sealed, &r->arena,
				&l->state) &&
	       store_wall(r->worker) < l->state.begun + table_login(login_rules(l))->state_s;
}

/* ---- loops ---- */

/* The page that sends one back may do so with another query each time. */
static uint64_t
place_hash(struct slice place)
{
	static const uint8_t key[SIPHASH_SECRET] = { 0 }; /* it is about one's own browser */
	struct siphash h;
	size_t n = 0;

	while (n < place.n && place.p[n] != '?' && place.p[n] != '#')
		n++;
	siphash_init(&h, key);
	siphash_add(&h, slice_make(place.p, n));
	return siphash_end(&h);
}

void
login_browser_done(struct login *l, struct slice place)
{
	struct buf BUF_CLEAN text = { 0 };
	struct slice argv[4] = { SLICE("HSET"), record_name(l), SLICE(DONE) };
	unsigned first = l->done == LOGIN_DONE_MAX ? 1 : 0;

	for (unsigned i = first; i < l->done; i++)
		buf_addf(&text, "%lld,%llu ", (long long)l->done_at[i],
			 (unsigned long long)l->done_place[i]);
	buf_addf(&text, "%lld,%llu", (long long)store_wall(l->request->worker),
		 (unsigned long long)place_hash(place));
	argv[3] = buf_slice(&text);
	login_post(l, 4, argv);
	expire(l);
}

bool
login_browser_loops(const struct login *l, struct slice place)
{
	uint64_t hash = place_hash(place);
	unsigned n = 0;

	for (unsigned i = 0; i < l->done; i++)
		n += l->done_place[i] == hash &&
		     l->done_at[i] > store_wall(l->request->worker) - LOOP_S;
	return n >= LOOP_LOGINS;
}

void
login_browser_forget(struct login *l)
{
	const struct slice argv[] = { SLICE("HDEL"), record_name(l), SLICE(DONE) };

	l->done = 0;
	login_post(l, 3, argv);
}
