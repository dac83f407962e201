#pragma once

/*
 * refresh: the tokens of a session, good for as long as they are needed. One that is about to end
 * is refreshed once in the fleet: in each worker one flight looks after it for all requests, and of
 * the flights the one that gets a lock in Redis asks the provider. Whoever has a token that is
 * still good goes on with it; only who has none waits.
 */

#include "policies.h"

#include "shm/table_login.h"

struct exchange;
struct refreshes; /* of a worker */
struct session_token;

/* r->session's token of that provider, good for margin_s more, or for as long as it is where it
 * cannot be renewed now. PASS: *out, of the session or of the request's arena; NULL: there is none,
 * and *why says for which reason. WAIT (AWAIT_TOKENS). REPLY: there was one, and for the moment
 * nobody can be asked for the next. */
enum verdict refresh_token(struct request *r, uint32_t provider, uint32_t margin_s,
			   const struct session_token **out, enum reason *why);
/* RFC 8693: that access token in exchange for one for `audience` (an absolute URI is asked for as
 * resource), kept for the session's next requests. `scope` may be empty. The same; *token is in the
 * arena, of no bytes where there is none. */
enum verdict refresh_exchanged(struct request *r, uint32_t provider, uint32_t margin_s,
			       struct slice audience, struct slice scope, struct slice *token,
			       enum reason *why);

/* A refresh token is no longer needed: its provider, by its name, is told, where it wants to be
 * (RFC 7009). Nobody waits for that. */
void refresh_revoke(struct worker *w, struct slice provider, struct slice token);

/* The master gives us what another worker began; it ends with exchange_kept. False: it is none of
 * ours. */
bool refresh_adopt(struct worker *w, struct exchange *x, struct slice provider,
		   struct slice context);
/* Providers may be other ones, or configured otherwise: none is left alone any more. */
void refreshes_renew(struct worker *w);
/* Is something under way that must not be lost? */
bool refreshes_hold(const struct worker *w);
void refreshes_free(struct worker *w);
