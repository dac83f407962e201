#include "intake.h"

#include "client.h"
#include "limiter.h"
#include "shed.h"

#define EARLY_MAX ((size_t)65536) /* pipelined bytes beyond it wait in the kernel */
#define REQUESTS_A_TURN 16        /* of one client: bounds memory, however many a read holds */

static void
put_off(struct client *c, struct slice bytes)
{
	buf_add(&c->early, bytes.p, bytes.n);
	if (c->early.n >= EARLY_MAX)
		stream_pause(&c->stream);
}

static void
begin_request(struct client *c)
{
	const struct table_global *g = snapshot_global(c->worker->table);

	c->request = request_new(c);
	client_set_state(c, CLIENT_ACTIVE);
	if (c->served > 0 && g) /* of the first one it runs since the client connected */
		timer_set(c->worker, &c->timer, g->client_head_ms);
}

static void
keep_head(struct request *r)
{
	uint32_t before = r->in.kept_cap;

	http_parser_keep(&r->in);
	r->worker->env.taken += r->in.kept_cap - before;
}

/* One run of the parser. */
static void
parse(struct client *c, struct slice *bytes)
{
	struct request *r = c->request;
	size_t used, before = r->in.kept_cap;
	enum http_outcome outcome = http_parse(&r->in, *bytes, &used);

	r->worker->env.taken += r->in.kept_cap - before;
	if (outcome < 0)
		used = bytes->n;
	r->bytes_in += used;
	if (r->limits)
		limiter_passed(r, false);
	bytes->p += used;
	bytes->n -= used;
	if (outcome < 0) {
		request_malformed(r, outcome);
	} else if (r->in.head_done) {
		r->spans_fresh = true;
		request_input(r);
	}
}

static bool
is_open(const struct client *c)
{
	return c->state == CLIENT_IDLE || c->state == CLIENT_ACTIVE;
}

/* RFC 9112 section 2.2: an empty line before a request is none; some clients send one behind a
 * body. */
static struct slice
skip_empty_lines(struct slice s)
{
	while (s.n >= 2 && s.p[0] == '\r' && s.p[1] == '\n')
		s = slice_make(s.p + 2, s.n - 2);
	return s;
}

/* One request after the other; what is left belongs to the next one, and waits. */
static void
consume(struct client *c, struct slice bytes)
{
	unsigned requests = 0;

	c->consuming = true;
	while (is_open(c)) {
		if (!c->request)
			bytes = skip_empty_lines(bytes);
		if (bytes.n == 0)
			break;
		if (!c->request && ++requests > REQUESTS_A_TURN) {
			list_remove(&c->resume);
			list_push(&c->worker->resume, &c->resume);
			break;
		}
		if (!c->request)
			begin_request(c);
		if (c->request->in.done)
			break;
		parse(c, &bytes);
	}
	c->consuming = false;
	if (shed_refuses_head(c)) /* as it would be behind its end */
		request_head_ends(c->request, REASON_overloaded);
	if (c->request && !c->request->ended)
		keep_head(c->request);
	if (bytes.n > 0 && is_open(c))
		put_off(c, bytes);
}

void
intake_bytes(struct client *c, struct slice bytes)
{
	if (c->early.n > 0)
		put_off(c, bytes);
	else
		consume(c, bytes);
}

void
intake_early(struct client *c)
{
	struct buf BUF_CLEAN early = c->early;

	c->early = (struct buf){ 0 };
	consume(c, buf_slice(&early));
	if (c->state != CLIENT_CLOSED && c->early.n < EARLY_MAX && stream_read(&c->stream) < 0)
		client_close(c);
}

/* Each has one turn; who has requests left has the next one in the loop's next turn, when the
 * others had theirs. */
void
intakes_resume(struct worker *w)
{
	struct list due;

	list_take(&w->resume, &due);
	list_drain (pos, &due) {
		struct client *c = container_of(pos, struct client, resume);

		if (c->state == CLIENT_IDLE)
			intake_early(c);
		requests_collect(w);
	}
}
