/*
 * config_development: a gate whose tokens anybody can make, for who works on what stands behind it.
 * NaaVRE's services know the same tokens with DISABLE_AUTH: HS256 by a secret that is no secret.
 */

#include "config_check.h"

#include "lib/jwt.h"

#include <stdlib.h>

#define SECRET "fake-secret"
#define AUDIENCE "account"
#define VARIABLE "DISABLE_AUTH"

/* Not the file's setting, but the environment of NaaVRE's. */
static bool
by_environment(const struct config *c)
{
	const char *text = getenv(VARIABLE);

	return c->profile == PROFILE_NAAVRE && text && slice_ieq(slice_of(text), SLICE("true"));
}

/* Only who is on this host may be let in so. */
static void
check_listeners(struct config_reader *r, int line)
{
	const struct config *c = r->c;

	for (size_t i = 0; i < c->listeners_count; i++) {
		const struct config_address *a = &c->listeners[i].address;

		if (a->text && !config_is_loopback(a))
			mistakes_add(&r->mistakes, false, line, "gate.development",
				     "anybody can make tokens, and %s is not loopback; listen on "
				     "127.0.0.1, or remove gate.development and unset " VARIABLE,
				     a->text);
	}
}

void
config_development(struct config_reader *r)
{
	struct config_gate *g = &r->c->gate;
	int line = config_line(r, "gate.development");

	g->development = g->development || by_environment(r->c);
	if (!g->development)
		return;
	mistakes_add(&r->mistakes, true, line, "gate.development",
		     "TOKENS ARE WORTH NOTHING: everybody knows the secret that they are signed "
		     "with; for development alone");
	check_listeners(r, line);
	if (g->secret.bytes || g->public_key.bytes || g->issuers_count > 0) {
		mistakes_add(&r->mistakes, false, line, "gate.development",
			     "beside a secret, a key or issuers it would let in whoever wants to "
			     "be one of their users; remove one of the two");
		return;
	}
	g->secret = (struct config_secret){
		.bytes = arena_string(&r->c->arena, SLICE(SECRET)),
		.n = sizeof SECRET - 1,
		.origin = "gate.development",
	};
	g->algorithms = 1u << JWT_HS256;
	if (g->audience_count > 0)
		return;
	g->audience = arena_calloc(&r->c->arena, sizeof *g->audience);
	g->audience[0] = AUDIENCE;
	g->audience_count = 1;
}
