#include "explain.h"

#include "api.h"
#include "explain_request.h"
#include "master.h"

#include "lib/clock.h"
#include "lib/json.h"
#include "lib/log.h"
#include "lib/xalloc.h"
#include "shm/memfd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define PATIENCE_MS 2000
#define SESSIONS_MS 20000 /* of many a session is read and ended one after the other */
#define ANSWER_MAX ((size_t)4 << 20)

struct waiting {
	struct list link;
	struct api_call *call;
	uint32_t id;
	uint64_t instance; /* of the worker that was asked */
	uint64_t until_ms;
};

void
explainer_init(struct explainer *e)
{
	list_init(&e->waiting);
}

static void
give_up(struct waiting *w, const char *why)
{
	list_remove(&w->link);
	api_reply_message(w->call, 503, why, SLICE(""));
	free(w);
}

void
explainer_deinit(struct explainer *e)
{
	list_for_safe (pos, tmp, &e->waiting)
		give_up(container_of(pos, struct waiting, link), "The gateway ends");
}

void
explainer_tick(struct master *m, uint64_t now_ms)
{
	list_for_safe (pos, tmp, &m->explainer.waiting) {
		struct waiting *w = container_of(pos, struct waiting, link);

		if (now_ms >= w->until_ms)
			give_up(w, "The worker that was asked does not answer");
	}
}

/* ---- asking ---- */

static struct slot *
find_worker(struct master *m)
{
	for (uint32_t i = 0; i < m->supervisor.slots_count; i++) {
		struct slot *slot = &m->supervisor.slots[i];

		if (slot->role == ROLE_TRAFFIC && slot->state == SLOT_RUNNING && !slot->behind)
			return slot;
	}
	return NULL;
}

static int
ask_worker(struct master *m, struct slot *slot, const struct explain_request *asked, uint32_t *id)
{
	struct msg_explain question = { .id = ++m->explainer.next, .secure = asked->secure };
	struct slice head = buf_slice(&asked->head);
	int fd, r = memfd_of("yett-explain", &head, 1, &fd);

	if (r < 0)
		return r;
	memcpy(question.address, asked->ip, sizeof question.address);
	*id = question.id;
	supervisor_send(slot, MSG_EXPLAIN, &question, sizeof question, fd);
	close(fd);
	return 0;
}

static void
wait_for(struct api_call *c, const struct slot *slot, uint32_t id, uint64_t patience_ms)
{
	struct master *m = c->master;
	struct waiting *w = xcalloc(1, sizeof *w);

	w->call = c;
	w->id = id;
	w->instance = slot->instance;
	w->until_ms = clock_mono_ms() + patience_ms;
	list_push(&m->explainer.waiting, &w->link);
}

static void
explain(struct api_call *c, const struct explain_request *asked)
{
	struct slot *slot = find_worker(c->master);
	uint32_t id;

	if (!slot || ask_worker(c->master, slot, asked, &id) < 0)
		api_reply_message(c, 503, "No worker can be asked", SLICE(""));
	else
		wait_for(c, slot, id, PATIENCE_MS);
}

void
explainer_ask_sessions(struct api_call *c, struct msg_sessions *question)
{
	struct slot *slot = find_worker(c->master);

	if (!slot) {
		api_reply_message(c, 503, "No worker can be asked", SLICE(""));
		return;
	}
	question->id = ++c->master->explainer.next;
	supervisor_send(slot, MSG_SESSIONS, question, sizeof *question, -1);
	wait_for(c, slot, question->id, SESSIONS_MS);
}

void
api_explain(struct api_call *c)
{
	struct explain_request asked = { 0 };
	const char *why;

	if (explain_request(c->text.part[CALL_BODY], &asked, &why) < 0)
		api_reply_message(c, 400, why, SLICE(""));
	else
		explain(c, &asked);
	buf_deinit(&asked.head);
}

/* ---- the answer ---- */

static struct waiting *
find_waiting(struct master *m, const struct slot *slot, uint32_t id)
{
	list_for (pos, &m->explainer.waiting) {
		struct waiting *w = container_of(pos, struct waiting, link);

		if (w->id == id && w->instance == slot->instance)
			return w;
	}
	return NULL;
}

/* The text of a sealed memfd, which is memory: reading it waits for nothing. */
static int
read_answer(int fd, size_t least, struct buf *out)
{
	size_t size;

	if (fd < 0 || memfd_check(fd, F_SEAL_WRITE | F_SEAL_SHRINK, &size) < 0 || size < least ||
	    size > ANSWER_MAX)
		return -EBADMSG;
	buf_reserve(out, size);
	if (pread(fd, out->p, size, 0) != (ssize_t)size)
		return -EBADMSG;
	out->n = size;
	return 0;
}

/* By the route of the rules in force. If those have become other ones, nothing is said. */
static void
add_shadowed(struct buf *b, struct master *m, const struct msg_explained *answer)
{
	const struct publisher *p = &m->publisher;
	const struct table_route *route = table_route(p->segments[SEGMENT_RULES], answer->route);
	const struct compile_report *report;
	struct slice id;
	bool any = false;

	buf_adds(b, SLICE("\"shadowed\":["));
	if (route && answer->version >= p->rules_since) {
		id = table_route_id(p->segments[SEGMENT_RULES], route);
		report = publish_report(m);
		for (size_t i = 0; report && i < report->routes_count; i++) {
			const struct compile_route *line = &report->routes[i];

			if (line->state != ROUTE_SHADOWED || !slice_eq(slice_of(line->by), id))
				continue;
			buf_adds(b, any ? SLICE(",") : SLICE(""));
			buf_add_json(b, slice_of(line->id));
			any = true;
		}
	}
	buf_adds(b, SLICE("],"));
}

void
explainer_heard(struct master *m, struct slot *slot, const struct msg_explained *answer,
		const struct ipc_message *message)
{
	struct waiting *w = find_waiting(m, slot, answer->id);
	BUF_CLEAN struct buf text = { 0 };
	BUF_CLEAN struct buf json = { 0 };

	if (!w)
		return;
	if (read_answer(message->fd, 2, &text) < 0 || text.p[0] != '{') {
		give_up(w, "The worker that was asked gave no answer that can be read");
		return;
	}
	buf_addc(&json, '{');
	add_shadowed(&json, m, answer);
	buf_adds(&json, slice_make(text.p + 1, text.n - 1));
	list_remove(&w->link);
	api_reply(w->call, 200, buf_slice(&json), NULL);
	free(w);
}

/* What was done is said in a sentence, too. */
static void
tell_sessions(struct waiting *w, uint32_t status, struct slice text)
{
	const bool ends = !slice_eq(w->call->text.part[CALL_METHOD], SLICE("GET"));
	struct json *json = NULL;
	char said[64] = "The worker that was asked gave no answer that can be read";
	double count = 0;

	if (status != 200)
		snprintf(said, sizeof said, "%.*s", SLICE_F(text));
	else if (json_parse(text, ANSWER_MAX, 8, &json) < 0 ||
		 !json_number(json_get(json, "count"), &count))
		status = 503;
	else if (count == 0 && ends)
		snprintf(said, sizeof said, "There is no session of this user");
	else
		snprintf(said, sizeof said, "%.0f session%s%s", count, count == 1 ? "" : "s",
			 ends ? " ended" : "");
	json_free(json);
	api_reply_message(w->call, (int)status, said, status == 200 ? text : SLICE(""));
}

void
explainer_heard_sessions(struct master *m, struct slot *slot,
			 const struct msg_sessions_told *answer, const struct ipc_message *message)
{
	struct waiting *w = find_waiting(m, slot, answer->id);
	BUF_CLEAN struct buf text = { 0 };

	if (!w)
		return;
	if (read_answer(message->fd, 1, &text) < 0 || answer->status < 200 ||
	    answer->status > 599) {
		give_up(w, "The worker that was asked gave no answer that can be read");
		return;
	}
	list_remove(&w->link);
	tell_sessions(w, answer->status, buf_slice(&text));
	free(w);
}
