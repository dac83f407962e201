#include "fetch.h"

#include "address.h"

#include "lib/buf.h"
#include "lib/http_client.h"
#include "lib/tls.h"
#include "lib/xalloc.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define ADDRESSES_MAX 16
#define RETRY_MAX_S 86400u
#define ADDRESS_MS 3000 /* for one of several, so that one which does not answer leaves time */

struct fetch {
	uv_loop_t *loop;
	struct tls_context *tls;
	bool https;
	char *peer;
	struct buf head;
	uint16_t port;
	size_t body_max;
	uint64_t until_ms;
	bool once, any;

	bool resolving; /* the question outlives a fetch that was cancelled */
	fetch_fn done;  /* NULL: cancelled */
	void *userdata;
	struct http_client *request;
	struct resolved addresses[ADDRESSES_MAX];
	size_t count, next;
	int status; /* of the last one that was asked */
	uint32_t retry_s;
	int64_t date;
	char why[256];
};

int
fetch_status(const struct fetch *f)
{
	return f->status;
}

uint32_t
fetch_retry_s(const struct fetch *f)
{
	return f->retry_s;
}

int64_t
fetch_date(const struct fetch *f)
{
	return f->date;
}

static void
fetch_free(struct fetch *f)
{
	tls_context_unref(f->tls);
	if (f->head.p)
		explicit_bzero(f->head.p, f->head.cap);
	buf_deinit(&f->head);
	free(f->peer);
	free(f);
}

static void
fetch_end(struct fetch *f, const char *why, struct slice body)
{
	fetch_fn done = f->done;
	void *userdata = f->userdata;

	done(userdata, why, body);
	fetch_free(f);
}

static void
explain(struct fetch *f, int status, struct slice words)
{
	if (words.n > 0)
		snprintf(f->why, sizeof f->why, "%.*s", SLICE_F(words));
	else if (status == -EMSGSIZE)
		snprintf(f->why, sizeof f->why, "the answer is larger than %zu bytes", f->body_max);
	else if (status == -EBADMSG)
		snprintf(f->why, sizeof f->why, "the answer is not HTTP");
	else if (status >= 300 && status < 400)
		snprintf(f->why, sizeof f->why,
			 "it answers %d, and no redirect is followed: name the place itself",
			 status);
	else if (status > 0)
		snprintf(f->why, sizeof f->why, "it answers %d", status);
	else
		snprintf(f->why, sizeof f->why, "%s", strerror(-status));
}

/* The value of the first of these lines that has this name; n 0: none has. */
static struct slice
field_of(struct slice fields, struct slice wanted)
{
	while (fields.n > 0) {
		struct slice value, name = slice_cut(slice_cut(fields, '\n', &fields), ':', &value);

		if (value.n > 0 && value.p[value.n - 1] == '\r')
			value.n--;
		if (slice_ieq(name, wanted))
			return slice_trim(value);
	}
	return SLICE("");
}

/* RFC 9110 section 10.2.3; 0: there is none, or it is a date. */
static uint32_t
retry_after(struct slice fields)
{
	struct slice value = field_of(fields, SLICE("Retry-After"));
	uint32_t s = 0;

	for (size_t i = 0; i < value.n && value.p[i] >= '0' && value.p[i] <= '9'; i++)
		s = s < RETRY_MAX_S ? s * 10 + (uint32_t)(value.p[i] - '0') : s;
	return s < RETRY_MAX_S ? s : RETRY_MAX_S;
}

/* IMF-fixdate, which all servers write. */
static int64_t
date_of(struct slice fields)
{
	struct slice value = field_of(fields, SLICE("Date"));
	struct tm tm = { 0 };
	char text[40];
	const char *end;

	snprintf(text, sizeof text, "%.*s", SLICE_F(value));
	end = strptime(text, "%a, %d %b %Y %H:%M:%S GMT", &tm);
	return end && !*end ? (int64_t)timegm(&tm) : 0;
}

static void
read_fields(struct fetch *f)
{
	struct slice fields = http_client_head(f->request).fields;

	f->retry_s = retry_after(fields);
	f->date = date_of(fields);
}

static void fetch_try(struct fetch *f);

static void
on_answer(void *userdata, int status, struct slice body)
{
	struct fetch *f = userdata;
	bool last = status > 0 || (f->once && http_client_sent(f->request));

	f->retry_s = 0;
	if (status > 0 && f->any)
		read_fields(f);
	f->request = NULL;
	f->status = status;
	if (status == 200 || (status > 0 && f->any)) {
		fetch_end(f, NULL, body);
		return;
	}
	explain(f, status, status < 0 ? body : (struct slice){ NULL, 0 });
	if (last)
		f->next = f->count; /* whoever answers, answers for all */
	fetch_try(f);
}

static int
ask(struct fetch *f, const struct resolved *a, uint64_t left_ms)
{
	struct sockaddr_storage address;
	bool last = f->next >= f->count;
	struct http_client_request q = {
		.address = (const struct sockaddr *)&address,
		.tls = f->tls,
		.peer = f->peer,
		.whole = buf_slice(&f->head),
		.timeout_ms =
		    (uint32_t)(!last && !f->once && left_ms > ADDRESS_MS ? ADDRESS_MS : left_ms),
		.connect_ms = last ? 0 : ADDRESS_MS,
		.body_max = f->body_max,
		.keep = true,
		.keep_head = f->any,
	};

	resolved_address(a, f->port, &address);
	return http_client_send(f->loop, &q, on_answer, f, &f->request);
}

static void
fetch_try(struct fetch *f)
{
	while (f->next < f->count) {
		const struct resolved *a = &f->addresses[f->next++];
		uint64_t now = uv_now(f->loop);
		int r = now < f->until_ms ? ask(f, a, f->until_ms - now) : -ETIMEDOUT;

		if (r == 0)
			return;
		explain(f, r, (struct slice){ NULL, 0 });
	}
	fetch_end(f, f->why, (struct slice){ NULL, 0 });
}

static void
on_resolved(void *userdata, const struct resolved *a, size_t n)
{
	struct fetch *f = userdata;

	f->resolving = false;
	if (!f->done) {
		fetch_free(f);
		return;
	}
	f->count = n < ADDRESSES_MAX ? n : ADDRESSES_MAX;
	if (f->count > 0)
		memcpy(f->addresses, a, f->count * sizeof *a);
	snprintf(f->why, sizeof f->why, "%s",
		 n == 0 ? "the name of its host does not resolve"
			: "TLS: its files cannot be used");
	if (f->https && !f->tls)
		f->count = 0;
	fetch_try(f);
}

/* Room at once, so that growing leaves no copy of a secret behind. */
static void
write_head(struct fetch *f, const struct fetch_request *q)
{
	const struct config_url *url = q->url;

	buf_reserve(&f->head,
		    strlen(url->path) + strlen(url->authority) + q->form.n + q->fields.n + 256);
	buf_addf(&f->head, "%s %s HTTP/1.1\r\nHost: %s\r\n", q->form.n ? "POST" : "GET", url->path,
		 url->authority);
	buf_adds(&f->head, SLICE("Accept: application/json\r\nUser-Agent: yett\r\n"));
	if (q->form.n)
		buf_addf(&f->head,
			 "Content-Type: %s\r\n"
			 "Content-Length: %zu\r\n",
			 q->type ? q->type : "application/x-www-form-urlencoded", q->form.n);
	buf_adds(&f->head, q->fields);
	buf_adds(&f->head, SLICE("Connection: close\r\n\r\n"));
	buf_adds(&f->head, q->form);
}

struct fetch *
fetch_start(uv_loop_t *loop, struct resolver *resolver, const struct fetch_request *q,
	    fetch_fn done, void *userdata)
{
	struct fetch *f = xcalloc(1, sizeof *f);
	const struct config_url *url = q->url;

	f->loop = loop;
	f->https = url->https;
	f->tls = url->https && q->tls ? tls_context_ref(q->tls) : NULL;
	f->peer = xstrdup(*q->server_name ? q->server_name : url->host);
	f->port = url->port;
	f->body_max = q->body_max;
	f->until_ms = uv_now(loop) + q->timeout_ms;
	f->once = q->once;
	f->any = q->any;
	f->done = done;
	f->userdata = userdata;
	write_head(f, q);
	f->resolving = true;
	resolver_once(resolver, url->host, on_resolved, f);
	return f;
}

void
fetch_cancel(struct fetch *f)
{
	f->done = NULL;
	if (f->request)
		http_client_cancel(f->request);
	f->request = NULL;
	if (!f->resolving)
		fetch_free(f);
}
