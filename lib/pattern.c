#include "pattern.h"

#include "pattern_scan.h"
#include "xalloc.h"

#include <stdio.h>
#include <stdlib.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

/*
 * The matcher keeps a set of states, and takes one step a byte; a set has no room for more than
 * STATES. It looks for duplicates in the set, so a step costs their square at worst. Whatever is
 * not regular would call the matcher anew: CALLS forbids it, should the scan have missed one.
 */
#define STATES 64
#define WORKSPACE (2 + 2 * 3 * STATES)
#define CALLS 1
#define NEST 32 /* groups within each other */

struct pattern {
	pcre2_code *code;
	pcre2_match_data *data;
	pcre2_match_context *limits;
};

static struct pattern *
refuse(struct pattern_error *error, size_t at, const char *text)
{
	error->at = at + 1;
	snprintf(error->text, sizeof error->text, "%s", text);
	return NULL;
}

static pcre2_code *
compile(struct slice text, struct pattern_error *error)
{
	const uint32_t options = PCRE2_ANCHORED | PCRE2_NO_AUTO_CAPTURE | PCRE2_NEVER_UTF |
				 PCRE2_NEVER_UCP | PCRE2_NEVER_BACKSLASH_C | PCRE2_DOLLAR_ENDONLY |
				 PCRE2_NO_AUTO_POSSESS;
	pcre2_compile_context *context = pcre2_compile_context_create(NULL);
	char why[120];
	pcre2_code *code;
	size_t at = 0;
	int fault = 0;

	if (!context)
		abort();
	pcre2_set_parens_nest_limit(context, NEST);
	code = pcre2_compile((PCRE2_SPTR)text.p, text.n, options, &fault, &at, context);
	pcre2_compile_context_free(context);
	if (!code) {
		pcre2_get_error_message(fault, (PCRE2_UCHAR *)why, sizeof why);
		refuse(error, at, why);
	}
	return code;
}

struct pattern *
pattern_new(struct slice text, struct pattern_error *error)
{
	struct buf BUF_CLEAN plain = { 0 };
	const char *fault;
	struct pattern *p;
	pcre2_code *code;
	size_t at = 0, size = 0;

	if (text.n == 0 || text.n > PATTERN_MAX)
		return refuse(error, 0, "a pattern has 1 to 1024 bytes; split it into several");
	fault = pattern_scan(text, &plain, &at);
	if (fault)
		return refuse(error, at, fault);
	code = compile(text, error); /* for the positions of what is wrong */
	if (!code)
		return NULL;
	pcre2_code_free(code);
	code = compile(buf_slice(&plain), error);
	if (!code)
		return refuse(error, 0, "it becomes too large; make several of it");
	pcre2_pattern_info(code, PCRE2_INFO_SIZE, &size);
	if (size > PATTERN_COMPILED) {
		pcre2_code_free(code);
		return refuse(error, 0, "it becomes too large; lower the numbers in {}");
	}
	p = xcalloc(1, sizeof *p);
	p->code = code;
	p->data = pcre2_match_data_create(1, NULL);
	p->limits = pcre2_match_context_create(NULL);
	if (!p->data || !p->limits)
		abort();
	pcre2_set_match_limit(p->limits, CALLS);
	pcre2_set_depth_limit(p->limits, CALLS);
	pcre2_set_heap_limit(p->limits, 0);
	return p;
}

void
pattern_free(struct pattern *p)
{
	if (!p)
		return;
	pcre2_match_context_free(p->limits);
	pcre2_match_data_free(p->data);
	pcre2_code_free(p->code);
	free(p);
}

int
pattern_match(const struct pattern *p, struct slice subject)
{
	int workspace[WORKSPACE], r;

	if (subject.n > PATTERN_SUBJECT)
		return PATTERN_LIMIT;
	r = pcre2_dfa_match(p->code, (PCRE2_SPTR)(subject.p ? subject.p : ""), subject.n, 0, 0,
			    p->data, p->limits, workspace, WORKSPACE);
	/* The longest match comes first. */
	if (r >= 0)
		return pcre2_get_ovector_pointer(p->data)[1] == subject.n ? PATTERN_YES
									  : PATTERN_NO;
	return r == PCRE2_ERROR_NOMATCH ? PATTERN_NO : PATTERN_LIMIT;
}
