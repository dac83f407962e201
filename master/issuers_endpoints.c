/*
 * Where a provider is asked for what: of the file, of its discovery, or last-known-good.
 */

#include "issuers_own.h"

#include "url.h"

#include "lib/json.h"

#include <string.h>

static const char *const names[ISSUER_ENDPOINTS] = {
	[ISSUER_AUTHORIZATION] = "authorization_endpoint",
	[ISSUER_TOKEN] = "token_endpoint",
	[ISSUER_END_SESSION] = "end_session_endpoint",
	[ISSUER_REVOCATION] = "revocation_endpoint",
};

const char *
issuer_endpoint_name(enum issuer_endpoint which)
{
	return names[which];
}

const char *
issuer_endpoints_read(const struct issuer *i, const struct json *root, struct issuer_found *out)
{
	for (size_t k = 0; i->config->provider && k < ISSUER_ENDPOINTS; k++) {
		struct slice text = json_text(json_get(root, names[k]));

		if (!text.p)
			continue;
		if (url_parse(&out->arena, text, &out->url[k]))
			return "one of its endpoints is no URL";
		if (!out->url[k].https && !i->config->allow_http)
			return "one of its endpoints is http, which allow_http does not allow";
		out->text[k] = arena_string(&out->arena, text);
	}
	return NULL;
}

static bool
same(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

bool
issuer_endpoints_same(const struct issuer_found *a, const struct issuer_found *b)
{
	bool all = true;

	for (size_t k = 0; k < ISSUER_ENDPOINTS; k++)
		all &= same(a->text[k], b->text[k]);
	return all;
}

void
issuer_endpoints_write(const struct issuer *i, struct buf *out)
{
	bool any = false;

	buf_addc(out, '{');
	for (size_t k = 0; k < ISSUER_ENDPOINTS; k++) {
		if (!i->found.text[k])
			continue;
		buf_addf(out, "%s\"%s\":", any ? "," : "", names[k]);
		buf_add_json(out, slice_of(i->found.text[k]));
		any = true;
	}
	buf_addc(out, '}');
}

/* What was found when http was allowed is not good once it is not. */
static const struct issuer *
found_of(const struct issuers *is, const struct config_issuer *c, enum issuer_endpoint which)
{
	const struct issuer *i = issuer_find(is, issuers_id(c));

	return i && i->found.text[which] && (i->found.url[which].https || c->allow_http) ? i : NULL;
}

const struct config_url *
issuers_endpoint(const struct issuers *is, const struct config_issuer *c,
		 enum issuer_endpoint which)
{
	const struct issuer *i = found_of(is, c, which);

	if (c->provider && c->provider->endpoint[which])
		return &c->provider->url[which];
	return i ? &i->found.url[which] : NULL;
}

const char *
issuers_endpoint_text(const struct issuers *is, const struct config_issuer *c,
		      enum issuer_endpoint which)
{
	const struct issuer *i = found_of(is, c, which);

	if (c->provider && c->provider->endpoint[which])
		return c->provider->endpoint[which];
	return i ? i->found.text[which] : NULL;
}

bool
issuers_finding(const struct issuers *is, const struct config_issuer *c)
{
	const struct issuer *i = issuer_find(is, issuers_id(c));

	if (!i || i->unpublished)
		return i && i->fetches <= 1;
	return !i->known && (i->running || i->started_ms == 0) && i->failures == 0;
}
