#pragma once

/*
 * fetch: one document, or the answer to a form, over http or https: its name is resolved, its
 * addresses are tried one after the other, its answer is bounded in size and time. No redirect is
 * followed, so that who is trusted for one document cannot send us for another one.
 */

#include "config.h"
#include "resolve.h"

struct fetch;
struct tls_context;

struct fetch_request {
	const struct config_url *url;
	struct tls_context *tls; /* of an https URL; NULL: what it needs is not there */
	const char *server_name; /* that its certificate must have; "": the host's */
	size_t body_max;
	uint32_t timeout_ms; /* for all of it */
	struct slice form;   /* to be posted; empty: the document is asked for */
	const char *type;    /* of that; NULL: it is a form */
	struct slice fields; /* whole header lines, or empty */
	bool once; /* what one address may have seen is not sent to another: it may be acted on */
	bool any;  /* an answer of any status is what is asked for, with its body */
};

/* `why` NULL: this is the document (`any`: the answer). Else what went wrong, in words. Both are
 * valid during the call. Runs from the loop, once, never from within fetch_start; the handle is
 * dead from then on. */
typedef void (*fetch_fn)(void *userdata, const char *why, struct slice body);

/* Of the handle that fetch_start gave, within fetch_fn: the status of the answer, or the negative
 * errno that stands in its place (http_client.h); 0: nothing was asked. */
int fetch_status(const struct fetch *f);
/* Likewise: Retry-After of the answer, in seconds; 0: none, or a date. */
uint32_t fetch_retry_s(const struct fetch *f);

/* Likewise: Date of the answer (RFC 9110 section 6.6.1), in seconds since 1970; 0: none that can be
 * read. Of a request with `any`. */
int64_t fetch_date(const struct fetch *f);

/* Copies what it needs, but for the context, which it holds. */
struct fetch *fetch_start(uv_loop_t *loop, struct resolver *resolver, const struct fetch_request *q,
			  fetch_fn done, void *userdata);
/* `done` will not run. */
void fetch_cancel(struct fetch *f);
