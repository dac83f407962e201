#pragma once

/*
 * page: asks one endpoint, once, over the addresses of its name in turn: for its health page, or
 * with a request that is whole. Judges nothing.
 */

#include "directory.h"
#include "resolve.h"

#include "lib/buf.h"

struct own;
struct tls_context;

/* `status`: that of the answer; UV_EAI_AGAIN: the name is still being asked for; UV_EAI_NONAME: it
 * does not resolve; -ELOOP: it leads to listeners of ours alone, which are not asked; or the
 * negative errno of the last address that was tried. May run from within page_get. */
typedef void (*page_fn)(void *userdata, int status);

struct page {
	char *host; /* what Host says */
	char *path;
	struct buf whole; /* sent in the place of GET */
	char *name;       /* to be resolved, NULL: */
	char *unix_path;
	uint16_t port;
	bool https;
	struct tls_context *tls; /* of https; NULL: what it needs is not there; counted */
	char *peer;              /* the name that is asked of the certificate */
	const char *why;         /* TLS failed: in words */
	uint32_t proxy; /* enum proxy_version: the header it expects, of our own connections */
	size_t prefer;  /* the address to try first: the one that answered last */

	uv_loop_t *loop; /* these are of the request under way */
	const struct resolver *resolver;
	const struct own *own;
	page_fn done;
	void *userdata;
	struct http_client *request;
	uint64_t started_ms;
	uint32_t timeout_ms;
	size_t tries; /* addresses */
};

void page_init(struct page *p, const struct directory_endpoint *e, uv_loop_t *loop,
	       const struct resolver *resolver, const struct own *own, page_fn done,
	       void *userdata);
void page_deinit(struct page *p);
/* Base path of the endpoint and path of the page. True: it is not what it was; a request under way
 * is still for the old one. */
bool page_set_path(struct page *p, const char *base, const char *path);
/* How to speak TLS to an endpoint that is https, from the next request on; NULL: it cannot be
 * asked.
 */
void page_set_tls(struct page *p, struct tls_context *tls, const char *peer);
/* Sends this head in the place of a GET; it says Connection: close. Another address is asked only
 * where it certainly was not sent. */
void page_set_whole(struct page *p, struct slice head);
/* Does this status say that nothing was sent? */
bool page_is_unsent(int status);
/* Calls `done` once, unless page_cancel comes first. `timeout_ms` is for all addresses together. */
void page_get(struct page *p, uint32_t timeout_ms);
void page_cancel(struct page *p);
/* Does this status say something about this machine (no descriptors, no memory) and nothing about
 * the endpoint? */
bool page_is_shortage(int status);
/* What the status that came last means when it is no answer, in words. */
const char *page_error(const struct page *p, int status);
