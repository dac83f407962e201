#include "hub_address.h"

#include "connect.h"
#include "name_wait.h"

#include "lib/ip.h"

struct finding {
	const struct segment *rules;
	const struct table_hub *hub;
	struct hub_address *out;
	unsigned seen;
};

static void
take(struct finding *f, const struct sockaddr_storage *a)
{
	uint8_t ip[16];

	f->seen++;
	ip_of(a, ip);
	if (f->out->count < HUB_ADDRESSES && table_hub_reaches(f->rules, f->hub, ip))
		f->out->all[f->out->count++] = *a;
}

static void
take_ip(struct finding *f, const uint8_t ip[16], uint16_t port)
{
	struct sockaddr_storage a = { 0 };
	struct sockaddr_in *v4 = (struct sockaddr_in *)&a;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&a;

	if (ip_is_v4(ip)) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons(port);
		memcpy(&v4->sin_addr, ip + 12, 4);
	} else {
		v6->sin6_family = AF_INET6;
		v6->sin6_port = htons(port);
		memcpy(&v6->sin6_addr, ip, 16);
	}
	take(f, &a);
}

static void
take_table(struct finding *f, const struct segment *endpoints)
{
	const struct table_upstream *up = table_upstream(endpoints, f->out->upstream);
	const struct table_endpoint *e = up ? table_endpoint(endpoints, up->first) : NULL;

	for (uint32_t i = 0; e && up->count > 0 && i < e->count; i++) {
		const struct table_address *a = table_address(endpoints, e->first + i);
		struct sockaddr_storage address = { 0 };

		if (!a || a->family == AF_UNIX)
			continue;
		connect_address(a, &address);
		take(f, &address);
	}
}

/* A literal goes this way, too: the master knows whether it is ours. */
static enum verdict
take_any(struct finding *f, struct request *r, const struct absolute *url)
{
	struct slice host = url->host.host;
	const struct name_known *known;
	enum verdict verdict;

	if (host.p[0] == '[')
		host = slice_make(host.p + 1, host.n - 2);
	verdict = name_wait(r, host, url->port, &known);
	for (unsigned i = 0; verdict == PASS && i < known->count; i++)
		take_ip(f, known->addresses[i], url->port);
	return verdict;
}

enum verdict
hub_address_find(struct request *r, const struct table_hub *hub, const struct absolute *url,
		 struct hub_address *out, enum reason *why)
{
	const struct segment *rules = r->table->segments[SEGMENT_RULES];
	const struct table_hub_target *t =
	    table_hub_find(rules, hub, url->https, url->host.host, url->port);
	struct finding f = { .rules = rules, .hub = hub, .out = out };
	enum verdict verdict = PASS;

	*out = (struct hub_address){ 0 };
	*why = REASON_hub_domain;
	if (!t || t->upstreams[url->https] == 0)
		return REPLY;
	out->upstream = t->upstreams[url->https];
	out->any = t->host.size == 0;
	out->timeout_ms = t->timeout_ms ? t->timeout_ms : hub->timeout_ms;
	if (out->any)
		verdict = take_any(&f, r, url);
	else
		take_table(&f, r->table->segments[SEGMENT_ENDPOINTS]);
	if (verdict == WAIT)
		return WAIT;
	*why = f.seen > 0 ? REASON_hub_address : REASON_upstream_unresolved;
	return out->count > 0 ? PASS : REPLY;
}
