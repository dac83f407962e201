#include "introspect_wait.h"

#include "await.h"
#include "worker.h"

#include "lib/xalloc.h"
#include "shm/message.h"

#include <assert.h>
#include <stdlib.h>

#define WAITING_MAX 1024
#define ASKED_MAX 256 /* tokens at a time */

_Static_assert(TOKEN_NAME == HMAC_SIZE, "one number in two layers");

struct introspect_wait {
	struct {
		uint8_t name[TOKEN_NAME];
		uint64_t until_ms; /* 0: a free row */
	} rows[ASKED_MAX];
};

static uint64_t
key_of(const uint8_t name[TOKEN_NAME])
{
	uint64_t key;

	memcpy(&key, name, sizeof key);
	return key;
}

static bool
send_ask(struct worker *w, const struct gate_verdict *verdict)
{
	struct msg_token_ask ask = { .n = (uint32_t)verdict->unknown.n };
	bool sent;

	memcpy(ask.name, verdict->name, sizeof ask.name);
	memcpy(ask.token, verdict->unknown.p, verdict->unknown.n);
	sent = w->control_open && ipc_send(&w->control, MSG_TOKEN_ASK, &ask, sizeof ask, -1) == 0;
	explicit_bzero(&ask, sizeof ask);
	return sent;
}

/* Was the master asked, now or by another request? */
static bool
ask(struct worker *w, const struct gate_verdict *verdict, uint32_t wait_ms)
{
	struct introspect_wait *k = w->introspect_wait;
	uint64_t now = worker_now(w);
	unsigned free_row = ASKED_MAX;

	if (!k)
		k = w->introspect_wait = xcalloc(1, sizeof *k);
	for (unsigned i = 0; i < ASKED_MAX; i++) {
		bool is_free = k->rows[i].until_ms <= now;

		if (!is_free && memcmp(k->rows[i].name, verdict->name, TOKEN_NAME) == 0)
			return true;
		if (is_free && free_row == ASKED_MAX)
			free_row = i;
	}
	if (free_row == ASKED_MAX || !send_ask(w, verdict))
		return false;
	memcpy(k->rows[free_row].name, verdict->name, TOKEN_NAME);
	k->rows[free_row].until_ms = now + wait_ms;
	return true;
}

bool
introspect_await(struct request *r, const struct gate_verdict *verdict)
{
	struct worker *w = r->worker;
	uint32_t ms;

	assert(r->table);
	ms = snapshot_global(r->table)->introspection_ms;
	if (r->rehearsed || r->awaited & 1u << AWAIT_TOKEN)
		return false;
	return ask(w, verdict, ms) &&
	       await_begin(r, AWAIT_TOKEN, key_of(verdict->name), ms, WAITING_MAX);
}

void
introspect_told(struct worker *w, const struct msg_token_told *told)
{
	struct introspect_wait *k = w->introspect_wait;

	for (unsigned i = 0; k && i < ASKED_MAX; i++) {
		if (memcmp(k->rows[i].name, told->name, TOKEN_NAME) == 0)
			k->rows[i].until_ms = 0;
	}
	gate_told(w->gate, told, w->wall);
	await_done(w, AWAIT_TOKEN, key_of(told->name));
}

void
introspect_wait_free(struct worker *w)
{
	free(w->introspect_wait);
	w->introspect_wait = NULL;
}
