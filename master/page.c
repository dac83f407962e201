#include "page.h"

#include "address.h"
#include "own.h"

#include "lib/http_client.h"
#include "lib/proxy_protocol.h"
#include "lib/tls.h"
#include "lib/xalloc.h"

#include <errno.h>
#include <stdlib.h>

#define BODY_MAX 65536u /* more of a page is not read */

/* Host of a request to it: no port where it is that of the scheme (RFC 9110 section 7.2). */
static char *
host_field(const struct directory_endpoint *e)
{
	size_t n = strlen(e->host);

	if (e->address.unix_path)
		return xstrdup("localhost");
	if (!e->tls && n > 3 && strcmp(e->host + n - 3, ":80") == 0)
		n -= 3;
	return xstrndup(e->host, n);
}

void
page_init(struct page *p, const struct directory_endpoint *e, uv_loop_t *loop,
	  const struct resolver *resolver, const struct own *own, page_fn done, void *userdata)
{
	*p = (struct page){
		.host = host_field(e),
		.path = xstrdup(""),
		.port = e->address.port,
		.https = e->tls,
		.loop = loop,
		.resolver = resolver,
		.own = own,
		.done = done,
		.userdata = userdata,
	};
	if (e->address.unix_path)
		p->unix_path = xstrdup(e->address.unix_path);
	else
		p->name = xstrdup(e->address.host);
}

void
page_deinit(struct page *p)
{
	page_cancel(p);
	free(p->host);
	free(p->path);
	buf_deinit(&p->whole);
	free(p->name);
	free(p->unix_path);
	page_set_tls(p, NULL, "");
	free(p->peer);
}

void
page_set_tls(struct page *p, struct tls_context *tls, const char *peer)
{
	char *name = xstrdup(peer);

	if (tls)
		tls_context_ref(tls);
	tls_context_unref(p->tls);
	free(p->peer);
	p->tls = tls;
	p->peer = name;
}

bool
page_set_path(struct page *p, const char *base, const char *path)
{
	BUF_CLEAN struct buf whole = { 0 };

	buf_addf(&whole, "%s%s", base, path);
	if (slice_eq(slice_of(p->path), buf_slice(&whole)))
		return false;
	free(p->path);
	p->path = xstrndup(whole.p, whole.n);
	return true;
}

void
page_set_whole(struct page *p, struct slice head)
{
	p->whole.n = 0;
	buf_adds(&p->whole, head);
}

bool
page_is_shortage(int status)
{
	return status == -EMFILE || status == -ENFILE || status == -ENOMEM || status == -ENOBUFS;
}

bool
page_is_unsent(int status)
{
	return page_is_shortage(status) || status == UV_EAI_AGAIN || status == UV_EAI_NONAME ||
	       status == -ECONNREFUSED || status == -EHOSTUNREACH || status == -ENETUNREACH ||
	       status == -EADDRNOTAVAIL || status == -ENOENT || status == -EACCES ||
	       status == -ENOTSOCK || status == -ELOOP || status == -ENOKEY ||
	       status == -EKEYREJECTED;
}

const char *
page_error(const struct page *p, int status)
{
	switch (status) {
	case -EPROTO:
	case -EKEYREJECTED:
	case -ECONNABORTED:
		return p->why ? p->why : strerror(-status);
	case -ENOKEY:
		return "TLS: its files cannot be used";
	case UV_EAI_AGAIN:
		return "the name is being resolved";
	case UV_EAI_NONAME:
		return "the name does not resolve";
	case -ELOOP:
		return "the name leads to a listener of this gateway";
	case -EBADMSG:
		return "the answer is not HTTP";
	case -EMSGSIZE:
		return "the head of the answer is too large";
	default:
		return strerror(-status);
	}
}

static void page_answered(void *userdata, int status, struct slice body);

/* 0: under way; negative errno: this address cannot be asked. */
static int
page_ask(struct page *p, const struct resolved *a, uint64_t left_ms)
{
	struct sockaddr_storage address;
	char preface[PROXY_WRITE_MAX];
	struct http_client_request q = {
		.preface = slice_make(preface, proxy_write(p->proxy, NULL, NULL, preface)),
		.unix_path = p->unix_path,
		.host = p->host,
		.path = p->path,
		.tls = p->tls,
		.peer = p->peer,
		.whole = buf_slice(&p->whole),
		.timeout_ms = (uint32_t)left_ms,
		.body_max = BODY_MAX,
	};

	if (a) {
		resolved_address(a, p->port, &address);
		q.address = (const struct sockaddr *)&address;
	}
	if (p->https && !p->tls)
		return -ENOKEY;
	if (p->whole.n > 0)
		return http_client_send(p->loop, &q, page_answered, p, &p->request);
	return http_client_get(p->loop, &q, page_answered, p, &p->request);
}

/* From the preferred address on, for as long as there is time; `error` is that of the one before.
 * Those of our own listeners are none of the endpoint's. */
static void
page_try(struct page *p, int error)
{
	const struct resolved *addresses = NULL;
	uint64_t generation, spent = uv_now(p->loop) - p->started_ms;
	size_t n = 1;
	bool settled = true;

	if (p->name)
		n = resolver_get(p->resolver, p->name, &addresses, &generation, &settled);
	if (n == 0)
		error = settled ? UV_EAI_NONAME : UV_EAI_AGAIN;
	for (; p->tries < n && spent < p->timeout_ms && !page_is_shortage(error); p->tries++) {
		const struct resolved *a =
		    addresses ? &addresses[(p->prefer + p->tries) % n] : NULL;

		if (a && own_reaches(p->own, a->family, a->ip, p->port))
			continue;
		error = page_ask(p, a, p->timeout_ms - spent);
		if (error == 0)
			return;
	}
	p->done(p->userdata, error ? error : -ELOOP);
}

static void
page_answered(void *userdata, int status, struct slice body)
{
	struct page *p = userdata;

	p->request = NULL;
	p->why = status < 0 && body.n > 0 ? body.p : NULL;
	if (status > 0) {
		p->prefer += p->tries;
		p->done(p->userdata, status);
	} else if (status == -ETIMEDOUT) {
		/* No time is left; the next request starts with another one. */
		p->prefer += p->tries + 1;
		p->done(p->userdata, status);
	} else if (p->whole.n > 0 && !page_is_unsent(status)) {
		p->done(p->userdata, status);
	} else {
		p->tries++;
		page_try(p, status);
	}
}

void
page_get(struct page *p, uint32_t timeout_ms)
{
	p->started_ms = uv_now(p->loop);
	p->timeout_ms = timeout_ms ? timeout_ms : 1;
	p->tries = 0;
	page_try(p, 0);
}

void
page_cancel(struct page *p)
{
	if (p->request)
		http_client_cancel(p->request);
	p->request = NULL;
}
