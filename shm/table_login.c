/*
 * Login: its rows, and whether they hold together.
 */

#include "table_login.h"

#include "table.h"
#include "verify.h"

const struct table_login *
table_login(const struct segment *rules)
{
	return seg_at(rules, RULES_LOGIN, 0, sizeof(struct table_login));
}

const struct table_provider *
table_provider(const struct segment *rules, uint32_t i)
{
	return seg_at(rules, RULES_PROVIDERS, i, sizeof(struct table_provider));
}

uint32_t
table_providers(const struct segment *rules)
{
	return seg_count(rules, RULES_PROVIDERS);
}

uint32_t
table_provider_find(const struct segment *rules, struct slice name)
{
	uint32_t n = table_providers(rules);

	for (uint32_t i = 0; i < n; i++) {
		if (slice_eq(seg_string(rules, table_provider(rules, i)->name), name))
			return i;
	}
	return TRIE_NONE;
}

const struct table_credential *
table_credential(const struct segment *rules, uint32_t i)
{
	return seg_at(rules, RULES_CREDENTIALS, i, sizeof(struct table_credential));
}

const char *
table_credential_name(uint32_t value)
{
	static const char *const names[CREDENTIAL_VALUE_N] = {
		[CREDENTIAL_ACCESS_TOKEN] = "access_token",
		[CREDENTIAL_REFRESH_TOKEN] = "refresh_token",
		[CREDENTIAL_ID_TOKEN] = "id_token",
		[CREDENTIAL_EXPIRES_AT] = "expires_at",
		[CREDENTIAL_CLAIM] = "claim",
		[CREDENTIAL_CLAIMS] = "claims",
		[CREDENTIAL_GIT] = "git",
		[CREDENTIAL_ANONYMOUS_ID] = "anonymous_id",
		[CREDENTIAL_SECRET] = "secret",
		[CREDENTIAL_EXCHANGED] = "exchanged",
		[CREDENTIAL_ASSERTION] = "assertion",
		[CREDENTIAL_SESSION_TOKEN] = "session_token",
	};

	return value < CREDENTIAL_VALUE_N ? names[value] : "";
}

struct slice
table_secret(const struct segment *keys, enum secret_kind kind, uint32_t i)
{
	const struct table_secret *row;

	for (uint32_t k = 0; (row = seg_at(keys, KEYS_SECRETS, k, sizeof *row)) != NULL; k++) {
		if (row->kind == kind && i-- == 0)
			return seg_string(keys, row->bytes);
	}
	return (struct slice){ NULL, 0 };
}

static bool
credentials_ok(const struct segment *s)
{
	uint32_t count, shapes, all = seg_count(s, RULES_CREDENTIALS);
	bool ok = true;
	const struct table_credential *c = section(s, RULES_CREDENTIALS, sizeof *c, &count, &ok);
	const struct table_shape *shape = section(s, RULES_SHAPES, sizeof *shape, &shapes, &ok);

	for (uint32_t i = 0; i < count; i++)
		ok &= c[i].value < CREDENTIAL_VALUE_N && c[i].form < CREDENTIAL_FORM_N &&
		      (c[i].provider == TRIE_NONE || c[i].provider < table_providers(s)) &&
		      ref_ok(s, c[i].field) && ref_ok(s, c[i].text) && ref_ok(s, c[i].user) &&
		      ref_ok(s, c[i].scope);
	for (uint32_t i = 0; i < shapes; i++)
		ok &= run_ok(shape[i].credentials, shape[i].credentials_count, all);
	return ok;
}

static bool
providers_ok(const struct segment *s)
{
	uint32_t count, steps, places;
	bool ok = table_providers(s) <= PROVIDERS_MAX;
	const struct table_provider *p = section(s, RULES_PROVIDERS, sizeof *p, &count, &ok);
	const uint32_t *step = section(s, RULES_SEQUENCE, sizeof *step, &steps, &ok);
	const struct seg_ref *place = section(s, RULES_REDIRECTS, sizeof *place, &places, &ok);

	for (uint32_t i = 0; i < count; i++)
		ok &= ref_ok(s, p[i].name) && ref_ok(s, p[i].title) && ref_ok(s, p[i].client_id) &&
		      ref_ok(s, p[i].scope) && ref_ok(s, p[i].redirect_uri) &&
		      ref_ok(s, p[i].authorization) && ref_ok(s, p[i].end_session) &&
		      ref_ok(s, p[i].account) && ref_ok(s, p[i].parameters) &&
		      p[i].issuer < seg_count(s, RULES_ISSUERS);
	for (uint32_t i = 0; i < steps; i++)
		ok &= step[i] < table_providers(s);
	for (uint32_t i = 0; i < places; i++)
		ok &= ref_ok(s, place[i]);
	return ok;
}

bool
table_login_ok(const struct segment *s)
{
	uint32_t count;
	bool ok = true;
	const struct table_login *l = section(s, RULES_LOGIN, sizeof *l, &count, &ok);

	ok &= seg_count(s, RULES_LOGIN) <= 1;
	for (uint32_t i = 0; i < count; i++)
		ok &= ref_ok(s, l[i].base) && ref_ok(s, l[i].origin) && ref_ok(s, l[i].home) &&
		      ref_ok(s, l[i].cookie) && ref_ok(s, l[i].anonymous) &&
		      ref_ok(s, l[i].assertion_iss) &&
		      run_ok(l[i].sequence_first, l[i].sequence_count,
			     seg_count(s, RULES_SEQUENCE)) &&
		      run_ok(l[i].redirects_first, l[i].redirects_count,
			     seg_count(s, RULES_REDIRECTS));
	return ok && providers_ok(s) && credentials_ok(s);
}

bool
table_secrets_ok(const struct segment *s)
{
	uint32_t count;
	bool ok = true;
	const struct table_secret *row = section(s, KEYS_SECRETS, sizeof *row, &count, &ok);

	for (uint32_t i = 0; i < count; i++)
		ok &= row[i].kind < SECRET_KIND_N && ref_ok(s, row[i].bytes);
	return ok;
}
