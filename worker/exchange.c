#include "exchange.h"

#include "refresh.h"
#include "worker.h"

#include "lib/xalloc.h"
#include "shm/memfd.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#define UNDER_WAY_MAX 128u
#define LOST_MS (EXCHANGE_MS + 5000u) /* the master itself does not answer */
#define LOST_REFRESH_MS 60000u        /* the same: it may be only slow, and the token is at stake */

struct exchange {
	struct list link; /* of the worker's */
	struct worker *worker;
	uint64_t id;
	enum exchange_kind kind;
	bool answered;
	exchange_fn fn; /* NULL: forgotten, or it has run */
	void *userdata;
	struct timer timer;
};

static void
exchange_free(struct exchange *x)
{
	timer_clear(&x->timer);
	list_remove(&x->link);
	x->worker->exchanges_count--;
	free(x);
}

static void
exchange_end(struct exchange *x, const struct exchange_answer *a)
{
	exchange_fn fn = x->fn;
	void *userdata = x->userdata;

	x->fn = NULL;
	timer_clear(&x->timer);
	x->answered = true;
	if (x->kind != EXCHANGE_REFRESH)
		exchange_free(x);
	if (fn)
		fn(userdata, a);
}

static void
on_time(struct timer *t)
{
	exchange_end(container_of(t, struct exchange, timer),
		     &(struct exchange_answer){ .status = -ETIMEDOUT });
}

static struct exchange *
exchange_new(struct worker *w, uint64_t id, enum exchange_kind kind, exchange_fn fn, void *userdata)
{
	struct exchange *x = xcalloc(1, sizeof *x);

	x->worker = w;
	x->id = id;
	x->kind = kind;
	x->fn = fn;
	x->userdata = userdata;
	timer_init(&x->timer, on_time);
	timer_set(w, &x->timer, kind == EXCHANGE_REFRESH ? LOST_REFRESH_MS : LOST_MS);
	list_push(&w->exchanges, &x->link);
	w->exchanges_count++;
	return x;
}

static struct exchange *
ask(struct worker *w, struct msg_exchange *message, struct slice provider, struct slice context,
    struct slice form, exchange_fn fn, void *userdata)
{
	const struct slice parts[] = { context, form };
	int fd, r;

	if (!w->control_open || w->exchanges_count >= UNDER_WAY_MAX || form.n == 0 ||
	    form.n > EXCHANGE_FORM_MAX || provider.n >= sizeof message->provider ||
	    memfd_of("yett-exchange", parts, 2, &fd) < 0)
		return NULL;
	message->id = ++w->next_exchange;
	memcpy(message->provider, provider.p, provider.n);
	r = ipc_send(&w->control, MSG_EXCHANGE, message, sizeof *message, fd);
	close(fd);
	if (r < 0)
		return NULL;
	return exchange_new(w, message->id, (enum exchange_kind)message->kind, fn, userdata);
}

struct exchange *
exchange_start(struct worker *w, struct slice provider, enum exchange_kind kind, struct slice form,
	       exchange_fn fn, void *userdata)
{
	struct msg_exchange message = { .kind = kind };

	return ask(w, &message, provider, SLICE(""), form, fn, userdata);
}

struct exchange *
exchange_refresh(struct worker *w, struct slice provider, struct slice form, struct slice context,
		 uint64_t begin_ms, exchange_fn fn, void *userdata)
{
	struct msg_exchange message = { .kind = EXCHANGE_REFRESH,
					.begin_ms = begin_ms,
					.context_n = (uint32_t)context.n };

	return ask(w, &message, provider, context, form, fn, userdata);
}

void
exchange_forget(struct exchange *x)
{
	x->fn = NULL;
}

void
exchange_kept(struct exchange *x)
{
	struct worker *w = x->worker;
	struct msg_exchange_kept message = { .id = x->id };

	if (w->control_open)
		(void)ipc_send(&w->control, MSG_EXCHANGE_KEPT, &message, sizeof message, -1);
	exchange_free(x);
}

/* ---- what the master says ---- */

void
exchange_hear(struct exchange *x, exchange_fn fn, void *userdata)
{
	x->fn = fn;
	x->userdata = userdata;
}

void
exchange_adopt(struct worker *w, const struct msg_exchange *m, int fd)
{
	struct exchange *x = exchange_new(w, m->id, EXCHANGE_REFRESH, NULL, NULL);
	struct slice provider = slice_make(m->provider, strnlen(m->provider, sizeof m->provider));
	struct slice context = { NULL, 0 };

	/* Without a table nothing is known of its provider. */
	if (!w->table || memfd_map(fd, &context) < 0 || !refresh_adopt(w, x, provider, context))
		exchange_kept(x);
	memfd_unmap(context);
}

static struct exchange *
find(struct worker *w, uint64_t id)
{
	list_for (pos, &w->exchanges) {
		struct exchange *x = container_of(pos, struct exchange, link);

		if (x->id == id)
			return x;
	}
	return NULL;
}

void
exchange_heard(struct worker *w, const struct msg_exchanged *m, int fd)
{
	struct exchange_answer a = { .status = m->status, .retry_s = m->retry_s };
	struct exchange *x = find(w, m->id);

	if (!x || x->answered)
		return;
	if (fd >= 0 && memfd_map(fd, &a.body) < 0)
		a.status = -EBADMSG;
	exchange_end(x, &a);
	memfd_unmap(a.body);
}

void
exchanges_lose(struct worker *w)
{
	struct list all;

	list_take(&w->exchanges, &all);
	list_drain (pos, &all) {
		struct exchange *x = container_of(pos, struct exchange, link);

		list_push(&w->exchanges, pos);
		if (!x->answered)
			exchange_end(x, &(struct exchange_answer){ .status = -EPIPE });
	}
}

void
exchanges_free(struct worker *w)
{
	list_drain (pos, &w->exchanges)
		exchange_free(container_of(pos, struct exchange, link));
}
