#pragma once

/*
 * inherited: listening sockets that came from an earlier master, or from a .socket unit, and
 * workers that have lost their master. Who opens a listener (listeners.h) takes what fits; the rest
 * is closed.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct socket_address;

struct inherited_socket {
	int fd; /* -1: taken */
	uint32_t slot;
	char *name; /* of a .socket unit, by FileDescriptorName=; NULL: of an earlier master */
};

/* A worker whose master is gone. */
struct inherited_orphan {
	pid_t pid;
	int pidfd;
	uint64_t *inodes; /* of its sockets */
	size_t count;
	bool named;   /* its master had our run_dir */
	bool listens; /* at an address of ours */
};

struct inherited {
	struct inherited_socket *sockets;
	size_t count;
	struct inherited_orphan *orphans;
	size_t orphans_count;
};

/* A socket that is there already, by another descriptor, is closed. */
void inherited_add(struct inherited *in, int fd, uint32_t slot);
void inherited_add_named(struct inherited *in, int fd, const char *name);
/* `pidfd` is taken over; the inodes follow. */
struct inherited_orphan *inherited_add_orphan(struct inherited *in, pid_t pid, int pidfd);
/* Closes what nobody took, also of the orphans. */
void inherited_deinit(struct inherited *in);
/* One that is bound to this address, best the one of the same slot. -1: none. */
int inherited_take(struct inherited *in, const struct socket_address *a, uint32_t slot);
/* One of a .socket unit: that of this name before one that is bound to the address; its name is the
 * caller's. -1: none. */
int inherited_take_activated(struct inherited *in, const struct socket_address *a, const char *name,
			     char **found_name);

struct inherited_marking {
	struct inherited *in;
	size_t orphaned, others;
};
/* Marks the orphans that have this socket; for socket_each_listening, and its `userdata`: struct
 * inherited_marking. */
void inherited_mark_one(void *userdata, uint64_t inode);
/* Marks the orphans that listen there. True when there are some, and nobody else does. */
bool inherited_mark(struct inherited *in, const struct socket_address *a);
/* After inherited_mark: is there one that has yet to read what its master gave it? It holds no
 * socket, and what nobody holds may be its. */
bool inherited_awaits(const struct inherited *in);
