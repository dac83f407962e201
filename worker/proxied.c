#include "proxied.h"

#include "caps.h"
#include "client.h"
#include "real_client.h"
#include "upstream.h"

#include "lib/ip.h"
#include "lib/log.h"
#include "lib/proxy_protocol.h"

#include <netinet/in.h>

#define LOG_MS 10000 /* at most one line in so long */

static void
reject(struct client *c, const char *why)
{
	struct worker *w = c->worker;
	uint64_t now = worker_now(w);

	board_add(&w->page->counts.counter[COUNTER_proxy_protocol_rejected], 1);
	if (now < w->proxied_log_at) {
		w->proxied_unlogged++;
	} else {
		log_warn("client peer=%s port=%u error=\"%s\" action=close more=%llu", c->ip_text,
			 c->port, why, (unsigned long long)w->proxied_unlogged);
		w->proxied_log_at = now + LOG_MS;
		w->proxied_unlogged = 0;
	}
	client_close(c);
}

bool
proxied_admits(struct client *c)
{
	if (client_is_trusted(c, c->worker->table))
		return true;
	reject(c, "sends PROXY headers, but is not in trusted_proxies");
	return false;
}

static void
take_ends(struct client *c, const struct proxy_header *h)
{
	if (!h->named)
		return;
	client_set_address(c, h->source.ip, h->source.port);
	memcpy(c->local_ip, h->destination.ip, sizeof c->local_ip);
	c->port = h->destination.port;
	c->local_known = true;
}

bool
proxied_take(struct client *c, struct slice *bytes)
{
	size_t before = c->early.n;
	struct proxy_header h;
	struct slice all = *bytes;

	if (!c->worker->table || !proxied_admits(c)) {
		client_close(c);
		return false;
	}
	if (before > 0) {
		buf_adds(&c->early, *bytes);
		all = buf_slice(&c->early);
	}
	switch (proxy_parse(all, &h)) {
	case PROXY_BAD:
		reject(c, "no PROXY header, or a malformed one");
		return false;
	case PROXY_MORE:
		if (before == 0)
			buf_adds(&c->early, *bytes);
		return false;
	case PROXY_OK:
		break;
	}
	/* What came before was all of it part of the header. */
	bytes->p += h.used - before;
	bytes->n -= h.used - before;
	buf_deinit(&c->early);
	c->early = (struct buf){ 0 };
	c->unnamed = false;
	take_ends(c, &h);
	if (caps_take(c))
		return true;
	caps_refuse(c);
	return false;
}

/* The address that the client connected to, where no header named it. */
static void
find_local(struct client *c)
{
	struct sockaddr_storage a = { 0 };
	socklen_t n = sizeof a;
	int fd;

	c->local_known = true;
	if (uv_fileno(&c->stream.uv.handle, &fd) < 0 ||
	    getsockname(fd, (struct sockaddr *)&a, &n) < 0)
		a.ss_family = AF_UNSPEC;
	ip_of(&a, c->local_ip);
}

struct slice
proxied_header(struct request *r, uint32_t version, char *out)
{
	struct client *c = r->client;
	struct proxy_end source, destination;

	if (c->nameless && memcmp(real_client_ip(r), c->ip, sizeof c->ip) == 0)
		return slice_make(out, proxy_write(version, NULL, NULL, out));
	if (!c->local_known)
		find_local(c);
	memcpy(source.ip, real_client_ip(r), sizeof source.ip);
	/* The port of a client behind proxies is not known. */
	source.port = memcmp(source.ip, c->ip, sizeof source.ip) == 0 ? c->peer_port : 0;
	memcpy(destination.ip, c->local_ip, sizeof destination.ip);
	destination.port = c->port;
	return slice_make(out, proxy_write(version, &source, &destination, out));
}
