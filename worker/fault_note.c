#include "fault_note.h"

#include "client.h"
#include "worker.h"

#include <time.h>

static uint64_t
wall_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME_COARSE, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

/* Of a pointer that may lie in the head. */
static uint32_t
offset_of(struct slice head, const char *p)
{
	return p && head.p && p >= head.p && p < head.p + head.n ? (uint32_t)(p - head.p)
								 : FAULT_NOWHERE;
}

/* Where the value of the last field of this name stands: the first one may be as it should. */
static uint32_t
last_of(const struct http_parser *in, struct slice name)
{
	uint32_t at = FAULT_NOWHERE;

	for (uint16_t i = 0; i < in->fields_n; i++) {
		if (slice_ieq(http_name(in, &in->fields[i]), name))
			at = in->fields[i].value;
	}
	return at;
}

static void
note(struct faults *ring, const struct request *r, enum reason reason)
{
	const struct http_parser *in = &r->in;
	struct slice head = slice_make(in->base, in->base ? in->head_n : 0);
	uint32_t at = FAULT_NOWHERE;

	if (!in->head_done && llhttp_get_errno(&in->llhttp) != HPE_OK)
		at = offset_of(head, llhttp_get_error_pos(&in->llhttp));
	if (at == FAULT_NOWHERE && in->head_done && head.n > 0 && r->field.n > 0)
		at = last_of(in, r->field);
	faults_note(ring, &(struct fault_facts){
			      .wall_ms = wall_ms(),
			      .reason = (uint32_t)reason,
			      .at = at,
			      .client = slice_make(r->client->ip_text, r->client->ip_text_n),
			      .field = r->field,
			      .head = head,
			  });
}

static bool
is_kept(const struct request *r)
{
	return r->client->kind == LISTENER_HTTP && !r->rehearsed && r->worker->page;
}

void
fault_note(const struct request *r, enum reason reason)
{
	if (is_kept(r))
		note(&r->worker->page->faults, r, reason);
}

/* To mask a head takes as long as to refuse some: of a flood the first ones of each second are
 * enough. */
static bool
has_room(struct worker *w)
{
	uint64_t second = worker_now(w) / 1000;

	if (w->refusals_second != second) {
		w->refusals_second = second;
		w->refusals_noted = 0;
	}
	return w->refusals_noted++ < FAULTS;
}

void
fault_note_refusal(const struct request *r)
{
	if (r->ended_in == PHASE_DECISION && r->reason != REASON_none && is_kept(r) &&
	    has_room(r->worker))
		note(&r->worker->page->refused, r, r->reason);
}
