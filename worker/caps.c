#include "caps.h"

#include "client.h"
#include "linger.h"
#include "peers.h"

#include "lib/log.h"
#include "shm/addresses.h"

#include <stdio.h>
#include <sys/resource.h>

#define DESCRIPTORS_OWN 32 /* loop, channel, pages, sockets we accept on */
#define REFUSED_MAX 64     /* of those that linger behind a 429; more are closed at once */
#define LOG_MS 10000       /* at most one line in so long */
#define LIMIT "limits.connections_per_address"

/* Of very few a part is for clients all the same: who has room for nobody is of no use. */
static uint64_t
not_for_clients(const struct worker *w)
{
	uint64_t most = w->descriptors / 4 * 3, wanted = DESCRIPTORS_OWN + w->hello.fd_reserve;

	return wanted < most ? wanted : most;
}

bool
caps_descriptors(const struct worker *w)
{
	/* Each client may need a connection to an upstream. */
	uint64_t open = w->env.open > 2 * w->clients ? w->env.open : 2 * w->clients;

	return open + not_for_clients(w) < w->descriptors;
}

bool
caps_room(const struct worker *w)
{
	uint32_t most = w->hello.role == ROLE_TRAFFIC ? w->hello.max_connections : 0;

	if (most &&
	    w->clients + peers_sum(w->peers, offsetof(struct board_worker, connections)) >= most)
		return false;
	return caps_descriptors(w);
}

void
caps_look(struct worker *w)
{
	struct rlimit limit;

	w->descriptors = getrlimit(RLIMIT_NOFILE, &limit) < 0 ? RLIM_INFINITY : limit.rlim_cur;
}

static uint64_t
count(const struct worker *w, uint64_t key)
{
	uint64_t sum = address_count(w->page, key);

	for (size_t i = 0; i < w->peers->count; i++) {
		if (w->peers->peers[i].page->role == ROLE_TRAFFIC)
			sum += address_count(w->peers->peers[i].page, key);
	}
	return sum;
}

bool
caps_take(struct client *c)
{
	struct worker *w = c->worker;
	uint32_t most = w->hello.max_per_address;
	uint64_t key;

	if (!most || c->kind != LISTENER_HTTP || c->nameless)
		return true;
	if (w->table && client_is_trusted(c, w->table)) /* its address is not its clients' */
		return true;
	key = address_key(c->ip);
	if (count(w, key) >= most)
		return false;
	c->address_row = address_add(w->page, key);
	if (c->address_row == ADDRESS_UNCOUNTED)
		board_add(&w->page->counts.counter[COUNTER_addresses_uncounted], 1);
	return true;
}

void
caps_drop(struct client *c)
{
	address_drop(c->worker->page, c->address_row);
	c->address_row = ADDRESS_UNCOUNTED;
}

/* Answers with these bytes before its first request, and closes. */
static void
refuse_with(struct client *c, struct slice answer)
{
	struct worker *w = c->worker;

	if (c->tls != CLIENT_PLAIN) { /* a handshake is more than it shall have */
		client_close(c);
		return;
	}
	if (stream_write(&c->stream, &answer, 1) < 0 || w->refused >= REFUSED_MAX) {
		client_close(c);
		return;
	}
	c->refused = true;
	w->refused++;
	linger_begin(c, LINGER_SHORT_MS);
}

/* There is no request that the access log could have. */
static void
tell(struct client *c)
{
	struct worker *w = c->worker;

	if (worker_now(w) < w->caps_log_at) {
		w->caps_unlogged++;
		return;
	}
	log_warn("client peer=%s limit=" LIMIT
		 " reason=too_many_connections action=refuse more=%llu",
		 c->ip_text, (unsigned long long)w->caps_unlogged);
	w->caps_log_at = worker_now(w) + LOG_MS;
	w->caps_unlogged = 0;
}

void
caps_refuse(struct client *c)
{
	const struct reason_info *info = reason_info(REASON_too_many_connections);
	char body[320], answer[640];
	int body_n, n;

	tell(c);
	board_add(&c->worker->page->counts.by_reason[REASON_too_many_connections], 1);
	body_n = snprintf(body, sizeof body,
			  "{\"type\":\"urn:yett:reason:%s\",\"status\":%d,\"detail\":\"%s The "
			  "limit is " LIMIT ".\",\"reason\":\"%s\",\"limit\":\"" LIMIT "\"}\n",
			  info->name, info->status, info->text, info->name);
	n = snprintf(answer, sizeof answer,
		     "HTTP/1.1 %d Too Many Requests\r\nServer: yett\r\nContent-Type: "
		     "application/problem+json\r\nContent-Length: %d\r\nX-Yett-Reason: %s\r\n"
		     "Retry-After: 1\r\nConnection: close\r\n\r\n%s",
		     info->status, body_n, info->name, body);
	refuse_with(c, slice_make(answer, (size_t)n));
}
