#pragma once

/*
 * config_check: what has to fit together in a configuration, once every value is read: names that
 * are used exist, nothing is there twice, what is protected can be verified. Also completes what
 * depends on other settings.
 */

#include "config_read.h"

void config_check(struct config_reader *r);
/* config_check_routes.c: upstreams, targets and routes. */
void config_check_balance(struct config_reader *r); /* balancing, plugins, cookies */
/* Is a claim that this balances by one of the gate's? */
void config_check_hash(struct config_reader *r, const struct config_balance *b, int line,
		       const char *key);
void config_check_upstreams(struct config_reader *r);
void config_check_own(struct config_reader *r);
void config_check_routes(struct config_reader *r);
void config_check_pins(struct config_reader *r, const struct config_upstream_tls *t, int line,
		       const char *key);
void config_check_upstream(struct config_reader *r, const struct config_upstream *u,
			   const char *key);
/* "host:port/base", "unix:/path". */
void config_endpoint_identity(const struct config_endpoint *e, struct buf *out);
/* config_check.c: paths of the gate have no slash at the end. */
void config_check_policy(struct arena *arena, struct config_policy *p);
/* config_check_log.c: the access log, whose format is compiled. */
void config_check_log(struct config_reader *r);
/* config_check_issuers.c: reads files of their keys, too. */
void config_check_issuers(struct config_reader *r);
/* config_check_redis.c: where Redis is, or how it is found; before what needs one. */
void config_check_redis(struct config_reader *r);
/* The same for one section: completes `seek` and, where that says it all, the address. */
void config_check_seek(struct config_reader *r, const char *section, struct config_seek *seek,
		       struct config_address *address, uint32_t database);
/* Does the section say where its Redis is? */
bool config_seeks(const struct node *section);
/* config_check_login.c: sessions and login; behind issuers, as each provider is one. */
void config_check_login(struct config_reader *r);
/* config_check_credentials.c: what routes tell their upstreams; behind routes. */
void config_check_credentials(struct config_reader *r);
/* config_list_issuers.c: makes config_gate.all. */
void config_list_issuers(struct config_reader *r);
/* Does the file say this of it? */
bool config_issuer_given(const struct config_reader *r, const struct config_issuer *i,
			 const char *what);
/* config_check_hub.c: of a route of the file, of which `n` is written; then upstreams for whom hubs
 * may ask, once all routes are checked. */
void config_check_hub(struct config_reader *r, const struct node *n, const char *key,
		      struct config_route *route);
void config_hub_upstreams(struct config *c);
/* config_development.c: before what verifies tokens is checked. */
void config_development(struct config_reader *r);
/* config_check_rule.c: one entry of a store, at the present key. */
void config_check_rule_route(struct config_reader *r, const struct node *n,
			     struct config_route *route);
void config_check_rule_upstream(struct config_reader *r, const struct config_upstream *u);
/* config_check_identity.c: claims, API keys. */
void config_check_identity(struct config_reader *r);
void config_complete_api_key(struct arena *arena, struct config_api_key *k);
/* config_check_suites.c: of TLS. */
void config_check_suites(struct config_reader *r);
/* config_check_tls.c: reads the certificates, too. */
void config_check_tls(struct config_reader *r);
/* config_check_tracing.c: where spans go. */
void config_check_tracing(struct config_reader *r);
/* config_check_admin.c: who may do what over the admin listeners. */
void config_check_admin(struct config_reader *r);
/* config_check_cascade.c: who hears of deleted users; after routes. */
void config_check_cascade(struct config_reader *r);
/* Can it be reached from this host alone? */
bool config_is_loopback(const struct config_address *a);
