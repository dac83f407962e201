/*
 * Hubs: their rows, and whether they hold together.
 */

#include "table_hub.h"

#include "table.h"
#include "verify.h"

#include "lib/ip.h"

const struct table_hub *
table_hub(const struct segment *rules, uint32_t number)
{
	return number == 0 ? NULL : seg_at(rules, RULES_HUBS, number - 1, sizeof(struct table_hub));
}

const struct table_hub_target *
table_hub_target(const struct segment *rules, uint32_t i)
{
	return seg_at(rules, RULES_HUB_TARGETS, i, sizeof(struct table_hub_target));
}

/* Without the port that goes without saying 80 and 443 are meant (RFC 9110 section 4.2). */
static bool
is_meant(const struct segment *rules, const struct table_hub_target *t, bool https,
	 struct slice host, uint16_t port)
{
	uint32_t own = t->port ? t->port : https ? 443 : 80;

	return t->host.size > 0 && own == port && slice_eq(seg_string(rules, t->host), host);
}

const struct table_hub_target *
table_hub_find(const struct segment *rules, const struct table_hub *hub, bool https,
	       struct slice host, uint16_t port)
{
	const struct table_hub_target *any = NULL;

	if (!https && !(hub->flags & HUB_HTTP))
		return NULL;
	for (uint32_t i = 0; i < hub->targets_count; i++) {
		const struct table_hub_target *t = table_hub_target(rules, hub->targets_first + i);

		if (t && is_meant(rules, t, https, host, port))
			return t;
		any = t && t->host.size == 0 ? t : any;
	}
	return any;
}

bool
table_hub_reaches(const struct segment *rules, const struct table_hub *hub, const uint8_t ip[16])
{
	const struct table_cidr *cidr;

	if (ip_is_public(ip))
		return true;
	for (uint32_t i = 0; i < hub->networks_count; i++) {
		cidr = seg_at(rules, RULES_NETWORKS, hub->networks_first + i, sizeof *cidr);
		if (cidr && table_cidr_holds(cidr, ip))
			return true;
	}
	return false;
}

bool
table_hubs_ok(const struct segment *s)
{
	uint32_t hubs, targets, facts = seg_count(s, RULES_FACTS);
	bool ok = true;
	const struct table_hub *h = section(s, RULES_HUBS, sizeof *h, &hubs, &ok);
	const struct table_hub_target *t = section(s, RULES_HUB_TARGETS, sizeof *t, &targets, &ok);

	for (uint32_t i = 0; i < hubs; i++)
		ok &= run_ok(h[i].targets_first, h[i].targets_count,
			     seg_count(s, RULES_HUB_TARGETS)) &&
		      run_ok(h[i].networks_first, h[i].networks_count,
			     seg_count(s, RULES_NETWORKS)) &&
		      (h[i].provider == TRIE_NONE || h[i].provider < table_providers(s)) &&
		      (h[i].preferred_username == TRIE_NONE || h[i].preferred_username < facts) &&
		      (h[i].name == TRIE_NONE || h[i].name < facts);
	for (uint32_t i = 0; i < targets; i++)
		ok &= ref_ok(s, t[i].host) && t[i].port <= UINT16_MAX;
	return ok;
}
