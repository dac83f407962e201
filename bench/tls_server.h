#pragma once

/*
 * tls_server: Yett's TLS and OpenSSL's, alike, as servers that get bytes and give bytes; and the
 * clients that both talk to, which are OpenSSL's.
 */

#include "lib/tls_session.h"

#include <openssl/ssl.h>

struct setting {
	const char *name, *group; /* OpenSSL's list */
	int version;              /* and its number */
	bool resumes;
};

struct buf;

/* A connection is its own; `in` and `out` are what travels. */
struct server {
	const char *name;
	void *(*start)(const struct server *s);
	void (*take)(void *connection, struct slice in, struct buf *out);
	void (*say)(void *connection, struct slice text, struct buf *out);
	void (*rest)(void *connection); /* it is idle now */
	void (*end)(void *connection);
	void (*deinit)(struct server *s);
	void *context;
};

void server_init(void); /* makes the certificate that both show */
void server_yett(struct server *s);
void server_openssl(struct server *s, const struct setting *t);

SSL_CTX *clients_new(const struct setting *t);
SSL *client_new(SSL_CTX *ctx); /* over memory */
void client_free(SSL *client);
void bio_drain(BIO *bio, struct buf *out); /* what it holds goes to `out` */
