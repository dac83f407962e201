#pragma once

/*
 * pair: a certificate chain with its key, as two files (or one with both) say. Counted: the sets of
 * certificates.h share those whose files have not changed.
 */

#include "lib/buf.h"
#include "lib/map.h"
#include "lib/sha256.h"

#include <time.h>

struct tls_certificate;

struct pair {
	unsigned references;
	struct buf chain, key;        /* PEM; both are wiped, as a chain may stand beside its key */
	uint8_t digest[SHA256_BYTES]; /* of both */
	struct tls_certificate *certificate;
	time_t from, until;
	struct map names; /* of hosts, in lower case, "*.x" too; no values */
	int told;         /* of its end: so many days before, it was logged (expiry.c) */
};

/* How it went: 0; -EBADMSG: what was read cannot serve; another negative errno: it cannot be read.
 * `why` says what is wrong, with the remedy. Warnings, of the key's mode, are of `warning`. */
int pair_read(const char *file, const char *key, struct pair **out, struct buf *why,
	      struct buf *warning) __attribute__((warn_unused_result));
struct pair *pair_ref(struct pair *p);
void pair_unref(struct pair *p); /* NULL is allowed */
/* Would clients refuse it now, by its dates or its chain? NULL: they would not. */
const char *pair_doubt(const struct pair *p, time_t now);
/* The first name, or "-". */
const char *pair_name(const struct pair *p);
