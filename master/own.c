#include "own.h"

#include "lib/xalloc.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <stdlib.h>
#include <sys/stat.h>

struct own {
	const struct config *config;
	struct in6_addr *addresses; /* of this host's interfaces; IPv4 mapped */
	size_t count;
};

static struct in6_addr
mapped(struct in_addr v4)
{
	struct in6_addr a = { .s6_addr = { [10] = 0xff, [11] = 0xff } };

	memcpy(a.s6_addr + 12, &v4, sizeof v4);
	return a;
}

static void
own_add(struct own *o, const struct sockaddr *sa)
{
	struct in6_addr a;

	if (!sa || (sa->sa_family != AF_INET && sa->sa_family != AF_INET6))
		return;
	a = sa->sa_family == AF_INET ? mapped(((const struct sockaddr_in *)sa)->sin_addr)
				     : ((const struct sockaddr_in6 *)sa)->sin6_addr;
	o->addresses = xrealloc(o->addresses, (o->count + 1) * sizeof a);
	o->addresses[o->count++] = a;
}

struct own *
own_new(const struct config *c)
{
	struct own *o = xcalloc(1, sizeof *o);

	own_renew(o, c);
	return o;
}

void
own_renew(struct own *o, const struct config *c)
{
	struct ifaddrs *all = NULL;

	o->config = c;
	o->count = 0;
	if (getifaddrs(&all) == 0) {
		for (const struct ifaddrs *i = all; i; i = i->ifa_next)
			own_add(o, i->ifa_addr);
		freeifaddrs(all);
	}
}

void
own_free(struct own *o)
{
	free(o->addresses);
	free(o);
}

/* Literals of a host, at most two ("localhost"); 0 for a name. */
static size_t
host_literals(const char *host, struct in6_addr out[2])
{
	struct in_addr v4;

	if (!host || !*host || strcmp(host, "*") == 0) {
		out[0] = in6addr_any;
		return 1;
	}
	if (strcasecmp(host, "localhost") == 0) {
		out[0] = in6addr_loopback;
		v4.s_addr = htonl(INADDR_LOOPBACK);
		out[1] = mapped(v4);
		return 2;
	}
	if (inet_pton(AF_INET6, host, &out[0]) == 1)
		return 1;
	if (inet_pton(AF_INET, host, &v4) != 1)
		return 0;
	out[0] = mapped(v4);
	return 1;
}

static bool
is_any(const struct in6_addr *a)
{
	return IN6_IS_ADDR_UNSPECIFIED(a) || (IN6_IS_ADDR_V4MAPPED(a) && a->s6_addr32[3] == 0);
}

static bool
is_loopback(const struct in6_addr *a)
{
	return IN6_IS_ADDR_LOOPBACK(a) || (IN6_IS_ADDR_V4MAPPED(a) && a->s6_addr[12] == 127);
}

/* Would a connection to `to` on the listener's port arrive at a socket bound to `bound`? */
static bool
reaches(const struct own *o, const struct in6_addr *to, const struct in6_addr *bound)
{
	if (!is_any(bound))
		return is_any(to) ? is_loopback(bound) : IN6_ARE_ADDR_EQUAL(to, bound);
	if (is_any(to) || is_loopback(to))
		return true;
	for (size_t i = 0; i < o->count; i++) {
		if (IN6_ARE_ADDR_EQUAL(to, &o->addresses[i]))
			return true;
	}
	return false;
}

static bool
same_file(const char *a, const char *b)
{
	struct stat x, y;

	return stat(a, &x) == 0 && stat(b, &y) == 0 && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

/* However they are written; before the first start there is only the folder. */
static bool
same_socket(const char *a, const char *b)
{
	const char *name_a = strrchr(a, '/'), *name_b = strrchr(b, '/');
	char *folder_a, *folder_b;
	bool same;

	if (strcmp(a, b) == 0 || same_file(a, b))
		return true;
	if (!name_a || !name_b || strcmp(name_a, name_b) != 0)
		return false;
	folder_a = xstrndup(a, (size_t)(name_a - a) + 1);
	folder_b = xstrndup(b, (size_t)(name_b - b) + 1);
	same = same_file(folder_a, folder_b);
	free(folder_a);
	free(folder_b);
	return same;
}

/* The same for this listener, of TCP. */
static bool
binds(const struct own *o, const struct in6_addr *to, uint16_t port,
      const struct config_address *listener)
{
	struct in6_addr bound[2];
	size_t count;

	if (listener->unix_path || listener->port != port)
		return false;
	count = host_literals(listener->host, bound);
	for (size_t i = 0; i < count; i++) {
		if (reaches(o, to, &bound[i]))
			return true;
	}
	return false;
}

static bool
same(const struct own *o, const struct config_address *a, const struct config_address *listener)
{
	struct in6_addr to[2];
	size_t count;

	if (a->unix_path || listener->unix_path)
		return a->unix_path && listener->unix_path &&
		       same_socket(a->unix_path, listener->unix_path);
	if (listener->port != (a->port ? a->port : 80)) /* of nearly all, before any is read */
		return false;
	count = host_literals(a->host, to);
	for (size_t i = 0; i < count; i++) {
		if (binds(o, &to[i], a->port ? a->port : 80, listener))
			return true;
	}
	return false;
}

/* The listener i of ours, NULL behind the last. */
static const struct config_address *
listener_at(const struct config *c, size_t i)
{
	if (i < c->listeners_count)
		return &c->listeners[i].address;
	i -= c->listeners_count;
	if (i < c->api.listen_count)
		return &c->api.listen[i].address;
	i -= c->api.listen_count;
	if (i == 0)
		return &c->admin_socket;
	return i == 1 && c->admin_listen.text ? &c->admin_listen : NULL;
}

bool
own_is(const struct own *o, const struct config_address *a)
{
	const struct config_address *listener;

	for (size_t i = 0; (listener = listener_at(o->config, i)) != NULL; i++) {
		if (same(o, a, listener))
			return true;
	}
	return false;
}

bool
own_reaches(const struct own *o, uint16_t family, const uint8_t ip[16], uint16_t port)
{
	const struct config_address *listener;
	struct in_addr v4;
	struct in6_addr to;

	memcpy(&v4, ip, sizeof v4);
	memcpy(&to, ip, sizeof to);
	if (family == AF_INET)
		to = mapped(v4);
	for (size_t i = 0; (listener = listener_at(o->config, i)) != NULL; i++) {
		if (binds(o, &to, port, listener))
			return true;
	}
	return false;
}
