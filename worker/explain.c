#include "explain.h"

#include "client.h"
#include "forward.h"
#include "listen.h"
#include "worker.h"

#include "lib/xalloc.h"
#include "shm/memfd.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

/* What a step changes beside its request. */
struct kept {
	uint32_t seed;
	uint64_t random[4];
	uint64_t counter[COUNTER_N];
	struct snapshot *table;
	uint32_t *turns;
};

static void
keep(struct worker *w, struct kept *k)
{
	size_t size;

	k->seed = w->seed;
	memcpy(k->random, w->random, sizeof k->random);
	memcpy(k->counter, w->page->counts.counter, sizeof k->counter);
	k->table = w->table ? snapshot_ref(w->table) : NULL;
	k->turns = NULL;
	if (!k->table)
		return;
	size = k->table->turns_count * sizeof *k->turns;
	k->turns = xmalloc(size + 1);
	memcpy(k->turns, k->table->turns, size);
}

static void
put_back(struct worker *w, struct kept *k)
{
	w->seed = k->seed;
	memcpy(w->random, k->random, sizeof w->random);
	for (int i = 0; i < COUNTER_N; i++)
		board_set(&w->page->counts.counter[i], k->counter[i]);
	if (k->table)
		memcpy(k->table->turns, k->turns, k->table->turns_count * sizeof *k->turns);
	snapshot_unref(k->table);
	free(k->turns);
}

static void
on_timer(struct timer *t)
{
}

/* Nobody is at the other end: what is written to it goes nowhere. */
static void
stand_in(struct worker *w, const struct msg_explain *question, struct client *c)
{
	*c = (struct client){ .worker = w, .kind = LISTENER_HTTP, .state = CLIENT_CLOSED };
	c->stream.closing = true;
	list_init(&c->link);
	list_init(&c->resume);
	timer_init(&c->timer, on_timer);
	c->tls = question->secure ? CLIENT_TLS : CLIENT_PLAIN;
	client_set_address(c, question->address, 0);
	list_for (pos, &w->listeners) {
		const struct listener *l = container_of(pos, struct listener, link);

		if (l->info.kind == LISTENER_HTTP && c->port == 0 &&
		    !(l->info.flags & LISTENER_TLS) == !question->secure)
			c->port = l->info.port;
	}
}

static void
rehearse(struct explained *e, struct slice head)
{
	struct request *r = e->r;
	enum http_outcome outcome;
	size_t used;

	outcome = http_parse(&r->in, head, &used);
	e->malformed = outcome < 0 || !r->in.head_done;
	if (e->malformed) {
		r->reason = outcome < 0 ? request_fault(r, outcome) : REASON_bad_request;
		e->result = STEP_REPLY;
		return;
	}
	r->spans_fresh = true;
	e->result = request_rehearse(r, STEP_PICK);
	e->forwarded = e->result == STEP_NEXT && !r->started;
	if (e->forwarded)
		forward_request(r);
}

/* Returns which route it is, TRIE_NONE for none. */
static uint32_t
run(struct worker *w, struct slice head, const struct msg_explain *question, struct buf *out)
{
	struct client *c = xmalloc(sizeof *c);
	struct explained e = { 0 };
	struct kept kept;
	uint32_t route;

	keep(w, &kept);
	stand_in(w, question, c);
	e.r = request_new(c);
	e.r->route = TRIE_NONE;
	rehearse(&e, head);
	explain_report(&e, out);
	route = e.r->route;
	request_drop(e.r);
	timer_clear(&c->timer);
	put_back(w, &kept);
	free(c);
	return route;
}

void
explain_answer(struct worker *w, const struct msg_explain *question, int fd)
{
	struct msg_explained answer = { .id = question->id };
	BUF_CLEAN struct buf json = { 0 };
	void *head = MAP_FAILED;
	struct slice text;
	size_t n = 0;
	int out = -1;

	if (w->page && memfd_check(fd, F_SEAL_SHRINK, &n) == 0 && n > 0)
		head = mmap(NULL, n, PROT_READ, MAP_PRIVATE, fd, 0);
	if (head == MAP_FAILED)
		return;
	answer.version = w->table ? w->table->version : 0;
	answer.route = run(w, slice_make(head, n), question, &json);
	munmap(head, n);
	text = buf_slice(&json);
	if (memfd_of("yett-explained", &text, 1, &out) < 0)
		return;
	/* Where it cannot be said, the master answers by itself. */
	(void)!ipc_send(&w->control, MSG_EXPLAINED, &answer, sizeof answer, out);
	close(out);
}
