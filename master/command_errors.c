/*
 * `yett errors`: the last requests that were no HTTP, or none that the gateway takes, and which
 * byte is to blame.
 */

#include "command_table.h"

#include <string.h>

/* Bytes that stand for one byte of the head: "\\x0d", "\\r", "a". */
static size_t
unit(struct slice text)
{
	if (text.p[0] != '\\' || text.n < 2)
		return 1;
	return text.p[1] == 'x' && text.n >= 4 ? 4 : 2;
}

static void
add_mark(struct buf *out, size_t column)
{
	buf_adds(out, SLICE("        "));
	for (size_t i = 0; i < column; i++)
		buf_addc(out, ' ');
	buf_adds(out, SLICE("^\n"));
}

/* A line of the head each, with the offset of its first byte, and below it the mark. */
static void
write_bytes(struct slice text, double first, double at, struct buf *out)
{
	double offset = first;

	while (text.n > 0) {
		size_t column = 0, mark = SIZE_MAX;
		bool ended = false;

		buf_addf(out, "  %05.0f ", offset);
		while (text.n > 0 && !ended) {
			size_t n = unit(text);

			if (offset == at)
				mark = column;
			ended = n == 2 && text.p[1] == 'n';
			buf_add(out, text.p, n);
			column += n;
			offset++;
			text = slice_make(text.p + n, text.n - n);
		}
		buf_addc(out, '\n');
		if (mark != SIZE_MAX)
			add_mark(out, mark);
	}
}

static void
write_errors(const struct json *root, bool colours, struct buf *out)
{
	const struct json *e = json_first(json_get(root, "errors"));

	(void)colours;
	for (; e; e = json_next(e)) {
		const struct json *at = json_get(e, "at");
		double number = -1;
		char space[32];

		buf_addf(out, "%.*s", SLICE_F(json_text(json_get(e, "time"))));
		buf_addf(out, " %.*s", SLICE_F(json_text(json_get(e, "client"))));
		buf_addf(out, " %.*s", SLICE_F(json_text(json_get(e, "reason"))));
		if (json_text(json_get(e, "field")).n > 0)
			buf_addf(out, " in %.*s", SLICE_F(json_text(json_get(e, "field"))));
		if (json_number(at, &number))
			buf_addf(out, " at byte %.0f", number);
		buf_addf(out, " of %s\n", answer_text(e, "size", space));
		write_bytes(json_text(json_get(e, "bytes")), answer_number(e, "first"), number,
			    out);
	}
	if (out->n == 0)
		buf_adds(out,
			 SLICE("no request was refused for its form since the workers began\n"));
}

int
command_errors(const struct command_options *o)
{
	return command_show(o, "errors", "/errors", write_errors);
}
