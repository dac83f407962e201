/*
 * What the errors of mbedTLS mean for the connection, and for the log.
 */

#include "tls_internal.h"

#include <errno.h>

#define ALERT_NONE 0 /* close_notify: never sent for a failure */

static const struct {
	int error;
	struct tls_failure failure;
} failures[] = {
	{ MBEDTLS_ERR_SSL_FATAL_ALERT_MESSAGE,
	  { -ECONNABORTED, ALERT_NONE, "the peer sent a fatal alert" } },
	{ MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY,
	  { -ECONNABORTED, ALERT_NONE, "the peer closed within the handshake" } },
	{ MBEDTLS_ERR_SSL_UNEXPECTED_MESSAGE,
	  { -EPROTO, MBEDTLS_SSL_ALERT_MSG_UNEXPECTED_MESSAGE,
	    "the peer sent a message that has no place here, such as a KeyUpdate" } },
	{ MBEDTLS_ERR_SSL_INVALID_RECORD,
	  { -EPROTO, MBEDTLS_SSL_ALERT_MSG_DECODE_ERROR, "the peer sent no TLS record" } },
	{ MBEDTLS_ERR_SSL_INVALID_MAC,
	  { -EPROTO, MBEDTLS_SSL_ALERT_MSG_BAD_RECORD_MAC, "a record was changed on its way" } },
	{ MBEDTLS_ERR_SSL_BAD_PROTOCOL_VERSION,
	  { -EPROTO, MBEDTLS_SSL_ALERT_MSG_PROTOCOL_VERSION, "no version of TLS in common" } },
	{ MBEDTLS_ERR_SSL_NO_APPLICATION_PROTOCOL,
	  { -EPROTO, MBEDTLS_SSL_ALERT_MSG_NO_APPLICATION_PROTOCOL,
	    "no application protocol in common" } },
	{ MBEDTLS_ERR_SSL_HANDSHAKE_FAILURE,
	  { -EPROTO, MBEDTLS_SSL_ALERT_MSG_HANDSHAKE_FAILURE,
	    "no suite, group or signature in common" } },
	{ MBEDTLS_ERR_SSL_UNRECOGNIZED_NAME,
	  { -EPROTO, MBEDTLS_SSL_ALERT_MSG_UNRECOGNIZED_NAME, "the name is not served here" } },
	{ MBEDTLS_ERR_SSL_DECODE_ERROR,
	  { -EPROTO, MBEDTLS_SSL_ALERT_MSG_DECODE_ERROR, "the peer sent a broken message" } },
	{ MBEDTLS_ERR_SSL_ILLEGAL_PARAMETER,
	  { -EPROTO, MBEDTLS_SSL_ALERT_MSG_ILLEGAL_PARAMETER,
	    "the peer sent a message that contradicts itself" } },
	{ MBEDTLS_ERR_SSL_NO_CLIENT_CERTIFICATE,
	  { -EKEYREJECTED, MBEDTLS_SSL_ALERT_MSG_NO_CERT, "the client showed no certificate" } },
	{ MBEDTLS_ERR_SSL_BAD_CERTIFICATE,
	  { -EKEYREJECTED, MBEDTLS_SSL_ALERT_MSG_BAD_CERT, "the certificate cannot be read" } },
};

/* The first that holds is told. */
static const struct {
	uint32_t bit;
	const char *why;
} verdicts[] = {
	{ MBEDTLS_X509_BADCERT_EXPIRED, "the certificate has expired" },
	{ MBEDTLS_X509_BADCERT_FUTURE, "the certificate is not valid yet" },
	{ MBEDTLS_X509_BADCERT_REVOKED, "the certificate is revoked" },
	{ MBEDTLS_X509_BADCERT_CN_MISMATCH, "the certificate is not of this name" },
	{ MBEDTLS_X509_BADCRL_EXPIRED, "the revocation list has expired" },
	{ MBEDTLS_X509_BADCERT_BAD_KEY, "the certificate's key is too short" },
	{ MBEDTLS_X509_BADCERT_BAD_MD, "the certificate's signature is of a weak kind" },
	{ MBEDTLS_X509_BADCERT_BAD_PK, "the certificate's key is of a weak kind" },
	{ MBEDTLS_X509_BADCERT_NOT_TRUSTED, "no root that is trusted signed the certificate" },
	{ MBEDTLS_X509_BADCERT_OTHER, "the certificate's key is none of those that are pinned" },
};

static struct tls_failure
verification_failure(uint32_t verified)
{
	struct tls_failure f = { -EKEYREJECTED, MBEDTLS_SSL_ALERT_MSG_BAD_CERT,
				 "the certificate was refused" };

	for (size_t i = 0; i < sizeof verdicts / sizeof verdicts[0]; i++) {
		if (verified & verdicts[i].bit) {
			f.why = verdicts[i].why;
			break;
		}
	}
	return f;
}

struct tls_failure
tls_failure_of(int error, uint32_t verified)
{
	if (error == MBEDTLS_ERR_X509_CERT_VERIFY_FAILED)
		return verification_failure(verified);
	for (size_t i = 0; i < sizeof failures / sizeof failures[0]; i++) {
		if (error == failures[i].error)
			return failures[i].failure;
	}
	return (struct tls_failure){ -EPROTO, MBEDTLS_SSL_ALERT_MSG_INTERNAL_ERROR,
				     "the peer broke the protocol" };
}
