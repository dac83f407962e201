#include "socket.h"

#include "holder.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define BESIDE ".new"
#define TCP_LISTENS 0x0a     /* as /proc/net/tcp writes the state */
#define UNIX_LISTENS 0x10000 /* __SO_ACCEPTCON, among the flags in /proc/net/unix */

/* Appends why an address cannot be had, with the remedy. Returns -err. */
static int
explain(int err, const struct socket_address *a, const char *text, struct buf *error)
{
	char who[128];

	switch (err) {
	case EADDRINUSE:
		if (a->path)
			buf_addf(
			    error,
			    "%s: another process listens there; stop it, or choose another path\n",
			    text);
		else
			buf_addf(error,
				 "%s: address in use by %s; stop it, or choose another address\n",
				 text, holder_of_port(a->port, who, sizeof who));
		break;
	case EACCES:
	case EPERM:
		if (a->path)
			buf_addf(error,
				 "%s: no permission to make this socket; choose a directory that "
				 "user %u may "
				 "write to\n",
				 text, (unsigned)geteuid());
		else
			buf_addf(
			    error,
			    "%s: no permission for a port below 1024; grant CAP_NET_BIND_SERVICE "
			    "(AmbientCapabilities= in the unit), or start as root with `user` "
			    "set\n",
			    text);
		break;
	case EADDRNOTAVAIL:
		buf_addf(
		    error,
		    "%s: this host does not have that address; name one that `ip address` shows\n",
		    text);
		break;
	case ENOENT:
		buf_addf(error, "%s: the directory does not exist; create it\n", text);
		break;
	default:
		buf_addf(error, "%s: cannot listen: %s\n", text, strerror(err));
	}
	return -err;
}

static void
address_set(struct socket_address *out, int family)
{
	memset(&out->ip, 0, sizeof out->ip);
	out->ip.any.sa_family = (sa_family_t)family;
	out->len = family == AF_INET6 ? sizeof out->ip.v6 : sizeof out->ip.v4;
	if (family == AF_INET6)
		out->ip.v6.sin6_port = htons(out->port);
	else
		out->ip.v4.sin_port = htons(out->port);
}

int
socket_address_of(const struct config_address *c, struct socket_address *out, struct buf *error)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE };
	struct addrinfo *found, *best;
	char host[256];
	int r;

	*out = (struct socket_address){ .port = c->port, .path = c->unix_path };
	if (c->unix_path)
		return 0;
	if (!c->host) {
		out->wildcard = true;
		address_set(out, AF_INET6);
		return 0;
	}
	snprintf(host, sizeof host, "%s", c->host);
	if (host[0] == '[' && host[strlen(host) - 1] == ']') {
		host[strlen(host) - 1] = '\0';
		memmove(host, host + 1, strlen(host));
	}
	r = getaddrinfo(host, NULL, &hints, &found);
	if (r != 0) {
		buf_addf(error, "%s: the host does not resolve: %s; write an IP address\n", c->text,
			 gai_strerror(r));
		return -EADDRNOTAVAIL;
	}
	for (best = found; best->ai_next && best->ai_family != AF_INET; best = best->ai_next)
		;
	if (best->ai_family != AF_INET)
		best = found;
	memcpy(&out->ip, best->ai_addr, best->ai_addrlen);
	out->len = best->ai_addrlen;
	if (best->ai_family == AF_INET6)
		out->ip.v6.sin6_port = htons(out->port);
	else
		out->ip.v4.sin_port = htons(out->port);
	freeaddrinfo(found);
	return 0;
}

/* A bound TCP socket; a negative errno. */
static int
tcp_bind(const struct socket_address *a, bool share)
{
	int on = 1, only6 = !a->wildcard, r;
	int fd = socket(a->ip.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	if (share)
		setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
	if (a->ip.any.sa_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &only6, sizeof only6);
	if (bind(fd, &a->ip.any, a->len) < 0) {
		r = -errno;
		close(fd);
		return r;
	}
	return fd;
}

static bool
no_ipv6(const struct socket_address *a, int r)
{
	return a->wildcard && a->ip.any.sa_family == AF_INET6 &&
	       (r == -EAFNOSUPPORT || r == -EADDRNOTAVAIL);
}

int
socket_check_free(const struct socket_address *a, const char *text, struct buf *error)
{
	struct socket_address v4 = *a;
	int fd;

	if (a->port == 0)
		return 0;
	fd = tcp_bind(a, false);
	if (no_ipv6(a, fd)) {
		address_set(&v4, AF_INET);
		fd = tcp_bind(&v4, false);
	}
	if (fd < 0)
		return explain(-fd, a, text, error);
	close(fd);
	return 0;
}

int
socket_bind_tcp(struct socket_address *a, const char *text, struct buf *error)
{
	int fd = tcp_bind(a, true);

	if (no_ipv6(a, fd)) {
		address_set(a, AF_INET);
		fd = tcp_bind(a, true);
	}
	return fd < 0 ? explain(-fd, a, text, error) : fd;
}

int
socket_listen(int fd)
{
	return listen(fd, SOCKET_BACKLOG) < 0 ? -errno : 0;
}

/* Does somebody listen there? 1, 0 (also when there is nothing), or a negative errno. */
static int
unix_probe(const struct sockaddr_un *address, int type)
{
	int fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int err = 0;

	if (fd < 0)
		return -errno;
	if (connect(fd, (const struct sockaddr *)address, sizeof *address) < 0)
		err = errno;
	close(fd);
	if (err == ENOENT || err == ECONNREFUSED)
		return 0;
	/* A full backlog (EAGAIN) and a socket of another type are somebody too. */
	return err == 0 || err == EAGAIN || err == EPROTOTYPE ? 1 : -err;
}

bool
socket_is_served(const char *path, int type)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	if (strlen(path) >= sizeof address.sun_path)
		return false;
	memcpy(address.sun_path, path, strlen(path));
	return unix_probe(&address, type) == 1;
}

char *
socket_name_beside(const char *path)
{
	struct buf name = { 0 };

	if (strlen(path) + sizeof BESIDE > sizeof((struct sockaddr_un *)0)->sun_path)
		return NULL;
	buf_addf(&name, "%s" BESIDE, path);
	buf_addc(&name, '\0');
	return name.p;
}

/* Does nothing stand in the way of a socket file? 0, or a negative errno with the reason told. */
static int
unix_look(const struct socket_address *a, const struct sockaddr_un *address,
	  const struct socket_options *options, const char *text, struct buf *error)
{
	struct stat st;
	int r;

	if (lstat(a->path, &st) < 0)
		return errno == ENOENT ? 0 : explain(errno, a, text, error);
	if (!S_ISSOCK(st.st_mode)) {
		buf_addf(error, "%s: exists and is no socket; remove it, or choose another path\n",
			 text);
		return -EEXIST;
	}
	r = options->replace ? 0 : unix_probe(address, options->type);
	return r == 0 ? 0 : explain(r > 0 ? EADDRINUSE : -r, a, text, error);
}

static int
unix_address_of(const struct socket_address *a, const char *text, struct sockaddr_un *out,
		struct buf *error)
{
	size_t n = strlen(a->path);

	*out = (struct sockaddr_un){ .sun_family = AF_UNIX };
	if (n >= sizeof out->sun_path) {
		buf_addf(error, "%s: longer than %zu characters; choose a shorter path\n", text,
			 sizeof out->sun_path - 1);
		return -ENAMETOOLONG;
	}
	memcpy(out->sun_path, a->path, n);
	return 0;
}

int
socket_try_unix(const struct socket_address *a, const struct socket_options *options,
		const char *text, struct buf *error)
{
	struct sockaddr_un address;
	char folder[sizeof address.sun_path];
	char *slash;
	int r = unix_address_of(a, text, &address, error);

	if (r == 0)
		r = unix_look(a, &address, options, text, error);
	if (r < 0)
		return r;
	snprintf(folder, sizeof folder, "%s", a->path);
	slash = strrchr(folder, '/');
	if (slash)
		slash[slash == folder] = '\0';
	r = faccessat(AT_FDCWD, slash ? folder : ".", W_OK | X_OK, AT_EACCESS);
	return r < 0 ? explain(errno, a, text, error) : 0;
}

int
socket_listen_unix(const struct socket_address *a, const struct socket_options *options,
		   const char *text, struct buf *error)
{
	struct sockaddr_un address;
	char *beside;
	mode_t mask;
	int fd, r = unix_address_of(a, text, &address, error);

	if (r < 0)
		return r;
	/* What stands under the other name was left by a master that was killed. */
	beside = socket_name_beside(a->path);
	if (beside && options->replace)
		unlink(beside);
	if (beside && options->beside)
		memcpy(address.sun_path, beside, strlen(beside));
	else
		r = unix_look(a, &address, options, text, error);
	if (r == 0 && !options->beside && unlink(a->path) < 0 && errno != ENOENT)
		r = explain(errno, a, text, error);
	free(beside);
	if (r < 0)
		return r;
	fd = socket(AF_UNIX, options->type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return explain(errno, a, text, error);
	/* The mode counts from the first moment on. */
	mask = umask(0777 & ~options->mode);
	r = bind(fd, (struct sockaddr *)&address, sizeof address) < 0 ||
		    listen(fd, SOCKET_BACKLOG) < 0
		? errno
		: 0;
	umask(mask);
	if (r) {
		close(fd);
		return explain(r, a, text, error);
	}
	return fd;
}

static void
each_listening_tcp(const char *file, uint16_t port, bool anybodys,
		   void (*found)(void *userdata, uint64_t inode), void *userdata)
{
	char line[512];
	FILE *f = fopen(file, "re");

	while (f && fgets(line, sizeof line, f)) {
		unsigned local, state, uid;
		unsigned long inode;

		if (sscanf(line, " %*d: %*[0-9A-F]:%x %*[0-9A-F]:%*x %x %*s %*s %*s %u %*u %lu",
			   &local, &state, &uid, &inode) != 4)
			continue; /* the title */
		/* Sockets that listen come first, and of others there may be a hundred thousand. */
		if (state != TCP_LISTENS)
			break;
		if (local == port && (anybodys || uid == geteuid()))
			found(userdata, inode);
	}
	if (f)
		fclose(f);
}

/* Is `name`, by which a socket was bound, that path, or was it so before it was renamed? */
static bool
names_path(const char *name, const char *path)
{
	size_t n = strlen(path);

	return strncmp(name, path, n) == 0 && (name[n] == '\0' || strcmp(name + n, BESIDE) == 0);
}

static void
each_listening_unix(const char *path, void (*found)(void *userdata, uint64_t inode), void *userdata)
{
	char line[512];
	FILE *f = fopen("/proc/net/unix", "re");

	while (f && fgets(line, sizeof line, f)) {
		unsigned flags;
		unsigned long inode;
		int n = 0;

		line[strcspn(line, "\n")] = '\0';
		if (sscanf(line, "%*s %*s %*s %x %*s %*s %lu %n", &flags, &inode, &n) == 2 && n &&
		    flags & UNIX_LISTENS && names_path(line + n, path))
			found(userdata, inode);
	}
	if (f)
		fclose(f);
}

void
socket_each_listening(const struct socket_address *a, bool anybodys,
		      void (*found)(void *userdata, uint64_t inode), void *userdata)
{
	if (a->path) {
		each_listening_unix(a->path, found, userdata);
	} else if (a->port) {
		each_listening_tcp("/proc/net/tcp", a->port, anybodys, found, userdata);
		each_listening_tcp("/proc/net/tcp6", a->port, anybodys, found, userdata);
	}
}

bool
socket_is_bound_to(int fd, const struct socket_address *a)
{
	struct sockaddr_storage got = { 0 };
	const struct sockaddr_in *v4 = (struct sockaddr_in *)&got;
	const struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&got;
	const struct sockaddr_un *un = (struct sockaddr_un *)&got;
	socklen_t len = sizeof got;

	if (getsockname(fd, (struct sockaddr *)&got, &len) < 0)
		return false;
	if (a->path) /* `got` is longer than sun_path, and zeroed: the name ends in it */
		return got.ss_family == AF_UNIX && names_path(un->sun_path, a->path);
	if (got.ss_family == AF_INET6)
		return a->ip.any.sa_family == AF_INET6 && v6->sin6_port == htons(a->port) &&
		       memcmp(&v6->sin6_addr, &a->ip.v6.sin6_addr, sizeof v6->sin6_addr) == 0;
	if (got.ss_family != AF_INET || v4->sin_port != htons(a->port))
		return false;
	if (a->wildcard)
		return v4->sin_addr.s_addr == htonl(INADDR_ANY);
	return a->ip.any.sa_family == AF_INET && v4->sin_addr.s_addr == a->ip.v4.sin_addr.s_addr;
}

bool
socket_stands(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0 && S_ISSOCK(st.st_mode);
}

void
socket_describe(int fd, struct buf *out)
{
	struct sockaddr_storage got = { 0 };
	const struct sockaddr_un *un = (struct sockaddr_un *)&got;
	socklen_t len = sizeof got - 1; /* a path ends in a 0 */
	char host[INET6_ADDRSTRLEN] = "?", port[8] = "?";

	if (getsockname(fd, (struct sockaddr *)&got, &len) < 0) {
		buf_adds(out, SLICE("no socket"));
	} else if (got.ss_family == AF_UNIX) {
		buf_addf(out, "unix:%s", un->sun_path);
	} else {
		getnameinfo((struct sockaddr *)&got, len, host, sizeof host, port, sizeof port,
			    NI_NUMERICHOST | NI_NUMERICSERV);
		buf_addf(out, got.ss_family == AF_INET6 ? "[%s]:%s" : "%s:%s", host, port);
	}
}

void
socket_read_port(int fd, struct socket_address *a)
{
	struct socket_address got = { .len = sizeof got.ip };

	if (a->port || getsockname(fd, &got.ip.any, &got.len) < 0)
		return;
	a->port =
	    ntohs(got.ip.any.sa_family == AF_INET6 ? got.ip.v6.sin6_port : got.ip.v4.sin_port);
	if (a->ip.any.sa_family == AF_INET6)
		a->ip.v6.sin6_port = htons(a->port);
	else
		a->ip.v4.sin_port = htons(a->port);
}
