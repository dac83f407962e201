#pragma once

/*
 * tls_session: one connection's TLS: bytes in, bytes out, no socket. What the peer sent goes in by
 * a slice that moves forward over what was taken; what is to be sent is added to a buffer, also by
 * calls that read (alerts, tickets). After a failure the alert is in that buffer, and every call
 * fails the same way.
 *
 * Fatal outcomes: -EPROTO the peer broke the protocol or has nothing in common with us,
 * -EKEYREJECTED its certificate was refused, -ECONNABORTED it sent a fatal alert. A connection that
 * ends before TLS_CLOSED was cut off: what came may be a part.
 */

#include "tls.h"

#define TLS_MORE 1 /* all input is taken; the peer has to say more */
#define TLS_ROOM                                                                                   \
	2            /* no room is left in `plain`: call again, with the rest of the input or none \
		      */
#define TLS_CLOSED 3 /* the peer's close_notify: nothing more will come, and that is the truth */

struct buf;
struct tls_session;

struct tls_session *tls_session_new(struct tls_context *c); /* never NULL */
void tls_session_free(struct tls_session *s);

/* Clients, before the handshake. The name goes into SNI and must be in the server's certificate,
 * both without a dot at its end; an address is not sent (RFC 6066 section 3), but must be in it all
 * the same, and as an address. 0, or -EINVAL for one too long. */
int tls_session_set_peer(struct tls_session *s, const char *name)
    __attribute__((warn_unused_result));
/* Clients, before the handshake: tries to resume. What does not fit is left unused, and so is one
 * whose server's certificate has ended since. */
struct tls_resumption;
void tls_session_offer(struct tls_session *s, const struct tls_resumption *r);
/* Clients: the newest ticket that came since the last call, or NULL; for tls_resumption_free. Of
 * TLS 1.3 it is used once only (RFC 8446 appendix C.4). */
struct tls_resumption *tls_session_take_resumption(struct tls_session *s);
void tls_resumption_free(struct tls_resumption *r);

/* 0: done; the rest of the input is for tls_session_read. TLS_MORE, or a fatal outcome. */
int tls_session_handshake(struct tls_session *s, struct slice *in, struct buf *out)
    __attribute__((warn_unused_result));
/* Decrypts into `plain` while there is input and room (room > 0); *n tells how much, whatever comes
 * back: TLS_MORE, TLS_ROOM, TLS_CLOSED, or a fatal outcome. After the handshake. */
int tls_session_read(struct tls_session *s, struct slice *in, char *plain, size_t room, size_t *n,
		     struct buf *out) __attribute__((warn_unused_result));
/* Encrypts the parts as one run of bytes. Records are 4 KiB long at the start of an answer, that
 * the peer can read it early, then as long as may be. 0 or a fatal outcome. After the handshake. */
int tls_session_write(struct tls_session *s, const struct slice *parts, unsigned n, struct buf *out)
    __attribute__((warn_unused_result));
/* Our close_notify, once. What the peer still sends may be read. */
void tls_session_close(struct tls_session *s, struct buf *out);
/* Gives the record buffers back (33 KiB) until the next call that needs them. True: it holds none
 * now; false: that is not possible, within the handshake or a record. */
bool tls_session_park(struct tls_session *s);

bool tls_session_established(const struct tls_session *s);
/* What the end of the handshake gave to send is a ticket, for which no peer waits (servers, TLS
 * 1.3). */
bool tls_session_ends_with_ticket(const struct tls_session *s);
/* What failed, in words for the log; never what the peer wrote. "" when nothing did. */
const char *tls_session_why(const struct tls_session *s);

/* After the handshake. The texts are constants. */
const char *tls_session_version(const struct tls_session *s); /* "TLSv1.3" */
const char *tls_session_suite(const struct tls_session *s);   /* "TLS_AES_128_GCM_SHA256" */
const char *tls_session_alpn(const struct tls_session *s);    /* NULL: none */
bool tls_session_resumed(const struct tls_session *s);
/* Servers: the name that the client asked for, p NULL when it did not. */
struct slice tls_session_name(const struct tls_session *s);
/* The peer's own certificate in DER, verified as the context demands; n 0: it showed none. */
struct slice tls_session_peer_certificate(const struct tls_session *s);
/* Would this trust let the peer in today, with what it has shown? For servers whose lists of
 * revoked certificates are new ones. Takes as long as that part of a handshake. */
bool tls_session_is_trusted(const struct tls_session *s, struct tls_trust *t);
