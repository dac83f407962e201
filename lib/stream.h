#pragma once

/*
 * stream: one connection, client's or upstream's, TCP or Unix, plain or TLS. Four operations (read,
 * write, shutdown, close); above them nobody sees a socket, or what goes over it.
 *
 * Reading: bytes come in one buffer that all streams of a loop share (struct stream_env); they are
 * the callee's during the callback only. Reading stays on; it is paused for back-pressure and
 * nothing else, as each change costs a system call. Writing: what the kernel takes at once is not
 * copied; the rest is, once, and counted in `queued`. Beyond STREAM_HIGH the writer is told to stop
 * its source; at STREAM_LOW it hears `drained`. Large reads are cheaper by the byte, but what a
 * slow sink does not take has to be kept: a source that was paused gets small ones for a while.
 * Where memory is short (stream_env_allow), so does everybody, and whatever waits stops its source.
 * All sources that have much share a bounded part of each loop turn, one after the other, so that
 * who has little to say is not kept waiting by a thousand of them.
 *
 * TLS: what one read brings is decrypted at once, so nothing waits where no socket event would tell
 * of it. A ticket of TLS 1.3 goes out with the first answer. Handshakes are taken one after the
 * other at the end of a loop turn, for a bounded time: who has one behind him comes first.
 */

#include "buf.h"
#include "list.h"
#include "slice.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <uv.h>

#define STREAM_READ_SIZE                                                                           \
	((size_t)262144)                  /* at most in one read, of a source whose sink keeps up  \
					   */
#define STREAM_READ_SMALL ((size_t)73728) /* else: a body of 64 KiB comes with its head in one */
#define STREAM_READ_LEAST ((size_t)16384) /* where memory is short */
#define STREAM_HIGH ((size_t)131072)
#define STREAM_LOW ((size_t)32768)
#define STREAM_FULL 1 /* written or queued whole, but stop the source until `drained` */

#define STREAM_PLAIN                                                                               \
	1 /* of `secured`: the peer speaks no TLS, and what it says follows in clear               \
	   */

struct stream;
struct stream_tls;
struct tls_context;
struct tls_session;

struct stream_ops {
	void (*data)(struct stream *s, struct slice bytes);
	/* Nothing more will come: error 0 is an orderly end, else a negative errno. Called at most
	 * once. */
	void (*end)(struct stream *s, int error);
	/* The queue is down to STREAM_LOW after STREAM_FULL (error 0), or empty after stream_flush,
	 * or writing failed, or would: the peer reset a connection whose other direction had ended
	 * (negative errno; reading may still give what the peer sent before). */
	void (*drained)(struct stream *s, int error);
	/* The handshake is over: 0 or STREAM_PLAIN (servers only). A failed one is an `end`:
	 * -EPROTO, -EKEYREJECTED and -ECONNABORTED as in tls_session.h. May be NULL. */
	void (*secured)(struct stream *s, int outcome);
	/* After stream_close: the memory of the owner may go. */
	void (*closed)(struct stream *s);
	/* What the peer sent before it reset the connection is worth having: a paused stream hears
	 * of the reset behind it, not at once. */
	bool patient;
};

struct stream_env { /* one a loop */
	uv_loop_t *loop;
	char *buffer;       /* of reads */
	struct buf out;     /* what was encrypted, within a call */
	struct list paused; /* streams that do not read now */
	struct list late;   /* of those that have much to say: the turn was over before theirs */
	uint64_t spent;     /* on such in this turn, ns */
	struct list due;    /* struct stream_tls: have something to do at the end of the turn */
	uint64_t open;      /* streams not yet closed */
	uint64_t queued;    /* of all of them */
	uint64_t taken;     /* by others for what came, since stream_env_allow */
	uint64_t most;      /* that both may be; UINT64_MAX: there is enough */
};

struct stream {
	union {
		uv_handle_t handle;
		uv_stream_t stream;
		uv_tcp_t tcp;
		uv_pipe_t pipe;
	} uv;
	struct stream_env *env;
	const struct stream_ops *ops;
	struct stream_tls *tls; /* NULL: plain */
	struct list link;       /* in env->paused, or while it reads in env->late */
	uint64_t sent; /* bytes of ours that were taken or queued, as they go over the wire */
	size_t queued; /* bytes of ours that still wait, whole chunks */
	size_t seen;   /* bytes not taken by the peer when progress was last asked for */
	uint8_t reading, full, flushing, closing, ended;
	uint8_t heavy; /* it had much to say when it was read last */
	int8_t pace;   /* above 0: the sink keeps up with large reads */
};

void stream_env_init(struct stream_env *env, uv_loop_t *loop);
void stream_env_deinit(struct stream_env *env);
/* Asks the kernel about paused streams: one that was reset or closed on both sides gets its `end`;
 * one that had its end and was reset since, `drained` with the error. Once a second. */
void stream_env_check(struct stream_env *env);
/* So many bytes more may be kept from now on, UINT64_MAX: no matter how many. */
void stream_env_allow(struct stream_env *env, uint64_t room);
/* Is more kept than that? */
static inline bool
stream_env_is_tight(const struct stream_env *env)
{
	return env->queued + env->taken >= env->most;
}
/* At the end of each loop turn: who was late, and handshakes. Where env->due is not empty then, the
 * loop must not wait. (Whoever is still late keeps it awake: there is something to read.) */
void stream_env_turn(struct stream_env *env);

/* Takes over an accepted, non-blocking socket of this family, with TCP_NODELAY from its listener. 0
 * or a negative errno (the descriptor is closed then). */
int stream_open(struct stream *s, struct stream_env *env, const struct stream_ops *ops, int fd,
		int family) __attribute__((warn_unused_result));
/* Starts to connect; done(s, status) runs later, and not after stream_close. A failure at once is
 * returned (close the stream all the same). For AF_UNIX `path` counts. */
typedef void (*stream_connected_fn)(struct stream *s, int status);
struct stream_connect {
	uv_connect_t req;
	stream_connected_fn done;
};
int stream_connect(struct stream *s, struct stream_env *env, const struct stream_ops *ops,
		   struct stream_connect *c, const struct sockaddr *address, const char *path,
		   stream_connected_fn done) __attribute__((warn_unused_result));

/* Speaks TLS from now on, as server; `early`: what was read of it already. Then ops->secured. The
 * session is made when the peer says something. */
void stream_accept_tls(struct stream *s, struct tls_context *context, struct slice early);
/* The same as client, once it is connected, by a session that has had no handshake; it is taken
 * over. Turns reading on. 0 or a negative errno. */
int stream_connect_tls(struct stream *s, struct tls_session *session)
    __attribute__((warn_unused_result));
/* For its questions; NULL: plain, or nothing has come yet. */
struct tls_session *stream_tls(const struct stream *s);

int
stream_read(struct stream *s); /* starts, or goes on after stream_pause; 0 or a negative errno */
void stream_pause(struct stream *s);
/* 0, STREAM_FULL, or a negative errno (-ENOTCONN within a handshake). The bytes may be reused
 * afterwards. At most 64 parts. */
int stream_write(struct stream *s, const struct slice *parts, unsigned n)
    __attribute__((warn_unused_result));
/* Calls `drained` when the queue is empty (from the loop, or at once when it is empty already: then
 * returns true and does not call). */
bool stream_flush(struct stream *s);
/* Has the peer taken any of what waits, since STREAM_FULL, stream_flush or the last call? */
bool stream_progressed(struct stream *s);
/* Sends the end of our side once the queue is out. 0 or a negative errno. */
int stream_shutdown(struct stream *s);
/* Of TLS the peer hears that it was the end, unless something waits. */
void stream_close(struct stream *s);
/* As stream_close, but the peer gets a reset: it must not take what it has for whole. */
void stream_reset(struct stream *s);
