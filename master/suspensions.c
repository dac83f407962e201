#include "suspensions.h"

#include "master.h"
#include "suspend_keys.h"
#include "suspend_set.h"

#include "lib/buf.h"
#include "lib/clock.h"
#include "lib/json.h"
#include "lib/log.h"
#include "lib/xalloc.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define VALUE_MAX 8192
#define VALUE_DEPTH 4
#define EXPIRE_MS 1000
#define ROWS_FIRST 512

/* A gateway without identities has nobody to suspend. */
bool
suspensions_use_redis(const struct master *m)
{
	const struct config *c = m->config;

	return c->redis.configured &&
	       (c->gate.secret.bytes || c->gate.public_key.bytes || c->gate.issuers_count > 0 ||
		c->gate.sources & TOKEN_FROM_API_KEY || c->login.providers_count > 0 ||
		c->suspension.redis_keys);
}

bool
suspensions_use_keys(const struct master *m)
{
	return m->config->suspension.redis_keys && m->config->redis.configured;
}

/* ---- one of them ---- */

bool
suspension_split(struct slice field, enum suspended_kind *kind, struct slice *id)
{
	struct slice name = slice_cut(field, ':', id);

	for (int k = 0; k < SUSPENDED_KEY; k++) {
		if (!slice_eq(name, slice_of(suspended_kind_name[k])) || name.n == field.n)
			continue;
		*kind = (enum suspended_kind)k;
		/* No text of a token holds a NUL, and none could be listed with it. */
		return (id->n == 0) == (k == SUSPENDED_ALL) && id->n <= SUSPENSION_ID_MAX &&
		       (id->n == 0 || !memchr(id->p, '\0', id->n));
	}
	return false;
}

void
suspension_write(const struct suspension *s, struct buf *out)
{
	buf_addf(out, "{\"since\":%lld", (long long)s->since);
	if (s->until)
		buf_addf(out, ",\"until\":%lld", (long long)s->until);
	if (s->before)
		buf_addf(out, ",\"before\":%lld", (long long)s->before);
	buf_adds(out, SLICE(",\"by\":"));
	buf_add_json(out, slice_of(s->by ? s->by : ""));
	buf_adds(out, SLICE(",\"reason\":"));
	buf_add_json(out, slice_of(s->why ? s->why : ""));
	buf_addc(out, '}');
}

static int64_t
number_of(const struct json *object, const char *name)
{
	double number;

	if (!json_number(json_get(object, name), &number) || number < 1 || number > 1e15)
		return 0;
	return (int64_t)number;
}

static char *
text_of(const struct json *object, const char *name)
{
	struct slice s = json_text(json_get(object, name));

	return xstrndup(s.p ? s.p : "", s.p ? s.n : 0);
}

void
suspension_read(struct slice json, struct suspension *out)
{
	struct json *root = NULL;

	if (json_parse(json, VALUE_MAX, VALUE_DEPTH, &root) < 0)
		root = NULL;
	*out = (struct suspension){
		.until = number_of(root, "until"),
		.before = number_of(root, "before"),
		.since = number_of(root, "since"),
		.by = text_of(root, "by"),
		.why = text_of(root, "reason"),
	};
	json_free(root);
}

void
suspension_deinit(struct suspension *s)
{
	free(s->by);
	free(s->why);
}

static void
suspension_free(void *suspension)
{
	if (suspension)
		suspension_deinit(suspension);
	free(suspension);
}

/* ---- the page ---- */

static struct suspended_fact
fact_of(const struct suspension *s)
{
	return (struct suspended_fact){ SUSPENDED_IN_FORCE, s->until, s->before };
}

static void
page_close(struct suspensions *s)
{
	suspended_detach(&s->page);
	if (s->page_fd >= 0)
		close(s->page_fd);
	s->page_fd = -1;
}

static void
page_fill(struct master *m)
{
	struct suspensions *s = &m->suspensions;

	for (size_t i = 0; i < s->own.count; i++) {
		struct suspended_fact fact = fact_of(s->own.entries[i].value);
		enum suspended_kind kind;
		struct slice id;

		if (suspension_split(map_name(&s->own.entries[i]), &kind, &id))
			(void)!suspended_put(&s->page, kind, id, &fact);
	}
	suspend_keys_fill(s->keys, &s->page);
}

/* A new page with room for `most`; the workers get it in the place of theirs. 0 or a negative
 * errno: then the old one stays. */
static int
page_make(struct master *m, uint32_t most)
{
	struct suspensions *s = &m->suspensions;
	struct suspended page;
	int fd, r = suspended_create(most, &page, &fd);

	if (r < 0)
		return r;
	if (s->page.page)
		suspended_set_flags(&page, suspended_flags(&s->page));
	page_close(s);
	s->page = page;
	s->page_fd = fd;
	page_fill(m);
	suspensions_send_page(m);
	return 0;
}

void
suspensions_row(struct master *m, enum suspended_kind kind, struct slice id,
		const struct suspended_fact *fact)
{
	struct suspensions *s = &m->suspensions;
	uint64_t used = 1;

	for (int i = 0; i < SUSPENDED_KINDS; i++)
		used += suspended_count(&s->page, (enum suspended_kind)i);
	if (used * 2 > s->page.rows && page_make(m, (uint32_t)used) < 0)
		log_error("suspensions error=\"no memory for more than %u rows\"", s->page.rows);
	if (!suspended_put(&s->page, kind, id, fact))
		s->full = true;
}

void
suspensions_row_drop(struct master *m, enum suspended_kind kind, struct slice id)
{
	suspended_take(&m->suspensions.page, kind, id);
}

/* Too old to rely on? Where nothing was ever suspended, there is nothing that could be missed. */
static bool
is_stale(const struct master *m)
{
	const struct suspensions *s = &m->suspensions;
	int64_t age = suspend_set_age(s->set), keys_age = suspend_keys_age(s->keys);
	int64_t most = m->config->suspension.max_age / 1000;

	if (!suspensions_use_redis(m) || most == 0)
		return false;
	return (s->own.count > 0 && age > most) || (suspensions_use_keys(m) && keys_age > most);
}

void
suspensions_flags(struct master *m)
{
	struct suspensions *s = &m->suspensions;
	bool open = m->config->suspension.redis_down == SUSPENSION_DOWN_OPEN;
	uint64_t flags = 0;

	if (suspensions_use_keys(m))
		flags |= SUSPENDED_ASKS;
	if (suspensions_use_keys(m) && !suspend_keys_up(s->keys))
		flags |= SUSPENDED_AWAY;
	if (open)
		flags |= SUSPENDED_OPEN;
	if (s->full || ((is_stale(m) || s->unreadable) && !open))
		flags |= SUSPENDED_CLOSED;
	/* A flag of no effect would cost each request its look at the page. */
	if (!(flags & (SUSPENDED_ASKS | SUSPENDED_CLOSED)))
		flags = 0;
	if (flags == suspended_flags(&s->page))
		return;
	if ((flags ^ suspended_flags(&s->page)) & SUSPENDED_CLOSED)
		log_warn("suspensions closed=%s reason=\"%s\"",
			 flags & SUSPENDED_CLOSED ? "yes" : "no",
			 s->full         ? "more than suspension.max"
			 : s->unreadable ? "the state file cannot be read"
			 : is_stale(m)   ? "older than suspension.max_age"
					 : "known again");
	suspended_set_flags(&s->page, flags);
}

/* ---- the truth ---- */

static bool
is_same(const struct suspension *a, const struct suspension *b)
{
	return a->until == b->until && a->before == b->before && a->since == b->since &&
	       strcmp(a->by, b->by) == 0 && strcmp(a->why, b->why) == 0;
}

static void
take_over(void **place, const struct suspension *s)
{
	struct suspension *own = xmalloc(sizeof *own);

	*own = *s;
	suspension_free(*place);
	*place = own;
}

bool
suspensions_put(struct master *m, struct slice field, struct suspension *s)
{
	struct suspensions *all = &m->suspensions;
	struct suspended_fact fact = fact_of(s);
	struct suspension *old = map_get(&all->own, field);
	enum suspended_kind kind;
	struct slice id;
	bool known = suspension_split(field, &kind, &id);

	if (!known || (!old && !all->loading && all->own.count >= m->config->suspension.max) ||
	    (old && is_same(old, s))) {
		if (old) {
			old->seen = s->seen;
			old->local = s->local;
		}
		if (known && !old) {
			all->overflow++;
			all->full = true;
		}
		suspension_deinit(s);
		return old != NULL;
	}
	take_over(map_put(&all->own, field), s);
	suspensions_row(m, kind, id, &fact);
	suspensions_sweep(m);
	suspend_file_mark(m);
	return true;
}

void
suspensions_drop(struct master *m, struct slice field)
{
	struct suspensions *all = &m->suspensions;
	enum suspended_kind kind;
	struct slice id;

	if (!map_get(&all->own, field) || !suspension_split(field, &kind, &id))
		return;
	suspended_take(&all->page, kind, id);
	suspension_free(map_take(&all->own, field));
	if (all->full)
		suspend_set_again(all->set);
	suspend_file_mark(m);
}

/* Readers look at `until` by themselves; this only makes room. */
static void
expire(struct master *m, uint64_t now_ms)
{
	struct suspensions *s = &m->suspensions;
	int64_t now = clock_wall();

	if (now_ms < s->expiry_ms)
		return;
	s->expiry_ms = now_ms + EXPIRE_MS;
	for (size_t i = s->own.count; i > 0; i--) {
		const struct map_entry *e = &s->own.entries[i - 1];
		const struct suspension *one = e->value;

		if (!one->until || now < one->until)
			continue;
		log_info("suspension state=expired who=%.*s", SLICE_F(map_name(e)));
		suspend_set_expired(s->set, map_name(e), one);
		suspensions_drop(m, map_name(e));
	}
}

/* ---- life ---- */

int
suspensions_init(struct master *m)
{
	struct suspensions *s = &m->suspensions;
	int r;

	s->page_fd = -1;
	list_init(&s->waiters);
	uv_timer_init(&m->loop, &s->turn);
	s->turn.data = m;
	s->swept = xcalloc(m->supervisor.slots_count, sizeof *s->swept);
	s->set = suspend_set_new(m);
	s->keys = suspend_keys_new(m);
	suspend_file_init(m);
	r = page_make(m, ROWS_FIRST);
	return r;
}

void
suspensions_load(struct master *m)
{
	suspend_file_load(m);
	suspensions_reconfigured(m);
}

void
suspensions_reconfigured(struct master *m)
{
	struct suspensions *s = &m->suspensions;

	suspend_set_configure(s->set);
	suspend_keys_configure(s->keys);
	/* What there was no room for is only known when it has been read again. */
	if (suspensions_use_redis(m) && s->full)
		suspend_set_again(s->set);
	else
		s->full = false;
	suspensions_flags(m);
}

static void
board_tell(struct master *m)
{
	const struct suspensions *s = &m->suspensions;
	size_t known, suspended;

	suspend_keys_count(s->keys, &known, &suspended);
	board_set(&m->page->suspensions, s->own.count);
	board_set(&m->page->suspensions_wall,
		  suspensions_use_redis(m) ? (uint64_t)suspend_set_wall(s->set) : 0);
	board_set(&m->page->suspension_keys, suspended);
	board_set(&m->page->suspension_keys_known, known);
	board_set(&m->page->suspension_closed,
		  suspended_flags(&s->page) & SUSPENDED_CLOSED ? 1 : 0);
}

void
suspensions_tick(struct master *m, uint64_t now_ms)
{
	suspend_set_tick(m->suspensions.set, now_ms);
	suspend_keys_tick(m->suspensions.keys, now_ms);
	expire(m, now_ms);
	suspensions_flags(m);
	suspensions_waiters_settle(m);
	suspend_file_tick(m, now_ms);
	board_tell(m);
}

void
suspensions_deinit(struct master *m)
{
	struct suspensions *s = &m->suspensions;

	suspend_file_deinit(m);
	suspend_set_free(s->set);
	suspend_keys_free(s->keys);
	uv_close((uv_handle_t *)&s->turn, NULL);
	map_deinit(&s->own, suspension_free);
	free(s->swept);
	page_close(s);
}

/* ---- status ---- */

static const char *
keys_state(const struct suspensions *s)
{
	if (!suspend_keys_up(s->keys))
		return "down";
	return suspend_keys_tracked(s->keys) ? "tracked" : "polled";
}

static void
add_age(struct buf *out, const char *name, int64_t age)
{
	if (age == INT64_MAX)
		buf_addf(out, ",\"%s\":null", name);
	else
		buf_addf(out, ",\"%s\":%lld", name, (long long)age);
}

void
suspensions_status(struct master *m, struct buf *out)
{
	const struct suspensions *s = &m->suspensions;
	bool redis = suspensions_use_redis(m);
	size_t known, suspended;

	suspend_keys_count(s->keys, &known, &suspended);
	buf_addf(out, "\"suspensions\":{\"count\":%zu,\"redis\":\"%s\"", s->own.count,
		 !redis                   ? "off"
		 : suspend_set_up(s->set) ? "up"
					  : "down");
	if (redis)
		add_age(out, "age_s", suspend_set_age(s->set));
	buf_adds(out, SLICE(",\"error\":"));
	buf_add_json(out, slice_of(suspend_set_fault(s->set)));
	buf_addf(out, ",\"closed\":%s,\"saved\":%s",
		 suspended_flags(&s->page) & SUSPENDED_CLOSED ? "true" : "false",
		 s->changed || s->saving ? "false" : "true");
	if (suspensions_use_keys(m)) {
		buf_addf(out, ",\"keys\":{\"state\":\"%s\",\"known\":%zu,\"suspended\":%zu",
			 keys_state(s), known, suspended);
		add_age(out, "age_s", suspend_keys_age(s->keys));
		buf_addc(out, '}');
	}
	buf_addc(out, '}');
}
