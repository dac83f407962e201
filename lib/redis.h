#pragma once

/*
 * redis: one connection to a Redis server (RESP2) on the loop: commands are pipelined, answers come
 * in their order, published messages beside them. It knows no command but what it is given.
 *
 * Of hiredis only the reader is used, on a stream of our own: in hiredis 0.14 the libuv adapter
 * never reports a refused connection, names are resolved blockingly, nothing has a deadline, and an
 * answer that nobody asked for ends the process by an assertion.
 */

#include "slice.h"

#include <stdint.h>
#include <sys/socket.h>
#include <uv.h>

enum redis_type { REDIS_STRING, REDIS_STATUS, REDIS_FAILED, REDIS_INTEGER, REDIS_NIL, REDIS_ARRAY };

struct redis_reply {
	enum redis_type type;
	struct slice text; /* STRING, STATUS, FAILED ("WRONGTYPE ...") */
	int64_t integer;
	struct redis_reply **elements; /* ARRAY; NULL where the server left one out */
	size_t count;
};

/* One answer larger than this ends the connection: a server must not fill our memory. */
#define REDIS_ANSWER_MAX ((size_t)16 << 20)

struct redis_conn;
struct tls_context;

struct redis_conn_ops {
	void (*up)(void *userdata);
	/* A published message: an array that begins with "message". NULL: the connection subscribes
	 * to nothing. */
	void (*message)(void *userdata, const struct redis_reply *r);
	/* Of one that follows: the answer to the command whose bytes these are is to be had of
	 * another node, as `where` says (redis_where). All waits for redis_conn_resume. */
	void (*asked)(void *userdata, struct slice where, struct slice bytes);
	/* All that had arrived has been reported: the moment to act on it, and to flush. */
	void (*turn)(void *userdata);
	/* Refused, lost, silent for too long, or nonsense; called once, never from within another
	 * function of this file. The connection has closed itself: forget it. Commands without an
	 * answer get none. */
	void (*down)(void *userdata, const char *reason);
};

/* `userdata` and `tag` as given with the command; tag and r are valid during the call. */
typedef void (*redis_answer_fn)(void *userdata, struct slice tag, const struct redis_reply *r);

/* `address`: numeric, or sockaddr_un. `tls`: NULL for a plain connection; else `peer` is whom the
 * server's certificate has to be of (tls_session_set_peer). The connection must stand within
 * connect_ms, its TLS within answer_ms of that, and each answer begin within answer_ms of the one
 * before it (or of its command). A peer that vanished without a word is gone after two seconds. One
 * that has begun may take longer as long as it does not stand still for answer_ms, up to ten times
 * that. 0 or a negative errno. */
int redis_conn_new(uv_loop_t *loop, const struct sockaddr *address, struct tls_context *tls,
		   const char *peer, uint32_t connect_ms, uint32_t answer_ms,
		   const struct redis_conn_ops *ops, void *userdata, struct redis_conn **out)
    __attribute__((warn_unused_result));
/* No callback comes any more; the memory goes when the loop has run once more. NULL is allowed. */
void redis_conn_close(struct redis_conn *c);
/* It must be the server of all that is asked: an answer that says that it is not
 * (redis_is_elsewhere) ends the connection. `tag`, which stays the caller's, stands before all
 * names of keys (redis_tag), and none of it is seen from here. Before the first command. */
void redis_conn_found(struct redis_conn *c, struct slice tag);
/* Commands from now on may be answered by another node (ops->asked); those of a transaction are
 * not, and fail as long as their keys are on their way. */
void redis_conn_follow(struct redis_conn *c, bool follow);
/* What the other node answered to what ops->asked told of. */
void redis_conn_resume(struct redis_conn *c, const struct redis_reply *r);
/* Queues a command. Nothing is sent before redis_conn_flush. `tag` is copied. */
void redis_conn_command(struct redis_conn *c, redis_answer_fn answer, void *userdata,
			struct slice tag, size_t argc, const struct slice *argv);
/* One whose bytes are those of another connection's ops->asked. */
void redis_conn_bytes(struct redis_conn *c, redis_answer_fn answer, void *userdata,
		      struct slice bytes);
void redis_conn_flush(struct redis_conn *c);
/* What is wrong with an answer that should have been another: the server's words, fit for a log, or
 * that its form was not expected. Returns out. */
const char *redis_fault(const struct redis_reply *r, char *out, size_t cap);
/* Commands that wait for their answer. */
size_t redis_conn_pending(const struct redis_conn *c);
/* While `down` runs for an answer that was too large: the tag of its command. Empty otherwise. */
struct slice redis_conn_oversized(const struct redis_conn *c);
