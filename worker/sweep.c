#include "sweep.h"

#include "client.h"
#include "suspension.h"

#include "lib/log.h"

#define LOOKED_MAX 2000 /* connections a loop turn */
#define CLOSED_MAX 50
#define CLOSING_NS 2000000 /* of a loop turn; what follows from it takes about as long */

/* Those that were looked at go behind the others, with the number of the walk: it ends at the first
 * that has it. */
static bool
walk(struct worker *w, struct list *head, unsigned *looked, unsigned *closed)
{
	uint64_t until = uv_hrtime() + CLOSING_NS;

	while (*looked < LOOKED_MAX && *closed < CLOSED_MAX) {
		struct client *c = container_of(head->next, struct client, link);
		struct request *r;

		if (list_empty(head) || c->swept == w->sweep.walk)
			return true;
		list_remove(&c->link);
		list_push(head, &c->link);
		c->swept = w->sweep.walk;
		++*looked;
		r = c->request;
		if (!r || !r->who || r->reason != REASON_none || r->farewell != REASON_none ||
		    suspension_of(w, r->who) != SUSPENSION_IN_FORCE)
			continue;
		++*closed;
		suspension_close(r, REASON_suspended);
		if (uv_hrtime() >= until)
			break;
	}
	return false;
}

static void
on_idle(uv_idle_t *idle)
{
	struct worker *w = idle->data;
	unsigned looked = 0, closed = 0;
	bool over = walk(w, &w->active, &looked, &closed) && walk(w, &w->tunnels, &looked, &closed);
	struct msg_swept swept;

	w->sweep.closed += closed;
	board_add(&w->page->counts.counter[COUNTER_suspended_closed], closed);
	if (!over)
		return;
	uv_idle_stop(idle);
	w->sweep.running = false;
	swept = (struct msg_swept){ .round = w->sweep.round, .closed = w->sweep.closed };
	if (w->control_open)
		(void)!ipc_send(&w->control, MSG_SWEPT, &swept, sizeof swept, -1);
	w->sweep.closed = 0;
}

/* One that is under way has closed for its own number, and what it counted counts for this one. */
void
sweep_begin(struct worker *w, const struct msg_sweep *sweep)
{
	w->sweep.round = sweep->round;
	w->sweep.walk++;
	w->sweep.running = true;
	uv_idle_start(&w->sweep.idle, on_idle);
}

bool
sweep_catches(struct request *r)
{
	return r->worker->sweep.running && r->who &&
	       suspension_of(r->worker, r->who) == SUSPENSION_IN_FORCE;
}

void
sweep_init(struct worker *w)
{
	uv_idle_init(&w->loop, &w->sweep.idle);
	w->sweep.idle.data = w;
}

void
sweep_deinit(struct worker *w)
{
	uv_close((uv_handle_t *)&w->sweep.idle, NULL);
}
