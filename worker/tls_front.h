#pragma once

/*
 * tls_front: TLS of clients: which certificate they see and which one they have to show, by the
 * table in force; how their handshakes end; and whether what a connection was opened for is what
 * its requests ask.
 */

#include "lib/tls_peer.h"
#include "shm/table.h"

struct credentials;
struct client;
struct request;
struct tls_front;
struct tls_session;
struct worker;

struct tls_front *tls_front_new(struct credentials *credentials);
void tls_front_free(struct tls_front *f);
/* The keys of a new table, and the certificates that they hold. Connections keep what they have.
 * False: they are those of before. */
bool tls_front_load(struct tls_front *f, struct segment *keys);

/* The client's listener speaks TLS: from here on it does. `early`: what came of it already. */
void tls_front_begin(struct client *c, struct slice early);
/* As stream_ops.secured. */
void tls_front_secured(struct client *c, int outcome);
/* The connection ended with this error (-ETIMEDOUT: its time was over) while it shook hands; told
 * and counted. Does nothing otherwise. */
void tls_front_failed(struct client *c, int error);
/* Frees what is known of the client's TLS, if it spoke any. */
void tls_front_forget(struct client *c);
/* May this request come over its connection? Not where its host asks other certificates of clients
 * than the name that the connection was opened for (RFC 9110 section 7.4), nor where the
 * certificate that was shown has been revoked since. */
bool tls_front_admits(const struct request *r);
/* Did its client show no certificate that is good, by lists that are no longer those? Then this is
 * the last request of the connection, so that he can show it anew. */
bool tls_front_outdated(const struct request *r);
/* Of the request's connection; NULL: it is plain. */
const struct tls_session *tls_front_session(const struct request *r);
/* What the certificate says that was shown on it, and was verified; NULL: there is none. */
const struct tls_peer *tls_front_peer(const struct request *r);
/* The first of its values, "" when there is none. */
struct slice tls_front_fact(const struct request *r, enum tls_fact fact);
/* The name that it was opened for; empty: none, or one that is no name. */
struct slice tls_front_name(const struct request *r);
/* After tls_front_load: who waits for nothing, and was asked for other certificates than the table
 * now asks for, comes again. */
void tls_front_retire(struct worker *w);
