#pragma once

/*
 * reason: every refusal and every failure carries one of these, and it is the same word in the
 * response header, the body, the access log, the metric and the manual (yett(8), REASONS).
 *
 * Row: name, HTTP status (0 = none is sent), the sentence that a client reads.
 */

#include "lib/slice.h"

#define REASONS(X)                                                                                 \
	X(none, 0, "")                                                                             \
	X(bad_request, 400, "The request is not well-formed HTTP.")                                \
	X(bad_host, 400, "The Host header is missing, repeated or malformed.")                     \
	X(bad_path, 400, "The path is malformed, or can be read in more than one way.")            \
	X(condition_limit, 400,                                                                    \
	  "A rule cannot judge the request: its path, header or query is too long.")               \
	X(bad_framing, 400, "The length of the body is ambiguous.")                                \
	X(bad_body, 400, "The body is not well-formed.")                                           \
	X(length_required, 411, "The body has no length.")                                         \
	X(misdirected, 421, "The target's scheme is not that of this connection.")                 \
	X(misdirected_certificate, 421,                                                            \
	  "This host asks for other client certificates than this connection was opened with.")    \
	X(plain_http, 400, "The plain HTTP request was sent to a TLS port.")                       \
	X(loop_detected, 508, "The request has come here before: it goes round in a loop.")        \
	X(unsupported_coding, 501, "The transfer coding is not supported.")                        \
	X(unsupported_method, 501, "The method is not supported.")                                 \
	X(unsupported_version, 505, "The HTTP version is not supported.")                          \
	X(expectation_failed, 417, "The expectation cannot be met.")                               \
	X(uri_too_long, 414, "The request target is too long.")                                    \
	X(header_too_large, 431, "The header fields are too large.")                               \
	X(too_many_headers, 431, "There are too many header fields.")                              \
	X(body_too_large, 413, "The body is larger than this service accepts.")                    \
	X(client_head_timeout, 408, "The request head took too long to arrive.")                   \
	X(client_body_timeout, 408, "The request body took too long to arrive.")                   \
	X(client_gone, 0, "The client went away.")                                                 \
	X(client_stalled, 0, "The client stopped reading.")                                        \
	X(tunnel_idle, 0, "The tunnel was silent for too long.")                                   \
	X(no_route, 404, "No route matches this request.")                                         \
	X(redirect_unknown, 404, "Where this has gone is not known.")                              \
	X(method_not_allowed, 405, "This path does not take this method.")                         \
	X(rules_not_loaded, 503, "The rules have not been loaded yet.")                            \
	X(maintenance, 503, "The service is down for maintenance.")                                \
	X(rule_refused, 503, "The rule for this request was refused; an operator has to mend it.") \
	X(reserved_path, 404, "Nobody may ask for this path from outside.")                        \
	X(proxy_untrusted, 403, "What this client says of another request is not believed.")       \
	X(token_missing, 401, "No token")                                                          \
	X(token_repeated, 400, "More than one token was sent.")                                    \
	X(token_malformed, 401, "Unable to parse token")                                           \
	X(token_algorithm, 401, "The token's algorithm is not accepted.")                          \
	X(token_signature, 401, "Invalid token signature")                                         \
	X(token_key, 401, "The token is signed with a key that its issuer does not have.")         \
	X(token_expired, 401, "Invalid or expired token")                                          \
	X(token_not_yet_valid, 401, "The token is not valid yet.")                                 \
	X(token_issuer, 401, "The token's issuer is not accepted.")                                \
	X(token_audience, 401, "The token is meant for another audience.")                         \
	X(token_claim, 401, "A claim that this service needs is missing or malformed.")            \
	X(api_key_invalid, 401, "The API key is not known, was revoked, or has expired.")          \
	X(token_inactive, 401, "The token is not active.")                                         \
	X(gate_unavailable, 503, "Whose token it is cannot be found out at the moment.")           \
	X(gate_no_keys, 503, "The keys that verify tokens are not available.")                     \
	X(session_unavailable, 503, "Sessions cannot be looked up at the moment.")                 \
	X(session_expired, 401, "The session has ended; log in again.")                            \
	X(suspended, 401, "User has been suspended")                                               \
	X(suspension_unknown, 503, "Whether the user is suspended is not known.")                  \
	X(scope_insufficient, 403, "The token lacks a scope that this needs.")                     \
	X(not_authorised, 403, "Who asks is not authorised to do this.")                           \
	X(address_refused, 403, "This address may not ask for this.")                              \
	X(credential_missing, 401, "The service needs to know more of who asks than there is.")    \
	X(rate_limited, 429, "There were too many requests; slow down.")                           \
	X(concurrency_limited, 429, "There are too many requests at a time; finish some first.")   \
	X(login_needed, 401, "Log in first.")                                                      \
	X(login_malformed, 400, "The link is not complete.")                                       \
	X(login_provider_unknown, 400, "There is no such identity provider here.")                 \
	X(state_unknown, 400,                                                                      \
	  "This login has expired, is over already, or was begun in another browser.")             \
	X(login_denied, 403, "The identity provider was told not to let you in here.")             \
	X(login_refused, 400, "The identity provider did not complete the login.")                 \
	X(login_failed, 400, "What the identity provider answered could not be verified.")         \
	X(login_changed, 409, "Somebody else has logged in, or out, in this browser meanwhile.")   \
	X(login_loop, 429,                                                                         \
	  "You were logged in several times within a minute, and sent back each time.")            \
	X(logout_unproved, 403, "A page of another site may not log you out.")                     \
	X(logout_token_refused, 400, "The logout token is not accepted.")                          \
	X(provider_unavailable, 503, "The identity provider is not available at the moment.")      \
	X(hub_query, 400, "What the hub is to ask is not complete, or not well-formed.")           \
	X(hub_domain, 400, "Domain is not allowed")                                                \
	X(hub_address, 400, "The domain has no address that may be asked.")                        \
	X(hub_token, 401, "Could not decode JWT")                                                  \
	X(hub_cross_site, 403, "A page of another site may not ask in a user's name.")             \
	X(hub_path, 404, "Not Found")                                                              \
	X(hub_answer, 502, "The service's answer is too large, or not one that can be told.")      \
	X(hub_busy, 503, "Too many requests to services are under way.")                           \
	X(translation_type, 415, "A body of this type or coding is not taken here.")               \
	X(translation_request, 400, "The body is not what this service takes.")                    \
	X(translation_response, 502,                                                               \
	  "The upstream's answer is not what this service makes of it.")                           \
	X(no_endpoint, 503, "No endpoint of the upstream is available.")                           \
	X(queue_full, 503, "Too many requests wait for this service.")                             \
	X(queue_timeout, 503, "The service had no room for this request in time.")                 \
	X(upstream_unresolved, 502, "The upstream's name does not resolve.")                       \
	X(upstream_connect_refused, 502, "The upstream refused the connection.")                   \
	X(upstream_connect_failed, 502, "The upstream could not be reached.")                      \
	X(upstream_connect_timeout, 504, "The upstream did not accept the connection in time.")    \
	X(upstream_tls_failed, 502, "No secure connection to the upstream came about.")            \
	X(upstream_certificate_refused, 502, "The upstream's certificate was refused.")            \
	X(upstream_closed, 502, "The upstream closed the connection before it answered.")          \
	X(upstream_malformed, 502, "The upstream's answer is not well-formed HTTP.")               \
	X(upstream_first_byte_timeout, 504, "The upstream did not answer in time.")                \
	X(upstream_send_timeout, 504, "The upstream stopped reading the request.")                 \
	X(upstream_stalled, 504, "The upstream stopped in the middle of its answer.")              \
	X(upstream_aborted, 0, "The upstream broke off in the middle of its answer.")              \
	X(request_timeout, 504, "The request took longer than its limit.")                         \
	X(too_many_connections, 429, "This address has too many connections open.")                \
	X(overloaded, 503, "The gateway is at its limit of connections or memory.")                \
	X(draining, 0, "The gateway is shutting down.")                                            \
	X(admin_not_found, 404, "There is no such page.")                                          \
	X(admin_method, 405, "The page does not take this method.")                                \
	X(admin_unauthenticated, 401, "The management API takes a token.")                         \
	X(admin_forbidden, 403, "Whoever asks may not do this.")                                   \
	X(admin_cross_site, 403, "A page of another site may not ask this.")                       \
	X(admin_unavailable, 503, "The master is not available.")                                  \
	X(not_ready, 503, "The gateway is not ready.")                                             \
	X(internal, 500, "The gateway failed to handle the request.")

enum reason {
#define X(name, status, text) REASON_##name,
	REASONS(X)
#undef X
	    REASON_N
};

/* Those that the gate refuses with stand together. */
#define REASON_GATE_FIRST REASON_token_missing
#define REASON_GATE_LAST REASON_not_authorised

struct reason_info {
	const char *name;
	int status;
	const char *text;
};

/* Never NULL; an unknown value gives the row of `internal`. */
const struct reason_info *reason_info(enum reason r);
