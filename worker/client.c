#include "client.h"

#include "caps.h"
#include "intake.h"
#include "linger.h"
#include "proxied.h"
#include "relay.h"
#include "tls_front.h"
#include "tunnel.h"

#include "lib/forwarded.h"
#include "lib/ip.h"
#include "lib/xalloc.h"
#include "shm/addresses.h"

#include <arpa/inet.h>
#include <assert.h>
#include <stdlib.h>

static void client_on_data(struct stream *s, struct slice bytes);
static void client_on_end(struct stream *s, int error);
static void client_on_drained(struct stream *s, int error);
static void client_on_secured(struct stream *s, int outcome);
static void client_on_closed(struct stream *s);

static const struct stream_ops client_ops = {
	.data = client_on_data,
	.end = client_on_end,
	.drained = client_on_drained,
	.secured = client_on_secured,
	.closed = client_on_closed,
};

void
client_set_state(struct client *c, enum client_state state)
{
	struct worker *w = c->worker;

	if (c->state == CLIENT_TUNNEL && state != CLIENT_TUNNEL)
		board_sub(&w->page->tunnels_open, 1);
	list_remove(&c->link);
	c->state = (uint8_t)state;
	switch (state) {
	case CLIENT_IDLE:
		list_push(&w->idle, &c->link);
		break;
	case CLIENT_ACTIVE:
		list_push(&w->active, &c->link);
		break;
	case CLIENT_TUNNEL:
		list_push(&w->tunnels, &c->link);
		break;
	case CLIENT_LINGERING:
		list_push(&w->lingering, &c->link);
		break;
	case CLIENT_CLOSED:
		break;
	}
}

static void
client_on_timer(struct timer *t)
{
	struct client *c = container_of(t, struct client, timer);
	struct request *r = c->request;

	switch ((enum client_state)c->state) {
	case CLIENT_LINGERING:
		linger_timer(c);
		break;
	case CLIENT_IDLE:
		tls_front_failed(c, -ETIMEDOUT);
		client_quit(c);
		break;
	case CLIENT_TUNNEL:
		tunnel_silent(r);
		break;
	case CLIENT_ACTIVE:
		if (!r->in.head_done)
			request_head_ends(r, REASON_client_head_timeout);
		else if (c->stream.full && stream_progressed(&c->stream))
			timer_set(c->worker, &c->timer, r->policy.idle_ms);
		else if (c->stream.full)
			request_abort(r, REASON_client_stalled);
		else
			request_refuse(r, REASON_client_body_timeout);
		break;
	case CLIENT_CLOSED:
		break;
	}
}

void
client_set_address(struct client *c, const uint8_t ip[16], uint16_t port)
{
	memcpy(c->ip, ip, sizeof c->ip);
	c->ip_text_n = (uint8_t)forwarded_text(ip, c->ip_text);
	c->peer_port = port;
	c->trusted_version = 0;
	c->nameless = false;
}

static void
client_set_peer(struct client *c, const struct sockaddr_storage *peer)
{
	uint8_t ip[16];
	in_port_t port = 0;

	ip_of(peer, ip);
	if (peer->ss_family == AF_INET)
		port = ((const struct sockaddr_in *)peer)->sin_port;
	else if (peer->ss_family == AF_INET6)
		port = ((const struct sockaddr_in6 *)peer)->sin6_port;
	client_set_address(c, ip, ntohs(port));
	c->nameless = peer->ss_family == AF_UNIX;
	if (c->nameless) { /* RFC 7239 section 6.2 */
		c->ip_text_n = sizeof "unknown" - 1;
		memcpy(c->ip_text, "unknown", sizeof "unknown");
	}
}

static bool
is_worker(const struct msg_workers *all, pid_t pid)
{
	for (uint32_t i = 0; i < all->count; i++) {
		if (all->pids[i] == (uint32_t)pid)
			return true;
	}
	return false;
}

/* Who is at the other end of the admin socket, as of its connect(). A worker of ours is nobody:
 * some route leads here, by whatever name, and with via off nothing else would tell; or somebody
 * has taken it over. */
static uint32_t
peer_uid(const struct worker *w, int fd)
{
	struct ucred peer;
	socklen_t n = sizeof peer;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &n) < 0 ||
	    is_worker(&w->workers, peer.pid))
		return UINT32_MAX;
	return peer.uid;
}

/* Is it let in? What it sends comes later. */
static bool
client_admit(struct client *c)
{
	if (c->unnamed)
		return !c->worker->table || proxied_admits(c);
	if (caps_take(c))
		return true;
	caps_refuse(c);
	return false;
}

void
client_open(struct worker *w, int fd, const struct msg_listener *listener,
	    const struct sockaddr_storage *peer)
{
	struct client *c = xcalloc(1, sizeof *c);
	const struct table_global *g = snapshot_global(w->table);

	c->worker = w;
	c->kind = (uint8_t)listener->kind;
	c->port = listener->port;
	c->unnamed = listener->flags & LISTENER_PROXY;
	c->tls = listener->flags & LISTENER_TLS ? CLIENT_TLS_AWAITED : CLIENT_PLAIN;
	c->address_row = ADDRESS_UNCOUNTED;
	client_set_peer(c, peer);
	c->uid = c->kind == LISTENER_ADMIN ? peer_uid(w, fd) : UINT32_MAX;
	list_init(&c->link);
	list_init(&c->resume);
	timer_init(&c->timer, client_on_timer);
	w->clients++;
	board_set(&w->page->connections, w->clients);
	board_add(&w->page->counts.counter[COUNTER_connections], 1);
	client_set_state(c, CLIENT_IDLE);
	if (stream_open(&c->stream, &w->env, &client_ops, fd, peer->ss_family) < 0 ||
	    stream_read(&c->stream) < 0) {
		client_close(c);
		return;
	}
	if (!client_admit(c))
		return;
	timer_set(w, &c->timer, g && g->client_head_ms ? g->client_head_ms : CLIENT_HEAD_MS);
	if (c->tls == CLIENT_TLS_AWAITED && !c->unnamed)
		tls_front_begin(c, SLICE(""));
}

bool
client_is_trusted(struct client *c, const struct snapshot *table)
{
	if (c->trusted_version != table->version) {
		c->trusted = table_trusts(table->segments[SEGMENT_RULES], c->ip);
		c->trusted_version = table->version;
	}
	return c->trusted;
}

static void
client_shut(struct client *c, bool reset)
{
	struct worker *w = c->worker;

	if (c->state == CLIENT_CLOSED)
		return;
	client_set_state(c, CLIENT_CLOSED);
	list_remove(&c->resume);
	timer_clear(&c->timer);
	caps_drop(c);
	w->refused -= c->refused;
	if (reset)
		stream_reset(&c->stream);
	else
		stream_close(&c->stream);
	w->clients--;
	board_set(&w->page->connections, w->clients);
}

void
client_close(struct client *c)
{
	client_shut(c, false);
}

void
client_reset(struct client *c)
{
	client_shut(c, true);
}

static void
client_on_closed(struct stream *s)
{
	struct client *c = container_of(s, struct client, stream);

	assert(!c->request);
	buf_deinit(&c->early);
	c->worker->freed += sizeof *c;
	tls_front_forget(c);
	free(c);
}

static void
client_on_data(struct stream *s, struct slice bytes)
{
	struct client *c = container_of(s, struct client, stream);

	board_add(&c->worker->page->counts.counter[COUNTER_received_bytes], bytes.n);
	switch ((enum client_state)c->state) {
	case CLIENT_IDLE:
	case CLIENT_ACTIVE:
		if (c->unnamed && !proxied_take(c, &bytes))
			break;
		assert(c->tls != CLIENT_TLS_BEGINS); /* nothing of it is of the client */
		if (c->tls == CLIENT_TLS_AWAITED)
			tls_front_begin(c, bytes);
		else
			intake_bytes(c, bytes);
		break;
	case CLIENT_TUNNEL:
		tunnel_bytes(c->request, true, bytes);
		break;
	case CLIENT_LINGERING:
		linger_data(c);
		break;
	case CLIENT_CLOSED:
		break;
	}
}

static void
client_on_secured(struct stream *s, int outcome)
{
	tls_front_secured(container_of(s, struct client, stream), outcome);
}

static void
client_on_end(struct stream *s, int error)
{
	struct client *c = container_of(s, struct client, stream);

	switch ((enum client_state)c->state) {
	case CLIENT_TUNNEL:
		if (error < 0)
			request_abort(c->request, REASON_client_gone);
		else
			tunnel_end(c->request, true);
		break;
	case CLIENT_ACTIVE: /* a half-closed client cannot be told from one that left: its work
			       ends, as in nginx */
		request_abort(c->request, REASON_client_gone);
		break;
	case CLIENT_IDLE:
		tls_front_failed(c, error);
		client_close(c);
		break;
	case CLIENT_LINGERING:
		client_close(c);
		break;
	case CLIENT_CLOSED:
		break;
	}
}

static void
client_on_drained(struct stream *s, int error)
{
	struct client *c = container_of(s, struct client, stream);

	if (c->request && (c->state == CLIENT_ACTIVE || c->state == CLIENT_TUNNEL))
		relay_client_drained(c->request, error);
	else if (error < 0)
		client_close(c);
	else if (c->state == CLIENT_LINGERING)
		linger_drained(c);
}

void
client_quit(struct client *c)
{
	if (c->stream.queued > 0)
		linger_begin(c, LINGER_MAX_MS);
	else
		client_close(c);
}

void
client_next(struct client *c, bool keep)
{
	struct worker *w = c->worker;
	const struct table_global *g = snapshot_global(w->table);
	/* May it have sent more than we have read? */
	bool unread = c->request && (!c->request->body_done || !c->request->client_closes);
	/* Who did not send a head, or too slowly, gets no time for more. */
	uint32_t most = c->request && c->request->in.head_done &&
				c->request->reason != REASON_client_body_timeout
			    ? LINGER_MAX_MS
			    : LINGER_SHORT_MS;

	c->request = NULL;
	c->served++;
	if (c->state == CLIENT_CLOSED)
		return;
	if (!keep) {
		if (unread || c->early.n > 0 || c->stream.queued > 0)
			linger_begin(c, most);
		else
			client_close(c);
		return;
	}
	client_set_state(c, CLIENT_IDLE);
	timer_set(w, &c->timer, g ? g->keepalive_ms : 75000);
	if (c->early.n > 0 && !c->consuming)
		intake_early(c);
	else if (stream_read(&c->stream) < 0)
		client_close(c);
}
