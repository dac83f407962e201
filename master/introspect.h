#pragma once

/*
 * introspect: tokens that say nothing themselves: their issuer is asked whose they are (RFC 7662),
 * by the master, once for all workers of the host however many ask, a few at a time. What it said
 * is kept until the token ends, and no longer than the operator allows; a no for a moment; that it
 * does not answer not at all, but it is left alone for a moment.
 *
 * A token is kept under a digest with a key of this process, and itself only until it was asked.
 */

#include <stdint.h>

struct certificates;
struct config;
struct introspector;
struct msg_token_ask;
struct msg_token_told;
struct resolver;
struct uv_loop_s;

struct introspect_ops {
	/* To the worker that asked. */
	void (*told)(void *userdata, uint64_t instance, const struct msg_token_told *told);
};

struct introspector *introspect_new(struct uv_loop_s *loop, struct resolver *resolver,
				    const struct introspect_ops *ops, void *userdata);
void introspect_free(struct introspector *is); /* NULL is allowed */
/* The configuration in force, which lives until the next call. */
void introspect_configure(struct introspector *is, const struct config *c);
/* What TLS needs of files; lives until the next call. */
void introspect_secure(struct introspector *is, const struct certificates *files);
/* `instance`: of the worker; `told` comes at once or later, or never if the master ends. */
void introspect_ask(struct introspector *is, uint64_t instance, const struct msg_token_ask *ask);

struct introspect_status {
	const char *name;         /* of the issuer; NULL: none is asked */
	const char *url, *error;  /* of the last question; "": it went well */
	uint64_t asked, failures; /* questions to the issuer */
	uint64_t known, waiting;  /* tokens */
};
void introspect_get_status(const struct introspector *is, struct introspect_status *out);
