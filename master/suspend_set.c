#include "suspend_set.h"

#include "master.h"
#include "suspensions.h"

#include "lib/clock.h"
#include "lib/log.h"
#include "lib/xalloc.h"

#include <stdio.h>
#include <stdlib.h>

#define HASH "yett:suspended"
#define STREAM "yett:suspended:log"
#define LOOK_MS 500
#define SCAN_MS 1000 /* at least between two full readings */
#define SCAN_COUNT "500"
#define LOOK_COUNT 500
#define STREAM_MAX 10000
#define STREAM_MAX_TEXT "10000"
#define FEW 3 /* a loss of more, and of more than half, is withheld */

/* One that somebody takes out while its time is over is another one by then. It is over for all
 * when Redis says so, too: a gateway whose clock is ahead ends it for itself alone. */
#define EXPIRE_SCRIPT                                                                              \
	"if redis.call('hget',KEYS[1],ARGV[1])==ARGV[2] and "                                      \
	"tonumber(redis.call('time')[1])>=tonumber(ARGV[3]) then "                                 \
	"redis.call('hdel',KEYS[1],ARGV[1]) end"

struct suspend_set {
	struct master *master;
	struct side_user user;
	bool joined, up, told;
	bool scanning, scanned; /* in full: now; since it is up */
	bool looking, look_again;
	bool touched, asked_touched; /* the hash was changed: since the last look; before it */
	unsigned odd;                /* looks in a row at which the size was another one */
	uint64_t generation, looked_ms, scan_ms;
	size_t refused; /* fields that are none */
	int64_t known_wall;
	size_t withheld; /* of those that Redis lost */
	char last[48];   /* entry of the stream */
	char from[48];   /* the same, as the look under way asks */
	char newest[48]; /* of those that were ever seen; empty: none was */
	bool forgot;     /* the reading under way: Redis has fewer entries than it had */
	char fault[160];
};

static void scan_begin(struct suspend_set *s);

static void
set_fault(struct suspend_set *s, const char *fault)
{
	if (strcmp(s->fault, fault) == 0)
		return;
	if (*fault)
		log_warn("suspensions redis=\"%s\" effect=\"what is known stays in force\"", fault);
	else
		log_info("suspensions redis=well");
	snprintf(s->fault, sizeof s->fault, "%s", fault);
}

/* False, and told, for what is no array. */
static bool
is_array(struct suspend_set *s, const struct redis_reply *r)
{
	char fault[160];

	if (r && r->type == REDIS_ARRAY)
		return true;
	if (r)
		set_fault(s, redis_fault(r, fault, sizeof fault));
	return false;
}

static bool
is_text(const struct redis_reply *r)
{
	return r && r->type == REDIS_STRING;
}

static void
take(struct suspend_set *s, struct slice field, struct slice json)
{
	struct suspension one;

	suspension_read(json, &one);
	one.seen = s->generation;
	if (one.until && clock_wall() >= one.until) {
		suspend_set_expired(s, field, &one);
		suspension_deinit(&one);
		s->refused++;
		return;
	}
	if (!suspensions_put(s->master, field, &one))
		s->refused++;
}

/* ---- the whole ---- */

static void
on_uploaded(void *userdata, const char *fault)
{
	if (*fault)
		set_fault(userdata, fault);
}

/* What only we know of, from when there was no Redis; until it is read from there. */
static void
upload(struct suspend_set *s, struct slice field, const struct suspension *one)
{
	BUF_CLEAN struct buf json = { 0 };

	suspension_write(one, &json);
	suspend_set_write(s, field, buf_slice(&json), on_uploaded, s);
}

static bool
is_before(const char *id, const char *other)
{
	char *rest, *other_rest;
	unsigned long long ms = strtoull(id, &rest, 10),
			   other_ms = strtoull(other, &other_rest, 10);

	if (ms != other_ms)
		return ms < other_ms;
	return strtoull(*rest ? rest + 1 : rest, NULL, 10) <
	       strtoull(*other_rest ? other_rest + 1 : other_rest, NULL, 10);
}

/* After a failover, or a start without its data, Redis is at an entry before the last one that it
 * gave; or has none, though somebody's command was stored there before we started. */
static bool
has_forgotten(const struct suspend_set *s)
{
	const struct map *own = &s->master->suspensions.own;

	if (is_before(s->last, s->newest))
		return true;
	for (size_t i = 0; i < own->count && strcmp(s->last, "0-0") == 0; i++) {
		const struct suspension *one = own->entries[i].value;

		if (!one->local && *one->by)
			return true;
	}
	return false;
}

/* Those that Redis no longer has. An accident there is not to let everybody in again. */
static void
drop_unseen(struct suspend_set *s)
{
	const struct map *own = &s->master->suspensions.own;
	size_t gone = 0, withheld = s->withheld;

	s->withheld = 0;
	for (size_t i = 0; i < own->count; i++) {
		struct suspension *one = own->entries[i].value;

		one->local |= s->forgot && one->seen != s->generation;
		if (one->local)
			upload(s, map_name(&own->entries[i]), one);
		else
			gone += one->seen != s->generation;
	}
	if (gone > FEW && gone * 2 > own->count) {
		s->withheld = gone;
		if (gone == withheld)
			return;
		log_warn("suspensions withheld=%zu reason=\"Redis lost them, and nobody asked for "
			 "that\" remedy=\"yett resume\"",
			 gone);
		return;
	}
	for (size_t i = own->count; i > 0 && gone > 0; i--) {
		const struct suspension *one = own->entries[i - 1].value;

		if (one->seen != s->generation && !one->local)
			suspensions_drop(s->master, map_name(&own->entries[i - 1]));
	}
}

static void
scan_end(struct suspend_set *s)
{
	struct master *m = s->master;

	s->scanning = false;
	if (!s->told)
		log_info("suspensions source=redis count=%zu", m->suspensions.own.count);
	s->scanned = s->told = true;
	s->odd = 0;
	s->known_wall = clock_wall();
	set_fault(s, "");
	drop_unseen(s);
	m->suspensions.full = m->suspensions.overflow > 0;
	m->suspensions.unreadable = false;
	suspend_file_mark(m);
	suspensions_flags(m);
}

static void scan_ask(struct suspend_set *s, struct slice cursor);

static void
on_scanned(void *userdata, struct slice tag, const struct redis_reply *r)
{
	struct suspend_set *s = userdata;
	const struct redis_reply *pairs;

	if (!is_array(s, r) || r->count != 2 || !is_text(r->elements[0]) ||
	    !is_array(s, r->elements[1])) {
		s->scanning = false;
		return;
	}
	pairs = r->elements[1];
	for (size_t i = 0; i + 1 < pairs->count; i += 2) {
		if (is_text(pairs->elements[i]) && is_text(pairs->elements[i + 1]))
			take(s, pairs->elements[i]->text, pairs->elements[i + 1]->text);
	}
	if (slice_eq(r->elements[0]->text, SLICE("0")))
		scan_end(s);
	else
		scan_ask(s, r->elements[0]->text);
}

static void
scan_ask(struct suspend_set *s, struct slice cursor)
{
	const struct slice argv[] = { SLICE("HSCAN"), SLICE(HASH), cursor, SLICE("COUNT"),
				      SLICE(SCAN_COUNT) };

	if (side_command(s->master->side, on_scanned, s, SLICE(""), 5, argv) < 0)
		s->scanning = false;
}

static void
scan_first(struct suspend_set *s)
{
	if (s->forgot)
		log_warn(
		    "suspensions redis=\"it has forgotten the latest changes\" effect=\"what is "
		    "known of them is told to it\"");
	snprintf(s->newest, sizeof s->newest, "%s", s->last);
	scan_ask(s, SLICE("0"));
}

static bool
entry_id(const struct redis_reply *r, struct slice *id)
{
	const struct redis_reply *entry = r->count > 0 ? r->elements[0] : NULL;

	if (!entry || entry->type != REDIS_ARRAY || entry->count == 0 ||
	    !is_text(entry->elements[0]))
		return false;
	*id = entry->elements[0]->text;
	return true;
}

/* Nothing is as old as what we saw: it was cut off, which leaves as many as that; or it was never
 * there. */
static void
on_length(void *userdata, struct slice tag, const struct redis_reply *r)
{
	struct suspend_set *s = userdata;

	if (!r || r->type != REDIS_INTEGER) {
		s->scanning = false;
		return;
	}
	s->forgot = r->integer < STREAM_MAX;
	scan_first(s);
}

static void
length_ask(struct suspend_set *s)
{
	const struct slice argv[] = { SLICE("XLEN"), SLICE(STREAM) };

	if (side_command(s->master->side, on_length, s, SLICE(""), 2, argv) < 0)
		s->scanning = false;
}

/* The newest one that is no newer than the newest that we saw: another one, though there are newer
 * ones, where a replica took over that did not have it. */
static void
on_known(void *userdata, struct slice tag, const struct redis_reply *r)
{
	struct suspend_set *s = userdata;
	struct slice id;

	if (!is_array(s, r)) {
		s->scanning = false;
		return;
	}
	if (!entry_id(r, &id)) {
		length_ask(s);
		return;
	}
	s->forgot = !slice_eq(id, slice_of(s->newest));
	scan_first(s);
}

static void
known_ask(struct suspend_set *s)
{
	const struct slice argv[] = { SLICE("XREVRANGE"), SLICE(STREAM),  slice_of(s->newest),
				      SLICE("-"),         SLICE("COUNT"), SLICE("1") };

	if (side_command(s->master->side, on_known, s, SLICE(""), 6, argv) < 0)
		s->scanning = false;
}

/* Where the stream ends before the reading: what comes behind it is read as a change. */
static void
on_last(void *userdata, struct slice tag, const struct redis_reply *r)
{
	struct suspend_set *s = userdata;
	struct slice id = SLICE("0-0");

	if (!is_array(s, r)) {
		s->scanning = false;
		return;
	}
	(void)!entry_id(r, &id);
	if (id.n < sizeof s->last)
		snprintf(s->last, sizeof s->last, "%.*s", SLICE_F(id));
	s->forgot = has_forgotten(s);
	if (s->forgot || !*s->newest || strcmp(s->newest, s->last) == 0)
		scan_first(s);
	else
		known_ask(s);
}

static void
scan_begin(struct suspend_set *s)
{
	const struct slice argv[] = { SLICE("XREVRANGE"), SLICE(STREAM),  SLICE("+"),
				      SLICE("-"),         SLICE("COUNT"), SLICE("1") };

	if (s->scanning || !s->up)
		return;
	s->scan_ms = clock_mono_ms();
	s->generation++;
	s->refused = s->master->suspensions.overflow = 0;
	s->touched = false;
	s->scanning = side_command(s->master->side, on_last, s, SLICE(""), 6, argv) == 0;
}

/* ---- changes ---- */

/* {id, {"f", field, "v", json}}; an empty json: it was taken out. */
static bool
take_entry(struct suspend_set *s, const struct redis_reply *entry)
{
	const struct redis_reply *words;

	if (!entry || entry->type != REDIS_ARRAY || entry->count != 2 ||
	    !is_text(entry->elements[0]) || entry->elements[0]->text.n >= sizeof s->last)
		return false;
	snprintf(s->last, sizeof s->last, "%.*s", SLICE_F(entry->elements[0]->text));
	snprintf(s->newest, sizeof s->newest, "%s", s->last);
	words = entry->elements[1];
	if (!words || words->type != REDIS_ARRAY || words->count < 4 ||
	    !is_text(words->elements[1]) || !is_text(words->elements[3]))
		return true;
	if (words->elements[3]->text.n > 0)
		take(s, words->elements[1]->text, words->elements[3]->text);
	else
		suspensions_drop(s->master, words->elements[1]->text);
	return true;
}

static void look(struct suspend_set *s);

/* The entry that we read last is not there: what follows is the history of another Redis. A server
 * that becomes a replica takes it over while the connection stands. */
static bool
is_another(const struct suspend_set *s, const struct redis_reply *r)
{
	struct slice id;

	return strcmp(s->from, "0-0") != 0 &&
	       (!entry_id(r, &id) || !slice_eq(id, slice_of(s->from)));
}

static void
on_changes(void *userdata, struct slice tag, const struct redis_reply *r)
{
	struct suspend_set *s = userdata;
	size_t old = strcmp(s->from, "0-0") != 0; /* the one that we read last */
	bool by_hand = s->asked_touched;

	s->looking = false;
	if (!is_array(s, r))
		return;
	if (is_another(s, r)) {
		if (clock_mono_ms() >= s->scan_ms + SCAN_MS)
			scan_begin(s);
		return;
	}
	for (size_t i = old; i < r->count; i++) {
		if (!take_entry(s, r->elements[i]))
			return;
	}
	s->known_wall = s->scanned ? clock_wall() : s->known_wall;
	/* Somebody changed the hash alone. */
	by_hand = by_hand && r->count == old;
	if (by_hand && clock_mono_ms() >= s->scan_ms + SCAN_MS)
		scan_begin(s);
	else
		s->touched = s->touched || by_hand;
	if (s->look_again || r->count == LOOK_COUNT)
		look(s);
}

static void
on_size(void *userdata, struct slice tag, const struct redis_reply *r)
{
	struct suspend_set *s = userdata;
	size_t known = s->master->suspensions.own.count + s->refused - s->withheld;

	if (!r || r->type != REDIS_INTEGER || s->scanning)
		return;
	s->odd = (uint64_t)r->integer == known ? 0 : s->odd + 1;
	if (s->odd >= 2 && clock_mono_ms() >= s->scan_ms + SCAN_MS)
		scan_begin(s);
}

static void
look(struct suspend_set *s)
{
	char count[16];
	const struct slice size[] = { SLICE("HLEN"), SLICE(HASH) };
	struct slice argv[] = { SLICE("XRANGE"), SLICE(STREAM),  SLICE(""),
				SLICE("+"),      SLICE("COUNT"), SLICE("") };

	if (!s->up || s->last[0] == '\0')
		return;
	s->look_again = s->looking;
	if (s->looking)
		return;
	snprintf(s->from, sizeof s->from, "%s", s->last);
	snprintf(count, sizeof count, "%d", LOOK_COUNT);
	argv[2] = slice_of(s->from);
	argv[5] = slice_of(count);
	s->looked_ms = clock_mono_ms();
	s->asked_touched = s->touched;
	s->touched = false;
	s->looking = side_command(s->master->side, on_changes, s, SLICE(""), 6, argv) == 0;
	(void)!side_command(s->master->side, on_size, s, SLICE(""), 2, size);
}

/* ---- the link ---- */

static void
on_up(void *userdata, bool tracking)
{
	struct suspend_set *s = userdata;

	s->up = true;
	s->scanning = s->looking = s->look_again = s->scanned = s->told = false;
	s->last[0] = '\0';
	scan_begin(s);
}

static void
on_down(void *userdata, const char *reason)
{
	struct suspend_set *s = userdata;

	s->up = s->scanning = s->looking = false;
}

static void
on_invalidated(void *userdata, struct slice key)
{
	struct suspend_set *s = userdata;

	if (!key.p || slice_eq(key, SLICE(HASH)))
		s->touched = true;
	else if (!slice_eq(key, SLICE(STREAM)))
		return;
	look(s);
}

/* ---- writing ---- */

struct writing {
	struct suspend_set *set;
	void (*done)(void *userdata, const char *fault);
	void *userdata;
};

static void
on_word(void *userdata, struct slice tag, const struct redis_reply *r)
{
}

static void
on_written(void *userdata, struct slice tag, const struct redis_reply *r)
{
	struct writing *w = userdata;
	char fault[160] = "";

	if (!r)
		snprintf(fault, sizeof fault,
			 "the connection to Redis was lost; whether it is stored is not known");
	else if (r->type != REDIS_ARRAY)
		redis_fault(r, fault, sizeof fault);
	for (size_t i = 0; r && !*fault && i < r->count; i++) {
		if (r->elements[i] && r->elements[i]->type == REDIS_FAILED)
			redis_fault(r->elements[i], fault, sizeof fault);
	}
	w->done(w->userdata, fault);
	free(w);
}

void
suspend_set_write(struct suspend_set *s, struct slice field, struct slice json,
		  void (*done)(void *userdata, const char *fault), void *userdata)
{
	const struct slice multi[] = { SLICE("MULTI") }, exec[] = { SLICE("EXEC") };
	const struct slice set[] = { SLICE("HSET"), SLICE(HASH), field, json };
	const struct slice del[] = { SLICE("HDEL"), SLICE(HASH), field };
	const struct slice add[] = {
		SLICE("XADD"), SLICE(STREAM), SLICE("MAXLEN"), SLICE("~"), SLICE(STREAM_MAX_TEXT),
		SLICE("*"),    SLICE("f"),    field,           SLICE("v"), json.p ? json : SLICE("")
	};
	struct side *side = s->master->side;
	struct writing *w;
	int r;

	/* All four or none: what is between would wait in the transaction for ever. */
	if (!side_has_room(side, 4)) {
		done(userdata, "Redis is down");
		return;
	}
	w = xmalloc(sizeof *w);
	*w = (struct writing){ s, done, userdata };
	r = side_command(side, on_word, s, SLICE(""), 1, multi);
	if (r == 0)
		r = json.p ? side_command(side, on_word, s, SLICE(""), 4, set)
			   : side_command(side, on_word, s, SLICE(""), 3, del);
	if (r == 0)
		r = side_command(side, on_word, s, SLICE(""), 10, add);
	if (r == 0)
		r = side_command(side, on_written, w, SLICE(""), 1, exec);
	if (r < 0) {
		free(w);
		done(userdata, "Redis is down");
	}
}

void
suspend_set_expired(struct suspend_set *s, struct slice field, const struct suspension *one)
{
	BUF_CLEAN struct buf json = { 0 }, until = { 0 };
	struct slice argv[] = { SLICE("EVAL"), SLICE(EXPIRE_SCRIPT),
				SLICE("1"),    SLICE(HASH),
				field,         SLICE(""),
				SLICE("") };

	if (!s->up)
		return;
	suspension_write(one, &json);
	buf_addf(&until, "%lld", (long long)one->until);
	argv[5] = buf_slice(&json);
	argv[6] = buf_slice(&until);
	(void)!side_command(s->master->side, on_word, s, SLICE(""), 7, argv);
}

/* ---- the interface ---- */

struct suspend_set *
suspend_set_new(struct master *m)
{
	struct suspend_set *s = xcalloc(1, sizeof *s);

	s->master = m;
	s->user = (struct side_user){ on_up, on_down, on_invalidated, .userdata = s };
	return s;
}

void
suspend_set_free(struct suspend_set *s)
{
	free(s);
}

void
suspend_set_configure(struct suspend_set *s)
{
	bool wanted = suspensions_use_redis(s->master);

	if (wanted == s->joined)
		return;
	s->joined = wanted;
	if (wanted)
		side_join(s->master->side, &s->user);
	else
		side_leave(s->master->side, &s->user);
	s->up = s->up && wanted;
}

void
suspend_set_tick(struct suspend_set *s, uint64_t now_ms)
{
	uint32_t whole = s->master->config->redis.compare_interval;

	if (!s->up)
		return;
	if (!s->scanning &&
	    (!s->scanned ? now_ms >= s->scan_ms + SCAN_MS : whole && now_ms >= s->scan_ms + whole))
		scan_begin(s);
	if (now_ms >= s->looked_ms + LOOK_MS && !s->looking)
		look(s);
}

void
suspend_set_again(struct suspend_set *s)
{
	s->scanned = false;
}

uint64_t
suspend_set_generation(const struct suspend_set *s)
{
	return s->generation;
}

int64_t
suspend_set_age(const struct suspend_set *s)
{
	int64_t age = clock_wall() - s->known_wall;

	return s->known_wall == 0 ? INT64_MAX : age > 0 ? age : 0;
}

int64_t
suspend_set_wall(const struct suspend_set *s)
{
	return s->known_wall;
}

void
suspend_set_known(struct suspend_set *s, int64_t wall)
{
	s->known_wall = wall;
}

const char *
suspend_set_fault(const struct suspend_set *s)
{
	return s->fault;
}

bool
suspend_set_up(const struct suspend_set *s)
{
	return s->up;
}
