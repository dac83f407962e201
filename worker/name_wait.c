#include "name_wait.h"

#include "await.h"
#include "worker.h"

#include "lib/xalloc.h"

#include <stdlib.h>

#define WAITING_MAX 1024 /* requests */
#define ROWS 256         /* names at a time */
#define KNOWN_MS 5000
#define ASK_MS 5000

struct row {
	uint64_t key;
	uint64_t until_ms; /* 0: a free one */
	uint16_t port, n;
	bool told;
	struct name_known known;
	char host[NAME_HOST_MAX];
};

struct name_wait {
	uint64_t last_key;
	struct row rows[ROWS];
};

/* That of the name, else a free one, made its own; NULL: there is none. */
static struct row *
row_of(struct worker *w, struct slice host, uint16_t port)
{
	struct name_wait *k = w->name_wait;
	uint64_t now = worker_now(w);
	struct row *free_row = NULL;

	if (!k)
		k = w->name_wait = xcalloc(1, sizeof *k);
	for (unsigned i = 0; i < ROWS; i++) {
		struct row *row = &k->rows[i];

		if (row->until_ms <= now)
			free_row = free_row ? free_row : row;
		else if (row->port == port && slice_eq(slice_make(row->host, row->n), host))
			return row;
	}
	if (!free_row || host.n > NAME_HOST_MAX)
		return NULL;
	*free_row = (struct row){ .key = ++k->last_key, .port = port, .n = (uint16_t)host.n };
	memcpy(free_row->host, host.p, host.n);
	return free_row;
}

static bool
ask(struct worker *w, struct row *row)
{
	struct msg_name_ask m = { .key = row->key, .port = row->port, .n = row->n };

	memcpy(m.host, row->host, row->n);
	if (!w->control_open || ipc_send(&w->control, MSG_NAME_ASK, &m, sizeof m, -1) < 0)
		return false;
	row->until_ms = worker_now(w) + ASK_MS;
	return true;
}

enum verdict
name_wait(struct request *r, struct slice host, uint16_t port, const struct name_known **out)
{
	struct row *row = row_of(r->worker, host, port);

	if (row && row->until_ms > 0 && row->told) {
		*out = &row->known;
		return PASS;
	}
	if (!row || r->awaited & 1u << AWAIT_NAME || (row->until_ms == 0 && !ask(r->worker, row)) ||
	    !await_begin(r, AWAIT_NAME, row->key, ASK_MS, WAITING_MAX))
		return REPLY;
	return WAIT;
}

void
name_told(struct worker *w, const struct msg_name_told *told)
{
	struct name_wait *k = w->name_wait;

	for (unsigned i = 0; k && i < ROWS; i++) {
		struct row *row = &k->rows[i];

		if (row->key != told->key || row->until_ms == 0 || told->count > NAME_ADDRESSES)
			continue;
		row->told = true;
		row->until_ms = worker_now(w) + KNOWN_MS;
		row->known.count = told->count;
		memcpy(row->known.addresses, told->addresses, sizeof row->known.addresses);
	}
	await_done(w, AWAIT_NAME, told->key);
}

void
name_wait_free(struct worker *w)
{
	free(w->name_wait);
	w->name_wait = NULL;
}
