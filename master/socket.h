#pragma once

/*
 * socket: one listening socket: its address, its options, and error messages that say what to do.
 */

#include "config.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/types.h>

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
};

/* All that can fail returns a negative errno and appends a line to `error`; `text` is the address
 * as the operator wrote it. A host that is a name is looked up once, by the C library (before
 * anything is served), and IPv4 is preferred. */
int socket_address_of(const struct config_address *c, struct socket_address *out, struct buf *error)
    __attribute__((warn_unused_result));
/* -EADDRINUSE, with who it is, when somebody listens there already. */
int socket_check_free(const struct socket_address *a, const char *text, struct buf *error)
    __attribute__((warn_unused_result));
/* Non-blocking, close-on-exec, SO_REUSEPORT. */
int socket_listen_tcp(struct socket_address *a, const char *text, struct buf *error)
    __attribute__((warn_unused_result));
/* A file that is left over from a dead process is replaced, one on which somebody listens only if
 * the options say so. */
int socket_listen_unix(const struct socket_address *a, const struct socket_options *options,
		       const char *text, struct buf *error) __attribute__((warn_unused_result));
bool socket_is_bound_to(int fd, const struct socket_address *a);
/* Stores the port that the kernel chose when it was asked for port 0. */
void socket_read_port(int fd, struct socket_address *a);
