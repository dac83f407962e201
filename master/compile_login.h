#pragma once

/*
 * compile_login: sessions, login and credentials of routes, for the segments of rules and of keys.
 */

#include "config.h"

#include "shm/table.h"

struct directory;
struct issuers;

/* The one row, providers and where a login may end. `known`: what discovery said of them; NULL:
 * nothing. */
void compile_login(struct table_builder *b, const struct config *c, const struct directory *d,
		   const struct issuers *known);
/* The credentials of a route: the first one; there are r->credentials_count. */
uint32_t compile_credentials(struct seg_builder *b, const struct config_route *r);
/* ROUTE_COOKIES_* */
uint32_t compile_cookies(const struct config_route *r);
/* Calls `add` with the name, folded, of each header that no client may send as some route tells its
 * upstream of it: but for those that every client may send. Each once. */
void compile_login_stripped(const struct config *c, void (*add)(void *userdata, const char *name),
			    void *userdata);
void compile_login_keys(struct seg_builder *b, const struct config *c);
/* More bytes than these take in the segment's strings. */
size_t compile_login_keys_size(const struct config *c);
