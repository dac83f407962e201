#include "lookup.h"

#include "lib/list.h"
#include "lib/xalloc.h"
#include "turns.h"

#include <ares.h>
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>

#define TICK_MS 100
/* A lost packet costs a second; a server that is gone costs 1 + 2 + 4 + 8. */
#define TIMEOUT_MS 1000
#define TRIES 4

struct lookup {
	struct turn turn; /* until it is answered */
	struct list link; /* in finished, then */
	struct lookups *of;
	lookup_fn done; /* NULL: forgotten */
	void *userdata;
	struct lookup_answer answer;
	char host[];
};

struct watch { /* a socket of c-ares */
	struct list link;
	uv_poll_t poll;
	ares_socket_t fd;
	struct lookups *of;
};

struct lookups {
	uv_loop_t *loop;
	uv_timer_t tick; /* c-ares' time-outs; runs while a question is open */
	ares_channel channel;
	struct list watches;
	struct turns turns;
	struct list finished;
	bool asking; /* inside ares_getaddrinfo: what is answered now needed no network */
	bool closing;
};

/* ---- answers ---- */

bool
lookup_literal(struct slice host, struct resolved *out)
{
	char text[INET6_ADDRSTRLEN];

	if (host.n >= 2 && host.p[0] == '[' && host.p[host.n - 1] == ']')
		host = slice_make(host.p + 1, host.n - 2);
	if (host.n == 0 || host.n >= sizeof text)
		return false;
	memcpy(text, host.p, host.n);
	text[host.n] = '\0';
	memset(out, 0, sizeof *out);
	out->family = AF_INET;
	if (inet_pton(AF_INET, text, out->ip) == 1)
		return true;
	out->family = AF_INET6;
	return inet_pton(AF_INET6, text, out->ip) == 1;
}

static int
resolved_compare(const void *a, const void *b)
{
	const struct resolved *x = a, *y = b;

	if (x->family != y->family)
		return x->family < y->family ? -1 : 1;
	return memcmp(x->ip, y->ip, sizeof x->ip);
}

static bool
resolved_from(struct resolved *out, const struct sockaddr *from)
{
	memset(out, 0, sizeof *out);
	out->family = from->sa_family;
	switch (from->sa_family) {
	case AF_INET:
		memcpy(out->ip, &((const struct sockaddr_in *)(const void *)from)->sin_addr, 4);
		return true;
	case AF_INET6:
		memcpy(out->ip, &((const struct sockaddr_in6 *)(const void *)from)->sin6_addr, 16);
		return true;
	default:
		return false;
	}
}

/* Sorted before it is cut, so that a server that turns a long list around gives the same set each
 * time. */
static void
answer_addresses(struct lookup_answer *a, const struct ares_addrinfo *info)
{
	struct resolved *all;
	size_t n = 0, count = 0;

	for (const struct ares_addrinfo_node *node = info->nodes; node; node = node->ai_next)
		n++;
	all = xcalloc(n + 1, sizeof *all);
	for (const struct ares_addrinfo_node *node = info->nodes; node; node = node->ai_next)
		count += resolved_from(&all[count], node->ai_addr);
	qsort(all, count, sizeof *all, resolved_compare);
	for (size_t i = 0; i < count && a->count < LOOKUP_ADDRESSES; i++) {
		if (i == 0 || resolved_compare(&all[i - 1], &all[i]) != 0)
			a->addresses[a->count++] = all[i];
	}
	free(all);
}

static void
answer_ttl(struct lookup_answer *a, const struct ares_addrinfo *info)
{
	int ttl = INT32_MAX;

	for (const struct ares_addrinfo_node *node = info->nodes; node; node = node->ai_next)
		ttl = node->ai_ttl < ttl ? node->ai_ttl : ttl;
	for (const struct ares_addrinfo_cname *cname = info->cnames; cname; cname = cname->next)
		ttl = cname->ttl < ttl ? cname->ttl : ttl;
	a->ttl_s = ttl > 0 ? (uint32_t)ttl
			   : 0; /* one with the highest bit set counts as 0 (RFC 2181 section 8) */
}

static void
lookup_finish(struct lookup *q)
{
	turns_end(&q->of->turns, &q->turn);
	list_push(&q->of->finished, &q->link);
}

static void
lookup_answered(void *userdata, int status, int timeouts, struct ares_addrinfo *info)
{
	struct lookup *q = userdata;
	struct lookups *l = q->of;

	if (status == ARES_EDESTRUCTION && !l->closing) { /* the channel is being replaced */
		turns_end(&l->turns, &q->turn);
		turns_wait(&l->turns, &q->turn, q->turn.late);
		return;
	}
	if (info) {
		answer_addresses(&q->answer, info);
		answer_ttl(&q->answer, info);
		ares_freeaddrinfo(info);
	}
	q->answer.no_ttl = l->asking;
	q->answer.late = timeouts > 0;
	if (status != ARES_SUCCESS)
		q->answer.error = ares_strerror(status);
	else if (q->answer.count == 0)
		q->answer.error = "no address";
	lookup_finish(q);
}

/* ---- the machine: c-ares is entered from here only, and users are called when it has been left
 * ---- */

static void
lookup_start(struct lookup *q)
{
	static const struct ares_addrinfo_hints hints = { .ai_family = AF_UNSPEC,
							  .ai_socktype = SOCK_STREAM,
							  .ai_flags = ARES_AI_NOSORT };
	struct lookups *l = q->of;

	/* c-ares 1.18 asks the servers for IPv4 literals, too. */
	if (lookup_literal(slice_of(q->host), &q->answer.addresses[0])) {
		q->answer.count = 1;
		q->answer.no_ttl = true;
		lookup_finish(q);
		return;
	}
	l->asking = true;
	ares_getaddrinfo(l->channel, q->host, NULL, &hints, lookup_answered, q);
	l->asking = false;
}

static void
lookups_start(struct lookups *l)
{
	struct turn *next;

	while ((next = turns_next(&l->turns, uv_now(l->loop)))) {
		struct lookup *q = container_of(next, struct lookup, turn);

		if (q->done) {
			lookup_start(q);
		} else {
			turns_end(&l->turns, next);
			free(q);
		}
	}
}

static void
lookups_deliver(struct lookups *l)
{
	list_drain (pos, &l->finished) {
		struct lookup *q = container_of(pos, struct lookup, link);

		if (q->done)
			q->done(q->userdata, &q->answer);
		free(q);
	}
}

static void
lookups_turn(struct lookups *l, ares_socket_t readable, ares_socket_t writable)
{
	ares_process_fd(l->channel, readable, writable);
	lookups_start(l);
	lookups_deliver(l);
	if (turns_idle(&l->turns))
		uv_timer_stop(&l->tick);
}

static void
lookups_on_tick(uv_timer_t *tick)
{
	lookups_turn(tick->data, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
}

static void
watch_on_ready(uv_poll_t *poll, int status, int events)
{
	struct watch *w = poll->data;
	bool in = status < 0 || (events & UV_READABLE), out = status < 0 || (events & UV_WRITABLE);

	lookups_turn(w->of, in ? w->fd : ARES_SOCKET_BAD, out ? w->fd : ARES_SOCKET_BAD);
}

static void
watch_on_close(uv_handle_t *handle)
{
	free(handle->data);
}

static struct watch *
watch_new(struct lookups *l, ares_socket_t fd)
{
	struct watch *w = xcalloc(1, sizeof *w);

	w->of = l;
	w->fd = fd;
	w->poll.data = w;
	if (uv_poll_init(l->loop, &w->poll, fd) < 0) { /* the question then times out */
		free(w);
		return NULL;
	}
	list_push(&l->watches, &w->link);
	return w;
}

/* c-ares opened, closes, or waits for something else on a socket. */
static void
watch_change(void *userdata, ares_socket_t fd, int readable, int writable)
{
	struct lookups *l = userdata;
	struct watch *w = NULL;

	list_for (link, &l->watches) {
		if (container_of(link, struct watch, link)->fd == fd)
			w = container_of(link, struct watch, link);
	}
	if (!readable && !writable) {
		if (!w)
			return;
		list_remove(&w->link);
		uv_close((uv_handle_t *)&w->poll, watch_on_close);
		return;
	}
	if (!w)
		w = watch_new(l, fd);
	if (w)
		uv_poll_start(&w->poll, (readable ? UV_READABLE : 0) | (writable ? UV_WRITABLE : 0),
			      watch_on_ready);
}

/* ---- from outside ---- */

static int
channel_errno(int status)
{
	switch (status) {
	case ARES_SUCCESS:
		return 0;
	case ARES_ENOMEM:
		return -ENOMEM;
	case ARES_EBADSTR:
		return -EINVAL;
	default:
		return -EIO;
	}
}

int
lookups_open(struct lookups *l, struct slice servers)
{
	struct ares_options options = {
		.timeout = TIMEOUT_MS,
		.tries = TRIES,
		.sock_state_cb = watch_change,
		.sock_state_cb_data = l,
	};
	int wanted = ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_SOCK_STATE_CB;
	ares_channel next, before = l->channel;
	int status;

#ifdef ARES_OPT_QUERY_CACHE /* newer c-ares keeps answers itself, also beyond their TTL as we      \
			       count it */
	wanted |= ARES_OPT_QUERY_CACHE;
	options.qcache_max_ttl = 0;
#endif
	status = ares_init_options(&next, &options, wanted);

	if (status != ARES_SUCCESS)
		return channel_errno(status);
	if (servers.n > 0) {
		char *text = xstrndup(servers.p, servers.n);

		status = ares_set_servers_ports_csv(next, text);
		free(text);
	}
	if (status != ARES_SUCCESS) {
		ares_destroy(next);
		return channel_errno(status);
	}
	l->channel = next;
	if (before)
		ares_destroy(before);
	if (turns_waiting(&l->turns))
		uv_timer_start(&l->tick, lookups_on_tick, 0, TICK_MS);
	return 0;
}

int
lookups_new(uv_loop_t *loop, struct lookups **out)
{
	struct lookups *l;
	int r = channel_errno(ares_library_init(ARES_LIB_INIT_ALL));

	if (r < 0)
		return r;
	l = xcalloc(1, sizeof *l);
	l->loop = loop;
	l->tick.data = l;
	list_init(&l->watches);
	turns_init(&l->turns);
	list_init(&l->finished);
	uv_timer_init(loop, &l->tick);
	r = lookups_open(l, SLICE(""));
	if (r < 0) {
		lookups_free(l);
		return r;
	}
	*out = l;
	return 0;
}

static void
lookups_on_close(uv_handle_t *handle)
{
	free(handle->data);
}

void
lookups_free(struct lookups *l)
{
	struct turn *waiting;

	l->closing = true;
	if (l->channel)
		ares_destroy(l->channel);
	ares_library_cleanup();
	while ((waiting = turns_waiting(&l->turns))) {
		struct lookup *q = container_of(waiting, struct lookup, turn);

		q->answer.error = "shutting down";
		lookup_finish(q);
	}
	lookups_deliver(l);
	uv_close((uv_handle_t *)&l->tick, lookups_on_close);
}

struct lookup *
lookups_ask(struct lookups *l, struct slice host, bool late, lookup_fn done, void *userdata)
{
	struct lookup *q = xcalloc(1, sizeof *q + host.n + 1);

	q->of = l;
	q->done = done;
	q->userdata = userdata;
	memcpy(q->host, host.p, host.n);
	turns_wait(&l->turns, &q->turn, late);
	uv_timer_start(&l->tick, lookups_on_tick, 0, TICK_MS);
	return q;
}

void
lookup_forget(struct lookup *q)
{
	q->done = NULL;
}
