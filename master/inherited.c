/*
 * Listening sockets that were there before us, and workers that have some and no master.
 */

#include "inherited.h"

#include "socket.h"

#include "lib/xalloc.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool
is_same_socket(int a, int b)
{
	struct stat one, other;

	return fstat(a, &one) == 0 && fstat(b, &other) == 0 && one.st_dev == other.st_dev &&
	       one.st_ino == other.st_ino;
}

static struct inherited_socket *
inherited_find(const struct inherited *in, int fd)
{
	for (size_t i = 0; i < in->count; i++) {
		if (is_same_socket(in->sockets[i].fd, fd))
			return &in->sockets[i];
	}
	return NULL;
}

void
inherited_add(struct inherited *in, int fd, uint32_t slot)
{
	if (inherited_find(in, fd)) {
		close(fd);
		return;
	}
	in->sockets = xrealloc(in->sockets, (in->count + 1) * sizeof *in->sockets);
	in->sockets[in->count++] = (struct inherited_socket){ .fd = fd, .slot = slot };
}

/* An earlier master may have had it from there, too. */
void
inherited_add_named(struct inherited *in, int fd, const char *name)
{
	struct inherited_socket *s = inherited_find(in, fd);

	if (s) {
		close(fd);
	} else {
		inherited_add(in, fd, 0);
		s = &in->sockets[in->count - 1];
	}
	if (!s->name)
		s->name = xstrdup(name);
}

struct inherited_orphan *
inherited_add_orphan(struct inherited *in, pid_t pid, int pidfd)
{
	in->orphans = xrealloc(in->orphans, (in->orphans_count + 1) * sizeof *in->orphans);
	in->orphans[in->orphans_count] = (struct inherited_orphan){ .pid = pid, .pidfd = pidfd };
	return &in->orphans[in->orphans_count++];
}

void
inherited_deinit(struct inherited *in)
{
	for (size_t i = 0; i < in->count; i++) {
		if (in->sockets[i].fd >= 0)
			close(in->sockets[i].fd);
		free(in->sockets[i].name);
	}
	for (size_t i = 0; i < in->orphans_count; i++) {
		if (in->orphans[i].pidfd >= 0)
			close(in->orphans[i].pidfd);
		free(in->orphans[i].inodes);
	}
	free(in->sockets);
	free(in->orphans);
	*in = (struct inherited){ 0 };
}

int
inherited_take(struct inherited *in, const struct socket_address *a, uint32_t slot)
{
	struct inherited_socket *best = NULL;
	int fd;

	for (size_t i = 0; i < in->count; i++) {
		struct inherited_socket *s = &in->sockets[i];

		if (s->fd < 0 || s->name || !socket_is_bound_to(s->fd, a))
			continue;
		if (!best || s->slot == slot)
			best = s;
	}
	if (!best)
		return -1;
	fd = best->fd;
	best->fd = -1;
	return fd;
}

int
inherited_take_activated(struct inherited *in, const struct socket_address *a, const char *name,
			 char **found_name)
{
	struct inherited_socket *found = NULL;
	int fd;

	for (size_t i = 0; i < in->count; i++) {
		struct inherited_socket *s = &in->sockets[i];

		if (s->fd < 0 || !s->name)
			continue;
		if (name && strcmp(s->name, name) == 0) {
			found = s;
			break;
		}
		if (!found && socket_is_bound_to(s->fd, a))
			found = s;
	}
	if (!found)
		return -1;
	fd = found->fd;
	found->fd = -1;
	*found_name = found->name;
	found->name = NULL;
	return fd;
}

void
inherited_mark_one(void *userdata, uint64_t inode)
{
	struct inherited_marking *m = userdata;
	bool orphaned = false;

	for (size_t i = 0; i < m->in->orphans_count; i++) {
		struct inherited_orphan *o = &m->in->orphans[i];

		for (size_t k = 0; k < o->count; k++) {
			if (o->inodes[k] == inode)
				o->listens = orphaned = true;
		}
	}
	if (orphaned)
		m->orphaned++;
	else
		m->others++;
}

bool
inherited_mark(struct inherited *in, const struct socket_address *a)
{
	struct inherited_marking m = { .in = in };

	if (in->orphans_count > 0)
		socket_each_listening(a, false, inherited_mark_one, &m);
	return m.orphaned > 0 && m.others == 0;
}

bool
inherited_awaits(const struct inherited *in)
{
	for (size_t i = 0; i < in->orphans_count; i++) {
		if (in->orphans[i].named && !in->orphans[i].listens)
			return true;
	}
	return false;
}
