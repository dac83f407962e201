#pragma once

/*
 * exchange: what workers have to ask the authorization servers of providers: codes for tokens,
 * refresh tokens for new ones, revocations, tokens for other audiences. A worker gives the form;
 * the client's authentication is added here, so that no worker knows a client's secret.
 *
 * A refresh token may be good for one use alone. From the moment in which the server has acted on
 * it until its successor lies in Redis, the session hangs on that answer: so an EXCHANGE_REFRESH is
 * kept here until a worker says that it is stored. If the one that asked dies or stands still, it
 * goes to another one at once, with the context that the first one gave along, answered or not.
 *
 * What remains: if this process itself dies between the server's act and the answer's way to a
 * worker, or if the answer is lost on the network, nobody has the new token.
 */

#include "config_login.h"

#include "shm/message.h"

#include "lib/slice.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct certificates;
struct config_upstream_tls;
struct config_url;
struct exchanger;
struct resolver;
struct uv_loop_s;

struct exchange_place {
	const struct config_url *url; /* NULL: it is not known */
	bool soon;                    /* the provider is to be heard of for the first time */
	const struct config_upstream_tls *tls;
	const char *server_name; /* "": the host's */
	struct slice client_id, client_secret;
	bool post; /* the client says who it is in the form, not in a field */
};

struct exchange_ops {
	/* Where a provider takes this kind; what it names lives during the call. False: there is no
	 * such provider. */
	bool (*place)(void *userdata, struct slice provider, enum exchange_kind kind,
		      struct exchange_place *out);
	/* Does this worker still work? */
	bool (*lives)(void *userdata, uint64_t instance);
	/* A worker that does; 0: there is none at the moment. */
	uint64_t (*heir)(void *userdata);
	void (*send)(void *userdata, uint64_t instance, enum message_type type, const void *body,
		     size_t n, int fd);
};

struct exchanger *exchanger_new(struct uv_loop_s *loop, struct resolver *resolver,
				const struct exchange_ops *ops, void *userdata);
void exchanger_free(struct exchanger *x); /* NULL is allowed */
/* What TLS needs of files; lives until the next call. */
void exchanger_secure(struct exchanger *x, const struct certificates *files);
/* Is it what a worker asks in such a form, and nothing else? */
bool exchange_form_fits(enum exchange_kind kind, struct slice form);
/* A worker asks; `fd` stays the caller's. Where it is not known yet whom to ask, that is waited
 * for. 0; -EBADMSG: it is no question. */
int exchanger_ask(struct exchanger *x, uint64_t instance, const struct msg_exchange *ask, int fd)
    __attribute__((warn_unused_result));
void exchanger_kept(struct exchanger *x, uint64_t instance, uint64_t id);
/* Workers came or went, or time went by: what is nobody's goes to one who lives, and what waited to
 * be sent is. */
void exchanger_settle(struct exchanger *x);
/* When the last of those that must not be lost will be over (clock_mono_ms); 0: there is none. */
uint64_t exchanger_until(const struct exchanger *x);

struct exchanger_status {
	uint64_t asked[EXCHANGE_KIND_N];  /* of servers */
	uint64_t failed[EXCHANGE_KIND_N]; /* no answer, or one of 5xx */
	uint64_t refused;                 /* not sent: too many, or too late */
	uint64_t adopted;                 /* went to another worker */
	uint64_t under_way, unkept;
};
void exchanger_get_status(const struct exchanger *x, struct exchanger_status *out);
