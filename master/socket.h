#pragma once

/*
 * socket: one listening socket: its address, its options, and error messages that say what to do.
 */

#include "config.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/types.h>

#define SOCKET_BACKLOG 4096 /* the kernel cuts it to net.core.somaxconn */

struct socket_address {
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	} ip;
	socklen_t len;
	uint16_t port;
	bool wildcard;    /* ":port": IPv6 and IPv4, or IPv4 where there is no IPv6 */
	const char *path; /* Unix socket, of the configuration; else NULL */
};

struct socket_options { /* of a Unix socket */
	int type;
	mode_t mode;
	bool replace; /* whoever listens there now */
	bool beside;  /* under a name of its own, until it is renamed; who listens there goes on */
};

/* All that can fail returns a negative errno and appends a line to `error`; `text` is the address
 * as the operator wrote it. A host that is a name is looked up once, by the C library (before
 * anything is served), and IPv4 is preferred. */
int socket_address_of(const struct config_address *c, struct socket_address *out, struct buf *error)
    __attribute__((warn_unused_result));
/* -EADDRINUSE, with who it is, when somebody listens there already. */
int socket_check_free(const struct socket_address *a, const char *text, struct buf *error)
    __attribute__((warn_unused_result));
/* Non-blocking, close-on-exec, SO_REUSEPORT; nobody is connected to it before socket_listen. */
int socket_bind_tcp(struct socket_address *a, const char *text, struct buf *error)
    __attribute__((warn_unused_result));
int socket_listen(int fd) __attribute__((warn_unused_result));
/* A file that is left over from a dead process is replaced, one on which somebody listens only if
 * the options say so. */
int socket_listen_unix(const struct socket_address *a, const struct socket_options *options,
		       const char *text, struct buf *error) __attribute__((warn_unused_result));
/* Could it be done, as far as can be seen? 0; nothing is made. */
int socket_try_unix(const struct socket_address *a, const struct socket_options *options,
		    const char *text, struct buf *error) __attribute__((warn_unused_result));
/* The name of a socket that is opened `beside`, for free(); NULL when it would be too long for one.
 */
char *socket_name_beside(const char *path);
/* Does anybody listen at this path? */
bool socket_is_served(const char *path, int type);
/* Calls `found` with the inode of each socket that listens at this port, of our user, whose alone
 * can share it with ours, or anybody's; or of anybody's that listens at this path (proc(5),
 * /proc/net/tcp, /proc/net/unix). */
void socket_each_listening(const struct socket_address *a, bool anybodys,
			   void (*found)(void *userdata, uint64_t inode), void *userdata);
/* Is there a socket at this path? Not: does anybody listen. */
bool socket_stands(const char *path);
/* Appends the address that it is bound to, as a listener's is written. */
void socket_describe(int fd, struct buf *out);
bool socket_is_bound_to(int fd, const struct socket_address *a);
/* Stores the port that the kernel chose when it was asked for port 0. */
void socket_read_port(int fd, struct socket_address *a);
