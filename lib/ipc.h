#pragma once

/*
 * ipc: typed messages with a checked size and at most one descriptor, over a SOCK_SEQPACKET pair.
 * Both ends doubt what the other says: a message of the wrong shape ends the channel, it never ends
 * the process.
 */

#include "slice.h"

#include <stdint.h>
#include <uv.h>

#define IPC_MAX 16384 /* bytes of payload; what is larger travels in a memfd */

struct ipc;

struct ipc_message {
	uint32_t type;
	struct slice body; /* valid during the callback only; aligned for any struct */
	int fd; /* -1 or a descriptor that the callback takes over (and sets to -1), else it is
		   closed */
};

struct ipc_ops {
	void (*message)(void *userdata, struct ipc *ipc, struct ipc_message *m);
	/* The other end is gone, or broke the format. Called once; ipc_close is then due. */
	void (*gone)(void *userdata, struct ipc *ipc);
};

struct ipc {
	uv_poll_t poll;
	int fd;
	const struct ipc_ops *ops;
	void *userdata;
	struct ipc_pending *first, *last; /* not yet sent */
	size_t queued;
	int events;
	bool closing, gone, held;
	void (*closed)(struct ipc *ipc);
};

/* `fd` is one end of a SEQPACKET pair; taken over, made non-blocking and close-on-exec. 0 or a
 * negative errno. */
int ipc_open(struct ipc *ipc, uv_loop_t *loop, int fd, const struct ipc_ops *ops, void *userdata)
    __attribute__((warn_unused_result));
/* Sends, or queues what does not go out at once. `fd` (-1 for none) stays the caller's: it is
 * duplicated when it has to wait. 0; -EMSGSIZE; -EPIPE when the other end is gone; -ENOBUFS beyond
 * 4096 waiting messages. */
int ipc_send(struct ipc *ipc, uint32_t type, const void *body, size_t n, int fd);
/* Nothing that the other end sends, nor its end, is heard while this holds; it waits, in its order.
 */
void ipc_hold(struct ipc *ipc, bool hold);
/* The same on one end of a pair that nothing watches: what does not go out at once is -EAGAIN. */
int ipc_put(int sock, uint32_t type, const void *body, size_t n, int fd);
/* Closes; `closed` (may be NULL) runs when libuv let the handle go, and only then may the struct be
 * freed. */
void ipc_close(struct ipc *ipc, void (*closed)(struct ipc *ipc));
/* A pair: sv[0] and sv[1], both close-on-exec. 0 or a negative errno. */
int ipc_pair(int sv[2]) __attribute__((warn_unused_result));
