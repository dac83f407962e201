#include "inject.h"

#include "inject_own.h"
#include "inject_value.h"
#include "worker.h"

#define LINES 4096 /* bytes of fields, that room is made for at once */

static const struct table_credential *
row_at(const struct request *r, uint32_t i)
{
	const struct segment *rules = r->table->segments[SEGMENT_RULES];
	const struct table_route *route = table_route(rules, r->route);

	const struct table_shape *shape = route ? table_shape(rules, route) : NULL;

	if (!shape || i >= shape->credentials_count)
		return NULL;
	return table_credential(rules, shape->credentials + i);
}

bool
inject_replaces(const struct request *r, struct slice name)
{
	const struct segment *rules = r->table->segments[SEGMENT_RULES];
	const struct table_credential *c;

	for (uint32_t i = 0; (c = row_at(r, i)) != NULL; i++) {
		if (slice_ieq(seg_string(rules, c->field), name))
			return true;
	}
	return false;
}

bool
inject_takes_basic(const struct request *r)
{
	const struct segment *rules = r->table->segments[SEGMENT_RULES];
	const struct table_credential *c;

	if (!(table_global(rules)->sources & TOKEN_FROM_BASIC))
		return false;
	for (uint32_t i = 0; (c = row_at(r, i)) != NULL; i++) {
		if (c->form == CREDENTIAL_BASIC &&
		    slice_ieq(seg_string(rules, c->field), SLICE("Authorization")))
			return true;
	}
	return false;
}

void
inject_wipe(struct request *r)
{
	explicit_bzero((char *)(uintptr_t)r->credentials.p, r->credentials.n);
	r->credentials = (struct slice){ NULL, 0 };
}

/* It is as it is not there: the request goes on without, or does not. */
static enum verdict
miss(struct injection *in, const struct table_credential *c, bool refused)
{
	struct request *r = in->r;

	in->claim_missing |= c->value == CREDENTIAL_CLAIM;
	if (!c->required) {
		r->reason = REASON_none;
		return PASS;
	}
	if (!refused)
		r->reason = REASON_credential_missing;
	r->field = seg_string(in->rules, c->field);
	r->challenge = policy_challenge(REASON_token_missing);
	return REPLY;
}

static enum verdict
take_row(struct injection *in, const struct table_credential *c)
{
	in->value.n = 0;
	switch (inject_tell(in, c)) {
	case TOLD:
		break;
	case TOLD_NOT_DUE:
		return PASS;
	case TOLD_LATER:
		return WAIT;
	case TOLD_NOTHING:
		return miss(in, c, false);
	case TOLD_REFUSED:
		return miss(in, c, true);
	}
	if (inject_line(&in->lines, seg_string(in->rules, c->field), (enum credential_form)c->form,
			seg_string(in->rules, c->user), buf_slice(&in->value)))
		return PASS;
	board_add(&in->r->worker->page->counts.counter[COUNTER_credentials_unfit], 1);
	return miss(in, c, false);
}

/* The secret of somebody who may act for others, and for whom it acts, go together: without the
 * second one nobody would be everybody. So secrets come last. */
static enum verdict
take_rows(struct injection *in, bool secrets)
{
	const struct table_credential *c;
	enum verdict verdict = PASS;

	for (uint32_t i = 0; verdict == PASS && (c = row_at(in->r, i)) != NULL; i++) {
		if ((c->value == CREDENTIAL_SECRET) != secrets)
			continue;
		verdict = secrets && in->claim_missing ? miss(in, c, false) : take_row(in, c);
	}
	return verdict;
}

enum verdict
inject_policy(struct request *r)
{
	const struct segment *rules = r->table->segments[SEGMENT_RULES];
	struct injection in = { .r = r, .rules = rules, .login = table_login(rules) };
	enum verdict verdict;

	buf_reserve(&in.lines, LINES); /* growing leaves a copy behind */
	buf_reserve(&in.value, LINES);
	verdict = take_rows(&in, false);
	if (verdict == PASS)
		verdict = take_rows(&in, true);
	if (verdict == PASS)
		r->credentials = arena_copy(&r->arena, buf_slice(&in.lines));
	json_free(in.claims);
	buf_wipe(&in.lines);
	buf_wipe(&in.value);
	return verdict;
}
