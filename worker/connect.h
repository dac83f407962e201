#pragma once

/*
 * connect: a connection for a request: one of the pool that may carry it, or a new one, to the
 * first of the endpoint's addresses that takes it.
 */

struct stream;

/* A new connection stands (status 0), or does not (a negative errno). */
void connect_done(struct stream *s, int status);
