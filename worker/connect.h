#pragma once

/*
 * connect: a connection for a request: one of the pool that may carry it, or a new one, to the
 * first of the endpoint's addresses that takes it.
 */

struct stream;
struct upstream;
struct sockaddr_storage;
struct table_address;

/* An IPv4 or IPv6 address of the table with its port. */
void connect_address(const struct table_address *a, struct sockaddr_storage *out);
/* A new connection stands (status 0), or does not (a negative errno). */
void connect_done(struct stream *s, int status);
/* Its handshake is over, where it has one. */
void connect_secured(struct stream *s, int outcome);
/* It is not to be had: the next address, or another try. `status`: a negative errno, or 0 for a
 * connection that ended within its handshake. */
void connect_failed(struct upstream *u, int status);
