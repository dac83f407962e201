#pragma once

/*
 * issuer_set: the keys of one issuer, made of a document that somebody else wrote; off the loop,
 * since many keys take longer than the loop may be away. Public keys alone, but for sets out of a
 * file.
 */

#include "lib/jwks.h"
#include "lib/sha256.h"

struct uv_loop_s;

struct issuer_set {
	const char *doubt; /* where no key is left: why the first one was refused; "" for none */
	struct jwks jwks;  /* its keys in an order that does not depend on the document's */
	uint8_t digest[SHA256_BYTES];
};

/* Takes the keys over. */
void issuer_set_init(struct issuer_set *s, struct jwks *jwks);
void issuer_set_deinit(struct issuer_set *s);

/* `why` NULL: `set` is to be taken over (and left empty). Else what is wrong, in words. */
typedef void (*issuer_set_fn)(void *userdata, const char *why, struct issuer_set *set);

/* In the loop's own thread. The same as above: NULL, or what is wrong with the document. */
const char *issuer_set_read(struct slice text, uint32_t algorithms, struct issuer_set *out)
    __attribute__((warn_unused_result));

struct issuer_work;
/* The same in another thread. Copies the text. `done` runs from the loop, once. NULL: that is not
 * possible. */
struct issuer_work *issuer_work_start(struct uv_loop_s *loop, struct slice text,
				      uint32_t algorithms, issuer_set_fn done, void *userdata);
/* `done` will not run. `wait`: the loop is about to end; returns when no thread is at it. */
void issuer_work_cancel(struct issuer_work *w, bool wait);
/* Is a thread at it, whether anybody waits for that or not? Then this is no time to fork: the child
 * is a copy of one thread, and another one may hold a lock that it needs. */
bool issuer_work_any(void);
