/*
 * Rules as they stand in files of our own (master/rules_text.h), and what changed behind them: such
 * a text is read as it stands or not at all, in however many turns of the loop.
 *
 * The first byte says which of the two it is, and how many keys are read at once.
 */

#include "master/history.h"
#include "master/rules.h"
#include "master/rules_text.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct rules *
some(bool over)
{
	struct rules *r = rules_new();
	struct slice fields[2] = { SLICE("h:1"), SLICE("0") };

	if (over) {
		rules_set_frontend(r, SLICE("a.com"), SLICE("b"));
		rules_set_backend(r, SLICE("b"), fields, 2);
	}
	return r;
}

static bool
read_in(struct rules *r, struct slice text, bool over, size_t keys)
{
	struct rules_reader *x = rules_reader_new(r, -1, text, over);
	int more;

	do
		more = rules_reader_go(x, keys);
	while (more > 0);
	if (more == 0) {
		assert(rules_reader_saved_at(x) >= 0);
		revision_free(rules_reader_revision(x));
	}
	rules_reader_free(x);
	return more == 0;
}

/* What is good by now is so in a text of it, too. */
static void
write_again(const struct rules *r, const char *digest)
{
	struct rules_sink sink = { .fd = -1 };
	struct rules *again = rules_new();
	char got[DIGEST_TEXT];

	rules_write(r, NULL, &sink);
	assert(read_in(again, buf_slice(&sink.text), false, SIZE_MAX));
	rules_digest(again, got);
	if (rules_refusals(r) == 0)
		assert(strcmp(got, digest) == 0);
	(void)rules_sink_end(&sink);
	rules_free(again);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice text = slice_make((const char *)data + 1, size - 1);
	char whole[DIGEST_TEXT], parts[DIGEST_TEXT];
	struct rules *a, *b;
	bool over, good;

	if (size == 0)
		return 0;
	over = data[0] % 2;
	a = some(over);
	b = some(over);
	good = read_in(a, text, over, SIZE_MAX);
	assert(read_in(b, text, over, 1 + data[0] / 2) == good);
	rules_digest(a, whole);
	rules_digest(b, parts);
	assert(strcmp(whole, parts) == 0);
	if (good)
		write_again(a, whole);
	rules_free(a);
	rules_free(b);
	return 0;
}
