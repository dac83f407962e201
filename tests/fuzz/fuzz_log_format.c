/*
 * Formats of the access log: what is taken comes apart into literals that can stand in a line and
 * fields that there are, and is the same when it is written and compiled once more; of what is not
 * the part that is wrong lies in it. And the input for what was compiled, as a table that somebody
 * has written to may have it: it comes to its end.
 */

#include "shm/log_format.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_literal(struct slice literal, struct buf *text)
{
	for (size_t i = 0; i < literal.n; i++) {
		assert((unsigned char)literal.p[i] >= ' ' && literal.p[i] != 0x7f);
		buf_addc(text, literal.p[i]);
		if (literal.p[i] == '$')
			buf_addc(text, '$');
	}
}

/* A name that goes on with letters behind it would be another one: then nothing is compared. */
static void
check_taken(struct slice program)
{
	struct buf BUF_CLEAN text = { 0 }, again = { 0 };
	struct slice rest = program, bad;
	bool runs_on = false, was_field = false;
	struct log_part part;

	while (log_format_next(&rest, &part)) {
		if (part.literal.p) {
			runs_on |= was_field && part.literal.p[0] != ' ';
			check_literal(part.literal, &text);
			was_field = false;
			continue;
		}
		assert(part.field < LOG_FIELD_N);
		buf_addf(&text, "$%s", log_field_name(part.field));
		was_field = true;
	}
	if (runs_on)
		return;
	assert(log_format_compile(buf_slice(&text), &again, &bad) == 0);
	assert(slice_eq(buf_slice(&again), program));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice text = slice_make((const char *)data, size), bad = { 0 }, rest = text;
	struct buf BUF_CLEAN program = { 0 };
	struct log_part part;
	size_t parts = 0;

	if (log_format_compile(text, &program, &bad) == 0)
		check_taken(buf_slice(&program));
	else
		assert(bad.n > 0 && bad.p >= text.p && bad.p + bad.n <= text.p + text.n);
	while (log_format_next(&rest, &part)) {
		assert(part.field <= LOG_FIELD_N && (!part.literal.p || part.literal.n > 0));
		parts++;
	}
	assert(parts <= size);
	return 0;
}
