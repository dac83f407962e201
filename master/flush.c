#include "flush.h"

#include "master.h"
#include "statistics.h"

#include "lib/clock.h"
#include "lib/log.h"
#include "lib/xalloc.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <time.h>

#define HOUR_S 3600
#define RETRY_MS 1000
#define LAST_MS 1000 /* for the last differences, when the gateway ends */
#define NAME_WORDS 6 /* of a name in the script's arguments */

/* KEYS: the hour, what came of this gateway. ARGV: gateway, number, seconds to keep, fields an hour
 * may have, total, slack; then of each name itself, requests, errors, denied, bytes, microseconds.
 */
static const char script[] =
    "if tonumber(redis.call('GET', KEYS[2]) or '0') >= tonumber(ARGV[2]) then return 0 end "
    "local room = tonumber(ARGV[4]) - redis.call('HLEN', KEYS[1]) "
    "local left = 0 "
    "for i = 7, #ARGV, 6 do "
    "  local name = ARGV[i] "
    "  local known = redis.call('HEXISTS', KEYS[1], 'n:' .. name) == 1 "
    "  if known or room > 0 then "
    "    for k, kind in ipairs({'n:', 'e:', 'd:', 'b:', 't:'}) do "
    "      redis.call('HINCRBY', KEYS[1], kind .. name, ARGV[i + k]) "
    "    end "
    "    if not known then room = room - 5 end "
    "  else left = math.max(left, tonumber(ARGV[i + 1])) end "
    "end "
    "redis.call('HINCRBY', KEYS[1], 'total', ARGV[5]) "
    "redis.call('HSET', KEYS[1], 's:' .. ARGV[1], ARGV[6]) "
    "if left > 0 then redis.call('HINCRBY', KEYS[1], 'left', left) end "
    "redis.call('EXPIRE', KEYS[1], ARGV[3]) "
    "redis.call('SET', KEYS[2], ARGV[2], 'EX', ARGV[3]) "
    "return 1";

static bool
is_wanted(const struct master *m)
{
	const struct config *c = m->config;

	return c->statistics.flush && c->statistics.identities && c->redis.configured;
}

static int64_t
hour_now(void)
{
	return clock_wall() / HOUR_S * HOUR_S;
}

void
flush_key(struct slice hour, char out[64])
{
	snprintf(out, 64, "yett:statistics:%.*s", SLICE_F(hour));
}

static void
complain(struct master *m, const char *what)
{
	struct flusher *f = &m->flusher;

	if (strncmp(f->complaint, what, sizeof f->complaint - 1) == 0)
		return;
	snprintf(f->complaint, sizeof f->complaint, "%s", what);
	if (*what)
		log_warn("statistics redis=\"%s\" effect=\"they are written later\"", what);
	else
		log_info("statistics redis=well");
}

/* ---- sending ---- */

static void
on_done(void *userdata, struct slice tag, const struct redis_reply *r)
{
	struct master *m = userdata;
	struct board_flush *b = &m->page->flush;
	char fault[64];

	m->flusher.under_way = false;
	if (r && r->type == REDIS_INTEGER) {
		board_set(&b->done, b->pending);
		complain(m, "");
		return;
	}
	m->flusher.retry_ms = clock_mono_ms() + RETRY_MS;
	complain(m, r ? redis_fault(r, fault, sizeof fault) : "the connection was lost");
}

/* Texts of the arguments, which stay until the command is packed. */
struct words {
	struct buf text;
	size_t *ends;
	struct slice *argv;
	size_t n;
};

static void
add_word(struct words *w, struct slice s)
{
	buf_adds(&w->text, s);
	w->ends[w->n++] = w->text.n;
}

static void
add_count(struct words *w, uint64_t n)
{
	buf_add_u64(&w->text, n);
	w->ends[w->n++] = w->text.n;
}

static void
words_finish(struct words *w)
{
	for (size_t i = 0; i < w->n; i++) {
		size_t begin = i ? w->ends[i - 1] : 0;

		w->argv[i] = slice_make(w->text.p + begin, w->ends[i] - begin);
	}
}

static void
add_head(struct words *w, const struct master *m, const struct top_list *d)
{
	const struct board_flush *b = &m->page->flush;
	time_t hour = (time_t)b->seen[b->pending % 2].last;
	char text[32], key[64], gateway[40];
	struct tm tm;

	gmtime_r(&hour, &tm);
	strftime(text, sizeof text, "%Y-%m-%dT%H", &tm);
	flush_key(slice_of(text), key);
	snprintf(gateway, sizeof gateway, "%016" PRIx64 "%016" PRIx64, b->gateway[0],
		 b->gateway[1]);
	add_word(w, SLICE("EVAL"));
	add_word(w, slice_of(script));
	add_word(w, SLICE("2"));
	add_word(w, slice_of(key));
	buf_addf(&w->text, "yett:statistics-of:%s", gateway);
	w->ends[w->n++] = w->text.n;
	add_word(w, slice_of(gateway));
	add_count(w, b->pending);
	add_count(w, m->config->statistics.keep_s);
	add_count(w, 5 * FLUSH_NAMES);
	add_count(w, d->total);
	add_count(w, d->slack);
}

/* What seen[pending] has more than seen[done]; the same however often it is made. */
static void
flush_send(struct master *m)
{
	const struct board_flush *b = &m->page->flush;
	struct top_list now = TOP_LIST_INIT, before = TOP_LIST_INIT;
	struct words w = { .ends = xcalloc(12 + NAME_WORDS * TOP_ROWS, sizeof *w.ends),
			   .argv = xcalloc(12 + NAME_WORDS * TOP_ROWS, sizeof *w.argv) };

	top_list_add(&now, &b->seen[b->pending % 2].top);
	top_list_add(&before, &b->seen[b->done % 2].top);
	top_list_differ(&now, &before);
	add_head(&w, m, &now);
	for (size_t i = 0; i < now.count; i++) {
		const struct top_entry *e = &now.entries[i];

		if (e->sums.requests == 0)
			continue;
		add_word(&w, slice_make(e->name, e->name_n));
		add_count(&w, e->sums.requests);
		add_count(&w, e->sums.errors);
		add_count(&w, e->sums.denied);
		add_count(&w, e->sums.bytes);
		add_count(&w, e->sums.duration_us);
	}
	words_finish(&w);
	if (side_command(m->side, on_done, m, SLICE(""), w.n, w.argv) == 0)
		m->flusher.under_way = true;
	buf_deinit(&w.text);
	free(w.ends);
	free(w.argv);
	top_list_deinit(&now);
	top_list_deinit(&before);
}

/* ---- when ---- */

/* Now, into the list of this number. */
static void
flush_look(struct master *m, uint64_t number)
{
	struct board_top *seen = &m->page->flush.seen[number % 2];
	struct top_list now = TOP_LIST_INIT;

	statistics_identities(m, &now);
	top_list_publish(&now, &seen->top);
	board_set(&seen->last, (uint64_t)m->flusher.hour);
	top_list_deinit(&now);
}

/* What was counted before it was asked to be written is not written. */
static void
flush_begin(struct master *m)
{
	struct board_flush *b = &m->page->flush;

	if (b->on)
		return;
	if (!b->gateway[0] && getrandom(b->gateway, sizeof b->gateway, 0) < 0)
		return;
	b->pending = b->done;
	flush_look(m, b->done);
	board_set(&b->on, 1);
}

/* The differences of an interval; without a request there are none. */
static void
flush_next(struct master *m, uint64_t now_ms)
{
	struct board_flush *b = &m->page->flush;

	m->flusher.next_ms = now_ms + m->config->statistics.interval;
	flush_look(m, b->done + 1);
	m->flusher.hour = hour_now();
	if (b->seen[(b->done + 1) % 2].top.total == b->seen[b->done % 2].top.total)
		return;
	/* Whoever finds the number finds the list, too. */
	__atomic_store_n(&b->pending, b->done + 1, __ATOMIC_RELEASE);
}

static void
on_up(void *userdata, bool tracking)
{
	((struct master *)userdata)->flusher.retry_ms = 0;
}

static void
on_down(void *userdata, const char *reason)
{
}

static void
settle(struct master *m)
{
	struct flusher *f = &m->flusher;
	bool wanted = is_wanted(m);

	if (wanted == f->joined)
		return;
	f->joined = wanted;
	if (!wanted) {
		board_set(&m->page->flush.on, 0);
		side_leave(m->side, &f->user);
		return;
	}
	f->user = (struct side_user){ .up = on_up, .down = on_down, .userdata = m };
	f->hour = hour_now();
	f->next_ms = clock_mono_ms() + m->config->statistics.interval;
	flush_begin(m);
	side_join(m->side, &f->user);
}

void
flusher_start(struct master *m)
{
	settle(m);
}

void
flusher_tick(struct master *m, uint64_t now_ms)
{
	struct flusher *f = &m->flusher;
	const struct board_flush *b = &m->page->flush;

	settle(m);
	if (!f->joined || !b->on || f->under_way)
		return;
	if (b->pending == b->done && (now_ms >= f->next_ms || hour_now() != f->hour))
		flush_next(m, now_ms);
	if (b->pending != b->done && now_ms >= f->retry_ms)
		flush_send(m);
}

bool
flusher_end(struct master *m)
{
	struct flusher *f = &m->flusher;
	const struct board_flush *b = &m->page->flush;
	struct side_status side;
	uint64_t now_ms = clock_mono_ms();

	side_get_status(m->side, &side);
	if (!f->joined || !b->on || !side.up)
		return true;
	if (!f->give_up_ms)
		f->give_up_ms = now_ms + LAST_MS;
	if (b->pending == b->done && !f->ended) {
		f->ended = true;
		flush_next(m, now_ms);
	}
	if (b->pending != b->done && !f->under_way)
		flush_send(m);
	return b->pending == b->done || now_ms > f->give_up_ms;
}
