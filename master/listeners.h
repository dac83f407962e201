#pragma once

/*
 * listeners: every listening socket of the gateway. The master makes them and keeps them open, so
 * that what is queued in one outlives the worker that accepts from it; it accepts on none itself. A
 * TCP listener is one SO_REUSEPORT socket per worker slot; a Unix-socket listener, and what belongs
 * to the admin worker, is one socket.
 */

#include "config.h"
#include "shm/message.h"

#include <sys/stat.h>

struct listener {
	uint32_t
	    id; /* index into the configuration's listeners; those of the admin worker follow */
	uint32_t kind; /* enum listener_kind */
	uint16_t port; /* 0 for a Unix socket */
	bool shared;   /* fds[0] serves all */
	char *text;    /* for messages */
	int *fds;      /* by slot */
	uint32_t fds_count;
	char *path; /* of a Unix socket; dev and ino: the file that we made */
	dev_t dev;
	ino_t ino;
};

struct listeners {
	struct listener *all;
	size_t count;
};

/* Listening sockets that came from an earlier master, or from the service manager. */
struct inherited_socket {
	int fd; /* -1: taken */
	uint32_t slot;
};

struct inherited {
	struct inherited_socket *sockets;
	size_t count;
};

void inherited_add(struct inherited *in, int fd, uint32_t slot);
/* Closes what nobody took. */
void inherited_deinit(struct inherited *in);

/* Opens all of them; a socket of `in` that is bound to the right address is used in place of a new
 * one. 0; or a negative errno with the reason and the remedy in `error`, and nothing left open. */
int listeners_open(struct listeners *l, const struct config *c, struct inherited *in,
		   struct buf *error) __attribute__((warn_unused_result));
/* The socket of a slot, -1 when it is closed. */
int listener_fd(const struct listener *l, uint32_t slot);
/* Closes those of one kind, and removes the files of their Unix sockets if they are still ours. */
void listeners_close(struct listeners *l, enum listener_kind kind);
void listeners_deinit(struct listeners *l);
