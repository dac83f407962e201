#include "exchange.h"

#include "client_auth.h"
#include "fetch.h"
#include "upstream_tls.h"

#include "lib/clock.h"
#include "lib/failpoint.h"
#include "lib/list.h"
#include "lib/tls.h"
#include "lib/xalloc.h"
#include "shm/memfd.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#define EXCHANGES_MAX 512u
#define OF_WORKER_MAX 128u
#define STORE_MS 5000u       /* for an answer to be stored, when we would like to end */
#define ADOPTED (1ull << 63) /* of ids that are ours: no worker gets so far */

struct exchange {
	struct list link;
	struct exchanger *of;
	uint64_t instance, id; /* of whom it is, and how that one calls it */
	enum exchange_kind kind;
	char provider[EXCHANGE_PROVIDER_MAX];
	uint64_t begin_ms, until_ms;
	struct buf form;     /* empty: it was sent */
	struct fetch *fetch; /* NULL: it is over, or was not sent yet */
	struct buf context;
	struct buf answer;
	int status; /* 0: not answered */
	uint32_t retry_s;
};

struct exchanger {
	uv_loop_t *loop;
	struct resolver *resolver;
	const struct exchange_ops *ops;
	void *userdata;
	const struct certificates *files;
	struct list all;
	size_t count;
	uint64_t adopted;
	struct exchanger_status told;
};

static void
exchange_free(struct exchange *e)
{
	e->of->count--;
	list_remove(&e->link);
	if (e->fetch)
		fetch_cancel(e->fetch);
	buf_wipe(&e->form);
	buf_wipe(&e->context);
	buf_wipe(&e->answer);
	free(e);
}

/* ---- what workers hear ---- */

static void
tell(struct exchanger *x, uint64_t instance, uint64_t id, int status, uint32_t retry_s,
     struct slice body)
{
	struct msg_exchanged message = { .id = id, .status = status, .retry_s = retry_s };
	int fd = -1;

	if (body.n > 0 && memfd_of("yett-exchanged", &body, 1, &fd) < 0)
		message.status = -ENOMEM;
	x->ops->send(x->userdata, instance, MSG_EXCHANGED, &message, sizeof message, fd);
	if (fd >= 0)
		close(fd);
}

static void
tell_answer(const struct exchange *e)
{
	tell(e->of, e->instance, e->id, e->status, e->retry_s, buf_slice(&e->answer));
}

static bool
is_owned(const struct exchange *e)
{
	return e->instance && e->of->ops->lives(e->of->userdata, e->instance);
}

/* ---- from one worker to another ---- */

static void
hand_over(struct exchange *e)
{
	struct exchanger *x = e->of;
	struct msg_exchange message = { .kind = e->kind, .context_n = (uint32_t)e->context.n };
	struct slice context = buf_slice(&e->context);
	int fd;

	/* It may only have stood still. */
	if (e->instance)
		tell(x, e->instance, e->id, -EOWNERDEAD, 0, SLICE(""));
	e->instance = x->ops->heir(x->userdata);
	if (!e->instance || memfd_of("yett-exchange", &context, 1, &fd) < 0) {
		e->instance = 0;
		return;
	}
	e->id = message.id = ADOPTED | ++x->adopted;
	memcpy(message.provider, e->provider, sizeof message.provider);
	x->ops->send(x->userdata, e->instance, MSG_EXCHANGE_ADOPT, &message, sizeof message, fd);
	close(fd);
	if (e->status)
		tell_answer(e);
}

/* Whose worker is gone. False: so is this. */
static bool
orphan(struct exchange *e)
{
	switch (e->kind) {
	case EXCHANGE_REFRESH:
		hand_over(e);
		return true;
	case EXCHANGE_REVOKE: /* nobody has to hear of it */
		e->instance = 0;
		return true;
	case EXCHANGE_CODE:
	case EXCHANGE_TOKEN:
	case EXCHANGE_KIND_N:
		break;
	}
	exchange_free(e);
	return false;
}

void
exchanger_kept(struct exchanger *x, uint64_t instance, uint64_t id)
{
	FAILPOINT("exchange-kept");
	list_for_safe (pos, tmp, &x->all) {
		struct exchange *e = container_of(pos, struct exchange, link);

		if (e->instance == instance && e->id == id && e->status)
			exchange_free(e);
	}
}

/* ---- asking ---- */

static void
on_answer(void *userdata, const char *why, struct slice body)
{
	struct exchange *e = userdata;
	struct exchanger *x = e->of;

	FAILPOINT("exchange-answered");
	e->status = fetch_status(e->fetch);
	e->retry_s = fetch_retry_s(e->fetch);
	e->fetch = NULL;
	if (e->status == 0)
		e->status = -EHOSTUNREACH;
	if (e->status < 0 || e->status >= 500)
		x->told.failed[e->kind]++;
	buf_reserve(&e->answer, body.n); /* at once: growing would leave a copy */
	if (!why)
		buf_adds(&e->answer, body);
	if (is_owned(e))
		tell_answer(e);
	else if (e->kind == EXCHANGE_REFRESH)
		hand_over(e);
	FAILPOINT("exchange-told");
	if (e->kind != EXCHANGE_REFRESH)
		exchange_free(e);
}

static void
send_form(struct exchange *e, const struct exchange_place *place, struct slice form)
{
	struct exchanger *x = e->of;
	struct tls_context *tls =
	    place->url->https ? upstream_tls_context(x->files, place->tls) : NULL;
	size_t more = client_auth_size(place->client_id, place->client_secret);
	struct buf whole = { 0 }, fields = { 0 };
	struct fetch_request q = {
		.url = place->url,
		.tls = tls,
		.server_name = place->server_name,
		.body_max = EXCHANGE_ANSWER_MAX,
		.timeout_ms = EXCHANGE_MS,
		.once = true,
		.any = true,
	};

	buf_reserve(&whole, form.n + more);
	buf_adds(&whole, form);
	buf_reserve(&fields, more);
	if (!place->post && place->client_secret.n > 0)
		client_auth_basic(&fields, place->client_id, place->client_secret);
	else
		client_auth_post(&whole, place->client_id, place->client_secret);
	q.form = buf_slice(&whole);
	q.fields = buf_slice(&fields);
	e->fetch = fetch_start(x->loop, x->resolver, &q, on_answer, e);
	buf_wipe(&whole);
	buf_wipe(&fields);
	tls_context_unref(tls);
	x->told.asked[e->kind]++;
}

static struct exchange *
exchange_new(struct exchanger *x, uint64_t instance, const struct msg_exchange *ask,
	     struct slice context)
{
	struct exchange *e = xcalloc(1, sizeof *e);

	e->of = x;
	e->instance = instance;
	e->id = ask->id;
	e->kind = (enum exchange_kind)ask->kind;
	e->begin_ms = ask->begin_ms;
	memcpy(e->provider, ask->provider, sizeof e->provider);
	e->until_ms = clock_mono_ms() + EXCHANGE_MS + STORE_MS;
	buf_adds(&e->context, context);
	list_push(&x->all, &e->link);
	x->count++;
	return e;
}

static bool
has_room(const struct exchanger *x, uint64_t instance)
{
	size_t own = 0;

	list_for (pos, &x->all)
		own += container_of(pos, struct exchange, link)->instance == instance;
	return x->count < EXCHANGES_MAX && own < OF_WORKER_MAX;
}

/* 0; -EINPROGRESS: not yet; or why it is not sent. */
static int
judge(const struct exchanger *x, const char *provider, enum exchange_kind kind, uint64_t begin_ms,
      struct exchange_place *place)
{
	struct slice name = slice_make(provider, strnlen(provider, EXCHANGE_PROVIDER_MAX));

	if (begin_ms && clock_mono_ms() > begin_ms)
		return -ETIME;
	if (!x->ops->place(x->userdata, name, kind, place))
		return -ENOENT;
	if (place->soon)
		return -EINPROGRESS;
	return place->url ? 0 : -EDESTADDRREQ;
}

/* Whose form waited to be sent: may it be now? */
static void
send_late(struct exchange *e)
{
	struct exchange_place place = { 0 };
	int r = judge(e->of, e->provider, e->kind, e->begin_ms, &place);

	if (r == -EINPROGRESS)
		return;
	if (r == 0) {
		send_form(e, &place, buf_slice(&e->form));
		buf_wipe(&e->form);
		return;
	}
	e->of->told.refused++;
	if (is_owned(e))
		tell(e->of, e->instance, e->id, r, 0, SLICE(""));
	exchange_free(e);
}

void
exchanger_settle(struct exchanger *x)
{
	list_for_safe (pos, tmp, &x->all) {
		struct exchange *e = container_of(pos, struct exchange, link);

		if (!is_owned(e) && (e->instance || e->kind == EXCHANGE_REFRESH) && !orphan(e))
			continue;
		if (e->form.n > 0)
			send_late(e);
	}
}

int
exchanger_ask(struct exchanger *x, uint64_t instance, const struct msg_exchange *ask, int fd)
{
	struct exchange_place place = { 0 };
	struct slice memory, context, form;
	struct exchange *e;
	int r;

	if (ask->kind >= EXCHANGE_KIND_N || ask->id & ADOPTED ||
	    ask->context_n > EXCHANGE_CONTEXT_MAX || memfd_map(fd, &memory) < 0)
		return -EBADMSG;
	if (memory.n <= ask->context_n || memory.n > EXCHANGE_CONTEXT_MAX + EXCHANGE_FORM_MAX ||
	    (ask->kind == EXCHANGE_REFRESH && ask->context_n == 0)) {
		memfd_unmap(memory);
		return -EBADMSG;
	}
	context = slice_make(memory.p, ask->context_n);
	form = slice_make(memory.p + ask->context_n, memory.n - ask->context_n);
	if (!exchange_form_fits((enum exchange_kind)ask->kind, form)) {
		memfd_unmap(memory);
		return -EBADMSG;
	}
	r = has_room(x, instance)
		? judge(x, ask->provider, (enum exchange_kind)ask->kind, ask->begin_ms, &place)
		: -EAGAIN;
	if (r == 0 || r == -EINPROGRESS) {
		e = exchange_new(x, instance, ask, context);
		FAILPOINT("exchange-heard");
		if (r == 0)
			send_form(e, &place, form);
		else
			buf_adds(&e->form, form);
		FAILPOINT("exchange-sent");
		r = 0;
	}
	memfd_unmap(memory);
	if (r == 0)
		return 0;
	x->told.refused++;
	tell(x, instance, ask->id, r, 0, SLICE(""));
	return 0;
}

/* ---- the whole ---- */

struct exchanger *
exchanger_new(uv_loop_t *loop, struct resolver *resolver, const struct exchange_ops *ops,
	      void *userdata)
{
	struct exchanger *x = xcalloc(1, sizeof *x);

	x->loop = loop;
	x->resolver = resolver;
	x->ops = ops;
	x->userdata = userdata;
	list_init(&x->all);
	return x;
}

void
exchanger_free(struct exchanger *x)
{
	if (!x)
		return;
	list_drain (pos, &x->all)
		exchange_free(container_of(pos, struct exchange, link));
	free(x);
}

void
exchanger_secure(struct exchanger *x, const struct certificates *files)
{
	x->files = files;
}

uint64_t
exchanger_until(const struct exchanger *x)
{
	uint64_t until = 0;

	list_for (pos, &x->all) {
		const struct exchange *e = container_of(pos, struct exchange, link);

		if (e->kind == EXCHANGE_REFRESH && e->until_ms > until)
			until = e->until_ms;
	}
	return until;
}

void
exchanger_get_status(const struct exchanger *x, struct exchanger_status *out)
{
	*out = x->told;
	out->adopted = x->adopted;
	list_for (pos, &x->all) {
		const struct exchange *e = container_of(pos, struct exchange, link);

		out->under_way += e->status == 0;
		out->unkept += e->status != 0;
	}
}
