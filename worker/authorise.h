#pragma once

/*
 * authorise: may who asks do this? Programs of the table (shm/table_authorise.h), of the route and
 * of the gate, are run over what is known of the request; nothing is read anew, and nothing
 * allocated for one that passes.
 */

#include "policies.h"

enum answer {
	ANSWER_NO,
	ANSWER_YES,
	ANSWER_UNKNOWN, /* nobody can say; it fails, negated or not */
};

enum verdict authorise_policy(struct request *r);
/* What the clause asks, `not` left out. */
enum answer authorise_answer(struct request *r, const struct table_clause *c);
/* The clause that refuses the request, NULL: it passes. */
const struct table_clause *authorise_run(struct request *r, const struct table_authorise *a);
/* Before what is asked of this program: in its shadow mode it also judges by a token that nothing
 * else asks for. What r->who has to be again behind it. */
const struct identity *authorise_enter(struct request *r, const struct table_authorise *a);
/* All programs that the request has to pass, the route's first (`gate` NULL). */
void authorise_each(struct request *r, table_authorise_fn *each, void *userdata);
