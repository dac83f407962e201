#include "renewal.h"

#include "certificates_tell.h"
#include "expiry.h"
#include "master.h"
#include "watch.h"

#include "lib/clock.h"
#include "lib/log.h"

#include <string.h>

#define SETTLE_MS 200 /* a pair is two files, and one of them is written first */
#define AGAIN_MS 1000 /* what looks bad may be half done: told when it is so twice */
#define LOOK_MS 15000 /* of itself: some changes make no sound, and time goes by */

static void on_look(uv_timer_t *timer);

static void
look_in(struct master *m, uint64_t ms)
{
	m->renewal.soon = ms <= AGAIN_MS;
	uv_timer_start(&m->renewal.look, on_look, ms, 0);
}

/* Until the next look, or until a certificate begins or ends before that. */
static uint64_t
look_ms(const struct certificates *c, int64_t now)
{
	int64_t most = LOOK_MS / 1000;

	for (size_t i = 0; i < c->pairs_count; i++) {
		const struct pair *p = c->pairs[i].pair;

		if (p && p->until > now && p->until - now < most)
			most = p->until - now;
		if (p && p->from > now && p->from - now < most)
			most = p->from - now;
	}
	return (uint64_t)most * 1000;
}

/* However often they change, a look that is due is not put off. */
static void
on_changed(void *userdata)
{
	struct master *m = userdata;

	if (!m->renewal.soon)
		look_in(m, SETTLE_MS);
}

static void
watch_renew(struct master *m)
{
	const struct certificates *c = m->certificates;
	const struct config_tls *tls = &m->config->tls;
	struct watch *w = m->renewal.watch;

	watch_begin(w);
	for (size_t i = 0; i < c->pairs_count; i++) {
		watch_file(w, c->pairs[i].file);
		if (*c->pairs[i].key)
			watch_file(w, c->pairs[i].key);
	}
	for (size_t i = 0; i < c->trusts_count; i++) {
		watch_file(w, c->trusts[i].ca);
		if (*c->trusts[i].crl)
			watch_file(w, c->trusts[i].crl);
	}
	for (size_t i = 0; i < tls->certificates_count; i++) {
		if (tls->certificates[i].directory)
			watch_folder(w, tls->certificates[i].directory);
	}
	watch_end(w);
}

/* `next` is in force. What was told of it already is not told again. */
static void
take_over(struct master *m, struct certificates *next, bool told)
{
	struct certificates *before = m->certificates;
	bool again = certificates_tell(before, next, told);

	m->certificates = next;
	issuers_secure(m->issuers, next);
	introspect_secure(m->introspector, next);
	exchanger_secure(m->exchanger, next);
	if (!before || !certificates_same(before, next))
		publish_certificates(m);
	certificates_free(before);
	expiry_tell(next, m->page, clock_wall());
	watch_renew(m);
	look_in(m, again ? AGAIN_MS : look_ms(next, clock_wall()));
}

static void
on_look(uv_timer_t *timer)
{
	struct master *m = timer->data;

	if (m->phase != MASTER_DRAINING && m->phase != MASTER_ENDED)
		take_over(m, certificates_load(m->config, m->certificates), false);
}

/* ---- tickets ---- */

/* Sealed where somebody may bring one back. */
static bool
wants_tickets(const struct config *c)
{
	for (size_t i = 0; i < c->listeners_count && c->tls.tickets != TICKETS_OFF; i++) {
		if (c->listeners[i].tls)
			return true;
	}
	return false;
}

static void
tickets_settle(struct master *m)
{
	uint32_t lifetime = m->config->tls.ticket_lifetime_s;
	int64_t now = clock_wall();
	bool changed;
	int r;

	if (!wants_tickets(m->config)) {
		if (m->tickets.n > 0)
			tickets_forget(&m->tickets);
		return;
	}
	if (ticket_share_wanted(m)) {
		r = tickets_turn_shared(&m->tickets, lifetime, now, &changed);
		ticket_share_tick(m, now);
	} else {
		r = tickets_turn(&m->tickets, lifetime, now, &changed);
	}
	if (r < 0)
		log_warn("tickets file=%s error=\"%s\" effect=\"clients do not resume after a "
			 "restart\"",
			 m->tickets.path, strerror(-r));
	if (changed)
		publish_mark(m, PUBLISH_KEYS);
}

/* ---- the whole ---- */

static struct certificates *
loaded(struct master *m)
{
	struct certificates *c = m->config->tls.loaded;

	m->config->tls.loaded = NULL;
	return c;
}

int
renewal_init(struct master *m)
{
	m->renewal.look.data = m;
	m->renewal.watch = watch_new(&m->loop, on_changed, m);
	return uv_timer_init(&m->loop, &m->renewal.look);
}

void
renewal_begin(struct master *m)
{
	BUF_CLEAN struct buf why = { 0 };
	const struct config *c = m->config;

	take_over(m, loaded(m), true);
	look_in(m, AGAIN_MS); /* root, who read them, may be gone */
	if (tickets_load(&m->tickets, c->state_dir, c->tls.ticket_lifetime_s, clock_wall(), &why) <
	    0)
		log_warn("tickets error=\"%.*s\"", SLICE_F(why));
	tickets_settle(m);
}

void
renewal_end(struct master *m)
{
	uv_close((uv_handle_t *)&m->renewal.look, NULL);
	watch_free(m->renewal.watch);
	certificates_free(m->certificates);
	tickets_deinit(&m->tickets);
}

void
renewal_reconfigured(struct master *m)
{
	take_over(m, loaded(m), true);
	tickets_settle(m);
}

void
renewal_tick(struct master *m)
{
	tickets_settle(m);
}
