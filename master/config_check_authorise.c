#include "config_check_authorise.h"

#include "authorise.h"

#include "shm/table_authorise.h"

void
config_check_authorise(const struct action_check *a, struct config_action *c)
{
	struct buf BUF_CLEAN key = { 0 };

	if (!c->authorise || !authorise_asks_who(c->authorise))
		return;
	if (c->auth == AUTH_INHERIT && !c->authorise->shadow)
		c->auth = AUTH_REQUIRED;
	if (c->auth != AUTH_NONE)
		return;
	buf_addf(&key, "%s.authorize", a->key);
	buf_addc(&key, '\0');
	mistakes_add(a->mistakes, false, c->authorise->line ? c->authorise->line : a->line, key.p,
		     "it asks who the client is, and auth: none lets nobody say so; remove auth");
}

static void
check_paths(struct config_reader *r, const char *key, size_t count)
{
	if (count > CLAUSE_FACTS)
		mistakes_add(&r->mistakes, false, config_line(r, key), key,
			     "there are %zu claims; name four at the most", count);
}

void
config_check_authorise_gate(struct config_reader *r)
{
	check_paths(r, "gate.role_claims", r->c->gate.role_claims_count);
	check_paths(r, "gate.group_claims", r->c->gate.group_claims_count);
}
