#include "config_check_authorise.h"

#include "authorise.h"

#include "shm/table_authorise.h"

static void
check_unknown(struct mistakes *m, const char *key, int line, const struct authorise *a,
	      const struct config_gate *g)
{
	const char *unknown = a ? authorise_unknown(a, g) : NULL;

	if (unknown)
		mistakes_add(m, false, a->line ? a->line : line, key,
			     "there is no issuer %s; write names of gate.issuers, or default for "
			     "the one that gate itself describes, or api_keys",
			     unknown);
}

void
config_check_authorise(const struct action_check *a, struct config_action *c)
{
	struct buf BUF_CLEAN key = { 0 };

	if (!c->authorise)
		return;
	buf_addf(&key, "%s.authorize", a->key);
	buf_addc(&key, '\0');
	if (a->gate)
		check_unknown(a->mistakes, key.p, a->line, c->authorise, a->gate);
	if (!authorise_asks_who(c->authorise))
		return;
	if (c->auth == AUTH_INHERIT && !c->authorise->shadow)
		c->auth = AUTH_REQUIRED;
	if (c->auth != AUTH_NONE)
		return;
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

static void
check_entries(struct config_reader *r, const char *list, const struct config_gate_entry *all,
	      size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct buf BUF_CLEAN key = { 0 };

		buf_addf(&key, "%s[%zu].authorize", list, i);
		buf_addc(&key, '\0');
		check_unknown(&r->mistakes, key.p, all[i].place.line, all[i].authorise,
			      &r->c->gate);
	}
}

void
config_check_authorise_gate(struct config_reader *r)
{
	const struct config *c = r->c;

	check_entries(r, "gate.protect", c->gate.protect, c->gate.protect_count);
	for (size_t i = 0; i < c->policies_count; i++) {
		struct buf BUF_CLEAN list = { 0 };

		buf_addf(&list, "policies.%s.protect", c->policies[i].name);
		buf_addc(&list, '\0');
		check_entries(r, list.p, c->policies[i].protect, c->policies[i].protect_count);
	}
	check_paths(r, "gate.role_claims", r->c->gate.role_claims_count);
	check_paths(r, "gate.group_claims", r->c->gate.group_claims_count);
}
