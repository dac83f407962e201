#pragma once

/*
 * config_login: sessions, who people log in with, and what upstreams are told of them; `login` of
 * the configuration, and `credentials` of a route. Part of config.h.
 */

#include "config_types.h"

/* Where a provider is asked for what: of its discovery, or of the file. */
enum issuer_endpoint {
	ISSUER_AUTHORIZATION,
	ISSUER_TOKEN,
	ISSUER_END_SESSION,
	ISSUER_REVOCATION,
	ISSUER_ENDPOINTS
};

struct config_parameter { /* of an authorization request */
	const char *name, *value;
	struct config_place place;
};

enum client_auth { CLIENT_AUTH_BASIC, CLIENT_AUTH_POST }; /* RFC 6749 section 2.3.1 */

struct config_provider {
	const char *name;
	const char *iss;
	const char *title; /* completed: its name */
	const char *client_id;
	struct config_secret client_secret; /* bytes NULL: a public client */
	uint32_t client_auth;               /* enum client_auth */
	const char **scopes;
	size_t scopes_count;
	const char *discovery; /* completed; NULL: all that it would say is given */
	const char *jwks_uri;
	const char *endpoint[ISSUER_ENDPOINTS]; /* NULL: as discovery says; parsed: */
	struct config_url url[ISSUER_ENDPOINTS];
	const char *account_url;  /* "": none */
	const char *redirect_uri; /* completed */
	struct config_parameter *parameters;
	size_t parameters_count;
	bool end_session, revoke;
	bool allow_http;
	struct config_upstream_tls tls;
	uint32_t refresh_s; /* of its keys */
	size_t issuer;      /* in config_gate.all: the one that verifies its tokens */
	struct config_place place;
};

struct config_login_key { /* of several: the first one writes */
	struct config_secret secret;
	struct config_place place;
};

struct config_sessions { /* the Redis that holds them; of redis: where it says nothing */
	struct config_address address;
	struct config_seek seek;
	bool secure; /* TLS, by these: */
	struct config_upstream_tls tls;
	const char *username;
	struct config_secret password;
	uint32_t database;
	uint32_t timeout; /* ms */
	int line;         /* of what says where it is */
};

struct config_assertion {              /* that the gateway signs about who asks */
	struct config_login_key *keys; /* PEM; none: none are signed */
	size_t keys_count;
	const char *issuer; /* completed: login.url */
};

struct config_login {
	bool configured;
	const char *url; /* completed: an origin, without a slash at its end */
	const char *base_path, *home;
	struct config_provider *providers;
	size_t providers_count;
	const char **sequence; /* none: all, in their order */
	size_t sequence_count;
	const char **redirects; /* origins */
	size_t redirects_count;
	uint32_t idle_s, max_s, touch_s; /* of a session; 0: no limit */
	const char *cookie;
	bool insecure_cookie;
	const char *anonymous_prefix;
	struct config_login_key *cookie_keys, *token_keys;
	size_t cookie_keys_count, token_keys_count;
	uint32_t refresh_s; /* so long before the end of a token */
	uint32_t state_s;
	bool oauth2_paths;
	struct config_sessions redis;
	struct config_assertion assertion;
};

struct config_credential { /* what a route tells its upstream of who asks */
	const char *header;
	uint32_t value, form; /* enum credential_value, credential_form */
	const char *provider; /* ""; completed where there is but one that it can be */
	uint32_t provider_at; /* in login.providers; TRIE_NONE: none is meant */
	const char *user;     /* of the form basic */
	const char *claim;    /* path */
	const char *audience; /* of an exchanged token, or of an assertion */
	const char *scope;    /* of an exchanged token */
	const char *url;      /* of git; completed: that of the provider */
	struct config_secret secret;
	uint32_t number; /* of the secret, among those of all routes */
	uint32_t ttl_s;  /* of an assertion */
	bool required;
	struct config_place place;
};

enum route_cookies { COOKIES_OWN_REMOVED, COOKIES_ALL, COOKIES_NONE };
