#include "compile_login.h"

#include "config_check_login.h"
#include "directory.h"
#include "issuers.h"

#include "lib/map.h"

/* ---- rules ---- */

static struct seg_ref
text(struct seg_builder *b, const char *s)
{
	return seg_builder_string(b, slice_of(s ? s : ""));
}

static struct seg_ref
parameters(struct seg_builder *b, const struct config_provider *p)
{
	struct buf BUF_CLEAN all = { 0 };

	for (size_t i = 0; i < p->parameters_count; i++) {
		buf_addc(&all, '&');
		buf_add_form(&all, slice_of(p->parameters[i].name));
		buf_addc(&all, '=');
		buf_add_form(&all, slice_of(p->parameters[i].value));
	}
	return seg_builder_string(b, buf_slice(&all));
}

static struct seg_ref
scope(struct seg_builder *b, const struct config_provider *p)
{
	struct buf BUF_CLEAN all = { 0 };

	for (size_t i = 0; i < p->scopes_count; i++)
		buf_addf(&all, "%s%s", i > 0 ? " " : "", p->scopes[i]);
	return seg_builder_string(b, buf_slice(&all));
}

static void
add_provider(struct seg_builder *b, const struct config *c, const struct config_provider *p,
	     const struct issuers *known)
{
	const struct config_issuer *i = &c->gate.all[p->issuer];
	struct table_provider row = {
		.name = text(b, p->name),
		.title = text(b, p->title),
		.client_id = text(b, p->client_id),
		.scope = scope(b, p),
		.redirect_uri = text(b, p->redirect_uri),
		.authorization = text(b, issuers_endpoint_text(known, i, ISSUER_AUTHORIZATION)),
		.end_session = text(b, issuers_endpoint_text(known, i, ISSUER_END_SESSION)),
		.account = text(b, p->account_url),
		.parameters = parameters(b, p),
		.issuer = (uint32_t)p->issuer,
		.flags = (p->revoke ? PROVIDER_REVOKES : 0) |
			 (p->end_session ? PROVIDER_END_SESSION : 0),
	};

	seg_builder_add(b, RULES_PROVIDERS, &row, sizeof row);
}

static void
add_sequence(struct seg_builder *b, const struct config_login *l, struct table_login *row)
{
	size_t count = l->sequence_count ? l->sequence_count : l->providers_count;

	for (size_t i = 0; i < count; i++) {
		uint32_t at =
		    l->sequence_count ? config_provider_find(l, l->sequence[i]) : (uint32_t)i;
		uint32_t place = seg_builder_add(b, RULES_SEQUENCE, &at, sizeof at);

		row->sequence_first = i == 0 ? place : row->sequence_first;
	}
	row->sequence_count = (uint32_t)count;
}

static void
add_redirects(struct seg_builder *b, const struct config_login *l, struct table_login *row)
{
	for (size_t i = 0; i < l->redirects_count; i++) {
		struct seg_ref origin = text(b, l->redirects[i]);
		uint32_t at = seg_builder_add(b, RULES_REDIRECTS, &origin, sizeof origin);

		row->redirects_first = i == 0 ? at : row->redirects_first;
	}
	row->redirects_count = (uint32_t)l->redirects_count;
}

static uint32_t
flags_of(const struct config *c)
{
	const struct config_seek *seek = &c->login.redis.seek;

	return (c->login.insecure_cookie ? LOGIN_COOKIE_INSECURE : 0) |
	       (c->login.oauth2_paths ? LOGIN_OAUTH2_NAMES : 0) |
	       (c->profile == PROFILE_RENKU ? LOGIN_RENKU : 0) |
	       (c->gate.sources & TOKEN_FROM_BASIC ? LOGIN_BASIC : 0) |
	       (seek->places_count ? LOGIN_STORE_FOUND : 0) |
	       (seek->nodes_count ? LOGIN_STORE_CLUSTER : 0);
}

void
compile_login(struct table_builder *b, const struct config *c, const struct directory *d,
	      const struct issuers *known)
{
	const struct config_login *l = &c->login;
	struct seg_builder *s = &b->seg;
	struct table_login row = {
		.flags = flags_of(c),
		.idle_s = l->idle_s,
		.max_s = l->max_s,
		.touch_s = l->touch_s,
		.refresh_s = l->refresh_s,
		.state_s = l->state_s,
		.store = d->sessions,
		.store_db = l->redis.database,
		.store_ms = l->redis.timeout,
	};

	if (!l->configured)
		return;
	row.base = text(s, l->base_path);
	row.origin = text(s, l->url);
	row.home = text(s, l->home);
	row.cookie = text(s, l->cookie);
	row.anonymous = text(s, l->anonymous_prefix);
	row.assertion_iss = text(s, l->assertion.keys_count > 0 ? l->assertion.issuer : "");
	add_sequence(s, l, &row);
	add_redirects(s, l, &row);
	for (size_t i = 0; i < l->providers_count; i++) {
		add_provider(s, c, &l->providers[i], known);
		row.issuers |= UINT64_C(1) << l->providers[i].issuer;
	}
	seg_builder_add(s, RULES_LOGIN, &row, sizeof row);
}

/* ---- routes ---- */

static const char *
text_of(const struct config_credential *c)
{
	switch ((enum credential_value)c->value) {
	case CREDENTIAL_CLAIM:
		return c->claim;
	case CREDENTIAL_GIT:
		return c->url;
	case CREDENTIAL_EXCHANGED:
	case CREDENTIAL_ASSERTION:
		return c->audience;
	case CREDENTIAL_ACCESS_TOKEN:
	case CREDENTIAL_REFRESH_TOKEN:
	case CREDENTIAL_ID_TOKEN:
	case CREDENTIAL_EXPIRES_AT:
	case CREDENTIAL_CLAIMS:
	case CREDENTIAL_ANONYMOUS_ID:
	case CREDENTIAL_SECRET:
	case CREDENTIAL_SESSION_TOKEN:
	case CREDENTIAL_VALUE_N:
		break;
	}
	return "";
}

uint32_t
compile_credentials(struct seg_builder *b, const struct config_route *r)
{
	uint32_t first = 0;

	for (size_t i = 0; i < r->credentials_count; i++) {
		const struct config_credential *c = &r->credentials[i];
		struct table_credential row = {
			.field = text(b, c->header),
			.text = text(b, text_of(c)),
			.user = text(b, c->user),
			.scope = text(b, c->scope),
			.value = c->value,
			.form = c->form,
			.provider = c->provider_at,
			.required = c->required,
			.ttl_s = c->ttl_s,
			.number = c->number,
		};
		uint32_t at = seg_builder_add(b, RULES_CREDENTIALS, &row, sizeof row);

		first = i == 0 ? at : first;
	}
	return first;
}

uint32_t
compile_cookies(const struct config_route *r)
{
	return r->cookies == COOKIES_ALL    ? ROUTE_COOKIES_ALL
	       : r->cookies == COOKIES_NONE ? ROUTE_COOKIES_NONE
					    : 0;
}

void
compile_login_stripped(const struct config *c, void (*add)(void *userdata, const char *name),
		       void *userdata)
{
	struct map seen = MAP_INIT;

	for (size_t i = 0; i < c->routes_count; i++) {
		for (size_t k = 0; k < c->routes[i].credentials_count; k++) {
			struct buf BUF_CLEAN name = { 0 };
			void **place;

			config_fold_header(c->routes[i].credentials[k].header, &name);
			place = map_put(&seen, buf_slice(&name));
			buf_addc(&name, '\0');
			if (!*place && strcmp(name.p, "authorization") != 0 &&
			    strcmp(name.p, "cookie") != 0)
				add(userdata, name.p);
			*place = &seen;
		}
	}
	map_deinit(&seen, NULL);
}

/* ---- keys ---- */

static void
add_secret(struct seg_builder *b, enum secret_kind kind, uint32_t number, struct slice bytes)
{
	struct table_secret row = { .kind = kind, .number = number };

	if (bytes.n == 0)
		return;
	row.bytes = seg_builder_string(b, bytes);
	seg_builder_add(b, KEYS_SECRETS, &row, sizeof row);
}

static struct slice
secret(const struct config_secret *s)
{
	return slice_make(s->bytes ? s->bytes : "", s->bytes ? s->n : 0);
}

static void
add_statics(struct seg_builder *b, const struct config *c)
{
	for (size_t i = 0; i < c->routes_count; i++) {
		for (size_t k = 0; k < c->routes[i].credentials_count; k++) {
			const struct config_credential *own = &c->routes[i].credentials[k];

			if (own->value == CREDENTIAL_SECRET)
				add_secret(b, SECRET_STATIC, own->number, secret(&own->secret));
		}
	}
}

void
compile_login_keys(struct seg_builder *b, const struct config *c)
{
	const struct config_login *l = &c->login;

	add_statics(b, c);
	if (!l->configured)
		return;
	add_secret(b, SECRET_STORE_USER, 0, slice_of(l->redis.username ? l->redis.username : ""));
	add_secret(b, SECRET_STORE_PASSWORD, 0, secret(&l->redis.password));
	for (size_t i = 0; i < l->cookie_keys_count; i++)
		add_secret(b, SECRET_COOKIE, (uint32_t)i, secret(&l->cookie_keys[i].secret));
	for (size_t i = 0; i < l->token_keys_count; i++)
		add_secret(b, SECRET_TOKENS, (uint32_t)i, secret(&l->token_keys[i].secret));
	for (size_t i = 0; i < l->assertion.keys_count; i++)
		add_secret(b, SECRET_ASSERTION, (uint32_t)i, secret(&l->assertion.keys[i].secret));
}

size_t
compile_login_keys_size(const struct config *c)
{
	const struct config_login *l = &c->login;
	size_t n = 64 + l->redis.password.n;

	n += l->redis.username ? strlen(l->redis.username) : 0;
	for (size_t i = 0; i < l->cookie_keys_count; i++)
		n += l->cookie_keys[i].secret.n;
	for (size_t i = 0; i < l->token_keys_count; i++)
		n += l->token_keys[i].secret.n;
	for (size_t i = 0; i < l->assertion.keys_count; i++)
		n += l->assertion.keys[i].secret.n;
	for (size_t i = 0; i < c->routes_count; i++) {
		for (size_t k = 0; k < c->routes[i].credentials_count; k++)
			n += c->routes[i].credentials[k].secret.n;
	}
	return n;
}
