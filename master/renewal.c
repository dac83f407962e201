#include "renewal.h"

#include "master.h"

#include "lib/clock.h"
#include "lib/log.h"

#include <string.h>

/* Tickets are sealed where somebody may bring one back. */
static bool
wants_tickets(const struct master *m)
{
	return m->config->tls.tickets && m->certificates->pairs_count > 0;
}

static void
tickets_settle(struct master *m)
{
	bool changed;
	int r;

	if (!wants_tickets(m)) {
		if (m->tickets.n > 0)
			tickets_forget(&m->tickets);
		return;
	}
	r = tickets_turn(&m->tickets, m->config->tls.ticket_lifetime_s, clock_wall(), &changed);
	if (r < 0)
		log_warn("tickets file=%s error=\"%s\" effect=\"clients do not resume after a "
			 "restart\"",
			 m->tickets.path, strerror(-r));
	if (changed)
		publish_mark(m, PUBLISH_KEYS);
}

static void
take_over(struct master *m)
{
	m->certificates = m->config->tls.loaded;
	m->config->tls.loaded = NULL;
}

void
renewal_begin(struct master *m)
{
	BUF_CLEAN struct buf why = { 0 };
	const struct config *c = m->config;

	take_over(m);
	if (tickets_load(&m->tickets, c->state_dir, c->tls.ticket_lifetime_s, clock_wall(), &why) <
	    0)
		log_warn("tickets error=\"%.*s\"", SLICE_F(why));
	tickets_settle(m);
}

void
renewal_end(struct master *m)
{
	certificates_free(m->certificates);
	tickets_deinit(&m->tickets);
}

void
renewal_reconfigured(struct master *m)
{
	struct certificates *before = m->certificates;

	take_over(m);
	certificates_free(before);
	tickets_settle(m);
}

void
renewal_tick(struct master *m)
{
	tickets_settle(m);
}
