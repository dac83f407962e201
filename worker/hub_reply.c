#include "hub_reply.h"

#include "hub_text.h"

/* ---- fields ---- */

struct line {
	struct slice name, value;
	bool told;
};

static bool
next_line(struct slice *fields, struct line *out)
{
	struct slice line;

	while (fields->p && fields->n > 0) {
		line = slice_cut(*fields, '\n', fields);
		*out = (struct line){ .told = false };
		out->name = slice_cut(line, ':', &out->value);
		if (!out->value.p)
			continue;
		if (out->value.n > 0 && out->value.p[out->value.n - 1] == '\r')
			out->value.n--;
		out->value = slice_trim(out->value);
		return true;
	}
	return false;
}

/* The charset of Content-Type (RFC 9110 section 8.3.2). */
static enum charset
charset_of(struct slice type)
{
	static const struct {
		struct slice name;
		enum charset charset;
	} known[] = {
		{ { "us-ascii", 8 }, CHARSET_ASCII },
		{ { "ascii", 5 }, CHARSET_ASCII },
		{ { "iso-8859-1", 10 }, CHARSET_LATIN1 },
		{ { "latin1", 6 }, CHARSET_LATIN1 },
		{ { "latin-1", 7 }, CHARSET_LATIN1 },
		{ { "windows-1252", 12 }, CHARSET_WINDOWS },
		{ { "cp1252", 6 }, CHARSET_WINDOWS },
	};
	struct slice rest, parameter, value;

	slice_cut(type, ';', &rest);
	while (rest.p) {
		parameter = slice_trim(slice_cut(rest, ';', &rest));
		if (!slice_ieq(slice_trim(slice_cut(parameter, '=', &value)), SLICE("charset")))
			continue;
		value = slice_trim(value);
		if (value.n >= 2 && value.p[0] == '"' && value.p[value.n - 1] == '"')
			value = slice_make(value.p + 1, value.n - 2);
		for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
			if (slice_ieq(value, known[i].name))
				return known[i].charset;
		}
		break;
	}
	return CHARSET_UTF8;
}

static struct slice
find(struct slice fields, struct slice name)
{
	struct line line;

	while (next_line(&fields, &line)) {
		if (slice_ieq(line.name, name))
			return line.value;
	}
	return (struct slice){ NULL, 0 };
}

/* Fields are UTF-8 where all of them are, and else of one byte a character. */
static enum charset
charset_of_fields(struct slice fields)
{
	while (fields.n > 0) {
		size_t n = utf8_length(fields);

		if (n == 0)
			return CHARSET_LATIN1;
		fields = slice_make(fields.p + n, fields.n - n);
	}
	return CHARSET_UTF8;
}

/* One, with all that have its name. */
static void
add_joined(struct buf *out, struct line *lines, unsigned at, unsigned count, enum charset charset)
{
	buf_addc(out, '"');
	for (size_t i = 0; i < lines[at].name.n; i++)
		hub_text_char(out, (unsigned char)ascii_lower(lines[at].name.p[i]));
	buf_adds(out, SLICE("\": \""));
	hub_text_chars(out, lines[at].value, charset);
	for (unsigned i = at + 1; i < count; i++) {
		if (!slice_ieq(lines[i].name, lines[at].name))
			continue;
		lines[i].told = true;
		buf_adds(out, SLICE(", "));
		hub_text_chars(out, lines[i].value, charset);
	}
	buf_addc(out, '"');
}

static bool
add_fields(struct buf *out, struct slice fields)
{
	struct line lines[HUB_ANSWER_FIELDS], line;
	enum charset charset = charset_of_fields(fields);
	unsigned n = 0, told = 0;

	while (next_line(&fields, &line)) {
		if (n == HUB_ANSWER_FIELDS)
			return false;
		lines[n++] = line;
	}
	buf_addc(out, '{');
	for (unsigned i = 0; i < n; i++) {
		if (lines[i].told)
			continue;
		buf_adds(out, told++ > 0 ? SLICE(", ") : SLICE(""));
		add_joined(out, lines, i, n, charset);
	}
	buf_addc(out, '}');
	return true;
}

/* ---- replies ---- */

void
hub_reply_message(const char *message, struct buf *out)
{
	buf_adds(out, SLICE("{\"message\": "));
	hub_text_string(out, slice_of(message), CHARSET_UTF8);
	buf_adds(out, SLICE(", \"reason\": null}"));
}

static void
add_member(struct buf *out, struct slice name, struct slice value)
{
	buf_adds(out, name);
	if (value.p)
		hub_text_string(out, value, CHARSET_UTF8);
	else
		buf_adds(out, SLICE("null"));
}

void
hub_reply_me(struct slice sub, struct slice preferred_username, struct slice name, struct buf *out)
{
	add_member(out, SLICE("{\"sub\": "), sub);
	add_member(out, SLICE(", \"preferred_username\": "), preferred_username);
	add_member(out, SLICE(", \"name\": "), name);
	buf_addc(out, '}');
}

bool
hub_reply_answer(int status, struct slice reason, struct slice fields, struct slice body,
		 struct buf *out)
{
	buf_addf(out, "{\"status_code\": %d, \"reason\": \"", status);
	for (size_t i = 0; i < reason.n; i++) {
		if ((unsigned char)reason.p[i] < 0x80)
			hub_text_char(out, (unsigned char)reason.p[i]);
	}
	buf_adds(out, SLICE("\", \"headers\": "));
	if (!add_fields(out, fields))
		return false;
	buf_reserve(out, body.n + body.n / 8 + 32);
	buf_adds(out, SLICE(", \"content\": "));
	hub_text_string(out, body, charset_of(find(fields, SLICE("Content-Type"))));
	buf_addc(out, '}');
	return true;
}

bool
hub_reply_is_coded(struct slice fields)
{
	struct slice coding = find(fields, SLICE("Content-Encoding"));

	return coding.n > 0 && !slice_ieq(coding, SLICE("identity"));
}
