/*
 * Trace context and spans: what is read of a traceparent is written again as it came, lists are
 * judged alike by field and by member, whatever a worker says in a record becomes JSON, and what a
 * collector answers rejects no more than was sent. The first byte says which.
 */

#include "lib/json.h"
#include "lib/traceparent.h"
#include "master/otlp.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_parent(struct slice value)
{
	struct traceparent t, again;
	char text[TRACEPARENT_SIZE];

	if (!traceparent_read(value, &t))
		return;
	traceparent_write(&t, text);
	assert(memcmp(text + 2, value.p + 2, 51) == 0);
	assert(traceparent_read(slice_make(text, sizeof text), &again));
	assert(memcmp(again.trace, t.trace, 16) == 0 && again.flags == (t.flags & 3));
}

static void
check_state(struct slice value)
{
	unsigned members = 0, sum = 0;
	bool good = tracestate_good(value, &members), all = true;

	while (value.p)
		all &= tracestate_good(slice_cut(value, ',', &value), &sum);
	assert(good == all && (!good || members == sum));
}

static void
check_spans(struct slice records)
{
	struct span s;
	struct slice text[SPAN_TEXTS];

	while (span_read(&records, &s, text)) {
		struct buf BUF_CLEAN b = { 0 };
		struct json *tree = NULL;
		bool zero = false; /* is JSON, but nothing that json_parse takes */

		otlp_begin(&b, text[SPAN_HOST], SLICE("1"), SLICE("h"));
		otlp_span(&b, &s, text);
		otlp_end(&b);
		for (int i = 0; i < SPAN_TEXTS; i++)
			zero |= text[i].n && memchr(text[i].p, 0, text[i].n);
		assert(json_parse(buf_slice(&b), 1u << 20, 16, &tree) == 0 || zero);
		json_free(tree);
	}
}

static void
check_answer(struct slice answer)
{
	char words[16];

	assert(otlp_rejected(answer, 7, words, sizeof words) <= 7);
	assert(strlen(words) < sizeof words);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice rest;

	if (size < 1)
		return 0;
	rest = slice_make((const char *)data + 1, size - 1);
	if (data[0] == 'p')
		check_parent(rest);
	else if (data[0] == 's')
		check_state(rest);
	else if (data[0] == 'a')
		check_answer(rest);
	else
		check_spans(rest);
	return 0;
}
