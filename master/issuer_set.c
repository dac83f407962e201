#include "issuer_set.h"

#include "lib/buf.h"
#include "lib/xalloc.h"

#include <errno.h>
#include <stdlib.h>
#include <uv.h>

/* ---- sets ---- */

static int
compare_slices(struct slice a, struct slice b)
{
	size_t n = a.n < b.n ? a.n : b.n;
	int r = n > 0 ? memcmp(a.p, b.p, n) : 0;

	return r ? r : a.n < b.n ? -1 : a.n > b.n;
}

static int
compare_keys(const void *a, const void *b)
{
	const struct jwks_key *x = a, *y = b;
	int r = compare_slices(x->kid, y->kid);

	if (r == 0)
		r = compare_slices(x->bytes, y->bytes);
	return r ? r : x->algorithms < y->algorithms ? -1 : x->algorithms > y->algorithms;
}

static void
add_text(struct buf *out, struct slice text)
{
	uint64_t n = text.n;

	buf_add(out, &n, sizeof n);
	buf_adds(out, text);
}

void
issuer_set_init(struct issuer_set *s, struct jwks *jwks)
{
	struct buf BUF_CLEAN all = { 0 };

	s->jwks = *jwks;
	*jwks = (struct jwks){ 0 };
	if (s->jwks.count > 1)
		qsort(s->jwks.keys, s->jwks.count, sizeof *s->jwks.keys, compare_keys);
	for (size_t i = 0; i < s->jwks.count; i++) {
		const struct jwks_key *k = &s->jwks.keys[i];

		buf_add(&all, &k->algorithms, sizeof k->algorithms);
		add_text(&all, k->kid);
		add_text(&all, k->bytes);
	}
	if (!sha256(buf_slice(&all), s->digest))
		abort(); /* libcrypto cannot digest: no token could be verified */
	if (all.p)
		explicit_bzero(all.p, all.n); /* a file may hold secrets */
}

void
issuer_set_deinit(struct issuer_set *s)
{
	jwks_deinit(&s->jwks);
}

const char *
issuer_set_read(struct slice text, uint32_t algorithms, struct issuer_set *out)
{
	struct jwks jwks;
	const char *why = NULL;
	int r = jwks_parse(text, algorithms, &jwks);

	*out = (struct issuer_set){ .doubt = "" };
	if (r == -E2BIG)
		why = "it is too long, or holds more than 64 keys";
	else if (r < 0)
		why = "it is no set of keys (RFC 7517)";
	else if (jwks.count == 0)
		why = "it holds no key that can be used";
	if (jwks.refused_count > 0)
		out->doubt = jwks.refused[0].why;
	if (why)
		jwks_deinit(&jwks);
	else
		issuer_set_init(out, &jwks);
	return why;
}

/* ---- off the loop ---- */

struct issuer_work {
	uv_work_t request;
	uv_sem_t over;
	struct buf text;
	uint32_t algorithms;
	const char *why;
	struct issuer_set set;
	issuer_set_fn done; /* NULL: nobody waits for it any more */
	void *userdata;
};

static unsigned working; /* of all; one that is cancelled may go on for a while */

static void
work_free(struct issuer_work *w)
{
	issuer_set_deinit(&w->set);
	uv_sem_destroy(&w->over);
	buf_deinit(&w->text);
	free(w);
}

static void
work_run(uv_work_t *request)
{
	struct issuer_work *w = request->data;

	w->why = issuer_set_read(buf_slice(&w->text), w->algorithms, &w->set);
	uv_sem_post(&w->over);
}

static void
work_done(uv_work_t *request, int status)
{
	struct issuer_work *w = request->data;

	(void)status;
	working--;
	if (w->done)
		w->done(w->userdata, w->why, &w->set);
	work_free(w);
}

struct issuer_work *
issuer_work_start(uv_loop_t *loop, struct slice text, uint32_t algorithms, issuer_set_fn done,
		  void *userdata)
{
	struct issuer_work *w = xcalloc(1, sizeof *w);

	w->request.data = w;
	w->algorithms = algorithms;
	w->done = done;
	w->userdata = userdata;
	buf_adds(&w->text, text);
	if (uv_sem_init(&w->over, 0) < 0)
		abort(); /* it only fills the struct */
	if (uv_queue_work(loop, &w->request, work_run, work_done) == 0) {
		working++;
		return w;
	}
	work_free(w);
	return NULL;
}

void
issuer_work_cancel(struct issuer_work *w, bool wait)
{
	w->done = NULL;
	if (uv_cancel((uv_req_t *)&w->request) < 0 && wait)
		uv_sem_wait(&w->over);
}

bool
issuer_work_any(void)
{
	return working > 0;
}
