#include "tls_server.h"

#include "lib/buf.h"

#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdlib.h>

static EVP_PKEY *key;
static X509 *certificate;

void
server_init(void)
{
	key = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
	certificate = X509_new();
	X509_set_version(certificate, X509_VERSION_3);
	ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
	X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN", MBSTRING_ASC,
				   (const unsigned char *)"bench", -1, -1, 0);
	X509_set_issuer_name(certificate, X509_get_subject_name(certificate));
	X509_gmtime_adj(X509_getm_notBefore(certificate), -86400);
	X509_gmtime_adj(X509_getm_notAfter(certificate), 86400);
	X509_set_pubkey(certificate, key);
	if (X509_sign(certificate, key, EVP_sha256()) == 0)
		abort();
}

void
bio_drain(BIO *bio, struct buf *out)
{
	char *p;
	long n = BIO_get_mem_data(bio, &p);

	buf_add(out, p, (size_t)n);
	(void)BIO_reset(bio);
}

SSL *
client_new(SSL_CTX *ctx)
{
	SSL *ssl = SSL_new(ctx);

	SSL_set_bio(ssl, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
	return ssl;
}

/* OpenSSL as the server. */

static void *
openssl_start(const struct server *s)
{
	SSL *ssl = client_new(s->context);

	SSL_set_accept_state(ssl);
	return ssl;
}

static void
openssl_take(void *connection, struct slice in, struct buf *out)
{
	SSL *ssl = connection;
	char plain[16384];

	BIO_write(SSL_get_rbio(ssl), in.p, (int)in.n);
	if (SSL_is_init_finished(ssl) || SSL_do_handshake(ssl) == 1)
		SSL_read(ssl, plain, sizeof plain);
	bio_drain(SSL_get_wbio(ssl), out);
}

static void
openssl_say(void *connection, struct slice text, struct buf *out)
{
	SSL_write(connection, text.p, (int)text.n);
	bio_drain(SSL_get_wbio(connection), out);
}

static void
openssl_rest(void *connection)
{
	/* SSL_MODE_RELEASE_BUFFERS has done it. */
}

void
client_free(SSL *client)
{
	SSL_set_shutdown(client, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
	SSL_free(client);
}

static void
openssl_end(void *connection)
{
	client_free(connection);
}

static void
openssl_deinit(struct server *s)
{
	SSL_CTX_free(s->context);
}

static SSL_CTX *
openssl_context(const SSL_METHOD *method, const struct setting *t)
{
	SSL_CTX *ctx = SSL_CTX_new(method);

	SSL_CTX_set_min_proto_version(ctx, t->version);
	SSL_CTX_set_max_proto_version(ctx, t->version);
	SSL_CTX_set1_groups_list(ctx, t->group);
	SSL_CTX_set_ciphersuites(ctx, "TLS_AES_128_GCM_SHA256");
	SSL_CTX_set_cipher_list(ctx, "ECDHE-ECDSA-AES128-GCM-SHA256");
	SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS);
	return ctx;
}

void
server_openssl(struct server *s, const struct setting *t)
{
	SSL_CTX *ctx = openssl_context(TLS_server_method(), t);

	*s = (struct server){
		.name = "openssl",
		.start = openssl_start,
		.take = openssl_take,
		.say = openssl_say,
		.rest = openssl_rest,
		.end = openssl_end,
		.deinit = openssl_deinit,
		.context = ctx,
	};
	SSL_CTX_use_certificate(ctx, certificate);
	SSL_CTX_use_PrivateKey(ctx, key);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_num_tickets(ctx, 1); /* as Yett */
}

/* Yett as the server. */

static void *
yett_start(const struct server *s)
{
	return tls_session_new(s->context);
}

static void
yett_take(void *connection, struct slice in, struct buf *out)
{
	char plain[16384];
	size_t n;

	if (tls_session_handshake(connection, &in, out) == 0 &&
	    tls_session_read(connection, &in, plain, sizeof plain, &n, out) < 0)
		abort();
}

static void
yett_say(void *connection, struct slice text, struct buf *out)
{
	if (tls_session_write(connection, &text, 1, out) < 0)
		abort();
}

static void
yett_rest(void *connection)
{
	if (!tls_session_park(connection))
		abort();
}

static void
yett_end(void *connection)
{
	tls_session_free(connection);
}

static void
yett_deinit(struct server *s)
{
	tls_context_unref(s->context);
}

SSL_CTX *
clients_new(const struct setting *t)
{
	return openssl_context(TLS_client_method(), t);
}

static struct slice
pem_of(BIO *bio)
{
	char *p;
	long n = BIO_get_mem_data(bio, &p);

	return slice_make(p, (size_t)n);
}

static bool
yett_pick(void *arg, struct slice name, struct tls_choice *choice)
{
	*choice = (struct tls_choice){ .certificates = { arg }, .n = 1 };
	return true;
}

void
server_yett(struct server *s)
{
	static const struct tls_ticket_key ticket = { "the name of it", "and the key" };
	BIO *chain = BIO_new(BIO_s_mem()), *secret = BIO_new(BIO_s_mem());
	struct tls_settings settings = { .newest = TLS_1_3, .pick = yett_pick };
	const char *why;

	PEM_write_bio_X509(chain, certificate);
	PEM_write_bio_PrivateKey(secret, key, NULL, NULL, 0, NULL, NULL);
	settings.pick_arg = tls_certificate_new(pem_of(chain), pem_of(secret), &why);
	if (!settings.pick_arg)
		abort();
	*s = (struct server){
		.name = "yett",
		.start = yett_start,
		.take = yett_take,
		.say = yett_say,
		.rest = yett_rest,
		.end = yett_end,
		.deinit = yett_deinit,
		.context = tls_server_new(&settings),
	};
	tls_server_tickets(s->context, &ticket, 1, 3600);
	BIO_free(chain);
	BIO_free(secret);
}
