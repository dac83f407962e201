#include "exchange_workers.h"

#include "master.h"

#include "lib/clock.h"

#define STILL_MS 3000 /* without a beat: far less than a lock in Redis lasts */

static bool
works(const struct slot *slot, uint64_t now)
{
	return slot->role == ROLE_TRAFFIC && slot->control && !slot->killed && slot->page &&
	       board_get(&slot->page->heartbeat_ms) + STILL_MS > now;
}

static struct slot *
find(struct master *m, uint64_t instance)
{
	const struct supervisor *s = &m->supervisor;

	for (uint32_t i = 0; i < s->slots_count; i++) {
		if (s->slots[i].instance == instance && s->slots[i].control)
			return &s->slots[i];
	}
	return NULL;
}

static bool
on_lives(void *userdata, uint64_t instance)
{
	const struct slot *slot = find(userdata, instance);

	return slot && works(slot, clock_mono_ms());
}

/* One that is about to end waits for what it has; but others come first. */
static uint64_t
on_heir(void *userdata)
{
	const struct master *m = userdata;
	const struct supervisor *s = &m->supervisor;
	uint64_t now = clock_mono_ms(), last = 0;

	for (uint32_t i = 0; i < s->slots_count; i++) {
		const struct slot *slot = &s->slots[i];

		if (!works(slot, now))
			continue;
		if (slot->state == SLOT_RUNNING)
			return slot->instance;
		if (slot->state == SLOT_DRAINING)
			last = slot->instance;
	}
	return last;
}

static void
on_send(void *userdata, uint64_t instance, enum message_type type, const void *body, size_t n,
	int fd)
{
	struct slot *slot = find(userdata, instance);

	if (slot)
		supervisor_send(slot, type, body, n, fd);
}

static bool
on_place(void *userdata, struct slice provider, enum exchange_kind kind, struct exchange_place *out)
{
	const struct master *m = userdata;
	const struct config *c = m->config;

	for (size_t i = 0; i < c->login.providers_count; i++) {
		const struct config_provider *p = &c->login.providers[i];

		if (!slice_eq(slice_of(p->name), provider))
			continue;
		out->url =
		    issuers_endpoint(m->issuers, &c->gate.all[p->issuer],
				     kind == EXCHANGE_REVOKE ? ISSUER_REVOCATION : ISSUER_TOKEN);
		out->soon = issuers_finding(m->issuers, &c->gate.all[p->issuer]);
		out->tls = &p->tls;
		/* What discovery leads to may be somebody else's server. */
		out->server_name =
		    out->url && strcmp(out->url->host, c->gate.all[p->issuer].url.host) == 0
			? p->tls.server_name
			: "";
		out->client_id = slice_of(p->client_id);
		out->client_secret = slice_make(p->client_secret.bytes, p->client_secret.n);
		out->post = p->client_auth == CLIENT_AUTH_POST;
		return true;
	}
	return false;
}

const struct exchange_ops master_exchange_ops = {
	.place = on_place,
	.lives = on_lives,
	.heir = on_heir,
	.send = on_send,
};

int
exchange_workers_ask(void *userdata, struct slot *slot, const struct msg_exchange *ask, int fd)
{
	struct master *m = userdata;

	return exchanger_ask(m->exchanger, slot->instance, ask, fd);
}

void
exchange_workers_kept(void *userdata, struct slot *slot, const struct msg_exchange_kept *kept)
{
	struct master *m = userdata;

	exchanger_kept(m->exchanger, slot->instance, kept->id);
}
