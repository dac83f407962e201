#pragma once

/*
 * exchange: has the master post a form to a provider of identity, with the client's authentication
 * that the master alone knows. Bounded: in number, in size, and the master gives up after 10 s.
 *
 * What an exchange of a refresh token brings must not be lost (master/exchange.h): its handle lives
 * until exchange_kept, and if this worker dies before, another one gets the context, and the answer
 * as its own.
 */

#include "lib/slice.h"
#include "shm/message.h"

#include <stdbool.h>
#include <stdint.h>

struct exchange;
struct worker;

struct exchange_answer {
	/* Of HTTP; or a negative errno: nobody answered. -EOWNERDEAD: the master has given it to
	 * another worker, since this one stood still. */
	int status;
	uint32_t retry_s; /* Retry-After; 0: none */
	struct slice body;
};

/* Runs from the loop, once, never from within exchange_start; what `a` names is valid during the
 * call. */
typedef void (*exchange_fn)(void *userdata, const struct exchange_answer *a);

/* `form`: application/x-www-form-urlencoded, without client_id and its authentication. `provider`:
 * its name. The handle is dead when fn runs. NULL: the master is not there, or too many are under
 * way; fn does not run then. */
struct exchange *exchange_start(struct worker *w, struct slice provider, enum exchange_kind kind,
				struct slice form, exchange_fn fn, void *userdata);
/* fn will not run; it goes on all the same. */
void exchange_forget(struct exchange *x);

/* An EXCHANGE_REFRESH. `context`: at least one byte, at most EXCHANGE_CONTEXT_MAX, for whoever goes
 * on with it. Not to be sent after begin_ms (CLOCK_MONOTONIC). The handle lives until
 * exchange_kept, which is due once fn ran. */
struct exchange *exchange_refresh(struct worker *w, struct slice provider, struct slice form,
				  struct slice context, uint64_t begin_ms, exchange_fn fn,
				  void *userdata);
/* What another worker began and this one adopts (refresh_adopt): fn will hear of it. */
void exchange_hear(struct exchange *x, exchange_fn fn, void *userdata);
/* What it brought is stored, or there was nothing to be stored. */
void exchange_kept(struct exchange *x);

/* Messages of the master (control.c); `fd` stays the caller's. */
void exchange_adopt(struct worker *w, const struct msg_exchange *m, int fd);
void exchange_heard(struct worker *w, const struct msg_exchanged *m, int fd);
/* The master is gone. */
void exchanges_lose(struct worker *w);
void exchanges_free(struct worker *w);
