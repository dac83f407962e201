#include "probe.h"

#include "health.h"
#include "lib/log.h"
#include "lib/tls.h"
#include "lib/wheel.h"
#include "lib/xalloc.h"
#include "own.h"
#include "page.h"
#include "probe_turn.h"
#include "seen.h"
#include "upstream_tls.h"

#include <stdlib.h>
#include <sys/random.h>
#include <sys/resource.h>

#define AT_ONCE 1024     /* as many as begin in a second, when none is answered (health.timeout), */
#define AT_ONCE_OF 4     /* and of the descriptors that we may have one in so many */
#define UNSETTLED_MS 100 /* how soon to look again for a name that is being asked for */

_Static_assert(SEEN_MAX >= 4 * BOARD_HEALTH, "the pages of all are seen without end but rarely");

enum endpoint_at { /* what moves it on; endpoint_stop leads back to the first from each of the
		      others */
		   ENDPOINT_IDLE,    /* nothing: not watched, or its health section is off */
		   ENDPOINT_DUE,     /* the wheel */
		   ENDPOINT_READY,   /* a free place among those under way */
		   ENDPOINT_RUNNING, /* its page is asked for */
};

struct endpoint {
	struct prober *of;
	enum endpoint_at at;
	struct wheel_node due;
	struct list ready;
	struct page page;
	uint32_t slot;
	char *authority;
	struct config_health rules; /* without the path, which is the directory's */
	struct health health;
	struct probe_turn turn;
	char *why; /* of its last probe, that gave no answer; NULL: it did, or there was none */
};

struct prober {
	uv_loop_t *loop;
	uv_timer_t tick; /* sweeps the wheel; runs while an endpoint is watched */
	struct wheel wheel;
	struct list fresh, ready; /* those of which nothing is known go first */
	unsigned running, at_once;
	uint32_t rate;       /* probes that may begin in a second */
	uint64_t allowed;    /* thousandths of probes that may begin now, */
	uint64_t allowed_ms; /* as of then */
	bool starting;       /* inside prober_start */
	bool watches;        /* words on the board are no longer an earlier master's */
	bool short_of;       /* of descriptors or memory; said once */
	struct board_master *board;
	struct resolver *resolver;
	struct own *own;                      /* of the configuration in force */
	struct endpoint *slots[BOARD_HEALTH]; /* of those that left, too, until the slot means
						 another one */
	uint32_t slots_end;                   /* behind the last of them */
	size_t watched;
	uint64_t wanted; /* thousandths of probes in a second, by their intervals */
	uint64_t died;   /* sequence of deaths */
	uint64_t random;
	struct seen seen; /* "AUTHORITY PATH" */
};

static void prober_start(struct prober *p);
static void endpoint_answered(void *userdata, int status);

/* xorshift64: it spreads, it protects nothing. */
static uint64_t
prober_random(struct prober *p)
{
	p->random ^= p->random << 13;
	p->random ^= p->random >> 7;
	p->random ^= p->random << 17;
	return p->random;
}

static struct board_health *
endpoint_words(const struct endpoint *e)
{
	return &e->of->board->health[e->slot];
}

/* ---- pages that once gave a 2xx ---- */

static struct slice
endpoint_page(const struct endpoint *e, struct buf *out)
{
	buf_addf(out, "%s %s", e->authority, e->page.path);
	buf_addc(out, '\0');
	return buf_slice(out);
}

static bool
endpoint_was_seen(const struct endpoint *e)
{
	BUF_CLEAN struct buf page = { 0 };

	return seen_has(&e->of->seen, endpoint_page(e, &page).p);
}

static bool
endpoint_remember(const struct endpoint *e)
{
	BUF_CLEAN struct buf page = { 0 };

	return seen_add(&e->of->seen, endpoint_page(e, &page).p);
}

static void
endpoint_seen(const struct endpoint *e)
{
	struct prober *p = e->of;

	if (endpoint_remember(e))
		return;
	/* Full of endpoints that came and went: starts again with those that have a slot. */
	seen_deinit(&p->seen);
	for (size_t i = 0; i < p->slots_end; i++) {
		if (p->slots[i] && endpoint_words(p->slots[i])->seen_2xx)
			endpoint_remember(p->slots[i]);
	}
}

/* ---- one probe ---- */

static void
endpoint_explain(struct endpoint *e, const char *why)
{
	free(e->why);
	e->why = why ? xstrdup(why) : NULL;
}

static void
endpoint_wait(struct endpoint *e, uint64_t deadline_ms)
{
	e->at = ENDPOINT_DUE;
	wheel_set(&e->of->wheel, &e->due, deadline_ms);
}

static uint64_t
endpoint_wants(const struct endpoint *e)
{
	return 1000000 / e->rules.interval;
}

static void
endpoint_ready(struct endpoint *e, uint64_t planned_ms)
{
	bool fresh = endpoint_words(e)->state == HEALTH_UNKNOWN;

	e->turn.planned_ms = planned_ms;
	e->at = ENDPOINT_READY;
	list_push(fresh ? &e->of->fresh : &e->of->ready, &e->ready);
}

static void
endpoint_stop(struct endpoint *e)
{
	switch (e->at) {
	case ENDPOINT_IDLE:
		return;
	case ENDPOINT_DUE:
		wheel_clear(&e->due);
		break;
	case ENDPOINT_READY:
		list_remove(&e->ready);
		break;
	case ENDPOINT_RUNNING:
		page_cancel(&e->page);
		e->of->running--;
		break;
	}
	e->at = ENDPOINT_IDLE;
	e->of->watched--;
	e->of->wanted -= endpoint_wants(e);
}

static uint64_t
endpoint_next(struct endpoint *e)
{
	uint64_t now = uv_now(e->of->loop);
	uint64_t next = probe_turn_next(&e->turn, e->rules.interval, prober_random(e->of));

	return next > now ? next : now;
}

static void
endpoint_result(struct endpoint *e, int status)
{
	struct health_result result = { .authority = e->authority };

	if (status > 0) {
		result.status = status;
	} else {
		result.reason = page_error(&e->page, status);
		resolver_doubt(e->of->resolver, e->page.name);
	}
	endpoint_explain(e, result.reason);
	if (health_judge(&e->health, endpoint_words(e), &e->rules, &result, &e->of->died))
		endpoint_seen(e);
	endpoint_wait(e, endpoint_next(e));
}

static void
endpoint_answered(void *userdata, int status)
{
	struct endpoint *e = userdata;
	struct prober *p = e->of;

	p->running--;
	if (status == UV_EAI_AGAIN) {
		endpoint_wait(e, uv_now(p->loop) + UNSETTLED_MS);
	} else if (status == -ELOOP) {
		endpoint_wait(e, endpoint_next(e));
	} else if (page_is_shortage(status)) {
		if (!p->short_of)
			log_warn("probe error=\"%s\"", page_error(&e->page, status));
		p->short_of = true;
		endpoint_wait(e, endpoint_next(e));
	} else {
		p->short_of = false;
		endpoint_result(e, status);
	}
	if (!p->starting)
		prober_start(p);
}

/* What was not used up is kept for a tick, no longer: probes are spread, and never come in a flood.
 */
static void
prober_allow(struct prober *p)
{
	uint64_t now = uv_now(p->loop), most = (uint64_t)p->rate * WHEEL_TICK_MS + 1000;

	p->allowed += (now - p->allowed_ms) * p->rate;
	p->allowed_ms = now;
	if (p->allowed > most)
		p->allowed = most;
}

static struct endpoint *
prober_next(struct prober *p)
{
	const struct list *from = list_empty(&p->fresh) ? &p->ready : &p->fresh;

	return list_empty(from) ? NULL : container_of(from->next, struct endpoint, ready);
}

static void
prober_start(struct prober *p)
{
	struct endpoint *e;

	p->starting = true; /* one that fails at once must not start the next from inside */
	prober_allow(p);
	while (p->running < p->at_once && p->allowed >= 1000 && (e = prober_next(p))) {
		p->allowed -= 1000;
		list_remove(&e->ready);
		e->at = ENDPOINT_RUNNING;
		e->turn.started_ms = uv_now(p->loop);
		p->running++;
		page_get(&e->page, e->rules.timeout);
	}
	p->starting = false;
}

/* ---- which endpoints ---- */

static void
endpoint_free(struct endpoint *e)
{
	endpoint_stop(e);
	page_deinit(&e->page);
	free(e->why);
	free(e->authority);
	free(e);
}

static struct endpoint *
endpoint_new(struct prober *p, const struct directory_endpoint *d)
{
	struct endpoint *e = xcalloc(1, sizeof *e);

	e->of = p;
	e->slot = d->slot;
	e->authority = xstrdup(d->authority);
	page_init(&e->page, d, p->loop, p->resolver, p->own, endpoint_answered, e);
	wheel_node_init(&e->due);
	list_init(&e->ready);
	return e;
}

static void
words_clear(struct prober *p, uint32_t slot)
{
	struct board_health *w = &p->board->health[slot];

	board_set(&w->state, (uint32_t)HEALTH_UNKNOWN);
	board_set(&w->seen_2xx, 0u);
	board_set(&w->died, 0u);
	board_set(&w->up_since_ms, 0u);
	board_set(&w->checked_ms, 0u);
	board_set(&w->last_status, 0u);
}

/* The endpoint of this slot, with words on the board that are its own. */
static struct endpoint *
prober_endpoint(struct prober *p, const struct directory_endpoint *d)
{
	struct endpoint *e = p->slots[d->slot];

	if (e && strcmp(e->authority, d->authority) == 0)
		return e;
	if (e)
		endpoint_free(e);
	e = endpoint_new(p, d);
	p->slots[d->slot] = e;
	if (d->slot >= p->slots_end)
		p->slots_end = d->slot + 1;
	if (p->watches) /* else it had this slot with an earlier master */
		words_clear(p, d->slot);
	else if (endpoint_words(e)->died > p->died)
		p->died = endpoint_words(e)->died;
	return e;
}

/* What is known of the old page does not count for another one; the state stays until that is known
 * better. */
static void
endpoint_turn_page(struct endpoint *e)
{
	endpoint_stop(e);
	e->health.in_row = 0;
	board_set(&endpoint_words(e)->seen_2xx, (uint32_t)endpoint_was_seen(e));
}

static void
page_secure(struct page *p, const struct certificates *files, const struct directory_upstream *u,
	    const struct directory_endpoint *d)
{
	struct tls_context *tls = upstream_tls_context(files, &u->tls);

	page_set_tls(p, tls, *u->tls.server_name ? u->tls.server_name : d->address.host);
	tls_context_unref(tls);
}

static void
endpoint_watch(struct endpoint *e, const struct certificates *files,
	       const struct directory_endpoint *d)
{
	if (page_set_path(&e->page, d->base, d->of->health.path))
		endpoint_turn_page(e);
	e->page.proxy = d->of->proxy_protocol;
	if (d->tls)
		page_secure(&e->page, files, d->of, d);
	if (e->at != ENDPOINT_IDLE)
		e->of->wanted -= endpoint_wants(e);
	e->rules = d->of->health;
	e->rules.path = NULL;
	e->of->wanted += endpoint_wants(e);
	if (e->at == ENDPOINT_IDLE) {
		e->of->watched++;
		endpoint_ready(e, uv_now(e->of->loop));
	} else if (e->at == ENDPOINT_DUE &&
		   e->due.deadline > e->turn.started_ms + e->rules.interval * 11 / 10) {
		endpoint_wait(e, endpoint_next(e)); /* the interval became shorter */
	}
}

static void
endpoint_unwatch(struct endpoint *e)
{
	endpoint_stop(e);
	endpoint_explain(e, NULL);
	e->health.in_row = 0;
	board_set(&endpoint_words(e)->state, (uint32_t)HEALTH_UNKNOWN);
}

/* Where several upstreams have an endpoint and one of them wants it probed, it is: as the first of
 * those says. */
static void
prober_look(struct prober *p, const struct directory *d, const struct certificates *files,
	    uint32_t slot)
{
	const struct directory_endpoint *first = d->by_slot[slot], *e = first;

	while (e && !e->of->health.enabled)
		e = e->same;
	if (e)
		endpoint_watch(prober_endpoint(p, e), files, e);
	else if (first)
		endpoint_unwatch(prober_endpoint(p, first));
	else if (p->slots[slot])
		endpoint_stop(p->slots[slot]);
	else if (!p->watches && slot < p->board->names.endpoint->high)
		words_clear(p, slot); /* whose they were is gone */
}

static void
prober_on_due(void *userdata, struct wheel_node *node)
{
	(void)userdata;
	endpoint_ready(container_of(node, struct endpoint, due), node->deadline);
}

static void
prober_on_tick(uv_timer_t *tick)
{
	struct prober *p = tick->data;

	wheel_sweep(&p->wheel, uv_now(p->loop), prober_on_due, p);
	prober_start(p);
}

static void
prober_begin(struct prober *p)
{
	if (p->watched == 0)
		uv_timer_stop(&p->tick);
	else if (!uv_is_active((uv_handle_t *)&p->tick))
		uv_timer_start(&p->tick, prober_on_tick, 0, WHEEL_TICK_MS);
}

void
prober_watch(struct prober *p, const struct directory *d, const struct config *c,
	     const struct certificates *files)
{
	p->rate = c->probe_rate;
	if (p->own)
		own_renew(p->own, c);
	else
		p->own = own_new(c);
	for (uint32_t slot = 1; slot < BOARD_HEALTH; slot++)
		prober_look(p, d, files, slot);
	p->watches = true;
	prober_begin(p);
}

void
prober_change(struct prober *p, const struct directory *d, const struct directory_upstream *before,
	      const struct directory_upstream *next, const struct certificates *files)
{
	const struct directory_upstream *both[] = { before, next };

	for (size_t i = 0; i < 2; i++) {
		for (size_t k = 0; both[i] && k < both[i]->endpoints_count; k++) {
			uint32_t slot = both[i]->endpoints[k].slot;

			if (slot > 0 && slot < BOARD_HEALTH)
				prober_look(p, d, files, slot);
		}
	}
	prober_begin(p);
}

/* ---- from outside ---- */

static unsigned
at_once(void)
{
	struct rlimit files;

	if (getrlimit(RLIMIT_NOFILE, &files) < 0 || files.rlim_cur / AT_ONCE_OF > AT_ONCE)
		return AT_ONCE;
	return (unsigned)files.rlim_cur / AT_ONCE_OF + 1;
}

struct prober *
prober_new(uv_loop_t *loop, struct board_master *board, struct resolver *resolver)
{
	struct prober *p = xcalloc(1, sizeof *p);

	p->loop = loop;
	p->board = board;
	p->resolver = resolver;
	p->at_once = at_once();
	list_init(&p->fresh);
	list_init(&p->ready);
	wheel_init(&p->wheel, uv_now(loop));
	uv_timer_init(loop, &p->tick);
	p->tick.data = p;
	if (getrandom(&p->random, sizeof p->random, GRND_NONBLOCK) != sizeof p->random ||
	    p->random == 0)
		p->random = uv_hrtime() | 1;
	return p;
}

static void
prober_on_close(uv_handle_t *handle)
{
	free(handle->data);
}

void
prober_free(struct prober *p)
{
	if (!p)
		return;
	for (size_t i = 0; i < p->slots_end; i++) {
		if (p->slots[i])
			endpoint_free(p->slots[i]);
	}
	seen_deinit(&p->seen);
	if (p->own)
		own_free(p->own);
	uv_close((uv_handle_t *)&p->tick, prober_on_close);
}

size_t
prober_watched(const struct prober *p, uint64_t *late_s)
{
	*late_s = 0;
	if (p->rate && p->wanted > (uint64_t)p->rate * 1000)
		*late_s = (p->watched + p->rate - 1) / p->rate;
	return p->watched;
}

const char *
prober_error(const struct prober *p, uint32_t slot)
{
	const struct endpoint *e = slot < BOARD_HEALTH ? p->slots[slot] : NULL;

	return e && e->why ? e->why : "";
}

size_t
prober_seen(const struct prober *p, const char *const **pages)
{
	*pages = p->seen.names;
	return p->seen.pages.count;
}

uint64_t
prober_seen_changes(const struct prober *p)
{
	return p->seen.changes + 1;
}

void
prober_remember(struct prober *p, const char *page)
{
	seen_add(&p->seen, page);
}
