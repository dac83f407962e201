/*
 * `yett errors`: the last requests that were refused, and which byte is to blame where one is.
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
write_one(const struct json *e, bool colours, struct buf *out)
{
	const struct json *at = json_get(e, "at");
	struct buf BUF_CLEAN reason = { 0 };
	double number = -1;
	char space[32];

	buf_addf(&reason, "%.*s", SLICE_F(json_text(json_get(e, "reason"))));
	buf_addc(&reason, '\0');
	buf_addf(out, "%.*s", SLICE_F(json_text(json_get(e, "time"))));
	buf_addf(out, " %.*s ", SLICE_F(json_text(json_get(e, "client"))));
	columns_paint(colours, COLOUR_BAD, reason.p, out);
	if (json_text(json_get(e, "field")).n > 0)
		buf_addf(out, " in %.*s", SLICE_F(json_text(json_get(e, "field"))));
	if (json_number(at, &number))
		buf_addf(out, " at byte %.0f", number);
	buf_addf(out, "%s %s bytes\n", number < 0 ? "," : " of", answer_text(e, "size", space));
	write_bytes(json_text(json_get(e, "bytes")), answer_number(e, "first"), number, out);
}

static void
write_list(const struct json *list, const char *title, bool colours, struct buf *out)
{
	if (!json_first(list))
		return;
	columns_paint(colours, COLOUR_BOLD, title, out);
	buf_addc(out, '\n');
	for (const struct json *e = json_first(list); e; e = json_next(e))
		write_one(e, colours, out);
}

static void
write_errors(const struct json *root, bool colours, struct buf *out)
{
	write_list(json_get(root, "errors"), "NO HTTP, OR NONE THAT IS TAKEN", colours, out);
	if (out->n > 0 && json_first(json_get(root, "refused")))
		buf_addc(out, '\n');
	write_list(json_get(root, "refused"), "REFUSED BY A ROUTE OR A POLICY", colours, out);
	if (out->n == 0)
		buf_adds(out, SLICE("no request was refused since the workers began\n"));
}

int
command_errors(const struct command_options *o)
{
	return command_show(o, "errors", "/errors", write_errors);
}
