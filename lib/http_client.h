#pragma once

/*
 * http_client: one request of our own over HTTP/1.1 (RFC 9112), for probes, documents and mirrors:
 * connects, asks, reads one answer, closes. Resolves no name, follows no redirect, keeps no
 * connection. No client waits for it.
 */

#include "slice.h"

#include <netinet/in.h>
#include <stdint.h>
#include <uv.h>

struct http_client; /* one request under way */
struct tls_context;

struct http_client_request {
	const struct sockaddr *address; /* IPv4 or IPv6 with its port; or NULL: */
	const char *unix_path;
	struct tls_context *tls; /* speaks TLS as this says; NULL: plain */
	const char *peer;        /* with TLS: as for tls_session_set_peer */
	struct slice preface;    /* bytes before the request, in clear, such as a PROXY header */
	const char *host;        /* http_client_get: value of the Host field */
	const char *path;        /* the same: origin form, with its query */
	struct slice whole; /* http_client_send: a head that says Connection: close, and its body */
	bool head;          /* the same: it is a HEAD, so that its answer has no body */
	uint32_t timeout_ms; /* for all of it, from the call to the last byte */
	uint32_t connect_ms; /* until the request can be sent; 0: as long as all of it may take */
	size_t body_max;     /* bytes of body that are read */
	bool keep_head;      /* reason and fields of the answer are wanted: http_client_head */
	bool keep; /* the body is wanted: one beyond body_max is -EMSGSIZE. Else nothing is kept,
		    * and what comes behind body_max is left unread */
};

/* `status`: that of the final answer (1xx are passed over, but for 101); or a negative errno: what
 * connect and read give, -ETIMEDOUT, -ECONNRESET (closed before the answer was whole), -EBADMSG
 * (not HTTP), -EMSGSIZE (head or body too large). `body`: valid during the call, empty unless it
 * was asked for and all is well; with -EPROTO, -EKEYREJECTED and -ECONNABORTED, which are of TLS
 * (tls_session.h), what failed in words. Runs from the loop, once; the handle is dead from then on.
 */
typedef void (*http_client_fn)(void *userdata, int status, struct slice body);

/* Copies what it needs of `q`. 0; -EINVAL: host, path or peer could break the request;
 * -ENAMETOOLONG: a Unix path; or another negative errno of a socket that could not be had. After an
 * error `done` does not run. */
int http_client_get(uv_loop_t *loop, const struct http_client_request *q, http_client_fn done,
		    void *userdata, struct http_client **out) __attribute__((warn_unused_result));
/* The same with a request that is whole; host and path are not looked at. */
int http_client_send(uv_loop_t *loop, const struct http_client_request *q, http_client_fn done,
		     void *userdata, struct http_client **out) __attribute__((warn_unused_result));
/* What stood before the body, of a request with keep_head: from within `done` alone, where its
 * status is none of the errors. */
struct http_client_head {
	struct slice reason;
	struct slice fields; /* whole lines, "Name: value\r\n", as they came */
};
struct http_client_head http_client_head(const struct http_client *c);
/* `done` will not run. What is left goes away in the loop's next turn. */
void http_client_cancel(struct http_client *c);

/* Of the handle, within `done`. May the other side have seen a part of the request? */
bool http_client_sent(const struct http_client *c);
