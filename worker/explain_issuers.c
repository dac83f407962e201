/*
 * Of an explained request: whose tokens the place accepts, and whose token it was.
 */

#include "explain.h"
#include "identity.h"
#include "policies.h"

static const struct table_issuer *
issuer_at(const struct segment *rules, uint32_t i)
{
	return seg_at(rules, RULES_ISSUERS, i, sizeof(struct table_issuer));
}

static void
add_name(struct buf *b, struct slice name, bool *any)
{
	buf_adds(b, *any ? SLICE(",") : SLICE(""));
	buf_add_json(b, name);
	*any = true;
}

/* null: all. */
static void
add_accepted(struct buf *b, const struct segment *rules, uint64_t issuers)
{
	const struct table_issuer *t;
	bool any = false;

	buf_adds(b, SLICE("\"issuers\":"));
	if (issuers == UINT64_MAX) {
		buf_adds(b, SLICE("null"));
		return;
	}
	buf_addc(b, '[');
	for (uint32_t i = 0; (t = issuer_at(rules, i)) != NULL; i++) {
		if (issuers >> i & 1)
			add_name(b, seg_string(rules, t->name), &any);
	}
	if (issuers & ISSUERS_API_KEYS)
		add_name(b, SLICE("api_keys"), &any);
	buf_addc(b, ']');
}

void
explain_issuers(const struct request *r, uint64_t accepted, struct buf *out)
{
	const struct segment *rules = r->table->segments[SEGMENT_RULES];
	const struct table_issuer *t =
	    r->who && r->who->kind == IDENTITY_TOKEN ? issuer_at(rules, r->who->issuer) : NULL;

	add_accepted(out, rules, accepted);
	buf_addc(out, ',');
	if (t)
		explain_text(out, "issuer", seg_string(rules, t->name));
	else
		buf_adds(out, SLICE("\"issuer\":null"));
}
