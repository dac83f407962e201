#include "listeners.h"

#include "socket.h"

#include "lib/log.h"
#include "lib/xalloc.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <unistd.h>

#define ENDING_US 20000 /* for orphans to close a socket that we need, and how often */
#define ENDING_TRIES 100

int
listener_fd(const struct listener *l, uint32_t slot)
{
	if (l->shared)
		slot = 0;
	return slot < l->fds_count ? l->fds[slot] : -1;
}

void
listeners_listen(struct listeners *l)
{
	for (size_t i = 0; i < l->count; i++) {
		for (uint32_t k = 0; k < l->all[i].fds_count; k++) {
			int r = socket_listen(l->all[i].fds[k]);

			if (r < 0)
				log_error("listener address=%s error=\"%s\"", l->all[i].text,
					  strerror(-r));
		}
	}
}

static void
listener_own(struct listener *l)
{
	struct stat st;

	if (stat(l->path, &st) < 0)
		return;
	l->dev = st.st_dev;
	l->ino = st.st_ino;
}

static void
listener_place(struct listener *l)
{
	if (!l->path || l->ino || l->activated || l->fds_count == 0)
		return;
	if (l->beside && rename(l->beside, l->path) < 0) {
		log_error("listener address=%s error=\"cannot take the path: %s\"", l->text,
			  strerror(errno));
		return;
	}
	free(l->beside);
	l->beside = NULL;
	listener_own(l);
}

void
listeners_place(struct listeners *l, enum listener_kind kind)
{
	for (size_t i = 0; i < l->count; i++) {
		if (l->all[i].kind == kind)
			listener_place(&l->all[i]);
	}
}

static void
listener_close(struct listener *l)
{
	struct stat st;

	for (uint32_t i = 0; i < l->fds_count; i++)
		close(l->fds[i]);
	l->fds_count = 0;
	/* A gateway that came after us may have put its own socket there. */
	if (l->path && l->ino && !l->kept && stat(l->path, &st) == 0 && st.st_dev == l->dev &&
	    st.st_ino == l->ino)
		unlink(l->path);
	l->ino = 0;
	if (l->beside)
		unlink(l->beside);
	free(l->beside);
	l->beside = NULL;
}

void
listeners_close(struct listeners *l, enum listener_kind kind)
{
	for (size_t i = 0; i < l->count; i++) {
		if (l->all[i].kind == kind)
			listener_close(&l->all[i]);
	}
}

void
listeners_deinit(struct listeners *l)
{
	for (size_t i = 0; i < l->count; i++) {
		listener_close(&l->all[i]);
		free(l->all[i].fds);
		free(l->all[i].text);
		free(l->all[i].activated);
		free(l->all[i].path);
	}
	free(l->all);
	*l = (struct listeners){ 0 };
}

/* What inherited_take would take. */
int *
listeners_keep(struct listeners *l, size_t *n)
{
	int *fds = NULL;

	*n = 0;
	for (size_t i = 0; i < l->count; i++) {
		struct listener *one = &l->all[i];

		if (one->activated || (one->path && one->kind != LISTENER_HTTP))
			continue;
		one->kept = true;
		fds = xrealloc(fds, (*n + one->fds_count + 1) * sizeof *fds);
		for (uint32_t k = 0; k < one->fds_count; k++)
			fds[(*n)++] = one->fds[k];
	}
	return fds;
}

struct opening { /* what listeners_open works with */
	struct listeners *listeners;
	const struct config *config;
	struct inherited *inherited;
	struct buf *error;
	bool took_over;
};

/* One that orphans serve is left to them until our own workers are there. */
static bool
opens_beside(const struct listener *l, const char *path)
{
	/* To probe the way in for a new master would be one more take-over. */
	if (l->kind == LISTENER_TAKEOVER)
		return socket_stands(path);
	return socket_is_served(path, SOCK_STREAM);
}

static bool
is_in_run_dir(const struct opening *o, const struct socket_address *a)
{
	struct slice run_dir = slice_of(o->config->run_dir);
	struct slice path = slice_of(a->path);

	return slice_starts(path, run_dir) && path.n > run_dir.n && path.p[run_dir.n] == '/';
}

static struct socket_options
unix_options(const struct opening *o, const struct listener *l, const struct socket_address *a)
{
	/* Other users' reverse proxies may connect to a traffic socket; the admin socket is for
	 * operators in our group; only our own next master connects to the third. */
	static const mode_t mode[] = {
		[LISTENER_HTTP] = 0666,           [LISTENER_ADMIN] = 0660,
		[LISTENER_ADMIN_READONLY] = 0660, [LISTENER_API] = 0600,
		[LISTENER_TAKEOVER] = 0600,
	};

	return (struct socket_options){
		.type = l->kind == LISTENER_TAKEOVER ? SOCK_SEQPACKET : SOCK_STREAM,
		.mode = mode[l->kind],
		/* In our own run_dir, whose lock we hold, a listener can only be the rest of an
		   earlier master. */
		.replace = a->path && is_in_run_dir(o, a),
	};
}

static int
open_unix(struct opening *o, struct listener *l, const struct socket_address *a, struct buf *reason)
{
	struct socket_options options = unix_options(o, l, a);
	bool in_run_dir = options.replace;
	int fd = -1;

	options.replace |= inherited_mark(o->inherited, a);
	/* An operator who asks now must not reach the admin worker of the earlier master, which
	 * shares its socket. */
	if ((l->kind == LISTENER_HTTP || !in_run_dir) && socket_stands(a->path))
		fd = inherited_take(o->inherited, a, 0);
	l->path = xstrdup(a->path);
	if (fd < 0) {
		if (options.replace && opens_beside(l, a->path))
			l->beside = socket_name_beside(a->path);
		options.beside = l->beside != NULL;
		fd = socket_listen_unix(a, &options, l->text, reason);
		if (fd < 0)
			return fd;
		l->fds[l->fds_count++] = fd;
		/* Outside of the run_dir we cannot rename any more once root is dropped. */
		if (!l->beside || (!in_run_dir && geteuid() == 0 && o->config->user[0]))
			listener_place(l);
		return 0;
	}
	l->fds[l->fds_count++] = fd;
	return 0;
}

/* One that systemd opened, and no longer has, stands alone at its address. */
static bool
shares_port(int fd)
{
	int share = 0;
	socklen_t n = sizeof share;

	return getsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &share, &n) == 0 && share;
}

/* Where only orphans have such a one any more, and did not hand it over, their time has come. */
static int
bind_tcp(struct opening *o, const struct listener *l, struct socket_address *a, struct buf *reason)
{
	struct inherited *in = o->inherited;
	struct inherited_marking m = { .in = in };
	size_t before = reason->n;
	int fd = socket_bind_tcp(a, l->text, reason);

	if (fd != -EADDRINUSE || in->orphans_count == 0)
		return fd;
	socket_each_listening(a, true, inherited_mark_one, &m);
	if (m.orphaned == 0 || m.others > 0)
		return fd;
	for (size_t i = 0; i < in->orphans_count; i++) {
		if (in->orphans[i].listens)
			pidfd_send_signal(in->orphans[i].pidfd, SIGTERM, NULL, 0);
	}
	for (int i = 0; i < ENDING_TRIES && fd == -EADDRINUSE; i++) {
		usleep(ENDING_US);
		reason->n = before;
		fd = socket_bind_tcp(a, l->text, reason);
	}
	return fd;
}

static int
open_tcp(struct opening *o, struct listener *l, struct socket_address *a, uint32_t count,
	 struct buf *reason)
{
	bool beside;
	int r;

	/* SO_REUSEPORT lets a second gateway of the same user share the port unseen, hence the look
	 * beforehand; it would meet the workers of a killed master, too, which are on their way
	 * out. */
	beside = inherited_mark(o->inherited, a) || inherited_awaits(o->inherited) || o->took_over;
	r = beside ? 0 : socket_check_free(a, l->text, reason);
	if (r < 0)
		return r;
	while (l->fds_count < count && r == 0) {
		int fd = inherited_take(o->inherited, a, l->fds_count);

		if (fd < 0)
			fd = bind_tcp(o, l, a, reason);
		if (fd < 0)
			return fd;
		l->fds[l->fds_count++] = fd;
		socket_read_port(fd, a); /* port 0: the others follow the first */
		if (!beside)
			r = socket_listen(fd);
		if (!shares_port(fd)) {
			l->shared = true;
			break;
		}
	}
	if (r < 0)
		buf_addf(reason, "%s: cannot listen: %s\n", l->text, strerror(-r));
	l->port = a->port;
	return r;
}

/* Orphans may have it, too; it is of another user than theirs are. */
static void
open_activated(struct opening *o, struct listener *l, struct socket_address *a, int fd, char *name)
{
	struct inherited_marking m = { .in = o->inherited };
	struct stat st;

	if (fstat(fd, &st) == 0)
		inherited_mark_one(&m, st.st_ino);
	l->activated = name;
	l->fds[l->fds_count++] = fd;
	l->shared = true;
	if (a->path)
		l->path = xstrdup(a->path);
	a->port = 0; /* that of the socket counts, where the name led to it */
	socket_read_port(fd, a);
	l->port = a->port;
	log_info("listener address=%s socket=activated", l->text);
}

/* The reason is told behind the place of the setting, as the configuration's own mistakes are. */
static void
explain_where(struct opening *o, const struct listener *l, struct slice reason)
{
	static const char *const key[] = {
		[LISTENER_HTTP] = "listeners",
		[LISTENER_ADMIN] = "admin.socket",
		[LISTENER_ADMIN_READONLY] = "admin.listen",
		[LISTENER_API] = "admin.api.listen",
		[LISTENER_TAKEOVER] = "run_dir",
	};
	const struct config *c = o->config;
	int line = l->kind == LISTENER_HTTP ? c->listeners[l->id].place.line : 0;

	if (line)
		buf_addf(o->error, "%s:%d: %s: %.*s", c->file, line, key[l->kind], SLICE_F(reason));
	else
		buf_addf(o->error, "%s: %s: %.*s", c->file, key[l->kind], SLICE_F(reason));
}

static int
open_one(struct opening *o, enum listener_kind kind, const struct config_address *address,
	 uint32_t count)
{
	BUF_CLEAN struct buf reason = { 0 };
	struct listener *l = &o->listeners->all[o->listeners->count];
	const char *name;
	char *activated = NULL;
	struct socket_address a;
	int fd = -1, r;

	*l = (struct listener){ .id = (uint32_t)o->listeners->count, .kind = kind };
	l->text = xstrdup(address->text);
	l->shared = count == 1 || address->unix_path;
	l->fds = xcalloc(count, sizeof *l->fds);
	o->listeners->count++;
	r = socket_address_of(address, &a, &reason);
	if (r == 0 && kind != LISTENER_TAKEOVER) {
		name = kind == LISTENER_HTTP ? o->config->listeners[l->id].socket : NULL;
		fd = inherited_take_activated(o->inherited, &a, name, &activated);
	}
	if (fd >= 0)
		open_activated(o, l, &a, fd, activated);
	else if (r == 0)
		r = a.path ? open_unix(o, l, &a, &reason) : open_tcp(o, l, &a, count, &reason);
	if (r < 0)
		explain_where(o, l, buf_slice(&reason));
	return r;
}

/* One that nobody accepts from would be a service that hangs. */
static int
refuse_unmatched(struct opening *o)
{
	int r = 0;

	for (size_t i = 0; i < o->inherited->count; i++) {
		const struct inherited_socket *s = &o->inherited->sockets[i];
		BUF_CLEAN struct buf address = { 0 };

		if (s->fd < 0 || !s->name)
			continue;
		socket_describe(s->fd, &address);
		buf_addf(
		    o->error,
		    "%s: listeners: the service manager gives the socket %s (%.*s), and no "
		    "listener has that address or `socket: %s`; name it, or take it out of the "
		    ".socket unit\n",
		    o->config->file, s->name, SLICE_F(buf_slice(&address)), s->name);
		r = -EADDRNOTAVAIL;
	}
	return r;
}

/* Those that are inherited are taken, and let go; is another one to be had, where they are not
 * enough? Nobody is connected to it. */
static int
try_sockets(struct opening *o, const struct listener *l, struct socket_address *a, uint32_t count,
	    struct buf *reason)
{
	struct socket_options options = unix_options(o, l, a);
	bool enough = false;

	for (uint32_t k = 0; k < count && !enough; k++) {
		int fd = inherited_take(o->inherited, a, k);

		if (fd < 0 && a->path)
			return socket_try_unix(a, &options, l->text, reason);
		enough = fd < 0 || !shares_port(fd);
		if (fd < 0)
			fd = socket_bind_tcp(a, l->text, reason);
		if (fd < 0)
			return fd;
		close(fd);
	}
	return 0;
}

static int
try_one(struct opening *o, enum listener_kind kind, const struct config_address *address,
	uint32_t id, uint32_t count)
{
	BUF_CLEAN struct buf reason = { 0 };
	struct listener l = { .id = id, .kind = kind };
	const char *name = kind == LISTENER_HTTP ? o->config->listeners[id].socket : NULL;
	struct socket_address a;
	char *activated = NULL;
	int fd = -1, r = socket_address_of(address, &a, &reason);

	l.text = xstrdup(address->text);
	if (r == 0)
		fd = inherited_take_activated(o->inherited, &a, name, &activated);
	if (fd >= 0)
		close(fd);
	else if (r == 0)
		r = try_sockets(o, &l, &a, a.path ? 1 : count, &reason);
	free(activated);
	if (r < 0)
		explain_where(o, &l, buf_slice(&reason));
	free(l.text);
	return r;
}

int
listeners_try(const struct config *c, struct inherited *in, struct buf *error)
{
	struct opening o = { .config = c, .inherited = in, .error = error };
	int r = 0;

	for (uint32_t i = 0; i < c->listeners_count && r == 0; i++)
		r = try_one(&o, LISTENER_HTTP, &c->listeners[i].address, i, c->workers);
	if (r == 0)
		r = try_one(&o, LISTENER_ADMIN, &c->admin_socket, 0, 1);
	if (r == 0 && c->admin_listen.text)
		r = try_one(&o, LISTENER_ADMIN_READONLY, &c->admin_listen, 0, 1);
	for (size_t i = 0; i < c->api.listen_count && r == 0; i++)
		r = try_one(&o, LISTENER_API, &c->api.listen[i].address, 0, 1);
	return r < 0 ? r : refuse_unmatched(&o);
}

static bool
any_of_a_master(const struct inherited *in)
{
	for (size_t i = 0; i < in->count; i++) {
		if (!in->sockets[i].name)
			return true;
	}
	return false;
}

int
listeners_open(struct listeners *l, const struct config *c, struct inherited *in, struct buf *error)
{
	struct opening o = { l, c, in, error, any_of_a_master(in) };
	struct config_address takeover = { 0 };
	BUF_CLEAN struct buf path = { 0 };
	int r = 0;

	buf_addf(&path, "unix:%s/takeover.sock", c->run_dir);
	buf_addc(&path, '\0');
	takeover.text = path.p;
	takeover.unix_path = path.p + strlen("unix:");
	*l = (struct listeners){ .all = xcalloc(c->listeners_count + c->api.listen_count + 3,
						sizeof *l->all) };
	for (size_t i = 0; i < c->listeners_count && r == 0; i++) {
		r = open_one(&o, LISTENER_HTTP, &c->listeners[i].address, c->workers);
		l->all[i].proxy = c->listeners[i].proxy_protocol;
		l->all[i].tls = c->listeners[i].tls;
	}
	if (r == 0)
		r = open_one(&o, LISTENER_ADMIN, &c->admin_socket, 1);
	if (r == 0 && c->admin_listen.text)
		r = open_one(&o, LISTENER_ADMIN_READONLY, &c->admin_listen, 1);
	for (size_t i = 0; i < c->api.listen_count && r == 0; i++)
		r = open_one(&o, LISTENER_API, &c->api.listen[i].address, 1);
	if (r == 0)
		r = open_one(&o, LISTENER_TAKEOVER, &takeover, 1);
	if (r == 0)
		r = refuse_unmatched(&o);
	if (r < 0)
		listeners_deinit(l);
	return r;
}
