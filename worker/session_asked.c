#include "session_asked.h"

#include "session.h"
#include "snapshot.h"
#include "worker.h"

#include "lib/sha256.h"
#include "lib/xalloc.h"
#include "shm/memfd.h"

#include <stdlib.h>
#include <unistd.h>

#define SHOWN_ID 6 /* bytes of the digest */

struct asked_user {
	struct worker *worker;
	uint32_t id;
	size_t count;
	struct buf json;
};

static void
tell(struct worker *w, uint32_t id, uint32_t status, struct slice json)
{
	const struct msg_sessions_told told = { .id = id, .status = status };
	int fd;

	if (!w->control_open || memfd_of("yett-sessions", &json, 1, &fd) < 0)
		return; /* the master does not wait for ever */
	(void)!ipc_send(&w->control, MSG_SESSIONS_TOLD, &told, sizeof told, fd);
	close(fd);
}

/* Who knows the id has the session: operators get a digest, to tell one from the other. */
static void
add_id(struct buf *b, const char *id)
{
	uint8_t digest[SHA256_BYTES];

	buf_adds(b, SLICE("{\"id\":\""));
	if (sha256(slice_of(id), digest)) {
		for (unsigned i = 0; i < SHOWN_ID; i++)
			buf_addf(b, "%02x", digest[i]);
	}
	buf_addc(b, '"');
}

static void
add_session(struct asked_user *a, const struct session *s)
{
	const struct segment *rules = a->worker->table->segments[SEGMENT_RULES];
	struct buf *b = &a->json;
	bool any = false;

	buf_adds(b, a->count++ > 0 ? SLICE(",") : SLICE(""));
	add_id(b, s->id);
	buf_adds(b, SLICE(",\"created\":"));
	buf_add_json_time(b, s->created);
	buf_adds(b, SLICE(",\"used\":"));
	buf_add_json_time(b, s->idle_s && s->expires != INT64_MAX ? s->expires - s->idle_s : 0);
	buf_adds(b, SLICE(",\"expires\":"));
	buf_add_json_time(b, s->expires == INT64_MAX ? 0 : s->expires);
	buf_adds(b, SLICE(",\"providers\":["));
	for (uint32_t i = 0; i < table_providers(rules) && i < PROVIDERS_MAX; i++) {
		if (s->tokens[i].tid.n == 0)
			continue;
		buf_adds(b, any ? SLICE(",") : SLICE(""));
		buf_add_json(b, seg_string(rules, table_provider(rules, i)->name));
		any = true;
	}
	buf_adds(b, SLICE("]}"));
}

static void
on_session(void *userdata, int error, const struct session *s)
{
	struct asked_user *a = userdata;

	if (s) {
		add_session(a, s);
		return;
	}
	buf_addf(&a->json, "],\"count\":%zu}", a->count);
	if (error < 0)
		tell(a->worker, a->id, 503, SLICE("The Redis of sessions does not answer"));
	else
		tell(a->worker, a->id, 200, buf_slice(&a->json));
	buf_deinit(&a->json);
	free(a);
}

void
session_asked(struct worker *w, const struct msg_sessions *q)
{
	const struct session_users user = {
		.provider = TRIE_NONE,
		.subject = slice_make(q->user, q->n <= sizeof q->user ? q->n : 0),
	};
	struct asked_user *a;

	if (!w->table || !w->sessions || !table_login(w->table->segments[SEGMENT_RULES])) {
		tell(w, q->id, 404, SLICE("There is no login, and so there are no sessions"));
		return;
	}
	a = xcalloc(1, sizeof *a);
	a->worker = w;
	a->id = q->id;
	buf_adds(&a->json, SLICE("{\"user\":"));
	buf_add_json(&a->json, user.subject);
	buf_adds(&a->json, SLICE(",\"sessions\":["));
	if (session_of_user(w, &user, q->end, on_session, a) == 0)
		return;
	tell(w, q->id, 503, SLICE("The Redis of sessions does not answer"));
	buf_deinit(&a->json);
	free(a);
}
