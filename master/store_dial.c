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

bool
dial_tls_differs(bool a_secure, const struct config_upstream_tls *a, bool b_secure,
		 const struct config_upstream_tls *b)
{
	if (a_secure != b_secure || a->insecure_skip_verify != b->insecure_skip_verify ||
	    a->pins_count != b->pins_count || text_differs(a->ca, b->ca) ||
	    text_differs(a->server_name, b->server_name) ||
	    text_differs(a->certificate, b->certificate) || text_differs(a->key, b->key))
		return true;
	for (size_t i = 0; i < a->pins_count; i++) {
		if (text_differs(a->pins[i], b->pins[i]))
			return true;
	}
	return false;
}

bool
dial_login_differs(const char *a_name, const struct config_secret *a, const char *b_name,
		   const struct config_secret *b)
{
	return text_differs(a_name, b_name) ||
	       !slice_eq(slice_make(a->bytes, a->n), slice_make(b->bytes, b->n));
}

bool
dial_seek_differs(const struct config_seek *a, const struct config_seek *b)
{
	if (a->places_count != b->places_count || a->nodes_count != b->nodes_count ||
	    text_differs(a->master, b->master) ||
	    dial_login_differs(a->username, &a->password, b->username, &b->password))
		return true;
	for (size_t i = 0; i < a->places_count; i++) {
		if (text_differs(a->places[i].text, b->places[i].text))
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
	       a->database != b->database || a->timeout != b->timeout ||
	       dial_seek_differs(&a->seek, &b->seek) ||
	       dial_tls_differs(a->secure, &a->tls, b->secure, &b->tls) ||
	       dial_login_differs(a->username, &a->password, b->username, &b->password);
}
