#include "access.h"

#include "client.h"

#include "lib/sha256.h"
#include "shm/call.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <unistd.h>

static const struct access_entry *
find_entry(const struct msg_access *a, enum access_kind kind, const struct access_entry *like)
{
	const struct access_entry *found = NULL;

	for (uint32_t i = 0; i < a->count; i++) { /* all of them, whichever it is */
		const struct access_entry *e = &a->entries[i];

		if (e->kind != (uint32_t)kind)
			continue;
		if (kind == ACCESS_USER ? e->uid == like->uid
					: sha256_equal(e->digest, like->digest))
			found = e;
	}
	return found;
}

static void
name(struct request *r, const char *kind, const char *who)
{
	char text[80];

	snprintf(text, sizeof text, "%s:%s", kind, who);
	r->identity = arena_copy(&r->arena, slice_of(text));
}

/* ---- pages in browsers ---- */

static bool
is_address(struct slice host)
{
	char text[URI_HOST_MAX + 1];
	uint8_t ip[16];

	if (host.n >= sizeof text)
		return false;
	if (host.n > 2 && host.p[0] == '[') /* as uri_host_parse has read it */
		return true;
	memcpy(text, host.p, host.n);
	text[host.n] = '\0';
	return inet_pton(AF_INET, text, ip) == 1;
}

/* A page that a browser got elsewhere could have us asked under its own name, whose address it
 * changed to ours meanwhile. */
static bool
is_our_name(const struct msg_access *a, struct slice host)
{
	struct slice rest = slice_of(a->hosts);

	if (is_address(host) || slice_eq(host, SLICE("localhost")))
		return true;
	while (rest.p && rest.n > 0) {
		if (slice_ieq(slice_cut(rest, ' ', &rest), host))
			return host.n > 0;
	}
	return false;
}

/* "http://127.0.0.1:8082" with "Host: 127.0.0.1:8082": a page that came from here. */
static bool
is_own_origin(const struct http_parser *in, struct slice origin)
{
	const struct http_field *host = http_find(in, HTTP_HOST);
	struct slice rest = origin, scheme = slice_cut(origin, ':', &rest);

	if (!host || rest.n < 3 || memcmp(rest.p, "//", 2) != 0)
		return false;
	if (!slice_eq(scheme, SLICE("http")) && !slice_eq(scheme, SLICE("https")))
		return false;
	return slice_ieq(slice_make(rest.p + 2, rest.n - 2), http_value(in, host));
}

/* What a browser sends of itself when some page made it ask. */
static bool
is_foreign(const struct http_parser *in)
{
	for (uint16_t i = 0; i < in->fields_n; i++) {
		struct slice value = http_value(in, &in->fields[i]);

		if (in->fields[i].id == HTTP_ORIGIN && !is_own_origin(in, value))
			return true;
		if (slice_ieq(http_name(in, &in->fields[i]), SLICE("Sec-Fetch-Site")) &&
		    !slice_ieq(value, SLICE("none")) && !slice_ieq(value, SLICE("same-origin")))
			return true;
	}
	return false;
}

/* Over a Unix socket, which may be forwarded to where a browser is, programs call us by any name;
 * what a foreign page could be reached by has a dot. */
static bool
is_our_host(const struct request *r)
{
	struct slice host = r->host.host;

	return is_our_name(&r->worker->access, host) ||
	       (r->client->kind == LISTENER_ADMIN && !(host.n && memchr(host.p, '.', host.n)));
}

bool
access_is_cross_site(const struct request *r)
{
	return is_foreign(&r->in) || !is_our_host(r);
}

/* ---- a Unix socket ---- */

static enum reason
judge_user(struct request *r)
{
	const struct access_entry *e;
	struct access_entry like = { .uid = r->client->uid };
	char number[16];

	if (r->client->uid == UINT32_MAX)
		return REASON_admin_forbidden;
	if (access_is_cross_site(r))
		return REASON_admin_cross_site;
	snprintf(number, sizeof number, "%u", r->client->uid);
	name(r, "uid", number);
	if (like.uid == 0 || like.uid == geteuid()) {
		r->access = ACCESS_OPERATE;
		return REASON_none;
	}
	e = find_entry(&r->worker->access, ACCESS_USER, &like);
	if (!e)
		return REASON_admin_forbidden;
	name(r, "user", e->name);
	r->access = (uint8_t)e->role;
	return REASON_none;
}

/* ---- TCP ---- */

static enum reason
judge_anyone(struct request *r)
{
	const struct msg_access *a = &r->worker->access;

	if (a->anyone == ACCESS_NONE) {
		r->challenge = "";
		return REASON_admin_unauthenticated;
	}
	if (access_is_cross_site(r))
		return REASON_admin_cross_site;
	r->identity = SLICE("anyone");
	r->access = (uint8_t)a->anyone;
	return REASON_none;
}

static enum reason
judge_token(struct request *r, struct slice value)
{
	const struct access_entry *e = NULL;
	struct access_entry like = { 0 };
	struct slice token, scheme = slice_cut(value, ' ', &token);

	if (slice_ieq(scheme, SLICE("Bearer")) && token.p && sha256(slice_trim(token), like.digest))
		e = find_entry(&r->worker->access, ACCESS_TOKEN, &like);
	if (!e) {
		r->challenge = "invalid_token";
		return REASON_admin_unauthenticated;
	}
	name(r, "token", e->name);
	r->access = (uint8_t)e->role;
	return REASON_none;
}

static enum reason
judge_tcp(struct request *r)
{
	const struct http_field *authorization = http_find(&r->in, HTTP_AUTHORIZATION);

	if (!authorization)
		return judge_anyone(r);
	for (uint16_t i = 0; i < r->in.fields_n; i++) {
		if (r->in.fields[i].id == HTTP_AUTHORIZATION && &r->in.fields[i] != authorization)
			return REASON_token_repeated;
	}
	return judge_token(r, http_value(&r->in, authorization));
}

/* ---- all of them ---- */

/* A gateway of ours passed this on (master/via.c): some route leads here, and whoever may use that
 * route is not meant to have what is served here. */
static bool
came_by_route(const struct http_parser *in)
{
	struct slice ours = SLICE("yett-");

	for (uint16_t i = 0; i < in->fields_n; i++) {
		struct slice list = http_value(in, &in->fields[i]);

		if (in->fields[i].id != HTTP_VIA)
			continue;
		for (struct slice e = http_list_next(&list); e.p; e = http_list_next(&list)) {
			struct slice by = http_via_by(e);

			if (by.n > ours.n && slice_ieq(slice_make(by.p, ours.n), ours))
				return true;
		}
	}
	return false;
}

enum reason
access_judge_page(const struct request *r)
{
	if (came_by_route(&r->in))
		return REASON_admin_forbidden;
	return is_our_host(r) ? REASON_none : REASON_admin_cross_site;
}

enum reason
access_judge(struct request *r)
{
	if (came_by_route(&r->in))
		return REASON_admin_forbidden;
	switch ((enum listener_kind)r->client->kind) {
	case LISTENER_ADMIN:
		return judge_user(r);
	case LISTENER_API:
		return judge_tcp(r);
	case LISTENER_ADMIN_READONLY:
		r->identity = SLICE("reader");
		r->access = ACCESS_LOOK;
		return REASON_none;
	case LISTENER_HTTP:
	case LISTENER_TAKEOVER:
		break;
	}
	return REASON_admin_forbidden;
}
