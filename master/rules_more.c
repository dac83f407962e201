#include "rules_more.h"

#include "file.h"
#include "history.h"
#include "rules_text.h"

#include "lib/json.h"
#include "lib/sha256.h"
#include "lib/xalloc.h"

#include <stdlib.h>

#define FORMAT "yett rules 1, more"
#define SIZE_LIMIT ((size_t)1 << 30)
#define HEAD_MAX 8192 /* bytes of the first line */
#define SUM 16        /* hexadecimal digits before each line, and a blank behind them */

struct rules_more {
	struct buf text;
	struct slice rest;
	struct rules_reader *line; /* that is being read */
};

/* ---- lines ---- */

void
rules_more_add(struct slice part, struct buf *out)
{
	uint8_t digest[SHA256_BYTES];

	(void)!sha256(part, digest); /* else nobody takes the line for one */
	for (size_t i = 0; i < SUM / 2; i++)
		buf_addf(out, "%02x", digest[i]);
	buf_addc(out, ' ');
	buf_adds(out, part);
}

void
rules_more_begin(struct slice base, struct buf *out)
{
	struct buf text BUF_CLEAN = { 0 };

	buf_addf(&text, "{\"format\":\"" FORMAT "\",\"base\":");
	buf_add_json(&text, base);
	buf_addf(&text, "}\n");
	rules_more_add(buf_slice(&text), out);
}

/* The text of the next line, with its end; p NULL: there is none that is whole. */
static struct slice
next_line(struct slice *rest)
{
	const char *end = rest->n > 0 ? memchr(rest->p, '\n', rest->n) : NULL;
	struct slice text = { NULL, 0 }, line;
	struct buf again BUF_CLEAN = { 0 };

	if (!end || end - rest->p < SUM + 1)
		return text;
	line = slice_make(rest->p, (size_t)(end + 1 - rest->p));
	text = slice_make(line.p + SUM + 1, line.n - SUM - 1);
	rules_more_add(text, &again);
	if (!slice_eq(buf_slice(&again), line))
		return (struct slice){ NULL, 0 };
	*rest = slice_make(end + 1, rest->n - line.n);
	return text;
}

static bool
is_head(struct slice text, struct slice base)
{
	struct json *root = NULL;
	bool is = json_parse(text, HEAD_MAX, 1, &root) == 0 &&
		  slice_eq(json_text(json_get(root, "format")), SLICE(FORMAT)) &&
		  slice_eq(json_text(json_get(root, "base")), base);

	json_free(root);
	return is;
}

/* ---- reading ---- */

bool
rules_more_open(const char *path, struct slice base, struct rules_more **out)
{
	struct rules_more *x = *out = xcalloc(1, sizeof *x);
	struct slice line;

	if (file_read(path, SIZE_LIMIT, &x->text, NULL) < 0)
		return false;
	x->rest = buf_slice(&x->text);
	line = next_line(&x->rest);
	if (!line.p || !is_head(line, base))
		x->rest.n = 0;
	return true;
}

static void
line_end(struct rules_more *x, int64_t *saved_at, struct revision **revision)
{
	revision_free(*revision);
	*revision = rules_reader_revision(x->line);
	*saved_at = rules_reader_saved_at(x->line);
	rules_reader_free(x->line);
	x->line = NULL;
}

int
rules_more_go(struct rules_more *x, struct rules *r, size_t keys, int64_t *saved_at,
	      struct revision **revision)
{
	int more;

	if (!x->line) {
		struct slice text = next_line(&x->rest);

		if (!text.p)
			return 0;
		x->line = rules_reader_new(r, -1, text, true);
	}
	more = rules_reader_go(x->line, keys);
	if (more == 0)
		line_end(x, saved_at, revision);
	return more >= 0; /* what is no such text is the end of it */
}

void
rules_more_free(struct rules_more *x)
{
	if (!x)
		return;
	rules_reader_free(x->line);
	buf_deinit(&x->text);
	free(x);
}
