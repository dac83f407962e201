#pragma once

/*
 * table_login: the parts of SEGMENT_RULES and SEGMENT_KEYS that are of sessions, of login at
 * providers of identity, and of what upstreams are told of a session. A gateway without login has
 * no row of any of it. Included by table.h.
 */

#include "segment.h"

#define LOGIN_COOKIE_INSECURE 1u /* for plain HTTP alone: without Secure and __Host- */
#define LOGIN_OAUTH2_NAMES 2u    /* oauth2-proxy's endpoints are answered, too */
#define LOGIN_RENKU 4u           /* paths and pages as Renku's gateway has them */
#define LOGIN_BASIC 8u           /* the password of Basic credentials may be a token */
#define LOGIN_STORE_FOUND 16u    /* the Redis of sessions has to say that it is a master */
#define LOGIN_STORE_CLUSTER 32u  /* it is a cluster: the endpoints are all its nodes */

struct table_login {                  /* RULES_LOGIN: one row, or none */
	struct seg_ref base;          /* path of the endpoints: "/api/auth" */
	struct seg_ref origin;        /* that clients see: "https://example.org" */
	struct seg_ref home;          /* where a login or logout ends that names no place */
	struct seg_ref cookie;        /* its name, with its prefix */
	struct seg_ref anonymous;     /* prefix of the ids of who is nobody: "anon-" */
	struct seg_ref assertion_iss; /* of assertions that the gateway signs; "": it signs none */
	uint32_t flags;               /* LOGIN_* */
	uint32_t idle_s, max_s;       /* of a session; 0: no limit */
	uint32_t touch_s;             /* a session that goes on is written no more often */
	uint32_t refresh_s;           /* so long before its end a token is refreshed */
	uint32_t state_s;             /* a login may take so long */
	uint32_t store, store_db; /* upstream (ENDPOINTS_UPSTREAMS) that is the Redis of sessions */
	uint32_t store_ms;        /* for an answer of it */
	uint32_t sequence_first,
	    sequence_count; /* run of RULES_SEQUENCE: a login without provider_id */
	uint32_t redirects_first, redirects_count; /* run of RULES_REDIRECTS */
	uint32_t pad;
	uint64_t
	    issuers; /* bits: issuers whose tokens are good in sessions alone, not when shown */
};

/* RULES_SEQUENCE: uint32_t, indices in RULES_PROVIDERS.
 * RULES_REDIRECTS: struct seg_ref, origins ("https://ui.example.org") beside login.origin that a
 * login or logout may end at. */

#define PROVIDERS_MAX 16u

#define PROVIDER_REVOKES 1u     /* refresh tokens are revoked at logout, where it says how */
#define PROVIDER_END_SESSION 2u /* a logout goes on to it */

struct table_provider {       /* RULES_PROVIDERS, in the file's order */
	struct seg_ref name;  /* "renku": provider_id */
	struct seg_ref title; /* for pages: "GitLab" */
	struct seg_ref client_id;
	struct seg_ref scope;        /* with blanks between */
	struct seg_ref redirect_uri; /* whole */
	/* Of its discovery or the file; "": not known (yet). */
	struct seg_ref authorization, end_session;
	struct seg_ref account;    /* page of the user's account; "": none */
	struct seg_ref parameters; /* more of the authorization request: "&prompt=login" */
	uint32_t issuer;           /* index in RULES_ISSUERS: by it ID tokens are verified */
	uint32_t flags;            /* PROVIDER_* */
};

/* What a route tells its upstream of who asks: whole field lines, in the place of whatever the
 * client sent under their names. Where there is nothing to be told (nobody, no token of that
 * provider) the field is left out. */
enum credential_value {
	CREDENTIAL_ACCESS_TOKEN,
	CREDENTIAL_REFRESH_TOKEN,
	CREDENTIAL_ID_TOKEN,
	CREDENTIAL_EXPIRES_AT, /* of the access token, seconds since 1970; left out: it has no end
				*/
	CREDENTIAL_CLAIM,      /* `text`: path of a claim of the provider's ID token */
	CREDENTIAL_CLAIMS,     /* all of them: a JSON object */
	CREDENTIAL_GIT, /* JSON for git: {"https://host":{"provider":..,"AuthorizationHeader":..}}
			 */
	CREDENTIAL_ANONYMOUS_ID,  /* of who is nobody; makes a session where none is */
	CREDENTIAL_SECRET,        /* of the file: KEYS_SECRETS, SECRET_STATIC, `number` */
	CREDENTIAL_EXCHANGED,     /* RFC 8693 of the access token, for `text` as audience */
	CREDENTIAL_ASSERTION,     /* a JWT of our own about who asks, for `text` as audience */
	CREDENTIAL_SESSION_TOKEN, /* whatever token the caller is known by: as shown, or the access
				     token */
	CREDENTIAL_VALUE_N
};

enum credential_form {
	CREDENTIAL_PLAIN,
	CREDENTIAL_BEARER, /* "Bearer x" */
	CREDENTIAL_BASIC,  /* "Basic base64(user:x)", user is `user` */
	CREDENTIAL_BASE64, /* base64(x) */
	CREDENTIAL_FORM_N
};

struct table_credential {     /* RULES_CREDENTIALS, runs of them belong to routes */
	struct seg_ref field; /* name as sent */
	struct seg_ref text;  /* as its value says */
	struct seg_ref user;  /* of CREDENTIAL_BASIC */
	struct seg_ref scope; /* of CREDENTIAL_EXCHANGED; "": none is asked for */
	uint32_t value, form; /* enum credential_value, credential_form */
	uint32_t provider;    /* index in RULES_PROVIDERS; TRIE_NONE where none is meant */
	uint32_t required;    /* without it the request is refused (401, credential_missing) */
	uint32_t ttl_s;       /* of CREDENTIAL_ASSERTION */
	uint32_t number;      /* of CREDENTIAL_SECRET */
};

/* KEYS_SECRETS: what login needs and nobody else may read. Of a kind with several rows the first
 * one writes (signs, seals), all of them read. */
enum secret_kind {
	SECRET_STORE_USER, /* of the Redis of sessions */
	SECRET_STORE_PASSWORD,
	SECRET_COOKIE,    /* signs cookies */
	SECRET_TOKENS,    /* seals tokens at rest */
	SECRET_STATIC,    /* of CREDENTIAL_SECRET, by number */
	SECRET_ASSERTION, /* PEM of a private key, RS256 or ES256 */
	SECRET_KIND_N
};

struct table_secret {
	uint32_t kind, number; /* enum secret_kind */
	struct seg_ref bytes;
};

/* NULL: there is no login. */
const struct table_login *table_login(const struct segment *rules);
/* NULL for an index outside. */
const struct table_provider *table_provider(const struct segment *rules, uint32_t i);
uint32_t table_providers(const struct segment *rules);
/* TRIE_NONE: there is none of that name. */
uint32_t table_provider_find(const struct segment *rules, struct slice name);
const struct table_credential *table_credential(const struct segment *rules, uint32_t i);
/* As the file has it: "access_token"; "" for what is none. */
const char *table_credential_name(uint32_t value);
/* The i-th of a kind, from 0; p NULL: there is none. */
struct slice table_secret(const struct segment *keys, enum secret_kind kind, uint32_t i);

/* For table_verify_rules and table_verify_keys. */
bool table_login_ok(const struct segment *rules);
bool table_secrets_ok(const struct segment *keys);
