#include "replay_asks.h"

#include "shm/hash.h"

struct sum {
	const struct segment *rules;
	uint64_t asks;
	struct buf *text; /* NULL: none is wanted */
};

/* The way from one clause to the others counts, wherever in the table the program begins. */
static uint32_t
step(const struct table_authorise *a, uint32_t next)
{
	return next < CLAUSE_PASS ? next - a->first : next;
}

static void
add(void *userdata, uint32_t number, const struct table_gate *gate, struct slice at)
{
	struct sum *sum = userdata;
	const struct table_authorise *a = table_authorise(sum->rules, number);

	for (uint32_t i = 0; a && i < a->count; i++) {
		const struct table_clause *c = table_clause(sum->rules, a->first + i);
		struct slice text = seg_string(sum->rules, c->text);
		const uint32_t words[] = { i, a->flags, hash_bytes(0, text), step(a, c->holds),
					   step(a, c->fails) };

		for (size_t k = 0; k < sizeof words / sizeof words[0]; k++)
			sum->asks = hash_mix(sum->asks + words[k] + 1, 0x9e3779b97f4a7c15u);
		if (sum->text)
			buf_addf(sum->text, "%s%.*s", sum->text->n ? "; " : "", SLICE_F(text));
	}
	if (a && a->flags & AUTHORISE_SHADOW && sum->text)
		buf_adds(sum->text, SLICE(" (shadow)"));
}

static uint64_t
sum_up(const struct segment *rules, const struct table_key *key, const struct table_route *route,
       struct buf *text)
{
	const struct table_shape *shape = table_shape(rules, route);
	struct sum sum = { .rules = rules, .text = text };

	if (shape->authorise)
		add(&sum, shape->authorise, NULL, SLICE(""));
	if (table_global(rules)->gate_authorises)
		table_gate_authorises(rules, key, shape->flags, add, &sum);
	return sum.asks;
}

uint64_t
replay_asks(const struct segment *rules, const struct table_key *key,
	    const struct table_route *route)
{
	return sum_up(rules, key, route, NULL);
}

void
replay_asks_text(const struct segment *rules, const struct table_key *key,
		 const struct table_route *route, struct buf *out)
{
	sum_up(rules, key, route, out);
}
