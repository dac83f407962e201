#include "table_authorise.h"

#include "table.h"
#include "verify.h"

#include "lib/tls_peer.h"

const struct table_authorise *
table_authorise(const struct segment *rules, uint32_t number)
{
	return number == 0
		   ? NULL
		   : seg_at(rules, RULES_AUTHORISE, number - 1, sizeof(struct table_authorise));
}

const struct table_clause *
table_clause(const struct segment *rules, uint32_t i)
{
	return seg_at(rules, RULES_CLAUSES, i, sizeof(struct table_clause));
}

struct slice
table_clause_value(const struct segment *rules, const struct table_clause *c, uint32_t i)
{
	const struct seg_ref *ref = seg_at(rules, RULES_VALUES, c->first + i, sizeof *ref);

	return ref ? seg_string(rules, *ref) : SLICE("");
}

bool
table_clause_networks(const struct segment *rules, const struct table_clause *c,
		      const uint8_t address[16])
{
	for (uint32_t i = 0; i < c->count; i++) {
		const struct table_cidr *cidr =
		    seg_at(rules, RULES_NETWORKS, c->first + i, sizeof *cidr);

		if (cidr && table_cidr_holds(cidr, address))
			return true;
	}
	return false;
}

/* Of the program that begins at `first`. */
static bool
next_ok(uint32_t next, uint32_t i, uint32_t end)
{
	return next == CLAUSE_PASS || next == CLAUSE_REFUSE || (next > i && next < end);
}

static bool
clause_ok(const struct segment *s, const struct table_clause *c)
{
	uint32_t facts = seg_count(s, RULES_FACTS);
	bool ok = c->kind < CLAUSE_N && c->facts_count <= CLAUSE_FACTS &&
		  c->count <= CLAUSE_VALUES && ref_ok(s, c->text);

	for (uint32_t i = 0; ok && i < c->facts_count; i++)
		ok = c->facts[i] < facts;
	if (c->kind == CLAUSE_CERTIFICATE)
		ok &= c->bits < TLS_FACT_N;
	return ok &&
	       run_ok(c->first, c->count,
		      seg_count(s, c->kind == CLAUSE_ADDRESSES ? RULES_NETWORKS : RULES_VALUES));
}

/* Programs lie one behind the other, so that each clause is looked at once. */
bool
table_authorise_ok(const struct segment *s)
{
	uint32_t programs, clauses, values, networks, end = seg_base_count(s, RULES_CLAUSES);
	uint32_t base = end;
	bool ok = true;
	const struct table_authorise *a = section(s, RULES_AUTHORISE, sizeof *a, &programs, &ok);
	const struct table_clause *c = section(s, RULES_CLAUSES, sizeof *c, &clauses, &ok);
	const struct seg_ref *value = section(s, RULES_VALUES, sizeof *value, &values, &ok);
	const struct table_cidr *cidr = section(s, RULES_NETWORKS, sizeof *cidr, &networks, &ok);

	for (uint32_t i = 0; i < values; i++)
		ok &= ref_ok(s, value[i]);
	for (uint32_t i = 0; i < networks; i++)
		ok &= cidr[i].bits <= 128;
	for (uint32_t i = 0; ok && i < programs; i++) {
		ok = a[i].first == end && a[i].count > 0 && a[i].count <= CLAUSES_MAX &&
		     run_ok(end, a[i].count, base + clauses);
		for (uint32_t k = end; ok && k < end + a[i].count; k++)
			ok = clause_ok(s, &c[k - base]) &&
			     next_ok(c[k - base].holds, k, end + a[i].count) &&
			     next_ok(c[k - base].fails, k, end + a[i].count);
		end += a[i].count;
	}
	return ok && end == base + clauses;
}
