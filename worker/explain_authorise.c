/*
 * Who may, clause by clause: of each program that the request has to pass, by whom it is asked and
 * what it comes to.
 */

#include "authorise.h"
#include "explain.h"

struct listing {
	struct request *r;
	struct buf *b;
	bool any;
};

static struct slice
holds(struct request *r, const struct table_clause *c)
{
	enum answer answer = authorise_answer(r, c);

	if (answer == ANSWER_UNKNOWN)
		return SLICE("unknown");
	return (answer == ANSWER_YES) != (c->negated != 0) ? SLICE("yes") : SLICE("no");
}

static void
add_clauses(struct listing *l, const struct segment *rules, const struct table_authorise *a)
{
	buf_adds(l->b, SLICE("\"clauses\":["));
	for (uint32_t i = 0; i < a->count; i++) {
		const struct table_clause *c = table_clause(rules, a->first + i);

		buf_adds(l->b, i > 0 ? SLICE(",{") : SLICE("{"));
		explain_text(l->b, "clause", seg_string(rules, c->text));
		buf_addc(l->b, ',');
		explain_text(l->b, "holds", holds(l->r, c));
		buf_addc(l->b, '}');
	}
	buf_addc(l->b, ']');
}

static void
add(void *userdata, uint32_t number, const struct table_gate *gate, struct slice at)
{
	struct listing *l = userdata;
	const struct segment *rules = l->r->table->segments[SEGMENT_RULES];
	const struct table_authorise *a = table_authorise(rules, number);
	const struct identity *who = authorise_enter(l->r, a);

	buf_adds(l->b, l->any ? SLICE(",{") : SLICE("{"));
	l->any = true;
	explain_text(l->b, "by",
		     !gate                      ? SLICE("route")
		     : gate->flags & GATE_FLOOR ? SLICE("floor")
						: SLICE("protect"));
	buf_addc(l->b, ',');
	explain_text(l->b, "path", gate && at.n == 0 ? SLICE("/") : at);
	buf_addc(l->b, ',');
	explain_bool(l->b, "shadow", a->flags & AUTHORISE_SHADOW);
	buf_addc(l->b, ',');
	explain_bool(l->b, "passes", !authorise_run(l->r, a));
	buf_addc(l->b, ',');
	add_clauses(l, rules, a);
	buf_addc(l->b, '}');
	l->r->who = who;
}

void
explain_authorise(struct request *r, struct buf *b)
{
	struct listing l = { .r = r, .b = b };

	buf_adds(b, SLICE("\"authorisation\":["));
	if (r->table && r->match_path.p && r->route != TRIE_NONE && !policies_is_preflight(r))
		authorise_each(r, add, &l);
	buf_addc(b, ']');
}
