#pragma once

/*
 * tls_internal: mbedTLS's structs, for the files of tls and for nobody else.
 */

#include "tls.h"

#include <mbedtls/gcm.h>
#include <mbedtls/ssl.h>

struct buf;

struct tls_certificate {
	unsigned references;
	mbedtls_x509_crt chain;
	mbedtls_pk_context key;
};

struct tls_trust {
	unsigned references;
	mbedtls_x509_crt roots;
	mbedtls_x509_crl revoked;
};

struct tls_tickets {
	struct {
		uint8_t name[sizeof((struct tls_ticket_key){ 0 }.name)];
		mbedtls_gcm_context cipher;
	} keys[TLS_TICKET_KEYS_MAX];
	unsigned n;
	uint32_t lifetime;
};

/* More than there are to choose from; what goes beyond is left out. */
#define TLS_SUITES_MAX 16
#define TLS_GROUPS_MAX 8

struct tls_context {
	unsigned references;
	struct tls_settings settings;
	mbedtls_ssl_config config;
	int suites[TLS_SUITES_MAX + 1];
	uint16_t groups[TLS_GROUPS_MAX + 1];
	uint8_t (*pins)[32];
	struct tls_tickets tickets;
	struct tls_session *current; /* in whose handshake mbedTLS is now */
};

/* What an error of mbedTLS means: the outcome of tls_session.h, the alert to send when none was
 * sent yet (0: none), and the words. */
struct tls_failure {
	int outcome;
	uint8_t alert;
	const char *why;
};

struct tls_resumption {
	mbedtls_ssl_session session;
	time_t until; /* when the certificate that it stands for ends; 0: nobody looked at it */
};

struct tls_address {
	uint8_t ip[16];
	size_t n; /* 4 or 16; 0: it is a name */
};

struct tls_session {
	mbedtls_ssl_context ssl;
	struct tls_context *context;
	struct slice *in; /* both are the caller's, within a call */
	struct buf *out;
	struct tls_resumption *resumption;
	struct tls_choice choice; /* held until the handshake is over */
	char *name;
	size_t name_n;
	struct tls_address address; /* clients: of the server, when it has no name */
	time_t until;               /* as of struct tls_resumption */
	size_t burst;               /* written since the peer said something */
	int suite_before;           /* of the ticket that was opened last */
	struct tls_failure failure;
	uint8_t counter[8]; /* while parked */
	bool established, resumed, asked, closed_in, closed_out;
};

/* The random numbers of mbedTLS's interface. */
int tls_random(void *unused, unsigned char *out, size_t n);

void tls_tickets_init(struct tls_tickets *t);
void tls_tickets_set(struct tls_tickets *t, const struct tls_ticket_key *keys, unsigned n,
		     uint32_t lifetime);
void tls_tickets_deinit(struct tls_tickets *t);
/* mbedTLS's f_ticket_write and f_ticket_parse; the first argument is the struct tls_context. */
int tls_ticket_seal(void *context, const mbedtls_ssl_session *session, unsigned char *start,
		    const unsigned char *end, size_t *n, uint32_t *lifetime);
int tls_ticket_open(void *context, mbedtls_ssl_session *session, unsigned char *ticket, size_t n);

static inline struct slice
tls_bytes(const mbedtls_asn1_buf *b)
{
	return slice_make((const char *)b->p, b->len);
}

/* Of tls_dn.c. A distinguished name as in TLS_FACT_SUBJECT of tls_peer.h. */
void tls_dn_add(struct buf *b, const mbedtls_x509_name *first);
/* Is a value of such a name what its type says, and of a type whose bytes are UTF-8? */
bool tls_dn_is_text(const mbedtls_asn1_buf *value);

time_t tls_seconds_of(const mbedtls_x509_time *t);

const char *tls_suite_name(int number); /* IANA's; "" for one that is not offered */

/* Of tls_pick.c. */
void tls_choice_forget(struct tls_choice *choice);
/* Asked when a ticket was opened: may the handshake resume from it? */
bool tls_session_may_resume(struct tls_session *s);
/* mbedTLS's f_cert_cb. */
int tls_session_choose(mbedtls_ssl_context *ssl);
/* Of tls_verify.c: a client's that has roots or pins. */
void tls_verify_conf(struct tls_context *c);
bool tls_address_parse(const char *text, struct tls_address *out);
struct tls_failure tls_failure_of(int error, uint32_t verified); /* tls_error.c */

/* Before each call of mbedTLS. False: the session has failed, or fails now. */
bool tls_session_enter(struct tls_session *s, struct slice *in, struct buf *out);
/* For good; the outcome. `sent`: what was in `out` before the call that failed: when there is more,
 * mbedTLS has sent the alert itself. */
int tls_session_fail(struct tls_session *s, int error, size_t sent);

/* Of tls_inside.c. Gives the record buffers to a pool, when the session is idle; takes some again.
 */
bool tls_park(mbedtls_ssl_context *ssl, uint8_t counter[8]);
int tls_unpark(mbedtls_ssl_context *ssl, const uint8_t counter[8]); /* 0 or mbedTLS's error */
/* The next record is made at `p`, where TLS_RECORD_ROOM is free, and so need not be copied there;
 * what comes back must be given to tls_make_inside before `p` may move. */
#define TLS_RECORD_ROOM ((size_t)17408)
unsigned char *tls_make_at(mbedtls_ssl_context *ssl, char *p);
void tls_make_inside(mbedtls_ssl_context *ssl, unsigned char *own);
/* The handshake: all of it is behind us, tickets of TLS 1.3 too; it resumes (not told any more when
 * it is over); it is about to resume, and with another suite than that of the ticket; it shall not
 * resume after all (the last two: servers, TLS 1.2). */
bool tls_is_over(const mbedtls_ssl_context *ssl);
bool tls_resumes(const mbedtls_ssl_context *ssl);
bool tls_resumes_with_another(const mbedtls_ssl_context *ssl, int suite);
void tls_resume_not(mbedtls_ssl_context *ssl);
