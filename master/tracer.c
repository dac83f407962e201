#include "tracer.h"

#include "fetch.h"
#include "master.h"
#include "otlp.h"
#include "upstream_tls.h"

#include "lib/clock.h"
#include "lib/log.h"
#include "lib/tls.h"
#include "lib/xalloc.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#define BATCH 512u        /* spans that do not wait for more */
#define WAITING_MAX 4096u /* spans that wait for the request before */
#define BYTES_MAX (8u << 20)
#define LAST_MS 2000u /* for the last ones, when the gateway ends */
#define ANSWER_BYTES (64u << 10)

struct tracer {
	struct master *m;
	uv_timer_t timer;
	struct buf spans; /* JSON, with commas between them */
	unsigned waiting; /* so many */
	unsigned sent;    /* of the request under way */
	struct fetch *fetch;
	bool failing;
	uint64_t ending_ms; /* since when; 0: not yet */
};

static const struct config_tracing *
settings(const struct tracer *t)
{
	return &t->m->config->tracing;
}

static void
lose(struct tracer *t, unsigned n)
{
	board_add(&t->m->page->spans_lost, n);
}

static void send_batch(struct tracer *t);

/* A line when it changes, not one for each batch. */
static void
tell(struct tracer *t, const char *why)
{
	if (why && !t->failing)
		log_warn("tracing collector=%s error=\"%s\" effect=\"spans are lost\"",
			 settings(t)->url.authority ? settings(t)->url.authority : "-", why);
	else if (!why && t->failing)
		log_info("tracing collector=well");
	t->failing = why != NULL;
}

static void
on_answer(void *userdata, const char *why, struct slice body)
{
	struct tracer *t = userdata;
	int status = fetch_status(t->fetch);
	char text[64];

	t->fetch = NULL;
	if (!why && (status < 200 || status > 299)) {
		snprintf(text, sizeof text, "it answers %d", status);
		why = text;
	}
	if (why) {
		board_add(&t->m->page->span_failures, 1);
		lose(t, t->sent);
	} else {
		board_add(&t->m->page->spans_exported, t->sent);
	}
	tell(t, why);
	/* Its time may have come while that one was under way. */
	if (t->waiting >= BATCH || t->ending_ms || !uv_is_active((uv_handle_t *)&t->timer))
		send_batch(t);
}

static void
make_body(struct tracer *t, struct buf *out)
{
	char host[256] = "";

	if (gethostname(host, sizeof host - 1) < 0)
		host[0] = '\0';
	buf_reserve(out, t->spans.n + 1024);
	otlp_begin(out, slice_of(settings(t)->service_name), SLICE(YETT_VERSION), slice_of(host));
	buf_adds(out, buf_slice(&t->spans));
	otlp_end(out);
}

/* Room at once, so that growing leaves no copy of a secret behind. */
static void
make_fields(const struct config_tracing *s, struct buf *out)
{
	if (!s->secret.bytes)
		return;
	buf_reserve(out, strlen(s->header) + s->secret.n + 8);
	buf_addf(out, "%s: ", s->header);
	buf_add(out, s->secret.bytes, s->secret.n);
	buf_adds(out, SLICE("\r\n"));
}

static void
send_batch(struct tracer *t)
{
	const struct config_tracing *s = settings(t);
	struct buf BUF_CLEAN body = { 0 };
	struct buf fields = { 0 };
	struct tls_context *tls;

	if (t->fetch || t->waiting == 0)
		return;
	t->sent = t->waiting;
	t->waiting = 0;
	if (!s->endpoint) { /* a reload took it away meanwhile */
		t->spans.n = 0;
		lose(t, t->sent);
		return;
	}
	make_body(t, &body);
	t->spans.n = 0;
	make_fields(s, &fields);
	tls = s->url.https ? upstream_tls_context(t->m->certificates, &t->m->config->upstream_tls)
			   : NULL;
	t->fetch = fetch_start(&t->m->loop, t->m->resolver,
			       &(struct fetch_request){
				   .url = &s->url,
				   .tls = tls,
				   .server_name = "",
				   .body_max = ANSWER_BYTES,
				   .timeout_ms = s->timeout,
				   .form = buf_slice(&body),
				   .type = "application/json",
				   .fields = buf_slice(&fields),
				   .once = true,
				   .any = true,
			       },
			       on_answer, t);
	tls_context_unref(tls);
	buf_wipe(&fields);
}

static void
on_timer(uv_timer_t *timer)
{
	send_batch(container_of(timer, struct tracer, timer));
}

int
tracer_spans(void *userdata, struct slot *slot, struct slice records)
{
	struct tracer *t = ((struct master *)userdata)->tracer;

	while (records.n > 0) {
		struct span s;
		struct slice text[SPAN_TEXTS];

		if (!span_read(&records, &s, text))
			return -EBADMSG;
		if (t->waiting >= WAITING_MAX || t->spans.n > BYTES_MAX) {
			lose(t, 1);
			continue;
		}
		if (t->waiting++ > 0)
			buf_addc(&t->spans, ',');
		otlp_span(&t->spans, &s, text);
	}
	if (t->waiting >= BATCH)
		send_batch(t);
	else if (!uv_is_active((uv_handle_t *)&t->timer))
		uv_timer_start(&t->timer, on_timer, settings(t)->interval, 0);
	return 0;
}

bool
tracer_is_over(struct tracer *t)
{
	uint64_t now = clock_mono_ms();

	if (t->ending_ms == 0)
		t->ending_ms = now;
	send_batch(t);
	return !t->fetch || now > t->ending_ms + LAST_MS;
}

struct tracer *
tracer_new(struct master *m)
{
	struct tracer *t = xcalloc(1, sizeof *t);

	t->m = m;
	uv_timer_init(&m->loop, &t->timer);
	return t;
}

static void
on_closed(uv_handle_t *handle)
{
	free(container_of((uv_timer_t *)handle, struct tracer, timer));
}

void
tracer_free(struct tracer *t)
{
	if (!t)
		return;
	if (t->fetch)
		fetch_cancel(t->fetch);
	buf_deinit(&t->spans);
	uv_close((uv_handle_t *)&t->timer, on_closed);
}
