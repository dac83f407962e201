#include "access.h"

#include "master.h"

#include "lib/log.h"
#include "lib/sha256.h"
#include "shm/call.h"
#include "shm/message.h"

#include <assert.h>
#include <stdio.h>

static struct access_entry *
add_entry(struct msg_access *a, enum access_kind kind, const char *name, uint32_t role)
{
	struct access_entry *e = &a->entries[a->count++];

	e->kind = kind;
	e->role = role;
	snprintf(e->name, sizeof e->name, "%s", name);
	return e;
}

static void
add_host(struct msg_access *a, const char *name)
{
	size_t n = strlen(a->hosts);

	if (name)
		snprintf(a->hosts + n, sizeof a->hosts - n, "%s ", name);
}

/* The configuration's check has seen to it that all of it fits. */
static void
access_make(const struct config *c, struct msg_access *out)
{
	assert(c->admin_users_count + c->api.tokens_count <= ACCESS_MAX);
	out->body_bytes = c->admin_body;
	out->anyone = c->api.unauthenticated ? ACCESS_OPERATE : ACCESS_NONE;
	for (size_t i = 0; i < c->admin_users_count; i++)
		add_entry(out, ACCESS_USER, c->admin_users[i].name, c->admin_users[i].role)->uid =
		    c->admin_users[i].uid;
	for (size_t i = 0; i < c->api.tokens_count; i++) {
		const struct config_api_token *t = &c->api.tokens[i];
		struct access_entry *e = add_entry(out, ACCESS_TOKEN, t->name, t->role);

		if (!sha256(slice_make(t->secret.bytes, t->secret.n), e->digest))
			e->role = ACCESS_NONE;
	}
	for (size_t i = 0; i < c->api.hosts_count; i++)
		add_host(out, c->api.hosts[i]);
	for (size_t i = 0; i < c->api.listen_count; i++)
		add_host(out, c->api.listen[i].address.host);
}

void
access_greet(const struct master *m, struct slot *slot)
{
	struct msg_access message = { 0 };

	if (slot->role != ROLE_ADMIN)
		return;
	access_make(m->config, &message);
	supervisor_send(slot, MSG_ACCESS, &message, sizeof message, -1);
	for (size_t i = 0; m->config->api.unauthenticated && i < m->config->api.listen_count; i++)
		log_warn("api address=%s access=ANYONE effect=\"whoever reaches it may change the "
			 "rules\"",
			 m->config->api.listen[i].address.text);
}

void
access_changed(struct master *m)
{
	struct slot *admin = &m->supervisor.slots[m->supervisor.slots_count - 1];

	if (slot_is_live(admin))
		access_greet(m, admin);
}
