#include "store.h"

#include "change.h"
#include "master.h"
#include "store_file.h"
#include "store_own.h"
#include "upstream_tls.h"

#include "lib/clock.h"
#include "lib/log.h"
#include "lib/tls.h"
#include "lib/xalloc.h"

#include <errno.h>

#define SESSIONS_LOOK_MS 1000

const char *
store_revision(const struct master *m)
{
	const struct revision *r = revisions_in_force(m);

	return r ? r->id : "";
}

/* ---- one after the other ---- */

void
store_wake(struct master *m)
{
	struct store *s = &m->writes;

	while (!s->shut && !s->current && !list_empty(&s->queue)) {
		struct store_write *w = container_of(s->queue.next, struct store_write, link);

		if (!(m->config->redis.configured ? store_take_redis(w) : store_take_file(w)))
			return;
	}
}

static void
submit(struct master *m, struct change *change, store_done_fn done, void *userdata)
{
	struct store_write *w = xcalloc(1, sizeof *w);

	w->master = m;
	w->change = change;
	w->done = done;
	w->userdata = userdata;
	w->deadline = clock_mono_ms() + STORE_PATIENCE_MS;
	list_push(&m->writes.queue, &w->link);
	store_wake(m);
}

void
store_submit(struct master *m, struct change *change, store_done_fn done, void *userdata)
{
	struct store_outcome nothing = { 200, SLICE(""), store_revision(m) };

	if (change->count > 0 || change->note.n > 0) {
		submit(m, change, done, userdata);
		return;
	}
	change_free(change);
	done(userdata, &nothing);
}

void
store_probe(struct master *m, store_done_fn done, void *userdata)
{
	submit(m, NULL, done, userdata);
}

/* Workers alone know whether the server that was found is of any use: it may be a replica. */
static void
sessions_look(struct master *m, uint64_t now)
{
	const struct supervisor *s = &m->supervisor;
	bool up = true;

	if (!seek_used(m->seek_sessions) || now < m->writes.looked_ms + SESSIONS_LOOK_MS)
		return;
	m->writes.looked_ms = now;
	for (uint32_t i = 0; i + 1 < s->slots_count; i++) {
		const struct slot *slot = &s->slots[i];

		if (slot->state == SLOT_RUNNING && slot->page)
			up = up && board_get(&slot->page->store_up);
	}
	if (up)
		seek_confirm(m->seek_sessions);
	else
		seek_doubt(m->seek_sessions, "");
}

void
store_tick(struct master *m)
{
	uint64_t now = clock_mono_ms();

	sessions_look(m, now);
	list_for_safe (pos, tmp, &m->writes.queue) {
		struct store_write *w = container_of(pos, struct store_write, link);

		if (!w->done || now < w->deadline)
			continue;
		if (w == m->writes.current)
			store_answer(w, 503,
				     SLICE("the store does not answer; whether the change is "
					   "stored shows later"),
				     store_revision(m));
		else
			store_finish(w, 503,
				     SLICE("the store does not answer, or others write all the "
					   "time; nothing is stored"),
				     store_revision(m));
	}
	store_wake(m);
}

/* ---- life ---- */

static void
file_load(struct master *m)
{
	BUF_CLEAN struct buf error = { 0 };
	int r = store_file_load(m->writes.file, m->rules, &m->revisions.history, &error);

	if (r >= 0)
		log_info("rules source=store frontends=%zu backends=%zu revision=%s",
			 rules_frontends(m->rules), rules_backends(m->rules),
			 history_newest(&m->revisions.history)
			     ? history_newest(&m->revisions.history)->id
			     : "none");
	m->writes.unknown = r < 0 && r != -ENOENT;
	buf_addc(&error, '\0');
	snprintf(m->store_fault, sizeof m->store_fault, "%s", error.p);
	if (m->writes.unknown)
		log_error("rules error=\"%s\" effect=\"not ready; only the rules of the "
			  "configuration are in force, and nothing is written\" remedy=\"put a "
			  "good store.json back, or remove store.json.bad to begin with no "
			  "rules, and restart\"",
			  m->store_fault);
	else if (r > 0)
		log_error("rules error=\"%s\"", m->store_fault);
	revisions_recover(m);
	rules_whole(m->rules);
	revisions_settle(m);
}

void
store_open(struct master *m)
{
	struct store *s = &m->writes;

	list_init(&s->queue);
	s->file = store_file_new(&m->loop, m->config->state_dir);
	if (!m->config->redis.configured)
		file_load(m);
}

static void
store_move(struct master *m)
{
	struct store *s = &m->writes;

	/* What one store held is no loss of the other. */
	rules_replace(m->rules, rules_new());
	rules_mark(m->rules);
	history_deinit(&m->revisions.history);
	m->revisions.base[0] = '\0';
	m->remembered = m->writes.unknown = false;
	m->store_fault[0] = '\0';
	store_file_free(s->file);
	if (s->current)
		store_finish(s->current, 503,
			     SLICE("the rules are kept elsewhere from now on; whether the change "
				   "is stored where they were is not known"),
			     "");
	s->file = store_file_new(&m->loop, m->config->state_dir);
	if (!m->config->redis.configured)
		file_load(m);
}

/* Workers hold on to the last one that was found. */
static void
on_sessions_lost(void *userdata, const char *reason)
{
}

void
store_seek(struct master *m)
{
	m->seek = seek_new(&m->loop, m->resolver);
	m->seek_sessions = seek_new(&m->loop, m->resolver);
	m->sessions_found =
	    (struct seek_user){ master_sessions_found, on_sessions_lost, .userdata = m };
	seek_join(m->seek_sessions, &m->sessions_found);
}

void
store_seek_end(struct master *m)
{
	seek_free(m->seek);
	seek_free(m->seek_sessions);
}

static struct tls_context *
context_of(struct master *m, bool secure, const struct config_upstream_tls *tls)
{
	return secure ? upstream_tls_context(m->certificates, tls) : NULL;
}

void
store_secure(struct master *m)
{
	const struct config_redis *c = &m->config->redis;
	const struct config_sessions *sessions = &m->config->login.redis;
	struct tls_context *tls = context_of(m, c->secure, &c->tls);

	seek_secure(m->seek, tls);
	store_redis_secure(m->store, tls);
	side_secure(m->side, tls);
	tls_context_unref(tls);
	tls = sessions->seek.places_count ? context_of(m, sessions->secure, &sessions->tls) : NULL;
	seek_secure(m->seek_sessions, tls);
	tls_context_unref(tls);
}

void
store_configure(struct master *m)
{
	const struct seek_way rules = seek_way_rules(&m->config->redis),
			      sessions = seek_way_sessions(&m->config->login.redis);

	store_secure(m);
	seek_configure(m->seek, &rules);
	seek_configure(m->seek_sessions, &sessions);
	if (!m->saver.loading)
		store_redis_configure(m->store, &m->config->redis);
	side_configure(m->side, &m->config->redis);
}

void
store_reconfigured(struct master *m, bool was_redis)
{
	struct store *s = &m->writes;

	s->shut = true;
	saver_load_all(m);
	store_configure(m);
	cascade_configure(m->cascade);
	if (was_redis != m->config->redis.configured)
		store_move(m);
	s->shut = false;
	store_wake(m);
}

void
store_close(struct master *m)
{
	struct store *s = &m->writes;

	s->shut = true;
	store_redis_stop(m->store, "the gateway ends"); /* it holds a change of ours */
	store_file_free(s->file);
	while (!list_empty(&s->queue)) {
		struct store_write *w = container_of(s->queue.next, struct store_write, link);

		store_finish(w, 503,
			     w == s->current ? SLICE("the gateway ends; whether the change is "
						     "stored shows at the next start")
					     : SLICE("the gateway ends"),
			     "");
	}
}
