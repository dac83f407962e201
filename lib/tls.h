#pragma once

/*
 * tls: what many connections share: certificates with their keys, whom to trust, and the settings
 * of one side with its ticket keys. mbedTLS speaks the protocol; nothing of it is seen above this.
 * All are counted: a session holds what it needs, so that a table may go while it lives.
 */

#include "slice.h"

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

/* A chain, the own certificate first, with the key of that; both PEM. Refused with a reason: what
 * does not parse, a key that is encrypted or not that of the certificate, RSA below 2048 bits,
 * curves but P-256, P-384 and P-521. NULL: refused, *why is a constant text. */
struct tls_certificate;
struct tls_certificate *tls_certificate_new(struct slice chain, struct slice key, const char **why)
    __attribute__((warn_unused_result));
struct tls_certificate *tls_certificate_ref(struct tls_certificate *c);
/* NULL is allowed. The key is wiped; of RSA libcrypto keeps the eight used last (primitives/rsa.c).
 */
void tls_certificate_unref(struct tls_certificate *c);
/* Of the own certificate, in seconds since 1970. */
void tls_certificate_dates(const struct tls_certificate *c, time_t *not_before, time_t *not_after);
bool tls_certificate_fits(const struct tls_certificate *c,
			  struct slice name); /* RFC 9525 section 6.3 */
/* Each DNS name of the own certificate, as it is written there: "*.x" too, and what is no name. */
void tls_certificate_names(const struct tls_certificate *c,
			   void (*each)(void *arg, struct slice name), void *arg);
bool tls_certificate_is_ecdsa(const struct tls_certificate *c); /* else RSA */
/* What clients would miss in the chain, or NULL: the order (RFC 5246 section 7.4.2), or the
 * certificates behind the own one. */
const char *tls_certificate_chain_fault(const struct tls_certificate *c);

/* Roots in PEM, and revocation lists (may be empty). A file of roots may hold some that cannot be
 * read: they are left out and counted, unless none is left. */
struct tls_trust;
struct tls_trust *tls_trust_new(struct slice roots, struct slice revoked, unsigned *left_out,
				const char **why) __attribute__((warn_unused_result));
/* When the first of the revocation lists is no longer valid; 0: there is none. */
time_t tls_trust_revoked_until(const struct tls_trust *t);
struct tls_trust *tls_trust_ref(struct tls_trust *t);
void tls_trust_unref(struct tls_trust *t);

/* What a server shows to a client that asks for a name. */
#define TLS_CERTIFICATES_MAX 4
struct tls_choice {
	struct tls_certificate *certificates[TLS_CERTIFICATES_MAX]; /* the preferred first */
	unsigned n;
	struct tls_trust *trust; /* of client certificates; NULL: none is asked for */
	bool required;           /* no certificate, no connection */
};
/* `name` is what the client sent in lower case or not, p NULL when it sent none. False: the
 * handshake is refused (unrecognized_name). May be asked more than once in a handshake. */
typedef bool (*tls_pick_fn)(void *arg, struct slice name, struct tls_choice *choice);

enum tls_version { TLS_1_2, TLS_1_3 };

struct tls_settings {
	enum tls_version oldest;
	enum tls_version newest;
	const int *suites;      /* IANA's numbers, by preference, 0 at the end; NULL: the default */
	const uint16_t *groups; /* the same, of groups */
	const char *const *alpn; /* by preference, NULL at the end; NULL: none */
	tls_pick_fn pick;        /* servers */
	void *pick_arg;
	struct tls_trust *trust;     /* clients: of servers. NULL: they are not verified */
	struct tls_certificate *own; /* clients: NULL for none */
	const uint8_t (*pins)[32];   /* clients: SHA-256 of the keys (SubjectPublicKeyInfo) that
				      * a server may have, also one that is not verified;
				      * copied */
	unsigned pins_n;             /* 0: any */
};

/* The number of a suite or group that is offered by this name (IANA's), or 0. */
int tls_suite_parse(struct slice name);
uint16_t tls_group_parse(struct slice name);
/* A suite is of one version alone. */
enum tls_version tls_suite_version(int number);

/* One side. Of the lists alpn is copied by reference and must outlive it. Never NULL. */
struct tls_context;
struct tls_context *tls_server_new(const struct tls_settings *settings);
struct tls_context *tls_client_new(const struct tls_settings *settings);
struct tls_context *tls_context_ref(struct tls_context *c);
void tls_context_unref(struct tls_context *c);

/* Keys of session tickets: the first seals, all open. The same keys in all processes let a client
 * resume with any of them. */
#define TLS_TICKET_KEYS_MAX 3
struct tls_ticket_key {
	uint8_t name[16];
	uint8_t key[32];
};
/* In place of those before; n 0: no tickets. `lifetime` in seconds, at most a week (RFC 8446
 * section 4.6.1). */
void tls_server_tickets(struct tls_context *c, const struct tls_ticket_key *keys, unsigned n,
			uint32_t lifetime);
