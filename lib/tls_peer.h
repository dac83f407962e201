#pragma once

/*
 * tls_peer: what a certificate says of its owner, as texts to compare, to log and to send on. They
 * are made once, of a certificate that was verified, and say nothing else whatever it holds: a name
 * with a NUL, a line break or bytes of another character set in it is not taken for another one.
 */

#include "slice.h"

/* All that a Certificate message can hold: what is made of it is at most a few times as long. */
#define TLS_PEER_MAX ((size_t)16384)

enum tls_fact {
	/* RFC 4514, the most special part first, as openssl's -nameopt RFC2253 has it: "CN=a,O=b".
	 * Printable ASCII alone: other bytes, and quotes and backslashes within a value, are
	 * triplets of a backslash and hex digits; a value that is no text of UTF-8, or of an
	 * attribute without a name there, is "#" and its DER in hex. */
	TLS_FACT_SUBJECT,
	TLS_FACT_ISSUER, /* the same */
	TLS_FACT_CN,     /* each commonName of the subject, as it is: UTF-8 without controls */
	TLS_FACT_DNS,    /* subjectAltName; of printable ASCII without blanks, quotes and */
	TLS_FACT_URI,    /* backslashes, or else it is left out */
	TLS_FACT_EMAIL,
	TLS_FACT_FINGERPRINT, /* SHA-256 of all of it: 64 hex digits in lower case. There is always
				 one. */
	TLS_FACT_N
};
#define TLS_FACT_NAMES(X)                                                                          \
	X("subject", TLS_FACT_SUBJECT)                                                             \
	X("issuer", TLS_FACT_ISSUER)                                                               \
	X("cn", TLS_FACT_CN)                                                                       \
	X("dns", TLS_FACT_DNS)                                                                     \
	X("uri", TLS_FACT_URI)                                                                     \
	X("email", TLS_FACT_EMAIL)                                                                 \
	X("fingerprint", TLS_FACT_FINGERPRINT)

struct tls_peer;

/* Of a certificate in DER. NULL: it is none, or longer than TLS_PEER_MAX. */
struct tls_peer *tls_peer_new(struct slice der);
void tls_peer_free(struct tls_peer *p); /* NULL is allowed */
/* The value number i, in the order of the certificate; p NULL: there are not so many. They live as
 * long as the peer. */
struct slice tls_peer_fact(const struct tls_peer *p, enum tls_fact fact, unsigned i);
