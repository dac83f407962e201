#include "name_ask.h"

#include "master.h"
#include "own.h"

#include "lib/ip.h"
#include "lib/xalloc.h"
#include "shm/message.h"

#include <netinet/in.h>
#include <stdlib.h>

#define ASKED_MAX 256u /* at a time, of all workers */

struct question {
	struct master *master;
	uint64_t instance;
	uint64_t key;
	uint16_t port;
};

static void
tell(struct master *m, uint64_t instance, const struct msg_name_told *told)
{
	const struct supervisor *s = &m->supervisor;

	for (uint32_t i = 0; i + 1 < s->slots_count; i++) {
		struct slot *slot = &s->slots[i];

		if (slot->instance == instance && slot_is_live(slot) && slot->control)
			supervisor_send(slot, MSG_NAME_TOLD, told, sizeof *told, -1);
	}
}

static void
add(const struct own *own, const struct resolved *r, uint16_t port, struct msg_name_told *told)
{
	uint8_t *ip = told->addresses[told->count];

	if (told->count == NAME_ADDRESSES || own_reaches(own, r->family, r->ip, port))
		return;
	if (r->family == AF_INET)
		ip_map_v4(ip, r->ip);
	else
		memcpy(ip, r->ip, 16);
	told->count++;
}

static void
on_resolved(void *userdata, const struct resolved *all, size_t n)
{
	struct question *a = userdata;
	struct msg_name_told told = { .key = a->key };
	struct own *own = n > 0 ? own_new(a->master->config) : NULL;

	for (size_t i = 0; i < n; i++)
		add(own, &all[i], a->port, &told);
	if (own)
		own_free(own);
	a->master->names_asked--;
	tell(a->master, a->instance, &told);
	free(a);
}

void
name_ask(void *userdata, struct slot *slot, const struct msg_name_ask *ask)
{
	struct master *m = userdata;
	const struct msg_name_told none = { .key = ask->key };
	char host[NAME_HOST_MAX + 1];
	struct question *a;

	if (m->names_asked >= ASKED_MAX) {
		tell(m, slot->instance, &none);
		return;
	}
	memcpy(host, ask->host, ask->n);
	host[ask->n] = '\0';
	a = xcalloc(1, sizeof *a);
	a->master = m;
	a->instance = slot->instance;
	a->key = ask->key;
	a->port = (uint16_t)ask->port;
	m->names_asked++;
	resolver_once(m->resolver, host, on_resolved, a);
}
