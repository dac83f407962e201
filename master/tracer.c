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
#include <sys/random.h>
#include <unistd.h>

#define BATCH 512u        /* spans that do not wait for more */
#define WAITING_MAX 4096u /* spans that wait for the request before */
#define BYTES_MAX (8u << 20)
#define LAST_MS 2000u /* for the last ones, when the gateway ends */
#define ANSWER_BYTES (64u << 10)
#define TRIES 5u /* of a batch, each twice as long after the one before: */
#define BACKOFF_MAX_MS 30000u
#define RETRY_AFTER_MAX_S 300u /* that is believed */

struct tracer {
	struct master *m;
	uv_timer_t timer;
	struct buf spans; /* JSON, with commas between them */
	unsigned waiting; /* so many */

	struct buf body; /* the batch that the collector has not taken yet */
	unsigned sent;   /* spans in it; 0: there is none */
	unsigned tries;
	uv_timer_t again; /* runs until the next one */
	struct fetch *fetch;
	bool failing, telling; /* that it refuses some */
	uint64_t ending_ms;    /* since when; 0: not yet */
	unsigned handles;
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
static void send_body(struct tracer *t);

/* A line when it changes, not one for each batch. */
static void
tell(struct tracer *t, const char *why, bool again)
{
	if (why && !t->failing)
		log_warn("tracing collector=%s error=\"%s\" effect=\"%s\"",
			 settings(t)->url.authority ? settings(t)->url.authority : "-", why,
			 again ? "spans wait, and are lost if that goes on" : "spans are lost");
	else if (!why && t->failing)
		log_info("tracing collector=well");
	t->failing = why != NULL;
}

/* ---- what it answers ---- */

/* It took the batch, but for some of it. */
static void
tell_rejected(struct tracer *t, unsigned rejected, const char *words)
{
	char quoted[300];

	lose(t, rejected);
	if (rejected == 0 && !*words) {
		t->telling = false;
		return;
	}
	if (!t->telling) {
		log_words(slice_of(words), quoted, sizeof quoted);
		log_warn("tracing collector=%s rejected=%u error=\"%s\"",
			 settings(t)->url.authority ? settings(t)->url.authority : "-", rejected,
			 quoted);
	}
	t->telling = true;
}

/* Which answers are worth another try (OTLP, "Retryable Response Codes"), and no answer is; what
 * is no HTTP, or too long, will be so again. */
static bool
is_passing(int status)
{
	switch (status) {
	case 429:
	case 502:
	case 503:
	case 504:
		return true;
	default:
		return status <= 0 && status != -EBADMSG && status != -EMSGSIZE;
	}
}

/* In ms. Many gateways do not come back at one moment. */
static uint64_t
delay_of(struct tracer *t, uint32_t retry_s)
{
	uint64_t ms = (uint64_t)settings(t)->interval << (t->tries - 1);
	uint64_t asked =
	    (uint64_t)(retry_s < RETRY_AFTER_MAX_S ? retry_s : RETRY_AFTER_MAX_S) * 1000;
	uint32_t random = 0;

	if (ms > BACKOFF_MAX_MS)
		ms = BACKOFF_MAX_MS;
	(void)!getrandom(&random, sizeof random, GRND_NONBLOCK);
	ms = ms / 2 + ms * random / UINT32_MAX;
	return asked > ms ? asked : ms;
}

static void
on_again(uv_timer_t *timer)
{
	send_body(container_of(timer, struct tracer, again));
}

static void
end_batch(struct tracer *t)
{
	t->sent = t->tries = 0;
	buf_deinit(&t->body);
	t->body = (struct buf){ 0 };
	/* Its time may have come while that one was under way. */
	if (t->waiting >= BATCH || t->ending_ms || !uv_is_active((uv_handle_t *)&t->timer))
		send_batch(t);
}

static void
on_answer(void *userdata, const char *why, struct slice body)
{
	struct tracer *t = userdata;
	int status = fetch_status(t->fetch);
	uint32_t retry_s = fetch_retry_s(t->fetch);
	bool again = is_passing(status) && t->tries < TRIES && !t->ending_ms;
	char text[64], words[128];
	unsigned rejected;

	t->fetch = NULL;
	if (!why && (status < 200 || status > 299)) {
		snprintf(text, sizeof text, "it answers %d", status);
		why = text;
	}
	tell(t, why, again);
	if (!why) {
		rejected = otlp_rejected(body, t->sent, words, sizeof words);
		tell_rejected(t, rejected, words);
		board_add(&t->m->page->spans_exported, t->sent - rejected);
		end_batch(t);
		return;
	}
	board_add(&t->m->page->span_failures, 1);
	if (again) {
		uv_timer_start(&t->again, on_again, delay_of(t, retry_s), 0);
		return;
	}
	lose(t, t->sent);
	end_batch(t);
}

/* ---- what it gets ---- */

static void
make_body(struct tracer *t)
{
	char host[256] = "";

	if (gethostname(host, sizeof host - 1) < 0)
		host[0] = '\0';
	buf_reserve(&t->body, t->spans.n + 1024);
	otlp_begin(&t->body, slice_of(settings(t)->service_name), SLICE(YETT_VERSION),
		   slice_of(host));
	buf_adds(&t->body, buf_slice(&t->spans));
	otlp_end(&t->body);
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

/* By what is configured now: a reload may have come between two tries. */
static void
send_body(struct tracer *t)
{
	const struct config_tracing *s = settings(t);
	struct buf fields = { 0 };
	struct tls_context *tls;

	if (!s->endpoint) {
		lose(t, t->sent);
		end_batch(t);
		return;
	}
	t->tries++;
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
				   .form = buf_slice(&t->body),
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
send_batch(struct tracer *t)
{
	if (t->sent > 0 || t->waiting == 0)
		return;
	t->sent = t->waiting;
	t->waiting = 0;
	make_body(t);
	t->spans.n = 0;
	send_body(t);
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
	if (uv_is_active((uv_handle_t *)&t->again)) { /* for the last time */
		uv_timer_stop(&t->again);
		send_body(t);
	}
	send_batch(t);
	return !t->fetch || now > t->ending_ms + LAST_MS;
}

struct tracer *
tracer_new(struct master *m)
{
	struct tracer *t = xcalloc(1, sizeof *t);

	t->m = m;
	uv_timer_init(&m->loop, &t->timer);
	uv_timer_init(&m->loop, &t->again);
	t->timer.data = t->again.data = t;
	t->handles = 2;
	return t;
}

static void
on_closed(uv_handle_t *handle)
{
	struct tracer *t = handle->data;

	if (--t->handles == 0)
		free(t);
}

void
tracer_free(struct tracer *t)
{
	if (!t)
		return;
	if (t->fetch)
		fetch_cancel(t->fetch);
	buf_deinit(&t->spans);
	buf_deinit(&t->body);
	uv_close((uv_handle_t *)&t->timer, on_closed);
	uv_close((uv_handle_t *)&t->again, on_closed);
}
