#include "store_dial.h"

#include "lib/xalloc.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <sys/un.h>

#define REDIS_PORT 6379

/* It may outlive who asked, or the address that was asked for. */
struct dial_question {
	struct store_dial *dial; /* NULL: nobody waits for it any more */
};

static void
find_ip(struct store_dial *d, int family, const void *ip)
{
	struct sockaddr_in v4 = { .sin_family = AF_INET, .sin_port = htons(d->port) };
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6, .sin6_port = htons(d->port) };

	if (family == AF_INET)
		memcpy(&v4.sin_addr, ip, sizeof v4.sin_addr);
	else
		memcpy(&v6.sin6_addr, ip, sizeof v6.sin6_addr);
	d->found(d->userdata,
		 family == AF_INET ? (const struct sockaddr *)&v4 : (const struct sockaddr *)&v6);
}

static void
on_resolved(void *userdata, const struct resolved *a, size_t n)
{
	struct dial_question *q = userdata;
	struct store_dial *d = q->dial;

	free(q);
	if (!d)
		return;
	d->question = NULL;
	if (n == 0)
		d->failed(d->userdata, "the name does not resolve");
	else
		find_ip(d, a[0].family, a[0].ip);
}

static void
find_unix(struct store_dial *d, const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	if (strlen(path) >= sizeof address.sun_path) {
		d->failed(d->userdata, "the path of the socket is too long");
		return;
	}
	memcpy(address.sun_path, path, strlen(path));
	d->found(d->userdata, (const struct sockaddr *)&address);
}

void
dial_start(struct store_dial *d, const struct config_address *a)
{
	const char *host = a->host && *a->host ? a->host : "127.0.0.1";
	uint8_t ip[16];

	d->port = a->port ? a->port : REDIS_PORT;
	if (a->unix_path) {
		find_unix(d, a->unix_path);
	} else if (inet_pton(AF_INET, host, ip) == 1) {
		find_ip(d, AF_INET, ip);
	} else if (inet_pton(AF_INET6, host, ip) == 1) {
		find_ip(d, AF_INET6, ip);
	} else {
		d->question = xcalloc(1, sizeof *d->question);
		d->question->dial = d;
		resolver_once(d->resolver, host, on_resolved, d->question);
	}
}

void
dial_stop(struct store_dial *d)
{
	if (d->question)
		d->question->dial = NULL;
	d->question = NULL;
}

static bool
text_differs(const char *a, const char *b)
{
	return strcmp(a ? a : "", b ? b : "") != 0;
}

static bool
tls_differs(const struct config_redis *a, const struct config_redis *b)
{
	const struct config_upstream_tls *x = &a->tls, *y = &b->tls;

	if (a->secure != b->secure || x->insecure_skip_verify != y->insecure_skip_verify ||
	    x->pins_count != y->pins_count || text_differs(x->ca, y->ca) ||
	    text_differs(x->server_name, y->server_name) ||
	    text_differs(x->certificate, y->certificate) || text_differs(x->key, y->key))
		return true;
	for (size_t i = 0; i < x->pins_count; i++) {
		if (text_differs(x->pins[i], y->pins[i]))
			return true;
	}
	return false;
}

bool
dial_differs(const struct config_redis *a, const struct config_redis *b)
{
	return a->configured != b->configured || text_differs(a->address.host, b->address.host) ||
	       a->address.port != b->address.port ||
	       text_differs(a->address.unix_path, b->address.unix_path) ||
	       text_differs(a->username, b->username) || a->database != b->database ||
	       a->timeout != b->timeout || tls_differs(a, b) ||
	       !slice_eq(slice_make(a->password.bytes, a->password.n),
			 slice_make(b->password.bytes, b->password.n));
}
