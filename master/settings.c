#include "settings.h"

#include "lib/jwt.h"
#include "lib/log.h"
#include "lib/proxy_protocol.h"
#include "lib/tls.h"
#include "lib/tls_peer.h"
#include "shm/call.h"
#include "shm/table.h"

#define AT(type, member)                                                                           \
	.offset = offsetof(struct type, member), .width = sizeof((struct type *)0)->member
#define ALL(type, array) AT(type, array), .count = offsetof(struct type, array##_count)

#define SECOND INT64_C(1000)
#define MINUTE (60 * SECOND)
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)
#define KIB INT64_C(1024)
#define GIB (KIB * KIB * KIB)

static const struct setting_word profiles[] = {
	{ "none", PROFILE_NONE },
	{ "redx", PROFILE_REDX },
	{ "riox", PROFILE_RIOX },
	{ "a-shine", PROFILE_ASHINE },
	{ "renku", PROFILE_RENKU },
	{ "naavre", PROFILE_NAAVRE },
	{ 0 },
};
static const struct setting_word dialects[] = {
	{ "both", DIALECT_BOTH },
	{ "redx", DIALECT_REDX },
	{ "riox", DIALECT_RIOX },
	{ 0 },
};
static const struct setting_word algorithms[] = {
	{ "HS256", 1u << JWT_HS256 },
	{ "HS384", 1u << JWT_HS384 },
	{ "HS512", 1u << JWT_HS512 },
	{ "RS256", 1u << JWT_RS256 },
	{ "RS384", 1u << JWT_RS384 },
	{ "RS512", 1u << JWT_RS512 },
	{ "PS256", 1u << JWT_PS256 },
	{ "PS384", 1u << JWT_PS384 },
	{ "PS512", 1u << JWT_PS512 },
	{ "ES256", 1u << JWT_ES256 },
	{ "ES384", 1u << JWT_ES384 },
	{ "EdDSA", 1u << JWT_EDDSA },
	{ 0 },
};
static const struct setting_word sources[] = {
	{ "bearer", TOKEN_FROM_BEARER },   { "basic", TOKEN_FROM_BASIC },
	{ "cookie", TOKEN_FROM_COOKIE },   { "bare", TOKEN_FROM_BARE },
	{ "header", TOKEN_FROM_HEADER },   { "query", TOKEN_FROM_QUERY },
	{ "api_key", TOKEN_FROM_API_KEY }, { 0 },
};
static const struct setting_word methods[] = {
	{ "GET", 1u << METHOD_GET },         { "HEAD", 1u << METHOD_HEAD },
	{ "POST", 1u << METHOD_POST },       { "PUT", 1u << METHOD_PUT },
	{ "DELETE", 1u << METHOD_DELETE },   { "PATCH", 1u << METHOD_PATCH },
	{ "OPTIONS", 1u << METHOD_OPTIONS }, { "CONNECT", 1u << METHOD_CONNECT },
	{ "TRACE", 1u << METHOD_TRACE },     { 0 },
};
static const struct setting_word downs[] = { { "closed", SUSPENSION_DOWN_CLOSED },
					     { "open", SUSPENSION_DOWN_OPEN },
					     { 0 } };
static const struct setting_word trailing_slashes[] = { { "keep", 0 }, { "cut", 1 }, { 0 } };
static const struct setting_word when_all_down[] = { { "last", 0 }, { "fail", 1 }, { 0 } };
static const struct setting_word balancing[] = {
	{ "round_robin", BALANCE_ROUND_ROBIN },
	{ "least_connections", BALANCE_LEAST },
	{ "random", BALANCE_RANDOM },
	{ "power_of_two", BALANCE_TWO },
	{ "hash", BALANCE_HASH },
	{ 0 },
};
static const struct setting_word plugins[] = { { "none", PLUGIN_NAME_NONE },
					       { "random", PLUGIN_NAME_RANDOM },
					       { 0 } };
static const struct setting_word ends[] = {
	{ "none", SCORE_NONE }, { "least", SCORE_LEAST }, { "most", SCORE_MOST }, { 0 }
};
static const struct setting_word same_sites[] = {
	{ "lax", SAME_SITE_LAX }, { "strict", SAME_SITE_STRICT }, { "none", SAME_SITE_NONE }, { 0 }
};
static const struct setting_word securing[] = { { "auto", STICKY_SECURE_AUTO },
						{ "true", STICKY_SECURE_ON },
						{ "false", STICKY_SECURE_OFF },
						{ 0 } };
static const struct setting_word cookie_values[] = { { "opaque", 0 }, { "redx", 1 }, { 0 } };
static const struct setting_word forwarding[] = { { "replace", 0 }, { "append", 1 }, { 0 } };
static const struct setting_word forwarded_headers[] = {
	{ "x", FORWARDED_SEND_X },
	{ "rfc7239", FORWARDED_SEND_RFC7239 },
	{ "both", FORWARDED_SEND_X | FORWARDED_SEND_RFC7239 },
	{ 0 },
};
static const struct setting_word proxy_versions[] = {
	{ "off", PROXY_OFF }, { "v1", PROXY_V1 }, { "v2", PROXY_V2 }, { 0 }
};
static const struct setting_word statuses[] = {
	{ "404", 404 }, { "502", 502 }, { "503", 503 }, { 0 }
};
static const struct setting_word redirects[] = { { "301", 301 }, { "302", 302 }, { "303", 303 },
						 { "307", 307 }, { "308", 308 }, { 0 } };
#define FIELD_VARIABLES                                                                            \
	"$remote_addr, $request_id, $host, $scheme, $route and, of the client's TLS, "             \
	"$tls_version, $tls_suite, $tls_name, $tls_resumed, $client_cert_subject and "             \
	"$client_cert_fingerprint"
static const struct setting_word certificate_headers[] = {
	{ "client-cert", CLIENT_CERTIFICATE_RFC9440 },
	{ "x-forwarded-client-cert", CLIENT_CERTIFICATE_X },
	{ "x-forwarded-client-cert-pem", CLIENT_CERTIFICATE_X | CLIENT_CERTIFICATE_X_CERT },
	{ 0 },
};
static const struct setting_word certificate_facts[] = {
#define WORD(name, fact) { name, fact },
	TLS_FACT_NAMES(WORD)
#undef WORD
	    { 0 },
};
static const struct setting_word repeated_cookies[] = { { "refuse", 0 }, { "first", 1 }, { 0 } };
static const struct setting_word claim_formats[] = {
	{ "text", CLAIM_TEXT }, { "json", CLAIM_JSON }, { "base64", CLAIM_BASE64 }, { 0 }
};
static const struct setting_word auths[] = { { "inherit", AUTH_INHERIT },
					     { "required", AUTH_REQUIRED },
					     { "none", AUTH_NONE },
					     { "optional", AUTH_OPTIONAL },
					     { 0 } };
static const struct setting_word retry_on[] = {
	{ "connect", RETRY_CONNECT }, { "reset", RETRY_RESET }, { "502", RETRY_502 },
	{ "503", RETRY_503 },         { "504", RETRY_504 },     { 0 },
};
static const struct setting_word opposite[] = { { "true", 0 }, { "false", 1 }, { 0 } };
static const struct setting_word levels[] = {
	{ "error", LOG_LEVEL_ERROR },
	{ "warn", LOG_LEVEL_WARN },
	{ "info", LOG_LEVEL_INFO },
	{ "debug", LOG_LEVEL_DEBUG },
	{ 0 },
};
static const struct setting_word roles[] = {
	{ "read", ACCESS_READ }, { "write", ACCESS_WRITE }, { "operate", ACCESS_OPERATE }, { 0 }
};
static const struct setting_word tls_versions[] = { { "1.2", TLS_1_2 }, { "1.3", TLS_1_3 }, { 0 } };
static const struct setting_word flushes[] = { { "none", 0 }, { "redis", 1 }, { 0 } };
static const struct setting_word tickets[] = {
	{ "true", TICKETS_OWN }, { "false", TICKETS_OFF }, { "redis", TICKETS_REDIS }, { 0 }
};
static const struct setting_word verifying[] = { { "none", CLIENTS_NONE },
						 { "optional", CLIENTS_OPTIONAL },
						 { "required", CLIENTS_REQUIRED },
						 { 0 } };
static const struct setting_word limit_counts[] = { { "requests", LIMIT_REQUESTS },
						    { "request_bytes", LIMIT_BYTES_IN },
						    { "response_bytes", LIMIT_BYTES_OUT },
						    { "bytes", LIMIT_BYTES },
						    { 0 } };
static const struct setting_word limit_missing[] = { { "address", LIMIT_MISSING_ADDRESS },
						     { "skip", LIMIT_MISSING_SKIP },
						     { 0 } };
static const struct setting_word scopes[] = { { "host", 0 }, { "fleet", 1 }, { 0 } };
static const struct setting_word limit_headers[] = { { "ratelimit", LIMIT_HEADERS_DRAFT },
						     { "x-ratelimit", LIMIT_HEADERS_X },
						     { 0 } };
static const struct setting_word limit_headers_on[] = { { "always", 1 }, { "refused", 0 }, { 0 } };
static const struct setting_word no_limit[] = { { "unlimited", UINT32_MAX }, { 0 } };
static const struct setting_word automatic[] = { { "auto", 0 }, { 0 } };
static const struct setting_word off[] = { { "off", 0 }, { 0 } };
static const struct setting_word none[] = { { "none", 0 }, { 0 } };

static const struct setting_children listener_children = {
	sizeof(struct config_listener),
	offsetof(struct config_listener, place),
	"listeners[].address",
};
static const struct setting_children certificate_children = {
	sizeof(struct config_certificate),
	offsetof(struct config_certificate, place),
	"tls.certificates[].certificate",
};
static const struct setting_children tls_host_children = {
	sizeof(struct config_tls_host),
	offsetof(struct config_tls_host, place),
	NULL,
};
static const struct setting_children user_children = {
	sizeof(struct config_admin_user),
	offsetof(struct config_admin_user, place),
	"admin.users.*.role",
};
static const struct setting_children api_children = {
	sizeof(struct config_api_listener),
	offsetof(struct config_api_listener, place),
	"admin.api.listen[].address",
};
static const struct setting_children token_children = {
	sizeof(struct config_api_token),
	offsetof(struct config_api_token, place),
	NULL,
};
static const struct setting_children protect_children = {
	sizeof(struct config_gate_entry),
	offsetof(struct config_gate_entry, place),
	"gate.protect[].path",
};
static const struct setting_children except_children = {
	sizeof(struct config_gate_entry),
	offsetof(struct config_gate_entry, place),
	"gate.except[].path",
};
static const struct setting_children delegate_children = {
	sizeof(struct config_delegate),
	offsetof(struct config_delegate, place),
	"gate.delegate[].path",
};
static const struct setting_children policy_children = {
	sizeof(struct config_policy),
	offsetof(struct config_policy, place),
	NULL,
};
static const struct setting_children policy_protect_children = {
	sizeof(struct config_gate_entry),
	offsetof(struct config_gate_entry, place),
	"policies.*.protect[].path",
};
static const struct setting_children policy_except_children = {
	sizeof(struct config_gate_entry),
	offsetof(struct config_gate_entry, place),
	"policies.*.except[].path",
};
static const struct setting_children claim_children = {
	sizeof(struct config_claim),
	offsetof(struct config_claim, place),
	"gate.claims.*.header",
};
static const struct setting_children api_key_children = {
	sizeof(struct config_api_key),
	offsetof(struct config_api_key, place),
	NULL,
};
static const struct setting_children issuer_children = {
	sizeof(struct config_issuer),
	offsetof(struct config_issuer, place),
	NULL,
};
static const struct setting_children required_children = {
	sizeof(struct config_required),
	offsetof(struct config_required, place),
	"gate.issuers.*.required.*.values",
};
static const struct setting_children upstream_children = {
	sizeof(struct config_upstream),
	offsetof(struct config_upstream, place),
	NULL,
};
static const struct setting_children endpoint_children = {
	sizeof(struct config_endpoint),
	offsetof(struct config_endpoint, place),
	"upstreams.*.endpoints[].address",
};
static const struct setting_children route_children = {
	sizeof(struct config_route),
	offsetof(struct config_route, place),
	NULL,
};
static const struct setting_children arm_children = {
	sizeof(struct config_arm),
	offsetof(struct config_arm, place),
	NULL,
};
static const struct setting_children rate_children = {
	sizeof(struct config_limit),
	offsetof(struct config_limit, place),
	"rates.*.limit",
};
static const struct setting_children concurrency_children = {
	sizeof(struct config_limit),
	offsetof(struct config_limit, place),
	"concurrency.*.limit",
};
#define HEADER_CHILDREN(name, row)                                                                 \
	static const struct setting_children name = {                                              \
		sizeof(struct config_header),                                                      \
		offsetof(struct config_header, place),                                             \
		row,                                                                               \
	}
HEADER_CHILDREN(request_set_children, "routes[].request_headers.set.*.value");
HEADER_CHILDREN(request_add_children, "routes[].request_headers.add.*.value");
HEADER_CHILDREN(response_set_children, "routes[].response_headers.set.*.value");
HEADER_CHILDREN(response_add_children, "routes[].response_headers.add.*.value");
static const struct setting_children plugin_children = {
	sizeof(struct config_plugin),
	offsetof(struct config_plugin, place),
	"redis.plugins[].plugin",
};
static const struct setting_children header_children = {
	sizeof(struct config_condition),
	offsetof(struct config_condition, place),
	"routes[].headers[].name",
};
static const struct setting_children certificate_condition_children = {
	sizeof(struct config_condition),
	offsetof(struct config_condition, place),
	"routes[].client_certificate[].name",
};
static const struct setting_children query_children = {
	sizeof(struct config_condition),
	offsetof(struct config_condition, place),
	"routes[].query[].name",
};
static const struct setting_children page_children = {
	sizeof(struct config_page),
	offsetof(struct config_page, place),
	"error_pages.*.file",
};

const struct setting settings[] = {
	{ "compatibility", SETTING_WORD, AT(config, profile), .initial = "none", .words = profiles,
	  .text = "A profile: the defaults of a system that is being replaced; whatever the file "
		  "says wins over it.",
	  .example = "redx" },
	{ "listeners", SETTING_LIST, ALL(config, listeners), .initial = "[\":8080\"]",
	  .children = &listener_children, .restart = true, .text = "Where clients are accepted.",
	  .example = "[\":8080\", \"[::1]:8081\"]" },
	{ "listeners[].address", SETTING_LISTEN, AT(config_listener, address), .required = true,
	  .text = "Address of a listener; a lone text in the list is this setting.",
	  .example = "\":8080\"" },
	{ "listeners[].proxy_protocol", SETTING_BOOL, AT(config_listener, proxy_protocol),
	  .initial = "false",
	  .text = "Each connection begins with a header of the PROXY protocol (version 1 or 2), "
		  "which names the client; only peers in trusted_proxies may connect.",
	  .example = "true" },
	{ "listeners[].tls", SETTING_BOOL, AT(config_listener, tls), .initial = "false",
	  .text = "Clients of this listener speak TLS, with the certificates of tls.certificates.",
	  .example = "true" },

	{ "tls.certificates", SETTING_LIST, ALL(config, tls.certificates), .initial = "[]",
	  .children = &certificate_children,
	  .text = "Certificates of the TLS listeners; of several that have the name a client asks "
		  "for, one with an ECDSA key comes before one with an RSA key, then the earlier "
		  "one.",
	  .example = "[{directory: /etc/yett/tls.d}]" },
	{ "tls.certificates[].certificate", SETTING_FILE, AT(config_certificate, file), .min = 1,
	  .max = 4000, .shown = "none",
	  .text = "File of a chain in PEM, the own certificate first; a lone text in the list is "
		  "this setting.",
	  .example = "/etc/yett/tls/example.pem" },
	{ "tls.certificates[].key", SETTING_FILE, AT(config_certificate, key), .min = 1,
	  .max = 4000, .shown = "it stands in the file of the chain",
	  .text = "File of the key in PEM, without a password.",
	  .example = "/etc/yett/tls/example.key" },
	{ "tls.certificates[].key_credential", SETTING_NAME, AT(config_certificate, key_credential),
	  .min = 1, .max = 255, .shown = "none",
	  .text = "Name of the key among the credentials that systemd gives (LoadCredential=).",
	  .example = "example-key" },
	{ "tls.certificates[].directory", SETTING_FILE, AT(config_certificate, directory), .min = 1,
	  .max = 4000, .shown = "none",
	  .text = "A folder instead of one file: NAME.crt or NAME.pem with NAME.key, or both in "
		  "NAME.pem; what comes into it is served, what goes is not.",
	  .example = "/etc/yett/tls.d" },
	{ "tls.default_certificate", SETTING_NAME, AT(config, tls.default_certificate),
	  .initial = "", .shown = "that of the first certificate", .max = 253,
	  .text = "A name: its certificates serve who asks for none, or for one that is not known.",
	  .example = "www.example.org" },
	{ "tls.strict_sni", SETTING_BOOL, AT(config, tls.strict_sni), .initial = "false",
	  .text = "Refuse the handshake of who asks for a name that no certificate has.",
	  .example = "true" },
	{ "tls.min_version", SETTING_WORD, AT(config, tls.min_version), .initial = "1.2",
	  .words = tls_versions, .text = "The oldest version of TLS that is spoken.",
	  .example = "\"1.3\"" },
	{ "tls.max_version", SETTING_WORD, AT(config, tls.max_version), .initial = "1.3",
	  .words = tls_versions, .text = "The newest one.", .example = "\"1.2\"" },
	{ "tls.suites", SETTING_STRINGS, ALL(config, tls.suites), .initial = "[]",
	  .shown = "AES-128-GCM, AES-256-GCM, ChaCha20-Poly1305, with forward secrecy", .max = 64,
	  .text = "Cipher suites by IANA's names, the preferred first (in TLS 1.3 the "
		  "client's order counts); some of each version that is spoken.",
	  .example = "[TLS_AES_128_GCM_SHA256, TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256]" },
	{ "tls.groups", SETTING_STRINGS, ALL(config, tls.groups), .initial = "[]",
	  .shown = "secp256r1, x25519, secp384r1", .max = 64,
	  .text = "Groups of the key exchange by IANA's names, the preferred first.",
	  .example = "[x25519]" },
	{ "tls.tickets", SETTING_WORD, AT(config, tls.tickets), .initial = "true", .words = tickets,
	  .text = "Let clients resume their sessions, with whichever worker they come to; with "
		  "redis, with whichever gateway that has the same Redis and ticket_secret.",
	  .example = "false" },
	{ "tls.ticket_secret", SETTING_SECRET, AT(config, tls.ticket_secret),
	  .text = "What the keys of tickets are sealed with in Redis; the same for all gateways.",
	  .example = "{file: /etc/yett/tickets.secret}" },
	{ "tls.ticket_lifetime", SETTING_SECONDS, AT(config, tls.ticket_lifetime_s),
	  .initial = "24h", .min = 3 * SECOND, .max = 7 * DAY,
	  .text = "How long a session can be resumed; the keys that seal tickets change each third "
		  "of it.",
	  .example = "1h" },
	{ "tls.clients.verify", SETTING_WORD, AT(config, tls.clients.verify), .initial = "none",
	  .words = verifying,
	  .text = "Whether clients are asked for a certificate; with optional, who has no good one "
		  "comes in without.",
	  .example = "required" },
	{ "tls.clients.ca", SETTING_FILE, AT(config, tls.clients.ca), .min = 1, .max = 4000,
	  .shown = "none", .text = "File of the roots that sign certificates of clients, in PEM.",
	  .example = "/etc/yett/clients.pem" },
	{ "tls.clients.crl", SETTING_FILE, AT(config, tls.clients.crl), .min = 1, .max = 4000,
	  .shown = "none",
	  .text = "File of their revocation lists, in PEM; once one has expired, no certificate of "
		  "its root is good.",
	  .example = "/etc/yett/clients.crl" },
	{ "tls.hosts", SETTING_LIST, ALL(config, tls.hosts), .initial = "[]",
	  .children = &tls_host_children,
	  .text = "What differs for single hosts; of several that match, the longest counts.",
	  .example = "[{host: internal.example.org, clients: {verify: required, ca: "
		     "/etc/yett/internal.pem}}]" },
	{ "tls.hosts[].host", SETTING_HOST, AT(config_tls_host, host), .required = true,
	  .text = "The host: a name, or *.example.org for all below it.",
	  .example = "\"*.internal.example.org\"" },
	{ "tls.hosts[].clients.verify", SETTING_WORD, AT(config_tls_host, clients.verify),
	  .inherit = "tls.clients.verify", .words = verifying, .text = "The same for this host.",
	  .example = "required" },
	{ "tls.hosts[].clients.ca", SETTING_FILE, AT(config_tls_host, clients.ca), .min = 1,
	  .max = 4000, .inherit = "tls.clients.ca", .text = "The same for this host.",
	  .example = "/etc/yett/internal.pem" },
	{ "tls.hosts[].clients.crl", SETTING_FILE, AT(config_tls_host, clients.crl), .min = 1,
	  .max = 4000, .inherit = "tls.clients.crl", .text = "The same for this host.",
	  .example = "/etc/yett/internal.crl" },
	{ "tls.forward_client_certificate", SETTING_FLAGS, AT(config, tls.client_certificate),
	  .initial = "[]", .words = certificate_headers,
	  .text =
	      "Headers in which upstreams hear of the client's certificate, where it was verified: "
	      "Client-Cert (RFC 9440); X-Forwarded-Client-Cert (Envoy's) with its digest, its "
	      "subject and the URIs and DNS names in it, or the same with all of it. No client can "
	      "send them itself.",
	  .example = "[client-cert]" },
	{ "tls.hsts", SETTING_SECONDS, AT(config, tls.hsts_s), .initial = "off", .max = 3650 * DAY,
	  .text = "max-age of the header Strict-Transport-Security that answers over TLS get: so "
		  "long browsers come by https alone. It takes the place of an upstream's.",
	  .example = "365d" },
	{ "tls.hsts_subdomains", SETTING_BOOL, AT(config, tls.hsts_subdomains), .initial = "false",
	  .text = "It is for what is below the host, too.", .example = "true" },
	{ "tls.redirect_http", SETTING_BOOL, AT(config, tls.redirect_http), .initial = "false",
	  .text = "Answer what comes in clear with a redirect (308) to https, but for what a proxy "
		  "that is trusted says came by https, and for /.well-known/acme-challenge/.",
	  .example = "true" },
	{ "tls.redirect_port", SETTING_INT, AT(config, tls.redirect_port), .initial = "0",
	  .max = 65535, .shown = "that of the first listener with TLS",
	  .text = "The port of https that it leads to.", .example = "443" },
	{ "admin.socket", SETTING_SOCKET, AT(config, admin_socket),
	  .shown = "admin.sock in run_dir", .restart = true,
	  .text = "Unix socket of the management API, which the yett commands talk to.",
	  .example = "/run/yett/admin.sock" },
	{ "admin.listen", SETTING_LISTEN, AT(config, admin_listen), .restart = true,
	  .text = "TCP address of a read-only admin listener with /health, /ready, /metrics, and "
		  "/status, /routes and /config under the Hosts of admin.api.hosts.",
	  .example = "\"127.0.0.1:9180\"" },
	{ "admin.users", SETTING_MAP, ALL(config, admin_users), .initial = "{}",
	  .shown = "{}: root and the user of the gateway", .children = &user_children,
	  .text =
	      "Who may do what over the admin socket, beside root and the user that the gateway "
	      "runs as, who may do everything.",
	  .example = "{deploy: write, \"1001\": read}" },
	{ "admin.users.*", SETTING_NAME, AT(config_admin_user, name), .min = 1, .max = 48,
	  .text = "Name or number of a user of this host.", .example = "deploy" },
	{ "admin.users.*.role", SETTING_WORD, AT(config_admin_user, role), .required = true,
	  .words = roles,
	  .text = "read: state and rules; write: change rules, too; operate: everything.",
	  .example = "write" },
	{ "admin.body_limit", SETTING_SIZE, AT(config, admin_body), .initial = "64m", .min = 1024,
	  .max = GIB, .text = "Largest body of a request to the management API; beyond it, 413.",
	  .example = "1m" },
	{ "admin.api.listen", SETTING_LIST, ALL(config, api.listen), .initial = "[]",
	  .children = &api_children, .restart = true,
	  .text = "TCP addresses of the management API; nothing listens where none is named.",
	  .example = "[\"127.0.0.1:8082\", \"127.0.0.1:8081\"]" },
	{ "admin.api.listen[].address", SETTING_LISTEN, AT(config_api_listener, address),
	  .required = true,
	  .text = "Address of a listener of it; a lone text in the list is this setting.",
	  .example = "\"127.0.0.1:8082\"" },
	{ "admin.api.tokens", SETTING_MAP, ALL(config, api.tokens), .initial = "{}",
	  .children = &token_children,
	  .text = "Tokens for Authorization: Bearer, by the names that the log has for them.",
	  .example = "{ci: {role: write, secret: {file: /etc/yett/ci.token}}}" },
	{ "admin.api.tokens.*", SETTING_NAME, AT(config_api_token, name), .min = 1, .max = 48,
	  .text = "Name of a token, for the log.", .example = "ci" },
	{ "admin.api.tokens.*.role", SETTING_WORD, AT(config_api_token, role), .required = true,
	  .words = roles, .text = "What its bearer may do: read, write or operate.",
	  .example = "write" },
	{ "admin.api.tokens.*.secret", SETTING_SECRET, AT(config_api_token, secret),
	  .required = true, .text = "The token itself.", .example = "{file: /etc/yett/ci.token}" },
	{ "admin.api.hosts", SETTING_STRINGS, ALL(config, api.hosts), .initial = "[]", .min = 1,
	  .max = 253,
	  .text = "Names that requests without a token may have in Host, beside addresses, "
		  "localhost and the names in admin.api.listen.",
	  .example = "[gateway, nginx-config]" },
	{ "admin.api.allow_unauthenticated", SETTING_BOOL, AT(config, api.unauthenticated),
	  .initial = "false",
	  .text = "Whoever reaches the management API may do everything, without a token.",
	  .example = "true" },
	{ "workers", SETTING_INT, AT(config, workers), .initial = "auto", .min = 1, .max = 255,
	  .words = automatic, .restart = true,
	  .text = "How many traffic workers run; auto is one for each CPU.", .example = "4" },
	{ "run_dir", SETTING_FILE, AT(config, run_dir), .initial = "/run/yett",
	  .env = "RUNTIME_DIRECTORY", .min = 1, .max = 80, .restart = true,
	  .text = "Folder of the sockets; made at start where it is missing.",
	  .example = "/run/yett" },
	{ "state_dir", SETTING_FILE, AT(config, state_dir), .initial = "/var/lib/yett",
	  .env = "STATE_DIRECTORY", .min = 1, .max = 4000, .restart = true,
	  .text = "Folder of what outlives a restart: the last good rules.",
	  .example = "/var/lib/yett" },
	{ "user", SETTING_STRING, AT(config, user), .initial = "", .shown = "none: stay as started",
	  .max = 64, .restart = true,
	  .text = "The user that a master started as root becomes once its sockets are open.",
	  .example = "yett" },

	{ "redis.address", SETTING_ADDRESS, AT(config, redis.address), .min = 6379,
	  .text = "The Redis server that holds rules; without it the rules are those of this file "
		  "alone.",
	  .example = "\"127.0.0.1:6379\"" },
	{ "redis.tls.enabled", SETTING_BOOL, AT(config, redis.secure), .initial = "false",
	  .text = "Speak TLS with Redis.", .example = "true" },
	{ "redis.tls.ca", SETTING_FILE, AT(config, redis.tls.ca),
	  .initial = "/etc/ssl/certs/ca-certificates.crt", .min = 1, .max = 4000,
	  .text = "The roots by which its certificate is verified, in PEM.",
	  .example = "/etc/yett/internal-ca.pem" },
	{ "redis.tls.server_name", SETTING_NAME, AT(config, redis.tls.server_name), .initial = "",
	  .shown = "the host of redis.address", .max = 253,
	  .text = "The name that has to be in its certificate.", .example = "redis.internal" },
	{ "redis.tls.insecure_skip_verify", SETTING_BOOL,
	  AT(config, redis.tls.insecure_skip_verify), .initial = "false",
	  .text = "Take whoever answers there for Redis: rules and the password are then anybody's "
		  "who is on the way.",
	  .example = "true" },
	{ "redis.tls.certificate", SETTING_FILE, AT(config, redis.tls.certificate),
	  .initial = "none", .min = 1, .max = 4000, .words = none,
	  .text = "The certificate of this gateway, for a Redis that asks for one.",
	  .example = "/etc/yett/gateway.pem" },
	{ "redis.tls.key", SETTING_FILE, AT(config, redis.tls.key), .initial = "none",
	  .shown = "none: it stands in the file of the certificate", .min = 1, .max = 4000,
	  .words = none, .text = "The key of that certificate, in PEM, without a password.",
	  .example = "/etc/yett/gateway.key" },
	{ "redis.tls.pin_sha256", SETTING_STRINGS, ALL(config, redis.tls.pins), .initial = "[]",
	  .shown = "any", .min = 1, .max = 44,
	  .text = "The keys that Redis may have, as upstream_tls.pin_sha256.",
	  .example = "[\"47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\"]" },
	{ "redis.username", SETTING_STRING, AT(config, redis.username), .initial = "",
	  .shown = "none", .max = 256,
	  .text = "User of Redis (ACL); without it AUTH is sent with the password alone.",
	  .example = "gateway" },
	{ "redis.password", SETTING_SECRET, AT(config, redis.password),
	  .text = "Password of Redis.", .example = "{file: /etc/yett/redis.pass}" },
	{ "redis.database", SETTING_INT, AT(config, redis.database), .initial = "0", .max = 65535,
	  .text = "Number of the Redis database.", .example = "1" },
	{ "redis.dialect", SETTING_WORD, AT(config, redis.dialect), .initial = "both",
	  .words = dialects, .text = "How hosts and ports of stored frontends are understood.",
	  .example = "redx" },
	{ "redis.max_path_length", SETTING_INT, AT(config, redis.max_path_length),
	  .initial = "unlimited", .max = 64, .words = no_limit,
	  .text = "Frontends with more segments in their path than this do not match.",
	  .example = "3" },
	{ "redis.timeout", SETTING_DURATION, AT(config, redis.timeout), .initial = "5s", .min = 10,
	  .max = 5 * MINUTE,
	  .text = "How long connecting to Redis and each of its answers may take.",
	  .example = "2s" },
	{ "redis.compare_interval", SETTING_DURATION, AT(config, redis.compare_interval),
	  .initial = "2m", .min = SECOND, .max = DAY,
	  .text = "Time between two full comparisons with what Redis holds; SWAPDB is only seen by "
		  "them.",
	  .example = "5m" },
	{ "redis.default_score", SETTING_SIGNED, AT(config, redis.default_score), .initial = "0",
	  .min = -1000000, .max = 1000000,
	  .text = "Score of a server that a batch names without one.", .example = "10" },
	{ "redis.plugins", SETTING_LIST, ALL(config, redis.plugins), .initial = "[]",
	  .children = &plugin_children,
	  .text =
	      "How an endpoint of a backend of Redis is chosen: each plugin of redx leaves fewer "
	      "servers, until there is one; with none, balance holds for them too.",
	  .example = "[{stickiness: {cookie: session}}, {score: least}, random]" },
	{ "redis.plugins[].plugin", SETTING_WORD, AT(config_plugin, name), .initial = "none",
	  .words = plugins,
	  .text =
	      "A plugin without a setting; a lone text in the list is this setting. random: any "
	      "of the servers, with equal chances.",
	  .example = "random" },
	{ "redis.plugins[].score", SETTING_WORD, AT(config_plugin, score), .initial = "none",
	  .words = ends, .text = "Leave the servers with the lowest or the highest score.",
	  .example = "least" },
	{ "redis.plugins[].weighted_score", SETTING_WORD, AT(config_plugin, weighted_score),
	  .initial = "none", .words = ends,
	  .text =
	      "Any of the servers, with chances by score: most, in proportion to it; least, to "
	      "what "
	      "it is below the highest one, or of two servers below _max_score of the backend. Of "
	      "three or more the worst is left out.",
	  .example = "most" },
	{ "redis.plugins[].stickiness.cookie", SETTING_TOKEN, AT(config_plugin, stickiness.cookie),
	  .initial = "", .shown = "none", .max = 256,
	  .text = "The server that this cookie names, if it is still among them.",
	  .example = "session" },
	{ "redis.plugins[].stickiness.max_age", SETTING_SECONDS,
	  AT(config_plugin, stickiness.max_age_s), .initial = "off", .max = 400 * DAY,
	  .text = "How long browsers keep it; off is until they end.", .example = "15m" },
	{ "redis.plugins[].stickiness.value", SETTING_WORD, AT(config_plugin, stickiness.redx),
	  .initial = "opaque", .words = cookie_values,
	  .text =
	      "As upstreams.*.sticky.value; with redx it is sent with SameSite=None and Secure, as "
	      "redx does.",
	  .example = "redx" },

	{ "cascade.enabled", SETTING_BOOL, AT(config, cascade.enabled), .initial = "false",
	  .text = "Carry deletions of users that are announced in Redis to the services of the "
		  "routes with cascade: true, each one once for all gateways.",
	  .example = "true" },
	{ "cascade.channel", SETTING_STRING, AT(config, cascade.channel), .initial = "user-delete",
	  .max = 256,
	  .text = "The channel where they are published, the message being the user's id; nothing "
		  "that is published while no gateway runs is heard. Empty is none.",
	  .example = "user-delete" },
	{ "cascade.stream", SETTING_STRING, AT(config, cascade.stream), .initial = "user-delete",
	  .max = 256,
	  .text =
	      "The stream where they are added, the id in the field id; it waits for a gateway, "
	      "and what was taken over is deleted from it. Empty is none.",
	  .example = "\"users:deleted\"" },
	{ "cascade.path", SETTING_PATH, AT(config, cascade.path), .initial = "/user-delete",
	  .min = 1, .max = 2048, .text = "Services are asked DELETE with this path.",
	  .example = "/internal/users" },
	{ "cascade.header", SETTING_TOKEN, AT(config, cascade.header), .initial = "id", .min = 1,
	  .max = 128, .text = "The header that carries the user's id.", .example = "X-User-Id" },
	{ "cascade.timeout", SETTING_DURATION, AT(config, cascade.timeout), .initial = "10s",
	  .min = 100, .max = 5 * MINUTE, .text = "How long a service may take to answer.",
	  .example = "1m" },
	{ "cascade.retry", SETTING_DURATION, AT(config, cascade.retry), .initial = "10s",
	  .min = 100, .max = DAY,
	  .text = "After so long a service is asked again that did not answer 2xx, 404 or 410; "
		  "after twice as long the next time, give or take a fifth.",
	  .example = "1m" },
	{ "cascade.retry_max", SETTING_DURATION, AT(config, cascade.retry_max), .initial = "1h",
	  .min = 100, .max = DAY, .text = "The longest time between two attempts.",
	  .example = "10m" },
	{ "cascade.give_up", SETTING_SECONDS, AT(config, cascade.give_up_s), .initial = "24h",
	  .min = SECOND, .max = 30 * DAY,
	  .text = "A service that fails for so long is given up; yett cascade retry begins anew.",
	  .example = "3d" },
	{ "cascade.remember", SETTING_SECONDS, AT(config, cascade.remember_s), .initial = "10m",
	  .min = 10 * SECOND, .max = DAY,
	  .text = "The same id within this time after all is done is the same deletion.",
	  .example = "1h" },

	{ "gate.protect", SETTING_LIST, ALL(config, gate.protect), .initial = "[]",
	  .children = &protect_children, .text = "What needs a token.",
	  .example = "[/api, {path: /files, methods: [PUT, DELETE]}]" },
	{ "gate.protect[].path", SETTING_PATH, AT(config_gate_entry, path), .required = true,
	  .min = 1, .max = 2048,
	  .text =
	      "Path that is protected, with all below it; a lone text in the list is this setting.",
	  .example = "/api" },
	{ "gate.protect[].methods", SETTING_FLAGS, AT(config_gate_entry, methods), .initial = "[]",
	  .shown = "all", .words = methods, .text = "Methods for which it is protected.",
	  .example = "[POST, PUT]" },
	{ "gate.protect[].exact", SETTING_BOOL, AT(config_gate_entry, exact), .initial = "false",
	  .text = "Protect this path only and nothing below it.", .example = "true" },
	{ "gate.protect[].authorize", SETTING_AUTHORISE, AT(config_gate_entry, authorise),
	  .shown = "none", .text = "Who may, beside what the route asks; as routes[].authorize.",
	  .example = "{groups: [staff]}" },
	{ "gate.except", SETTING_LIST, ALL(config, gate.except), .initial = "[]",
	  .children = &except_children,
	  .text = "What needs no token although it lies below a protected path.",
	  .example = "[/api/v1/login, {path: /api/v1/users, methods: [POST]}]" },
	{ "gate.except[].path", SETTING_PATH, AT(config_gate_entry, path), .required = true,
	  .min = 1, .max = 2048,
	  .text =
	      "Path that is open, and nothing below it; a lone text in the list is this setting.",
	  .example = "/api/v1/login" },
	{ "gate.except[].methods", SETTING_FLAGS, AT(config_gate_entry, methods), .initial = "[]",
	  .shown = "all", .words = methods, .text = "Methods for which it is open.",
	  .example = "[POST]" },
	{ "gate.except[].prefix", SETTING_WORD, AT(config_gate_entry, exact), .initial = "false",
	  .words = opposite, .text = "Open all below this path too.", .example = "true" },
	{ "gate.delegate", SETTING_LIST, ALL(config, gate.delegate), .initial = "[]",
	  .children = &delegate_children,
	  .text = "Paths that this file leaves to the policies of the store: below them, and there "
		  "alone, these may open what gate.protect and policies close.",
	  .example = "[/shared]" },
	{ "gate.delegate[].path", SETTING_PATH, AT(config_delegate, path), .required = true,
	  .min = 1, .max = 2048,
	  .text = "Such a path, with all below it; a lone text in the list is this setting.",
	  .example = "/shared" },
	{ "gate.algorithms", SETTING_FLAGS, AT(config, gate.algorithms), .initial = "[HS256]",
	  .min = 1, .words = algorithms,
	  .text = "Signatures that are accepted; what a token says of itself changes nothing.",
	  .example = "[RS256, ES256]" },
	{ "gate.secret", SETTING_SECRET, AT(config, gate.secret),
	  .text = "The shared key of HS256, HS384 and HS512; needed as soon as something is "
		  "protected by one of them.",
	  .example = "{env: JWT_SECRET_KEY}" },
	{ "gate.public_key", SETTING_SECRET, AT(config, gate.public_key),
	  .text = "The issuer's public key or certificate in PEM, for the other algorithms: RSA of "
		  "at least 2048 bits "
		  "for RS and PS, P-256 for ES256, P-384 for ES384, Ed25519 for EdDSA.",
	  .example = "{file: /etc/yett/issuer.pem}" },
	{ "gate.issuer", SETTING_STRING, AT(config, gate.issuer), .initial = "",
	  .shown = "none: not checked", .max = 1024, .text = "What the claim iss must be.",
	  .example = "\"https://issuer.example\"" },
	{ "gate.audience", SETTING_STRINGS, ALL(config, gate.audience), .initial = "[]",
	  .shown = "none: not checked", .min = 1, .max = 1024,
	  .text = "The claim aud must name one of these.", .example = "[shop, api]" },
	{ "gate.leeway", SETTING_SECONDS, AT(config, gate.leeway_s), .initial = "60s", .max = HOUR,
	  .text = "How far the clocks of issuer and gateway may differ.", .example = "10s" },
	{ "gate.require_exp", SETTING_BOOL, AT(config, gate.require_exp), .initial = "false",
	  .text = "Refuse a token without the claim exp.", .example = "true" },
	{ "gate.sources", SETTING_FLAGS, AT(config, gate.sources),
	  .initial = "[bearer, basic, cookie]", .min = 1, .words = sources,
	  .text = "Where a token may stand, asked for in this order: Authorization Bearer, the "
		  "password of Basic, Authorization without a scheme (bare), a cookie, a header "
		  "(gate.token_header), a parameter of the query (gate.token_query); behind them "
		  "an API key.",
	  .example = "[bearer, cookie]" },
	{ "gate.cookie", SETTING_TOKEN, AT(config, gate.cookie), .initial = "token", .min = 1,
	  .max = 256, .text = "Name of the cookie that holds a token.", .example = "session" },
	{ "gate.repeated_cookie", SETTING_WORD, AT(config, gate.first_cookie), .initial = "refuse",
	  .words = repeated_cookies,
	  .text = "A request with several cookies of that name and different values: it is "
		  "refused, or the first one counts. A page of a sibling domain can add one.",
	  .example = "first" },
	{ "gate.token_header", SETTING_TOKEN, AT(config, gate.token_header),
	  .initial = "X-Access-Token", .min = 1, .max = 256,
	  .text = "Name of the header that holds a token, alone or behind Bearer, where "
		  "gate.sources has header.",
	  .example = "X-Auth-Token" },
	{ "gate.token_query", SETTING_TOKEN, AT(config, gate.token_query),
	  .initial = "access_token", .min = 1, .max = 256,
	  .text = "Name of the parameter of the query that holds a token, where gate.sources has "
		  "query; it is taken off what upstreams get, and no query is logged. What is in "
		  "addresses gets into histories and other logs: use it where nothing else can be "
		  "had.",
	  .example = "token" },
	{ "gate.refuse_bad_optional", SETTING_BOOL, AT(config, gate.refuse_bad_optional),
	  .initial = "false",
	  .text = "Refuse a bad token on a route with auth: optional, too; else it is as good as "
		  "none, and counted.",
	  .example = "true" },
	{ "gate.is_auth", SETTING_PATH, AT(config, gate.is_auth), .initial = "",
	  .shown = "none: off", .max = 2048,
	  .text = "A path that answers 200 to who has a good token, whatever the method, and to "
		  "others as a protected route does; it comes before all routes, on all hosts.",
	  .example = "/isAuth" },
	{ "gate.cors.origins", SETTING_STRINGS, ALL(config, gate.cors.origins), .initial = "[]",
	  .shown = "none: no page of another origin", .min = 1, .max = 512,
	  .text = "Origins of pages that may ask gate.is_auth; as routes[].cors.origins.",
	  .example = "[\"https://app.example.org\"]" },
	{ "gate.cors.methods", SETTING_TOKENS, ALL(config, gate.cors.methods),
	  .initial = "[GET, HEAD, POST]", .min = 1, .max = 32, .text = "Methods that they may use.",
	  .example = "[GET, PUT]" },
	{ "gate.cors.headers", SETTING_TOKENS, ALL(config, gate.cors.headers), .initial = "[]",
	  .shown = "those that need no leave", .min = 1, .max = 128,
	  .text = "Headers that they may send; * for all.", .example = "[Authorization]" },
	{ "gate.cors.expose", SETTING_TOKENS, ALL(config, gate.cors.expose), .initial = "[]",
	  .shown = "those that need no leave", .min = 1, .max = 128,
	  .text = "Headers of the answer that they may read.", .example = "[X-Request-Id]" },
	{ "gate.cors.credentials", SETTING_BOOL, AT(config, gate.cors.credentials),
	  .initial = "false", .text = "They may send cookies and other credentials.",
	  .example = "true" },
	{ "gate.cors.max_age", SETTING_SECONDS, AT(config, gate.cors.max_age_s), .initial = "10m",
	  .max = DAY, .text = "How long a browser may remember the leave.", .example = "1h" },
	{ "gate.forward_auth", SETTING_PATH, AT(config, gate.forward_auth), .initial = "",
	  .shown = "none: off", .max = 2048,
	  .text = "A path by which another proxy asks about a request before it serves it: 202 "
		  "with the headers of gate.claims, or the refusal.",
	  .example = "/auth" },
	{ "gate.reserved", SETTING_STRINGS, ALL(config, gate.reserved), .initial = "[]", .min = 2,
	  .max = 256,
	  .text = "Ends of paths that nobody may ask for from outside, in any spelling: 404. The "
		  "gateway itself still does. With cascade.enabled the path of the cascade is one "
		  "of them.",
	  .example = "[/user-delete, /isAlive]" },
	{ "gate.realm", SETTING_QUOTABLE, AT(config, gate.realm), .initial = "yett", .min = 1,
	  .max = 256, .text = "The realm in WWW-Authenticate.", .example = "shop" },
	{ "gate.claims", SETTING_MAP, ALL(config, gate.claims), .initial = "{}",
	  .children = &claim_children,
	  .text = "Claims that become headers for the upstream; a token without such a claim is "
		  "refused, unless it is optional.",
	  .example = "{id: auth_id, realm_access.roles: {header: X-Roles, optional: true}}" },
	{ "gate.claims.*", SETTING_STRING, AT(config_claim, claim), .min = 1, .max = 256,
	  .text = "Name of a claim at the top of the token, or a path to one with dots between "
		  "the names.",
	  .example = "id" },
	{ "gate.claims.*.header", SETTING_TOKEN, AT(config_claim, header), .required = true,
	  .min = 1, .max = 256,
	  .text = "The header that carries it; a client's own header of this name, in any "
		  "spelling, is removed.",
	  .example = "auth_id" },
	{ "gate.issuers", SETTING_MAP, ALL(config, gate.issuers), .initial = "{}",
	  .children = &issuer_children,
	  .text = "Who else issues tokens, by name: each has its own algorithms, keys and checks, "
		  "and its tokens are those whose claim iss names it.",
	  .example = "{corp: {issuer: \"https://id.example\", jwks_uri: "
		     "\"https://id.example/keys\"}}" },
	{ "gate.issuers.*", SETTING_NAME, AT(config_issuer, name), .min = 1, .max = 63,
	  .text = "Name of an issuer, for routes[].issuers, status and metrics.",
	  .example = "corp" },
	{ "gate.issuers.*.issuer", SETTING_STRING, AT(config_issuer, iss), .initial = "",
	  .shown = "none: tokens whose iss names no other one", .max = 1024,
	  .text = "What the claim iss must be, to the letter.",
	  .example = "\"https://id.example\"" },
	{ "gate.issuers.*.algorithms", SETTING_FLAGS, AT(config_issuer, algorithms),
	  .initial = "[]", .shown = "HS256 with a secret, else RS256", .min = 1,
	  .words = algorithms,
	  .text = "Signatures that are accepted of it: those of a secret, or those of public keys, "
		  "never both.",
	  .example = "[RS256, ES256]" },
	{ "gate.issuers.*.audience", SETTING_STRINGS, ALL(config_issuer, audience), .initial = "[]",
	  .shown = "none: not checked", .min = 1, .max = 1024,
	  .text = "The claim aud must name one of these.", .example = "[shop]" },
	{ "gate.issuers.*.leeway", SETTING_SECONDS, AT(config_issuer, leeway_s),
	  .inherit = "gate.leeway", .max = HOUR,
	  .text = "How far the clocks of this issuer and the gateway may differ.",
	  .example = "10s" },
	{ "gate.issuers.*.require_exp", SETTING_BOOL, AT(config_issuer, require_exp),
	  .inherit = "gate.require_exp", .text = "Refuse a token of it without the claim exp.",
	  .example = "true" },
	{ "gate.issuers.*.required", SETTING_MAP, ALL(config_issuer, required), .initial = "{}",
	  .children = &required_children,
	  .text = "Claims that its tokens must have, by name or by path with dots, each with one "
		  "of the values.",
	  .example = "{azp: [web, app]}" },
	{ "gate.issuers.*.required.*", SETTING_STRING, AT(config_required, claim), .min = 1,
	  .max = 256, .text = "Name or path of such a claim; a list holds one of the values.",
	  .example = "azp" },
	{ "gate.issuers.*.required.*.values", SETTING_STRINGS, ALL(config_required, values),
	  .required = true, .min = 1, .max = 1024,
	  .text = "The values, any of which will do; a lone text or list in the place of the "
		  "mapping is this setting.",
	  .example = "[web, app]" },
	{ "gate.issuers.*.secret", SETTING_SECRET, AT(config_issuer, secret),
	  .text = "Its shared key, for HS256, HS384 and HS512.",
	  .example = "{file: /etc/yett/partner.key}" },
	{ "gate.issuers.*.public_key", SETTING_SECRET, AT(config_issuer, public_key),
	  .text = "Its public key or certificate in PEM, as gate.public_key.",
	  .example = "{file: /etc/yett/partner.pem}" },
	{ "gate.issuers.*.jwks", SETTING_FILE, AT(config_issuer, jwks), .min = 1, .max = 4000,
	  .text = "File with its keys (RFC 7517), read again when it changes; one that cannot be "
		  "used leaves those of before in force.",
	  .example = "/etc/yett/partner.json" },
	{ "gate.issuers.*.jwks_uri", SETTING_STRING, AT(config_issuer, jwks_uri), .min = 1,
	  .max = 2048,
	  .text = "URL of its keys (RFC 7517), which the master fetches: at the start, at every "
		  "refresh, and when a token names a key that is not there, at most once in 10s.",
	  .example = "\"https://id.example/keys\"" },
	{ "gate.issuers.*.discovery", SETTING_STRING, AT(config_issuer, discovery), .min = 1,
	  .max = 2048,
	  .text =
	      "URL of its OpenID configuration: the issuer there must be gate.issuers.*.issuer, "
	      "and its jwks_uri is where the keys are; it is asked again after 12h.",
	  .example = "\"https://id.example/.well-known/openid-configuration\"" },
	{ "gate.issuers.*.refresh", SETTING_SECONDS, AT(config_issuer, refresh_s), .initial = "5m",
	  .min = SECOND, .max = DAY,
	  .text = "How often its keys are fetched, up to a tenth earlier or later; after this long "
		  "at most a key that it has removed is refused.",
	  .example = "15m" },
	{ "gate.issuers.*.introspection", SETTING_STRING, AT(config_issuer, introspection),
	  .min = 1, .max = 2048,
	  .text = "URL where it says whose a token is that says nothing itself (RFC 7662): the "
		  "master asks, once for all workers. Of one issuer at most; a token that is no "
		  "JSON Web Token goes there, and where it has no keys every token.",
	  .example = "\"https://id.example/introspect\"" },
	{ "gate.issuers.*.client_id", SETTING_STRING, AT(config_issuer, client_id), .initial = "",
	  .shown = "none: without credentials", .max = 256,
	  .text = "Who asks there, in Authorization Basic.", .example = "yett" },
	{ "gate.issuers.*.client_secret", SETTING_SECRET, AT(config_issuer, client_secret),
	  .text = "Its secret.", .example = "{credential: introspection}" },
	{ "gate.issuers.*.introspection_cache", SETTING_SECONDS,
	  AT(config_issuer, introspection_cache_s), .initial = "60s", .min = SECOND, .max = DAY,
	  .text = "How long what it said of a token is believed, unless the token ends before; "
		  "that one is not active for 5s.",
	  .example = "5m" },
	{ "gate.issuers.*.introspection_timeout", SETTING_DURATION,
	  AT(config_issuer, introspection_timeout), .initial = "2s", .min = 50, .max = MINUTE,
	  .text = "How long it may take to answer; then requests get 503.", .example = "1s" },
	{ "gate.issuers.*.allow_http", SETTING_BOOL, AT(config_issuer, allow_http),
	  .initial = "false",
	  .text = "Its URLs may be http: whoever is on the way there can make tokens of it.",
	  .example = "true" },
	{ "gate.issuers.*.tls.ca", SETTING_FILE, AT(config_issuer, tls.ca),
	  .initial = "/etc/ssl/certs/ca-certificates.crt", .min = 1, .max = 4000,
	  .text = "The roots by which the server of its URLs is verified, in PEM; there is no way "
		  "around that.",
	  .example = "/etc/yett/internal-ca.pem" },
	{ "gate.issuers.*.tls.server_name", SETTING_NAME, AT(config_issuer, tls.server_name),
	  .initial = "", .shown = "the host of the URL", .max = 253,
	  .text = "The name that has to be in its certificate.", .example = "id.internal" },
	{ "gate.issuers.*.tls.certificate", SETTING_FILE, AT(config_issuer, tls.certificate),
	  .initial = "none", .min = 1, .max = 4000, .words = none,
	  .text = "The certificate of this gateway, for a server that asks for one.",
	  .example = "/etc/yett/gateway.pem" },
	{ "gate.issuers.*.tls.key", SETTING_FILE, AT(config_issuer, tls.key), .initial = "none",
	  .shown = "none: it stands in the file of the certificate", .min = 1, .max = 4000,
	  .words = none, .text = "The key of that certificate, in PEM, without a password.",
	  .example = "/etc/yett/gateway.key" },
	{ "gate.issuers.*.tls.pin_sha256", SETTING_STRINGS, ALL(config_issuer, tls.pins),
	  .initial = "[]", .shown = "any", .min = 1, .max = 44,
	  .text = "The keys that the server may have, as upstream_tls.pin_sha256.",
	  .example = "[\"47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\"]" },

	{ "gate.claims.*.format", SETTING_WORD, AT(config_claim, format), .initial = "text",
	  .words = claim_formats,
	  .text = "text: a text that is not empty, or a list of them with commas between, in which "
		  "no comma may stand; json: the value as JSON, whatever it is; base64: that in "
		  "base64.",
	  .example = "json" },
	{ "gate.claims.*.optional", SETTING_BOOL, AT(config_claim, optional), .initial = "false",
	  .text = "Leave the header out where a token has no such claim, or an empty list.",
	  .example = "true" },

	{ "gate.role_claims", SETTING_STRINGS, ALL(config, gate.role_claims),
	  .initial = "[roles, realm_access.roles]", .min = 1, .max = 256,
	  .text = "Paths of up to four claims that name roles, for authorize.",
	  .example = "[resource_access.shop.roles]" },
	{ "gate.group_claims", SETTING_STRINGS, ALL(config, gate.group_claims),
	  .initial = "[groups, userGroup]", .min = 1, .max = 256, .text = "The same for groups.",
	  .example = "[groups]" },
	{ "gate.api_key_header", SETTING_TOKEN, AT(config, gate.api_key_header),
	  .initial = "X-API-Key", .min = 1, .max = 256,
	  .text = "The header in which a client shows an API key, where gate.sources has api_key.",
	  .example = "apikey" },
	{ "gate.api_key_forward", SETTING_BOOL, AT(config, gate.api_key_forward),
	  .initial = "false",
	  .text = "Leave that header on requests; else no upstream sees it, whatever its spelling.",
	  .example = "true" },

	{ "api_keys", SETTING_MAP, ALL(config, api_keys), .initial = "{}",
	  .children = &api_key_children,
	  .text = "API keys by name, beside those of the store; yett key makes them.",
	  .example = "{ci: {sha256: "
		     "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08 , "
		     "expires: never}}" },
	{ "api_keys.*", SETTING_NAME, AT(config_api_key, name), .min = 1, .max = 128,
	  .text = "Name of a key, for the operator.", .example = "ci" },
	{ "api_keys.*.sha256", SETTING_SHA256, AT(config_api_key, sha256), .required = true,
	  .text = "The SHA-256 of the key, which stands nowhere itself. That is enough for a key "
		  "of 256 random bits, as yett key makes it: there is nothing to guess.",
	  .example = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08" },
	{ "api_keys.*.claims", SETTING_OBJECT, AT(config_api_key, claims), .initial = "{}",
	  .max = 4096,
	  .text = "Whom the key stands for, as the claims of a token say it; sub is the name of "
		  "the key where it is not given.",
	  .example = "{sub: ci, scope: deploy, groups: [builders]}" },
	{ "api_keys.*.expires", SETTING_MOMENT, AT(config_api_key, expires), .initial = "never",
	  .text = "When the key ends.", .example = "2026-12-31" },

	{ "policies", SETTING_MAP, ALL(config, policies), .initial = "{}",
	  .children = &policy_children,
	  .text = "More of what needs a token, by name; each is one with gate.protect and "
		  "gate.except.",
	  .example = "{files: {protect: [/files], except: [/files/public]}}" },
	{ "policies.*", SETTING_NAME, AT(config_policy, name), .min = 1, .max = 128,
	  .text = "Name of a policy, for the operator.", .example = "files" },
	{ "policies.*.protect", SETTING_LIST, ALL(config_policy, protect), .initial = "[]",
	  .children = &policy_protect_children, .text = "As gate.protect.", .example = "[/files]" },
	{ "policies.*.protect[].path", SETTING_PATH, AT(config_gate_entry, path), .required = true,
	  .min = 1, .max = 2048, .text = "As gate.protect[].path.", .example = "/files" },
	{ "policies.*.protect[].methods", SETTING_FLAGS, AT(config_gate_entry, methods),
	  .initial = "[]", .shown = "all", .words = methods, .text = "As gate.protect[].methods.",
	  .example = "[PUT, DELETE]" },
	{ "policies.*.protect[].exact", SETTING_BOOL, AT(config_gate_entry, exact),
	  .initial = "false", .text = "As gate.protect[].exact.", .example = "true" },
	{ "policies.*.protect[].authorize", SETTING_AUTHORISE, AT(config_gate_entry, authorise),
	  .shown = "none", .text = "As gate.protect[].authorize.", .example = "{groups: [staff]}" },
	{ "policies.*.except", SETTING_LIST, ALL(config_policy, except), .initial = "[]",
	  .children = &policy_except_children, .text = "As gate.except.",
	  .example = "[/files/public]" },
	{ "policies.*.except[].path", SETTING_PATH, AT(config_gate_entry, path), .required = true,
	  .min = 1, .max = 2048, .text = "As gate.except[].path.", .example = "/files/public" },
	{ "policies.*.except[].methods", SETTING_FLAGS, AT(config_gate_entry, methods),
	  .initial = "[]", .shown = "all", .words = methods, .text = "As gate.except[].methods.",
	  .example = "[GET]" },
	{ "policies.*.except[].prefix", SETTING_WORD, AT(config_gate_entry, exact),
	  .initial = "false", .words = opposite, .text = "As gate.except[].prefix.",
	  .example = "true" },

	{ "upstreams", SETTING_MAP, ALL(config, upstreams), .initial = "{}",
	  .children = &upstream_children, .text = "The services behind the gateway, by name.",
	  .example = "{users: {endpoints: [\"10.0.0.3:9001\"]}}" },
	{ "upstreams.*", SETTING_NAME, AT(config_upstream, name), .min = 1, .max = 128,
	  .text = "Name of an upstream, for routes, logs and metrics.", .example = "users" },
	{ "upstreams.*.endpoints", SETTING_LIST, ALL(config_upstream, endpoints), .required = true,
	  .children = &endpoint_children, .text = "Its endpoints, which are used in turn.",
	  .example = "[\"10.0.0.3:9001\", {address: \"10.0.0.4:9001\", weight: 2}]" },
	{ "upstreams.*.endpoints[].address", SETTING_ENDPOINT, AT(config_endpoint, address),
	  .required = true,
	  .text = "Address of an endpoint; a path behind it is put before each request's path. A "
		  "lone text in the list "
		  "is this setting.",
	  .example = "\"http://users.internal:8080/base\"" },
	{ "upstreams.*.endpoints[].weight", SETTING_INT, AT(config_endpoint, weight),
	  .initial = "1", .min = 1, .max = 1000,
	  .text = "Its share of the requests, beside the other endpoints.", .example = "2" },
	{ "upstreams.*.health.enabled", SETTING_BOOL, AT(config_upstream, health.enabled),
	  .inherit = "health.enabled", .text = "Probe the endpoints of this upstream.",
	  .example = "false" },
	{ "upstreams.*.health.path", SETTING_PATH, AT(config_upstream, health.path), .min = 1,
	  .max = 2048, .inherit = "health.path", .text = "The page that is asked for.",
	  .example = "/health" },
	{ "upstreams.*.health.interval", SETTING_DURATION, AT(config_upstream, health.interval),
	  .min = 100, .max = HOUR, .inherit = "health.interval",
	  .text = "Time between two probes of an endpoint.", .example = "5s" },
	{ "upstreams.*.health.timeout", SETTING_DURATION, AT(config_upstream, health.timeout),
	  .min = 10, .max = HOUR, .inherit = "health.timeout", .text = "How long a probe may take.",
	  .example = "500ms" },
	{ "upstreams.*.health.fall", SETTING_INT, AT(config_upstream, health.fall), .min = 1,
	  .max = 100, .inherit = "health.fall",
	  .text = "Failures in a row that make an endpoint dead.", .example = "5" },
	{ "upstreams.*.health.rise", SETTING_INT, AT(config_upstream, health.rise), .min = 1,
	  .max = 100, .inherit = "health.rise",
	  .text = "Successes in a row that make it alive again.", .example = "1" },
	{ "upstreams.*.balance", SETTING_WORD, AT(config_upstream, balance.strategy),
	  .words = balancing, .inherit = "balance",
	  .text = "How an endpoint of this upstream is chosen.", .example = "least_connections" },
	{ "upstreams.*.hash_by", SETTING_HASH_BY, AT(config_upstream, balance.hash_by),
	  .inherit = "hash_by", .text = "What balance: hash of this upstream looks at.",
	  .example = "\"header:X-Tenant\"" },
	{ "upstreams.*.hash_bound", SETTING_INT, AT(config_upstream, balance.hash_bound),
	  .min = 101, .max = 1000, .words = off, .inherit = "hash_bound",
	  .text = "The bound of this upstream.", .example = "125" },
	{ "upstreams.*.sticky.cookie", SETTING_TOKEN, AT(config_upstream, sticky.cookie),
	  .initial = "", .shown = "none", .max = 256,
	  .text = "Keep a client at one endpoint by a cookie of this name, which is set with each "
		  "answer that comes from another endpoint than the cookie said.",
	  .example = "session" },
	{ "upstreams.*.sticky.path", SETTING_PATH, AT(config_upstream, sticky.path), .initial = "",
	  .shown = "the route's path", .max = 2048, .text = "Path of the cookie.",
	  .example = "/shop" },
	{ "upstreams.*.sticky.samesite", SETTING_WORD, AT(config_upstream, sticky.same_site),
	  .initial = "lax", .words = same_sites, .text = "SameSite of the cookie.",
	  .example = "strict" },
	{ "upstreams.*.sticky.secure", SETTING_WORD, AT(config_upstream, sticky.secure),
	  .initial = "auto", .words = securing,
	  .text = "Secure of the cookie; auto is when a trusted proxy says that the client came by "
		  "https.",
	  .example = "true" },
	{ "upstreams.*.sticky.max_age", SETTING_SECONDS, AT(config_upstream, sticky.max_age_s),
	  .initial = "off", .max = 400 * DAY,
	  .text = "How long browsers keep the cookie; off is until they end.", .example = "1h" },
	{ "upstreams.*.sticky.value", SETTING_WORD, AT(config_upstream, sticky.redx),
	  .initial = "opaque", .words = cookie_values,
	  .text = "What the cookie holds: a signed name that tells nothing, or as with redx the "
		  "endpoint's host and port, by which a client can choose one.",
	  .example = "redx" },
	{ "upstreams.*.fallback", SETTING_STRING, AT(config_upstream, fallback), .max = 128,
	  .inherit = "fallback", .text = "The fallback of routes that lead to this upstream.",
	  .example = "users" },
	{ "upstreams.*.ejection.failures", SETTING_INT, AT(config_upstream, balance.eject_failures),
	  .max = 1000, .words = off, .inherit = "ejection.failures",
	  .text = "Failures in a row that eject an endpoint of this upstream.", .example = "3" },
	{ "upstreams.*.ejection.time", SETTING_DURATION, AT(config_upstream, balance.eject_time),
	  .min = 100, .max = HOUR, .inherit = "ejection.time",
	  .text = "How long the first of its ejections lasts.", .example = "10s" },
	{ "upstreams.*.ejection.max_time", SETTING_DURATION,
	  AT(config_upstream, balance.eject_max_time), .min = 100, .max = DAY,
	  .inherit = "ejection.max_time", .text = "How long the longest lasts.", .example = "1m" },
	{ "upstreams.*.slow_start", SETTING_DURATION, AT(config_upstream, balance.slow_start),
	  .max = HOUR, .inherit = "slow_start",
	  .text = "Time in which an endpoint of this upstream comes to its whole share.",
	  .example = "1m" },
	{ "upstreams.*.max_connections", SETTING_INT, AT(config_upstream, balance.max_connections),
	  .max = 1000000, .words = off, .inherit = "max_connections",
	  .text = "Most requests under way at one endpoint of this upstream.", .example = "64" },
	{ "upstreams.*.queue", SETTING_INT, AT(config_upstream, balance.queue), .max = 100000,
	  .words = off, .inherit = "queue",
	  .text = "Most requests that wait for an endpoint of this upstream in one worker.",
	  .example = "off" },
	{ "upstreams.*.queue_timeout", SETTING_DURATION, AT(config_upstream, balance.queue_timeout),
	  .min = 1, .max = HOUR, .inherit = "timeouts.queue",
	  .text = "How long a request may wait for one.", .example = "2s" },
	{ "upstreams.*.all_down", SETTING_WORD, AT(config_upstream, all_down_fail),
	  .words = when_all_down, .inherit = "all_down",
	  .text = "What happens when every endpoint of this upstream is dead.", .example = "fail" },
	{ "upstreams.*.proxy_protocol", SETTING_WORD, AT(config_upstream, proxy_protocol),
	  .initial = "off", .words = proxy_versions,
	  .text = "Tell its endpoints the client's address in a header of the PROXY protocol; each "
		  "request then takes a connection of its own.",
	  .example = "v2" },
	{ "upstreams.*.tls.ca", SETTING_FILE, AT(config_upstream, tls.ca), .min = 1, .max = 4000,
	  .inherit = "upstream_tls.ca",
	  .text = "The roots by which its https endpoints are verified.",
	  .example = "/etc/yett/internal-ca.pem" },
	{ "upstreams.*.tls.server_name", SETTING_NAME, AT(config_upstream, tls.server_name),
	  .initial = "", .shown = "the host of each endpoint", .max = 253,
	  .text = "The name that is sent to its https endpoints (SNI) and must be in their "
		  "certificates.",
	  .example = "users.internal" },
	{ "upstreams.*.tls.insecure_skip_verify", SETTING_BOOL,
	  AT(config_upstream, tls.insecure_skip_verify),
	  .inherit = "upstream_tls.insecure_skip_verify",
	  .text = "Take whoever answers at the address of an https endpoint for it.",
	  .example = "true" },
	{ "upstreams.*.tls.certificate", SETTING_FILE, AT(config_upstream, tls.certificate),
	  .min = 1, .max = 4000, .words = none, .inherit = "upstream_tls.certificate",
	  .text = "The certificate that its https endpoints are shown when they ask for one.",
	  .example = "/etc/yett/gateway.pem" },
	{ "upstreams.*.tls.key", SETTING_FILE, AT(config_upstream, tls.key), .min = 1, .max = 4000,
	  .words = none, .inherit = "upstream_tls.key", .text = "The key of that certificate.",
	  .example = "/etc/yett/gateway.key" },
	{ "upstreams.*.tls.pin_sha256", SETTING_STRINGS, ALL(config_upstream, tls.pins), .min = 1,
	  .max = 44, .inherit = "upstream_tls.pin_sha256",
	  .text = "The keys that its https endpoints may have.",
	  .example = "[\"47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\"]" },

	{ "routes", SETTING_LIST, ALL(config, routes), .initial = "[]", .children = &route_children,
	  .text = "Which requests go to which upstream: the host decides first, then the longest "
		  "path, then the priority.",
	  .example = "[{host: api.example.org, path: /users, upstream: users}]" },
	{ "routes[].name", SETTING_NAME, AT(config_route, name), .initial = "",
	  .shown = "host and path", .max = 128, .text = "Name of the route in logs and metrics.",
	  .example = "users" },
	{ "routes[].host", SETTING_HOST, AT(config_route, host), .initial = "", .shown = "any",
	  .text = "Host that it is for; *.example.org stands for all below that domain, host:port "
		  "for this port only.",
	  .example = "\"*.example.org\"" },
	{ "routes[].path", SETTING_PATH, AT(config_route, path), .initial = "/", .min = 1,
	  .max = 2048, .text = "Path that it is for, with all below it.", .example = "/users" },
	{ "routes[].exact", SETTING_BOOL, AT(config_route, exact), .initial = "false",
	  .text = "Only this path and nothing below it; a slash at the end then counts.",
	  .example = "true" },
	{ "routes[].path_regex", SETTING_PATTERN, AT(config_route, path_regex), .shown = "none",
	  .text = "The whole path has to match this; path then says where it is looked at. No "
		  "references back, no look-around: what is possible takes linear time.",
	  .example = "\"/users/[0-9]+/photo\"" },
	{ "routes[].methods", SETTING_FLAGS, AT(config_route, methods), .initial = "[]",
	  .shown = "all", .words = methods,
	  .text =
	      "Methods that it is for; HEAD is, where GET is. Where nothing else differs, others "
	      "are answered 405.",
	  .example = "[GET, POST]" },
	{ "routes[].headers", SETTING_LIST, ALL(config_route, headers), .initial = "[]",
	  .children = &header_children,
	  .text = "What has to hold of header fields, as the client sent them; all of it.",
	  .example = "[X-Beta, {name: X-Tenant, value: acme}]" },
	{ "routes[].headers[].name", SETTING_TOKEN, AT(config_condition, name), .required = true,
	  .min = 1, .max = 256,
	  .text = "Name of the field; a lone text in the list is this setting.",
	  .example = "X-Tenant" },
	{ "routes[].headers[].value", SETTING_STRING, AT(config_condition, value), .shown = "any",
	  .max = 2048, .text = "One of its values is this text.", .example = "acme" },
	{ "routes[].headers[].prefix", SETTING_STRING, AT(config_condition, prefix), .shown = "any",
	  .min = 1, .max = 2048, .text = "One of its values begins so.", .example = "acme-" },
	{ "routes[].headers[].regex", SETTING_PATTERN, AT(config_condition, regex), .shown = "any",
	  .text = "One of its values matches this, as a whole; as routes[].path_regex.",
	  .example = "\"acme-[0-9]+\"" },
	{ "routes[].headers[].present", SETTING_BOOL, AT(config_condition, present),
	  .initial = "true", .text = "Without a value: whether there is to be one, or none.",
	  .example = "false" },
	{ "routes[].headers[].not", SETTING_BOOL, AT(config_condition, negated), .initial = "false",
	  .text = "It is to be the other way round.", .example = "true" },
	{ "routes[].query", SETTING_LIST, ALL(config_route, query), .initial = "[]",
	  .children = &query_children,
	  .text = "What has to hold of parameters of the query, percent triplets and plus signs "
		  "decoded; all of it.",
	  .example = "[debug, {name: version, regex: \"[23]\"}]" },
	{ "routes[].query[].name", SETTING_STRING, AT(config_condition, name), .required = true,
	  .min = 1, .max = 256,
	  .text = "Name of the parameter; a lone text in the list is this setting.",
	  .example = "version" },
	{ "routes[].query[].value", SETTING_STRING, AT(config_condition, value), .shown = "any",
	  .max = 2048, .text = "One of its values is this text.", .example = "acme" },
	{ "routes[].query[].regex", SETTING_PATTERN, AT(config_condition, regex), .shown = "any",
	  .text = "One of its values matches this, as a whole; as routes[].path_regex.",
	  .example = "\"acme-[0-9]+\"" },
	{ "routes[].query[].present", SETTING_BOOL, AT(config_condition, present),
	  .initial = "true", .text = "Without a value: whether there is to be one, or none.",
	  .example = "false" },
	{ "routes[].query[].not", SETTING_BOOL, AT(config_condition, negated), .initial = "false",
	  .text = "It is to be the other way round.", .example = "true" },
	{ "routes[].client_certificate", SETTING_LIST, ALL(config_route, certificate),
	  .initial = "[]", .children = &certificate_condition_children,
	  .text = "What has to hold of the client's certificate; all of it. Nothing is known of a "
		  "certificate that was not asked for (tls.clients) or not verified.",
	  .example = "[fingerprint, {name: uri, prefix: \"spiffe://example.org/\"}]" },
	{ "routes[].client_certificate[].name", SETTING_WORD, AT(config_condition, fact),
	  .required = true, .words = certificate_facts,
	  .text = "The subject or the issuer (RFC 4514, as openssl x509 -subject -nameopt RFC2253 "
		  "has it), a common name of the subject, a DNS name, a URI or an address of mail "
		  "in subjectAltName, or the SHA-256 of all of it in hex; each certificate has "
		  "that. A lone text in the list is this setting.",
	  .example = "subject" },
	{ "routes[].client_certificate[].value", SETTING_STRING, AT(config_condition, value),
	  .shown = "any", .max = 2048, .text = "One of its values is this text.",
	  .example = "\"CN=billing,O=Example\"" },
	{ "routes[].client_certificate[].prefix", SETTING_STRING, AT(config_condition, prefix),
	  .shown = "any", .min = 1, .max = 2048, .text = "One of its values begins so.",
	  .example = "spiffe://example.org/" },
	{ "routes[].client_certificate[].regex", SETTING_PATTERN, AT(config_condition, regex),
	  .shown = "any",
	  .text = "One of its values matches this, as a whole; as routes[].path_regex.",
	  .example = "\"CN=[a-z]+,O=Example\"" },
	{ "routes[].client_certificate[].present", SETTING_BOOL, AT(config_condition, present),
	  .initial = "true", .text = "Without a value: whether there is to be one, or none.",
	  .example = "false" },
	{ "routes[].client_certificate[].not", SETTING_BOOL, AT(config_condition, negated),
	  .initial = "false",
	  .text = "It is to be the other way round; so it holds without a certificate, too.",
	  .example = "true" },
	{ "routes[].upstream", SETTING_STRING, AT(config_route, upstream), .initial = "",
	  .shown = "none", .max = 128, .text = "Name of the upstream that the requests go to.",
	  .example = "users" },
	{ "routes[].target", SETTING_ENDPOINT, AT(config_route, target),
	  .text = "In the place of upstream: one endpoint, as an upstream of its own that is named "
		  "after it.",
	  .example = "\"http://127.0.0.1:9001\"" },
	{ "routes[].fallback", SETTING_STRING, AT(config_route, fallback), .initial = "",
	  .shown = "that of the upstream", .max = 128, .text = "The fallback of this route.",
	  .example = "users" },
	{ "routes[].strip_prefix", SETTING_BOOL, AT(config_route, strip), .initial = "false",
	  .text = "Take the route's path off the request's before it goes to the upstream.",
	  .example = "true" },
	{ "routes[].add_prefix", SETTING_PATH, AT(config_route, add_prefix), .initial = "",
	  .shown = "none", .max = 2048, .text = "Put this before the path, after stripping.",
	  .example = "/v2" },
	{ "routes[].rewrite", SETTING_STRING, AT(config_route, rewrite), .initial = "",
	  .shown = "none", .max = 2048,
	  .text = "The path that the upstream gets, made of segments of the request's: $1 to $9 is "
		  "one of them as it came, $3* the third and all behind it with a slash before "
		  "each, $$ a dollar sign; what is not there is empty, and the query is kept. "
		  "path_regex says which paths it is for.",
	  .example = "\"/projects/$3/events/status$6*\"" },
	{ "routes[].host_header", SETTING_HOST_HEADER, AT(config_route, set_host),
	  .initial = "keep",
	  .text = "The Host that the upstream sees: the client's, the endpoint's address, or this "
		  "text.",
	  .example = "upstream" },
	{ "routes[].priority", SETTING_SIGNED, AT(config_route, priority), .initial = "0",
	  .min = -1000000, .max = 1000000,
	  .text =
	      "Which of several routes with the same host and path is tried first: the one with "
	      "the higher priority, then with more conditions, then of this file, of rules, of "
	      "redx "
	      "(whose priority is 0).",
	  .example = "10" },
	{ "routes[].timeouts.connect", SETTING_DURATION, AT(config_route, timeouts.connect),
	  .min = 1, .max = HOUR, .inherit = "timeouts.connect", .late = true,
	  .text = "The same for this route.", .example = "1s" },
	{ "routes[].timeouts.first_byte", SETTING_DURATION, AT(config_route, timeouts.first_byte),
	  .max = DAY, .inherit = "timeouts.first_byte", .late = true,
	  .text = "The same for this route.", .example = "5m" },
	{ "routes[].timeouts.idle", SETTING_DURATION, AT(config_route, timeouts.idle), .max = DAY,
	  .inherit = "timeouts.idle", .late = true, .text = "The same for this route.",
	  .example = "5m" },
	{ "routes[].timeouts.tunnel_idle", SETTING_DURATION, AT(config_route, timeouts.tunnel_idle),
	  .max = 7 * DAY, .inherit = "timeouts.tunnel_idle", .late = true,
	  .text = "The same for this route.", .example = "8h" },
	{ "routes[].timeouts.total", SETTING_DURATION, AT(config_route, timeouts.total),
	  .max = 7 * DAY, .inherit = "timeouts.total", .late = true,
	  .text = "The same for this route.", .example = "30s" },
	{ "routes[].timeouts.client_body", SETTING_DURATION, AT(config_route, timeouts.client_body),
	  .max = DAY, .inherit = "timeouts.client_body", .late = true,
	  .text = "The same for this route.", .example = "5m" },
	{ "routes[].close_on_expiry", SETTING_BOOL, AT(config_route, close_on_expiry),
	  .initial = "false",
	  .text = "End what is under way when its token expires: a WebSocket with the code 1008, "
		  "another stream by breaking off.",
	  .example = "true" },
	{ "routes[].body_limit", SETTING_SIZE, AT(config_route, body), .max = 1024 * GIB,
	  .inherit = "limits.body", .late = true,
	  .text = "Largest body of a request on this route.", .example = "100m" },
	{ "routes[].rates", SETTING_STRINGS, ALL(config_route, limited.rates), .initial = "[]",
	  .min = 1, .max = 512,
	  .text = "Rates that hold for this route beside limits.rates: names of rates, or rates as "
		  "they are written there.",
	  .example = "[login, 10/second burst 20 per identity]" },
	{ "routes[].concurrency", SETTING_STRINGS, ALL(config_route, limited.concurrency),
	  .initial = "[]", .min = 1, .max = 512,
	  .text = "The same of requests at a time, beside limits.concurrency.",
	  .example = "[10 per identity]" },

	{ "routes[].replace_prefix", SETTING_PATH, AT(config_route, action.replace_prefix),
	  .initial = "", .shown = "none", .max = 2048,
	  .text = "Put this in the place of the route's path: strip_prefix and add_prefix in one.",
	  .example = "/api/data" },
	{ "routes[].rewrite_location", SETTING_BOOL, AT(config_route, action.rewrite_location),
	  .initial = "true",
	  .text = "Where path or Host are changed for the upstream, change its Location, "
		  "Content-Location and paths of cookies back.",
	  .example = "false" },
	{ "routes[].rewrite_cookie_domain", SETTING_BOOL,
	  AT(config_route, action.rewrite_cookie_domain), .initial = "false",
	  .text =
	      "Take Domain off the cookies of the upstream: they are then for the host that the "
	      "client asked.",
	  .example = "true" },
	{ "routes[].redirect.to", SETTING_STRING, AT(config_route, action.redirect), .initial = "",
	  .shown = "none", .max = 2048,
	  .text = "In the place of an upstream: answer with a redirect to this URL, with $scheme, "
		  "$host, $path, $rest and $query filled in.",
	  .example = "\"https://$host$path$query\"" },
	{ "routes[].redirect.status", SETTING_WORD, AT(config_route, action.redirect_status),
	  .initial = "302", .words = redirects, .text = "Status of the redirect.",
	  .example = "308" },
	{ "routes[].respond.status", SETTING_INT, AT(config_route, action.respond_status),
	  .shown = "none", .min = 200, .max = 599,
	  .text = "In the place of an upstream: answer with this status.", .example = "404" },
	{ "routes[].respond.body", SETTING_TEXT, AT(config_route, action.respond_body),
	  .initial = "", .shown = "empty", .max = 16 * KIB, .text = "Body of that answer.",
	  .example = "Gone." },
	{ "routes[].respond.type", SETTING_QUOTABLE, AT(config_route, action.respond_type),
	  .initial = "text/plain; charset=utf-8", .min = 1, .max = 128,
	  .text = "Content-Type of that answer.", .example = "application/json" },
	{ "routes[].request_headers.set", SETTING_MAP, ALL(config_route, action.request.set),
	  .initial = "{}", .children = &request_set_children,
	  .text = "Headers of the request that are replaced, or added where they are missing.",
	  .example = "{X-Gateway: yett}" },
	{ "routes[].request_headers.set.*", SETTING_TOKEN, AT(config_header, name), .min = 1,
	  .max = 128, .text = "The name.", .example = "X-Gateway" },
	{ "routes[].request_headers.set.*.value", SETTING_STRING, AT(config_header, value),
	  .required = true, .max = 4096,
	  .text = "The value, with " FIELD_VARIABLES " filled in "
		  "($$ is a dollar sign); a lone text is this setting.",
	  .example = "$remote_addr" },
	{ "routes[].request_headers.add", SETTING_MAP, ALL(config_route, action.request.add),
	  .initial = "{}", .children = &request_add_children,
	  .text = "Headers that are added to those of the request.",
	  .example = "{X-Gateway: yett}" },
	{ "routes[].request_headers.add.*", SETTING_TOKEN, AT(config_header, name), .min = 1,
	  .max = 128, .text = "The name.", .example = "X-Gateway" },
	{ "routes[].request_headers.add.*.value", SETTING_STRING, AT(config_header, value),
	  .required = true, .max = 4096,
	  .text = "The value, with " FIELD_VARIABLES " filled in "
		  "($$ is a dollar sign); a lone text is this setting.",
	  .example = "$remote_addr" },
	{ "routes[].request_headers.remove", SETTING_TOKENS,
	  ALL(config_route, action.request.remove), .initial = "[]", .max = 128,
	  .text = "Headers that are taken off the request.", .example = "[Cookie]" },
	{ "routes[].response_headers.set", SETTING_MAP, ALL(config_route, action.response.set),
	  .initial = "{}", .children = &response_set_children,
	  .text = "Headers of the answer that are replaced, or added where they are missing.",
	  .example = "{X-Frame-Options: DENY}" },
	{ "routes[].response_headers.set.*", SETTING_TOKEN, AT(config_header, name), .min = 1,
	  .max = 128, .text = "The name.", .example = "X-Frame-Options" },
	{ "routes[].response_headers.set.*.value", SETTING_STRING, AT(config_header, value),
	  .required = true, .max = 4096,
	  .text = "The value, with " FIELD_VARIABLES " filled in "
		  "($$ is a dollar sign); a lone text is this setting.",
	  .example = "$remote_addr" },
	{ "routes[].response_headers.add", SETTING_MAP, ALL(config_route, action.response.add),
	  .initial = "{}", .children = &response_add_children,
	  .text = "Headers that are added to those of the answer.",
	  .example = "{X-Frame-Options: DENY}" },
	{ "routes[].response_headers.add.*", SETTING_TOKEN, AT(config_header, name), .min = 1,
	  .max = 128, .text = "The name.", .example = "X-Frame-Options" },
	{ "routes[].response_headers.add.*.value", SETTING_STRING, AT(config_header, value),
	  .required = true, .max = 4096,
	  .text = "The value, with " FIELD_VARIABLES " filled in "
		  "($$ is a dollar sign); a lone text is this setting.",
	  .example = "$remote_addr" },
	{ "routes[].response_headers.remove", SETTING_TOKENS,
	  ALL(config_route, action.response.remove), .initial = "[]", .max = 128,
	  .text = "Headers that are taken off the answer.", .example = "[Server]" },
	{ "routes[].cors.origins", SETTING_STRINGS, ALL(config_route, action.cors.origins),
	  .initial = "[]", .shown = "none: CORS is left to the upstream", .min = 1, .max = 512,
	  .text = "Origins of pages that may call this route: exact ones, "
		  "https://*.example.org for all below a domain, null, or * for all.",
	  .example = "[\"https://app.example.org\"]" },
	{ "routes[].cors.methods", SETTING_TOKENS, ALL(config_route, action.cors.methods),
	  .initial = "[GET, HEAD, POST]", .min = 1, .max = 32, .text = "Methods that they may use.",
	  .example = "[GET, PUT]" },
	{ "routes[].cors.headers", SETTING_TOKENS, ALL(config_route, action.cors.headers),
	  .initial = "[]", .shown = "those that need no leave", .min = 1, .max = 128,
	  .text = "Headers that they may send; * for all.",
	  .example = "[Authorization, Content-Type]" },
	{ "routes[].cors.expose", SETTING_TOKENS, ALL(config_route, action.cors.expose),
	  .initial = "[]", .shown = "those that need no leave", .min = 1, .max = 128,
	  .text = "Headers of the answer that they may read.", .example = "[ETag]" },
	{ "routes[].cors.credentials", SETTING_BOOL, AT(config_route, action.cors.credentials),
	  .initial = "false", .text = "They may send cookies and other credentials.",
	  .example = "true" },
	{ "routes[].cors.max_age", SETTING_SECONDS, AT(config_route, action.cors.max_age_s),
	  .initial = "10m", .max = DAY, .text = "How long a browser may remember the leave.",
	  .example = "1h" },
	{ "routes[].split", SETTING_LIST, ALL(config_route, action.arms), .initial = "[]",
	  .shown = "none", .children = &arm_children,
	  .text = "In the place of upstream: several, each with its share of the requests.",
	  .example = "[{upstream: users, weight: 95}, {upstream: canary, weight: 5}]" },
	{ "routes[].split[].upstream", SETTING_STRING, AT(config_arm, upstream), .required = true,
	  .min = 1, .max = 128, .text = "Name of the upstream.", .example = "users" },
	{ "routes[].split[].weight", SETTING_INT, AT(config_arm, weight), .initial = "1",
	  .max = 10000, .text = "Its share, in proportion to the others; 0 gets nothing.",
	  .example = "5" },
	{ "routes[].split_by", SETTING_STRING, AT(config_route, action.split_by),
	  .initial = "request", .max = 160,
	  .text = "What keeps to one upstream of the split: request (nothing), user (of the token, "
		  "else the address), address, cookie:NAME or header:NAME (else the address).",
	  .example = "user" },
	{ "routes[].mirror.upstream", SETTING_STRING, AT(config_route, action.mirror),
	  .initial = "", .shown = "none", .max = 128,
	  .text = "Name of an upstream that gets a copy of requests; its answers are thrown away.",
	  .example = "shadow" },
	{ "routes[].mirror.percent", SETTING_INT, AT(config_route, action.mirror_percent),
	  .initial = "100", .max = 100, .text = "Of how many requests in a hundred.",
	  .example = "5" },
	{ "routes[].auth", SETTING_WORD, AT(config_route, action.auth), .initial = "inherit",
	  .words = auths,
	  .text = "Is a token needed: as the gate says, always, never, or is who has none or a "
		  "bad one nobody in particular; the last two the gate must allow.",
	  .example = "required" },
	{ "routes[].authorize", SETTING_AUTHORISE, AT(config_route, action.authorise),
	  .shown = "none",
	  .text = "Who may: conditions that must all hold, on scopes, roles, groups and claims of "
		  "the token, and on methods, addresses and the client's certificate; where one is "
		  "about the token, auth: inherit means required.",
	  .example = "{scopes: [\"orders:write\"]}" },
	{ "routes[].cascade", SETTING_BOOL, AT(config_route, cascade), .initial = "false",
	  .text = "Its upstream hears of users that are deleted, as cascade says; for routes of "
		  "this file alone.",
	  .example = "true" },
	{ "routes[].issuers", SETTING_STRINGS, ALL(config_route, action.issuers), .initial = "[]",
	  .shown = "all", .min = 1, .max = 63,
	  .text = "Whose tokens are good here, where one is needed: names of gate.issuers, "
		  "default for the one that gate itself describes, api_keys for API keys.",
	  .example = "[corp, partner]" },
	{ "routes[].retries", SETTING_INT, AT(config_route, action.retries), .max = 10,
	  .words = off, .inherit = "limits.retries", .late = true,
	  .text = "The same for this route.", .example = "1" },
	{ "routes[].retry_on", SETTING_FLAGS, AT(config_route, action.retry_on),
	  .initial = "[connect, reset]", .words = retry_on,
	  .text = "What is tried again: a connection that was not made, one that broke before the "
		  "answer, an answer with this status; the last two only where it can do no harm.",
	  .example = "[connect, reset, 503]" },

	{ "error_pages", SETTING_MAP, ALL(config, pages), .initial = "{}",
	  .children = &page_children,
	  .text = "Pages of your own for the gateway's own answers to browsers, by status.",
	  .example = "{502: /etc/yett/502.html}" },
	{ "error_pages.*", SETTING_INT, AT(config_page, status), .min = 400, .max = 599,
	  .text = "The status.", .example = "502" },
	{ "error_pages.*.file", SETTING_FILE, AT(config_page, file), .required = true, .min = 1,
	  .max = 4000,
	  .text = "An HTML file of at most 1 MiB, read when the configuration is; a lone text is "
		  "this setting.",
	  .example = "/etc/yett/502.html" },

	{ "timeouts.connect", SETTING_DURATION, AT(config, timeouts.connect), .initial = "5s",
	  .min = 1, .max = HOUR, .text = "How long connecting to an endpoint may take.",
	  .example = "2s" },
	{ "timeouts.first_byte", SETTING_DURATION, AT(config, timeouts.first_byte),
	  .initial = "60s", .max = DAY,
	  .text = "How long an upstream may take until its answer begins.", .example = "5m" },
	{ "timeouts.idle", SETTING_DURATION, AT(config, timeouts.idle), .initial = "60s",
	  .max = DAY,
	  .text = "How long the upstream may take nothing of the request, or send nothing "
		  "more of its answer, or the client take nothing of it.",
	  .example = "5m" },
	{ "timeouts.tunnel_idle", SETTING_DURATION, AT(config, timeouts.tunnel_idle),
	  .initial = "1h", .max = 7 * DAY,
	  .text = "How long a tunnel (a WebSocket) may be silent on both sides.", .example = "8h" },
	{ "timeouts.total", SETTING_DURATION, AT(config, timeouts.total), .initial = "off",
	  .max = 7 * DAY, .text = "How long a request may take in all.", .example = "10m" },
	{ "timeouts.queue", SETTING_DURATION, AT(config, balance.queue_timeout), .initial = "5s",
	  .min = 1, .max = HOUR,
	  .text = "How long a request may wait while all endpoints of its upstream have "
		  "max_connections requests.",
	  .example = "10s" },
	{ "timeouts.client_head", SETTING_DURATION, AT(config, client_head), .initial = "10s",
	  .min = 1, .max = HOUR, .text = "How long the head of a request may take to arrive.",
	  .example = "5s" },
	{ "timeouts.client_body", SETTING_DURATION, AT(config, timeouts.client_body),
	  .initial = "60s", .max = DAY, .text = "How long the body of a request may stand still.",
	  .example = "30s" },
	{ "timeouts.keepalive", SETTING_DURATION, AT(config, keepalive), .initial = "75s", .min = 1,
	  .max = DAY, .text = "How long a client's connection is kept without a request.",
	  .example = "30s" },
	{ "timeouts.upstream_idle", SETTING_DURATION, AT(config, upstream_idle), .initial = "4s",
	  .max = DAY,
	  .text =
	      "How long a connection to an endpoint is kept for the next request, if the endpoint "
	      "itself does not say it (Keep-Alive); off keeps none. "
	      "Routes share these connections.",
	  .example = "30s" },
	{ "timeouts.drain", SETTING_DURATION, AT(config, drain), .initial = "30s", .max = DAY,
	  .text = "How long requests may take to finish when the gateway is told to end.",
	  .example = "2m" },
	{ "timeouts.orphan_grace", SETTING_DURATION, AT(config, orphan_grace), .initial = "10m",
	  .max = 7 * DAY, .text = "How long workers go on serving when their master was killed.",
	  .example = "1h" },
	{ "timeouts.worker_hang", SETTING_DURATION, AT(config, hang), .initial = "10s", .max = HOUR,
	  .text = "A worker whose heartbeat is older than this is killed and replaced.",
	  .example = "30s" },
	{ "timeouts.start_wait", SETTING_DURATION, AT(config, start_wait), .initial = "2s",
	  .max = 5 * MINUTE,
	  .text = "How long a start waits for Redis and for names to resolve before it serves "
		  "without them.",
	  .example = "10s" },

	{ "limits.body", SETTING_SIZE, AT(config, limit_body), .initial = "1m", .max = 1024 * GIB,
	  .text = "Largest body of a request.", .example = "10m" },
	{ "limits.head", SETTING_SIZE, AT(config, limit_head), .initial = "32k", .min = KIB,
	  .max = KIB * KIB, .text = "Largest head of a request.", .example = "64k" },
	{ "limits.fields", SETTING_INT, AT(config, limit_fields), .initial = "100", .min = 8,
	  .max = 256, .text = "Most header fields in a request.", .example = "200" },
	{ "limits.uri", SETTING_SIZE, AT(config, limit_uri), .initial = "8k", .min = 64,
	  .max = KIB * KIB, .text = "Longest request target.", .example = "16k" },
	{ "limits.keepalive_requests", SETTING_INT, AT(config, keepalive_requests),
	  .initial = "1000", .max = 1000000000, .words = off,
	  .text = "Requests on one client's connection before it is closed.", .example = "off" },
	{ "limits.connections", SETTING_INT, AT(config, max_connections), .initial = "0",
	  .max = 10000000, .words = off, .shown = "0: as many as descriptors allow",
	  .text = "Most clients connected at a time, over all workers; more wait to be accepted.",
	  .example = "20000" },
	{ "limits.connections_per_address", SETTING_INT, AT(config, max_per_address),
	  .initial = "off", .max = 1000000, .words = off,
	  .text = "Most connections of one client's address (IPv6: of one /64), over all workers; "
		  "one more is answered 429. Peers in trusted_proxies are not counted.",
	  .example = "200" },
	{ "limits.upstream_idle_connections", SETTING_INT, AT(config, upstream_idle_max),
	  .initial = "1024", .max = 100000, .words = off,
	  .text = "Most idle connections that one worker keeps to one endpoint.", .example = "64" },
	{ "limits.fd_reserve", SETTING_INT, AT(config, fd_reserve), .initial = "32", .min = 8,
	  .max = 100000,
	  .text = "A worker accepts no client while fewer descriptors than this are free.",
	  .example = "128" },
	{ "limits.retries", SETTING_INT, AT(config, retries), .initial = "2", .max = 10,
	  .words = off,
	  .text = "How often a request that an endpoint did not take is tried on another.",
	  .example = "off" },
	{ "limits.retry_budget", SETTING_INT, AT(config, retry_budget), .initial = "20", .max = 100,
	  .text = "Most of an upstream's requests under way that may be retries, in per cent over "
		  "all workers; 3 always may.",
	  .example = "50" },

	{ "limits.rates", SETTING_STRINGS, ALL(config, limited.rates), .initial = "[]", .min = 1,
	  .max = 512,
	  .text = "Rates that hold for all routes, those in Redis included: names of rates, or "
		  "rates as they are written there. A request passes if all of its limits let it, "
		  "and else is answered 429 and counts for none of them.",
	  .example = "[1000/minute]" },
	{ "limits.concurrency", SETTING_STRINGS, ALL(config, limited.concurrency), .initial = "[]",
	  .min = 1, .max = 512, .text = "The same of requests at a time.",
	  .example = "[100 per address]" },
	{ "limits.ipv6_prefix", SETTING_INT, AT(config, limit_ipv6_bits), .initial = "64",
	  .min = 32, .max = 128,
	  .text = "So many bits of an IPv6 address are one client to rates and concurrency.",
	  .example = "56" },
	{ "limits.headers", SETTING_FLAGS, AT(config, limit_headers),
	  .initial = "[ratelimit, x-ratelimit]", .words = limit_headers,
	  .text = "How clients hear of rates beside Retry-After: RateLimit and RateLimit-Policy "
		  "(draft-ietf-httpapi-ratelimit-headers-11), X-RateLimit-Limit, -Remaining and "
		  "-Reset (in seconds) of the rate that is nearest to its end. They take the place "
		  "of an upstream's.",
	  .example = "[ratelimit]" },
	{ "limits.headers_on", SETTING_WORD, AT(config, limit_headers_always), .initial = "always",
	  .words = limit_headers_on,
	  .text = "Which answers have them: all, or those to requests that were refused.",
	  .example = "refused" },
	{ "limits.rate_memory", SETTING_SIZE, AT(config, rate_memory), .initial = "16m",
	  .min = 64 * KIB, .max = GIB, .restart = true,
	  .text = "Memory for rates, taken once there are any: about 40000 keys a MiB at a time.",
	  .example = "64m" },

	{ "limits.fleet_keys", SETTING_INT, AT(config, fleet_keys), .initial = "10000", .min = 8,
	  .max = 100000, .restart = true,
	  .text = "So many keys of rates with scope: fleet are counted together at a time.",
	  .example = "50000" },
	{ "limits.gateways", SETTING_INT, AT(config, fleet_gateways), .initial = "auto",
	  .max = 1000, .words = automatic,
	  .text =
	      "So many gateways share a rate with scope: fleet evenly while Redis is away; auto "
	      "is as many as were seen there.",
	  .example = "3" },

	{ "rates", SETTING_MAP, ALL(config, rates), .initial = "{}", .children = &rate_children,
	  .text = "Limits on how often or how much, by name, for limits.rates and routes[].rates: "
		  "exact over all workers, kept through reloads and crashes. One that changes its "
		  "numbers keeps what was spent.",
	  .example = "{login: 5/minute, api: {limit: 100/second, burst: 200, per: [identity]}}" },
	{ "rates.*", SETTING_NAME, AT(config_limit, name), .min = 1, .max = 64,
	  .text = "Name of a rate, for routes, metrics and clients; not a digit first.",
	  .example = "login" },
	{ "rates.*.limit", SETTING_STRING, AT(config_limit, limit), .required = true, .min = 1,
	  .max = 512,
	  .text =
	      "A number, \"/\" and a time: second, minute, hour, day, 10s, 5m; burst and per may "
	      "stand behind it. A lone text is this setting.",
	  .example = "10/second burst 20 per identity" },
	{ "rates.*.burst", SETTING_STRING, AT(config_limit, burst), .min = 1, .max = 32,
	  .shown = "the number of the limit",
	  .text = "So many may come at once, after a pause (the size of the token bucket); no more "
		  "than come back in 31 days.",
	  .example = "20" },
	{ "rates.*.per", SETTING_STRINGS, ALL(config_limit, per), .shown = "[address]", .max = 300,
	  .text = "What is counted apart: address (of the client, as a trusted proxy says it), "
		  "identity, api_key, claim:NAME, header:NAME, host, route; of several each "
		  "combination; or all, for one count of all together.",
	  .example = "[identity, route]" },
	{ "rates.*.count", SETTING_WORD, AT(config_limit, counts), .initial = "requests",
	  .words = limit_counts,
	  .text =
	      "What is counted. Bytes are counted as they pass: a request is refused when those "
	      "before it have used up the limit.",
	  .example = "response_bytes" },
	{ "rates.*.missing", SETTING_WORD, AT(config_limit, missing), .initial = "address",
	  .words = limit_missing,
	  .text = "A request without what is counted by: its address takes the place, or the rate "
		  "does not hold for it.",
	  .example = "skip" },
	{ "rates.*.shadow", SETTING_BOOL, AT(config_limit, shadow), .initial = "false",
	  .text = "Count whom it would refuse (yett_limited_shadow_total), and let all pass.",
	  .example = "true" },
	{ "rates.*.scope", SETTING_WORD, AT(config_limit, fleet), .initial = "host",
	  .words = scopes,
	  .text = "host: each gateway counts for itself. fleet: all gateways with this Redis count "
		  "together; a day, and a month (10000/month), are then those of the calendar, in "
		  "UTC.",
	  .example = "fleet" },
	{ "rates.*.silent", SETTING_BOOL, AT(config_limit, silent), .initial = "false",
	  .text = "Leave it out of limits.headers.", .example = "true" },
	{ "concurrency", SETTING_MAP, ALL(config, concurrency), .initial = "{}",
	  .children = &concurrency_children,
	  .text = "Limits on requests at a time, by name, for limits.concurrency and "
		  "routes[].concurrency; over all workers. A WebSocket counts while it is open.",
	  .example = "{uploads: 4 per identity}" },
	{ "concurrency.*", SETTING_NAME, AT(config_limit, name), .min = 1, .max = 64,
	  .text = "Name of such a limit; not a digit first.", .example = "uploads" },
	{ "concurrency.*.limit", SETTING_STRING, AT(config_limit, limit), .required = true,
	  .min = 1, .max = 512,
	  .text = "The number; per may stand behind it. A lone text is this setting.",
	  .example = "4 per identity" },
	{ "concurrency.*.per", SETTING_STRINGS, ALL(config_limit, per), .shown = "[address]",
	  .max = 300, .text = "As rates.*.per.", .example = "[identity]" },
	{ "concurrency.*.missing", SETTING_WORD, AT(config_limit, missing), .initial = "address",
	  .words = limit_missing, .text = "As rates.*.missing.", .example = "skip" },
	{ "concurrency.*.shadow", SETTING_BOOL, AT(config_limit, shadow), .initial = "false",
	  .text = "As rates.*.shadow.", .example = "true" },

	{ "health.enabled", SETTING_BOOL, AT(config, health.enabled), .initial = "true",
	  .text = "Probe the endpoints of every upstream, those in Redis included.",
	  .example = "false" },
	{ "health.path", SETTING_PATH, AT(config, health.path), .initial = "/isAlive", .min = 1,
	  .max = 2048,
	  .text = "The page that is asked for; until it once answered 2xx any answer at all counts "
		  "as alive.",
	  .example = "/health" },
	{ "health.interval", SETTING_DURATION, AT(config, health.interval), .initial = "2s",
	  .min = 100, .max = HOUR,
	  .text = "Time between two probes of an endpoint, give or take a tenth.",
	  .example = "5s" },
	{ "health.timeout", SETTING_DURATION, AT(config, health.timeout), .initial = "1s",
	  .min = 10, .max = HOUR, .text = "How long a probe may take.", .example = "500ms" },
	{ "health.fall", SETTING_INT, AT(config, health.fall), .initial = "3", .min = 1, .max = 100,
	  .text = "Failures in a row that make an endpoint dead.", .example = "5" },
	{ "health.rise", SETTING_INT, AT(config, health.rise), .initial = "2", .min = 1, .max = 100,
	  .text = "Successes in a row that make it alive again.", .example = "1" },
	{ "balance", SETTING_WORD, AT(config, balance.strategy), .initial = "round_robin",
	  .words = balancing,
	  .text =
	      "How an endpoint is chosen: in turn, the one with the fewest requests under way in "
	      "all workers, at random, of two at random the one with fewer requests, or always "
	      "the same one for the same hash_by. All of them heed weights.",
	  .example = "least_connections" },
	{ "hash_by", SETTING_HASH_BY, AT(config, balance.hash_by), .initial = "address",
	  .text = "What balance: hash looks at: the client's address, the path, header:NAME, "
		  "cookie:NAME, or claim:NAME of those in gate.claims; requests without it are "
		  "sent in turn.",
	  .example = "\"cookie:session\"" },
	{ "hash_bound", SETTING_INT, AT(config, balance.hash_bound), .initial = "off", .min = 101,
	  .max = 1000, .words = off,
	  .text =
	      "With balance: hash, the most load of an endpoint in per cent of the mean; what is "
	      "beyond goes to the next one.",
	  .example = "125" },
	{ "fallback", SETTING_STRING, AT(config, fallback), .initial = "", .shown = "none",
	  .max = 128,
	  .text =
	      "The upstream that answers in the place of one that has no live endpoint or cannot "
	      "be reached, and what no route matches; off is none.",
	  .example = "users" },
	{ "sticky_secret", SETTING_SECRET, AT(config, sticky_secret),
	  .text = "The key that signs sticky cookies; gateways that share clients need the same. "
		  "Without it one is made and kept in state_dir.",
	  .example = "{file: /etc/yett/sticky.key}" },
	{ "ejection.failures", SETTING_INT, AT(config, balance.eject_failures), .initial = "5",
	  .max = 1000, .words = off,
	  .text =
	      "Failures in a row, over all workers, that eject an endpoint: for a while it gets "
	      "no requests.",
	  .example = "3" },
	{ "ejection.time", SETTING_DURATION, AT(config, balance.eject_time), .initial = "30s",
	  .min = 100, .max = HOUR,
	  .text = "How long the first ejection lasts; the second one that follows lasts twice as "
		  "long, and so on.",
	  .example = "10s" },
	{ "ejection.max_time", SETTING_DURATION, AT(config, balance.eject_max_time),
	  .initial = "5m", .min = 100, .max = DAY, .text = "How long the longest ejection lasts.",
	  .example = "1m" },
	{ "slow_start", SETTING_DURATION, AT(config, balance.slow_start), .initial = "off",
	  .max = HOUR,
	  .text = "Time in which an endpoint that is new, alive again or back from an ejection "
		  "comes from a tenth to the whole of its share.",
	  .example = "1m" },
	{ "max_connections", SETTING_INT, AT(config, balance.max_connections), .initial = "off",
	  .max = 1000000, .words = off,
	  .text =
	      "Most requests under way at one endpoint, over all workers; when all endpoints of "
	      "an upstream have so many, requests wait.",
	  .example = "64" },
	{ "queue", SETTING_INT, AT(config, balance.queue), .initial = "100", .max = 100000,
	  .words = off,
	  .text = "Most requests that wait for an endpoint of one upstream in one worker; with off "
		  "none does.",
	  .example = "1000" },
	{ "all_down", SETTING_WORD, AT(config, all_down_fail), .initial = "last",
	  .words = when_all_down,
	  .text = "When every endpoint of an upstream is dead: try the one that died last, or "
		  "answer 503 at once.",
	  .example = "fail" },

	{ "upstream_tls.ca", SETTING_FILE, AT(config, upstream_tls.ca),
	  .initial = "/etc/ssl/certs/ca-certificates.crt", .min = 1, .max = 4000,
	  .text = "The roots by which https endpoints are verified, in PEM; those of backends in "
		  "Redis and of targets, too.",
	  .example = "/etc/yett/internal-ca.pem" },
	{ "upstream_tls.insecure_skip_verify", SETTING_BOOL,
	  AT(config, upstream_tls.insecure_skip_verify), .initial = "false",
	  .text = "Take whoever answers at the address of an https endpoint for it: its "
		  "certificate is not looked at, but for pin_sha256.",
	  .example = "true" },
	{ "upstream_tls.certificate", SETTING_FILE, AT(config, upstream_tls.certificate),
	  .initial = "none", .min = 1, .max = 4000, .words = none,
	  .text = "The certificate of this gateway, with its chain, for https endpoints that ask "
		  "for one.",
	  .example = "/etc/yett/gateway.pem" },
	{ "upstream_tls.key", SETTING_FILE, AT(config, upstream_tls.key), .initial = "none",
	  .shown = "none: it stands in the file of the certificate", .min = 1, .max = 4000,
	  .words = none, .text = "The key of that certificate, in PEM, without a password.",
	  .example = "/etc/yett/gateway.key" },
	{ "upstream_tls.pin_sha256", SETTING_STRINGS, ALL(config, upstream_tls.pins),
	  .initial = "[]", .shown = "any", .min = 1, .max = 44,
	  .text = "The keys that https endpoints may have: SHA-256 of SubjectPublicKeyInfo, in "
		  "base64; one is enough, and the certificate is verified all the same.",
	  .example = "[\"47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\"]" },

	{ "trusted_proxies", SETTING_NETWORKS, ALL(config, trusted_proxies), .initial = "[]",
	  .shown = "none",
	  .text =
	      "Networks of the proxies in front of this one, whose X-Forwarded-*, Forwarded and "
	      "PROXY headers are believed.",
	  .example = "[10.0.0.0/8, \"fd00::/8\"]" },
	{ "forwarded", SETTING_WORD, AT(config, forwarded_append), .initial = "replace",
	  .words = forwarding,
	  .text = "The X-Forwarded-For of a peer that is not trusted: replaced, or appended to.",
	  .example = "append" },
	{ "forwarded_header", SETTING_WORD, AT(config, forwarded_send), .initial = "x",
	  .words = forwarded_headers,
	  .text = "What tells upstreams of the client: X-Forwarded-* and X-Real-IP, Forwarded (RFC "
		  "7239), or both.",
	  .example = "both" },
	{ "via", SETTING_BOOL, AT(config, via), .initial = "true",
	  .text =
	      "Add Via to requests, and refuse those that have come round to this gateway twice.",
	  .example = "false" },
	{ "scrub_user_delete", SETTING_BOOL, AT(config, scrub_user_delete), .initial = "false",
	  .text = "Take the header id off requests whose path ends in /user-delete: services of "
		  "a-shine delete the user that it names.",
	  .example = "true" },
	{ "scrub_internal_origin", SETTING_BOOL, AT(config, scrub_internal_origin),
	  .initial = "false",
	  .text =
	      "Send Origin: __unknown__ where a client says __internal__, which services of Riox "
	      "believe.",
	  .example = "true" },
	{ "scrub_repeated_trace", SETTING_BOOL, AT(config, scrub_repeated_trace),
	  .initial = "false",
	  .text = "Take sentry-trace and baggage off requests with Renku-Repeated-Request: true, "
		  "which Renku's pages send again and again.",
	  .example = "true" },
	{ "trailing_slash", SETTING_WORD, AT(config, cut_slash), .initial = "keep",
	  .words = trailing_slashes,
	  .text = "A slash at the end of a path: kept, or taken off before a route is looked for, "
		  "so that the upstream does not see it, either.",
	  .example = "cut" },
	{ "no_route", SETTING_WORD, AT(config, no_route_status), .initial = "404",
	  .words = statuses, .text = "Status of the answer to a request that no route matches.",
	  .example = "502" },
	{ "table_header", SETTING_BOOL, AT(config, reveal_version), .initial = "false",
	  .text = "Send X-Yett-Table, the version of the table that decided, and X-Yett-Revision, "
		  "that of its rules, with each answer.",
	  .example = "true" },
	{ "replay_keys", SETTING_INT, AT(config, replay_keys), .initial = "10000", .max = 10000,
	  .words = off,
	  .text = "So many of the last requests yett diff --replay looks at; method, host and path "
		  "of each are kept in memory, off keeps none.",
	  .example = "off" },
	{ "suspension.redis_keys", SETTING_BOOL, AT(config, suspension.redis_keys),
	  .initial = "false",
	  .text =
	      "A key of Redis whose name is that of an identity (the first of gate.claims, else "
	      "sub) suspends it for as long as it exists, whatever its value.",
	  .example = "true" },
	{ "suspension.redis_down", SETTING_WORD, AT(config, suspension.redis_down),
	  .initial = "closed", .words = downs,
	  .text = "What becomes of an identity of which Redis cannot say whether it is suspended: "
		  "closed answers 503, open lets it pass.",
	  .example = "open" },
	{ "suspension.max_age", SETTING_DURATION, AT(config, suspension.max_age), .initial = "10m",
	  .max = 7 * DAY,
	  .text = "With redis_down closed, nobody with an identity passes when what is known of "
		  "suspensions has been older than this, where any are known or redis_keys is on; "
		  "off is without end.",
	  .example = "1h" },
	{ "suspension.max", SETTING_INT, AT(config, suspension.max), .initial = "100000", .min = 1,
	  .max = 1000000,
	  .text = "Most suspensions of our own; when Redis holds more, nobody with an identity "
		  "passes.",
	  .example = "10000" },
	{ "suspension.known", SETTING_INT, AT(config, suspension.known), .initial = "65536",
	  .min = 1000, .max = 1000000,
	  .text = "Identities of which it is remembered whether such a key exists; of more, those "
		  "that were not looked at for longest are asked for anew.",
	  .example = "200000" },
	{ "statistics.identities", SETTING_BOOL, AT(config, statistics.identities),
	  .initial = "true",
	  .text = "Count requests, errors, bytes and time of each identity, for yett top: of the "
		  "512 that ask most, in memory.",
	  .example = "false" },
	{ "statistics.flush", SETTING_WORD, AT(config, statistics.flush), .initial = "none",
	  .words = flushes,
	  .text = "Where what identities did is written hour by hour, for all gateways together: "
		  "redis, or none.",
	  .example = "redis" },
	{ "statistics.interval", SETTING_DURATION, AT(config, statistics.interval), .initial = "1m",
	  .min = SECOND, .max = HOUR,
	  .text = "How often it is; that much is lost at most when a host dies.",
	  .example = "10s" },
	{ "statistics.keep", SETTING_SECONDS, AT(config, statistics.keep_s), .initial = "30d",
	  .min = HOUR, .max = 3650 * DAY, .text = "How long Redis keeps an hour.",
	  .example = "90d" },
	{ "access_log", SETTING_LOG, AT(config, access_log), .initial = "stdout",
	  .text = "Where the access log goes, one JSON object a line.",
	  .example = "/var/log/yett/access.log" },
	{ "log_level", SETTING_WORD, AT(config, log_level), .initial = "info", .words = levels,
	  .text = "The least serious lines that the error log (standard error) holds.",
	  .example = "debug" },
	{ "dns", SETTING_SERVERS, AT(config, dns_servers), .initial = "[]",
	  .shown = "the system's (resolv.conf)",
	  .text = "Name servers that upstreams' names are resolved by.",
	  .example = "[\"127.0.0.1:5353\"]" },
};
const size_t settings_count = sizeof settings / sizeof settings[0];

const struct setting_profile setting_profiles[] = {
	{ PROFILE_REDX, "redis.dialect", "redx" },
	{ PROFILE_REDX, "redis.max_path_length", "1" },
	{ PROFILE_REDX, "redis.plugins", "[random]" },
	{ PROFILE_REDX, "redis.plugins[].stickiness.value", "redx" },
	{ PROFILE_REDX, "upstreams.*.sticky.samesite", "none" },
	{ PROFILE_REDX, "upstreams.*.sticky.secure", "true" },
	{ PROFILE_REDX, "upstreams.*.sticky.value", "redx" },
	{ PROFILE_REDX, "timeouts.connect", "3s" },
	{ PROFILE_REDX, "timeouts.first_byte", "300s" },
	{ PROFILE_REDX, "timeouts.idle", "300s" },
	{ PROFILE_REDX, "forwarded", "append" },
	{ PROFILE_REDX, "no_route", "502" },
	{ PROFILE_RIOX, "redis.dialect", "riox" },
	{ PROFILE_RIOX, "redis.max_path_length", "3" },
	{ PROFILE_RIOX, "redis.plugins", "[random]" },
	{ PROFILE_RIOX, "redis.plugins[].stickiness.value", "redx" },
	{ PROFILE_RIOX, "upstreams.*.sticky.samesite", "none" },
	{ PROFILE_RIOX, "upstreams.*.sticky.secure", "true" },
	{ PROFILE_RIOX, "upstreams.*.sticky.value", "redx" },
	{ PROFILE_RIOX, "timeouts.connect", "3s" },
	{ PROFILE_RIOX, "timeouts.first_byte", "300s" },
	{ PROFILE_RIOX, "timeouts.idle", "300s" },
	{ PROFILE_RIOX, "limits.body", "10m" },
	{ PROFILE_RIOX, "forwarded", "append" },
	{ PROFILE_RIOX, "no_route", "502" },
	{ PROFILE_RIOX, "scrub_internal_origin", "true" },
	{ PROFILE_RIOX, "gate.protect", "[/api]" },
	{ PROFILE_RIOX, "gate.except",
	  "[/api/v1/users/auth/local, {path: /api/v1/users, methods: [POST]}]" },
	{ PROFILE_RIOX, "gate.sources", "[bearer, bare]" },
	{ PROFILE_ASHINE, "scrub_user_delete", "true" },
	{ PROFILE_ASHINE, "forwarded", "append" },
	{ PROFILE_ASHINE, "limits.body", "off" },
	{ PROFILE_ASHINE, "gate.algorithms", "[HS256, HS384, HS512]" },
	{ PROFILE_ASHINE, "gate.leeway", "0s" },
	{ PROFILE_ASHINE, "gate.claims", "{id: auth_id}" },
	{ PROFILE_ASHINE, "gate.sources", "[bearer, cookie]" },
	{ PROFILE_ASHINE, "gate.cookie", "token" },
	{ PROFILE_ASHINE, "gate.repeated_cookie", "first" },
	{ PROFILE_ASHINE, "gate.is_auth", "/isAuth" },
	{ PROFILE_ASHINE, "gate.reserved", "[/user-delete, /isAlive]" },
	{ PROFILE_ASHINE, "suspension.redis_keys", "true" },
	{ PROFILE_RENKU, "scrub_repeated_trace", "true" },
	{ PROFILE_RENKU, "trailing_slash", "cut" },
};
const size_t setting_profiles_count = sizeof setting_profiles / sizeof setting_profiles[0];
