#include "keys_wait.h"

#include "await.h"
#include "worker.h"

#include "lib/xalloc.h"
#include "shm/message.h"
#include "shm/table.h"

#include <stdlib.h>

#define WAIT_MS 2000
#define WAITING_MAX 64
#define LOST_MS 30000 /* an answer that has not come by then does not come */

struct keys_asked {
	uint64_t issuer; /* 0: a free row */
	bool running;    /* the master was asked, and has not said that it is over */
	uint64_t asked_ms, cool_until_ms;
};

struct keys_wait {
	struct keys_asked rows[ISSUERS_N];
	unsigned next; /* to be taken from whoever has it, when all are in use */
};

static struct keys_asked *
row_of(struct worker *w, uint64_t issuer)
{
	struct keys_wait *k = w->keys_wait;
	struct keys_asked *row;

	if (!k)
		k = w->keys_wait = xcalloc(1, sizeof *k);
	for (unsigned i = 0; i < ISSUERS_N; i++) {
		if (k->rows[i].issuer == issuer)
			return &k->rows[i];
	}
	row = &k->rows[k->next++ % ISSUERS_N];
	*row = (struct keys_asked){ .issuer = issuer };
	return row;
}

/* Is a fetch under way, this one or another's? */
static bool
ask(struct worker *w, struct keys_asked *row, uint64_t now)
{
	const struct msg_keys_ask message = { .asked = row->issuer };

	if (row->running && now - row->asked_ms < LOST_MS)
		return true;
	if (now < row->cool_until_ms || !w->control_open)
		return false;
	row->running = ipc_send(&w->control, MSG_KEYS_ASK, &message, sizeof message, -1) == 0;
	row->asked_ms = now;
	return row->running;
}

bool
keys_await(struct request *r, uint64_t asked)
{
	struct worker *w = r->worker;

	if (r->rehearsed || r->awaited & 1u << AWAIT_KEYS)
		return false;
	return ask(w, row_of(w, asked), worker_now(w)) &&
	       await_begin(r, AWAIT_KEYS, asked, WAIT_MS, WAITING_MAX);
}

void
keys_settled(struct worker *w, const struct msg_keys_settled *settled)
{
	struct keys_asked *row;

	if (settled->asked == 0)
		return;
	row = row_of(w, settled->asked);
	row->running = false;
	row->cool_until_ms = worker_now(w) + settled->cool_ms;
	await_done(w, AWAIT_KEYS, settled->asked);
}

void
keys_wait_free(struct worker *w)
{
	free(w->keys_wait);
}
