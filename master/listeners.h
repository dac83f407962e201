#pragma once

/*
 * listeners: every listening socket of the gateway. The master makes them and keeps them open, so
 * that what is queued in one outlives the worker that accepts from it; it accepts on none itself. A
 * TCP listener is one SO_REUSEPORT socket per worker slot; a Unix-socket listener, and what belongs
 * to the admin worker, is one socket.
 *
 * While workers of a killed master serve, nothing of theirs is touched: a Unix socket whose path
 * they listen at is made beside it and takes the path in listeners_place, and new TCP sockets
 * listen from listeners_listen on. A start that fails leaves everything as it was.
 */

#include "config.h"
#include "inherited.h"
#include "shm/message.h"

#include <sys/stat.h>
#include <sys/types.h>

struct listener {
	uint32_t
	    id; /* index into the configuration's listeners; those of the admin worker follow */
	uint32_t kind; /* enum listener_kind */
	uint16_t port; /* 0 for a Unix socket */
	bool shared;   /* fds[0] serves all */
	bool proxy;    /* proxy_protocol */
	bool tls;
	char *activated; /* name of the socket of a .socket unit, whose also the file of a Unix one
			    is; NULL: it is ours */
	bool kept;  /* the service manager keeps it, too, for the next master: the file stays */
	char *text; /* for messages */
	int *fds;   /* by slot */
	uint32_t fds_count;
	char *path; /* of a Unix socket; dev and ino: the file that we made, 0: none is ours yet */
	dev_t dev;
	ino_t ino;
	char *beside; /* where it stands until listeners_place; NULL: at path */
};

struct listeners {
	struct listener *all;
	size_t count;
	uint64_t look_ms; /* when listeners_tick looks next */
};

/* Opens all of them; a socket of `in` that is bound to the right address, or of a .socket unit by
 * the name that the listener has (listeners[].socket), is used in place of a new one, and an orphan
 * that listens there does not keep us from it, but is marked. A socket of a .socket unit that is no
 * listener's is a mistake. 0; or a negative errno with the reason and the remedy in `error`, and
 * nothing left open. */
int listeners_open(struct listeners *l, const struct config *c, struct inherited *in,
		   struct buf *error) __attribute__((warn_unused_result));
/* Would listeners_open go well, beside an image that has these? They are taken, and let go; nobody
 * is to connect to one that is new. As there. */
int listeners_try(const struct config *c, struct inherited *in, struct buf *error)
    __attribute__((warn_unused_result));
/* From here on connections may come to the new sockets: workers are being started. */
void listeners_listen(struct listeners *l);
/* From then on: those that do not listen any more, do so again. */
void listeners_tick(struct listeners *l, uint64_t now_ms);
/* Those of one kind are served: they take their paths, which are ours to remove from here on. */
void listeners_place(struct listeners *l, enum listener_kind kind);
/* Those that an earlier master may hand to the next, for free(); *n of them. They are taken for
 * kept from here on. */
int *listeners_keep(struct listeners *l, size_t *n);
/* The socket of a slot, -1 when it is closed. */
int listener_fd(const struct listener *l, uint32_t slot);
/* Closes those of one kind, and removes the files of their Unix sockets if they are still ours. */
void listeners_close(struct listeners *l, enum listener_kind kind);
void listeners_deinit(struct listeners *l);
