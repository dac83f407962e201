#include "command_status_issuers.h"

#include "columns.h"
#include "command_ask.h"

static void
add_age(struct columns *c, const struct json *row, const char *name, const char *before)
{
	struct buf BUF_CLEAN text = { 0 };
	double seconds;

	if (!json_number(json_get(row, name), &seconds)) {
		columns_add(c, COLOUR_NONE, SLICE("-"));
		return;
	}
	buf_addf(&text, "%s", before);
	answer_duration(seconds, &text);
	columns_add(c, COLOUR_NONE, buf_slice(&text));
}

static void
add_row(struct columns *c, const struct json *row)
{
	struct slice source = json_text(json_get(row, "source"));
	struct slice error = json_text(json_get(row, "error"));
	double keys = answer_number(row, "keys");
	enum colour colour = keys == 0 ? COLOUR_BAD : error.n > 0 ? COLOUR_WARN : COLOUR_GOOD;

	columns_add(c, COLOUR_NONE, json_text(json_get(row, "name")));
	columns_add(c, COLOUR_NONE, json_text(json_get(row, "issuer")));
	columns_addf(c, colour, "%.0f", keys);
	columns_add(c, colour, source);
	add_age(c, row, "age_s", "");
	add_age(c, row, "next_s", "in ");
	columns_add(c, COLOUR_NONE, error.n > 0 ? error : SLICE("-"));
}

/* Of the one that is asked for tokens that say nothing. */
static void
add_introspection(const struct json *root, bool colours, struct buf *out)
{
	const struct json *is = json_get(root, "introspection");
	struct slice error = json_text(json_get(is, "error"));

	if (!is || json_kind(is) != JSON_OBJECT)
		return;
	buf_addf(out,
		 "\nintrospection  %.*s asked %.0f times, failed %.0f times; %.0f tokens known",
		 SLICE_F(json_text(json_get(is, "issuer"))), answer_number(is, "asked"),
		 answer_number(is, "failures"), answer_number(is, "known"));
	if (error.n > 0) {
		buf_adds(out, SLICE("; "));
		columns_paint(colours, COLOUR_BAD, "error: ", out);
		buf_adds(out, error);
	}
	buf_addc(out, '\n');
}

/* What workers had asked of providers, where they had any. */
static void
add_exchanges(const struct json *root, struct buf *out)
{
	static const struct {
		const char *name, *told;
	} kinds[] = {
		{ "code", "logins" },
		{ "refresh", "refreshes" },
		{ "token", "exchanges" },
		{ "revoke", "revocations" },
	};
	const struct json *all = json_get(root, "exchanges");
	bool any = false;

	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
		const struct json *row = json_get(all, kinds[i].name);

		if (!row || answer_number(row, "asked") == 0)
			continue;
		buf_addf(out, "%s%s asked %.0f, failed %.0f", any ? "; " : "\nproviders  ",
			 kinds[i].told, answer_number(row, "asked"), answer_number(row, "failed"));
		any = true;
	}
	if (any)
		buf_addf(out, "; %.0f under way\n", answer_number(all, "under_way"));
}

void
command_status_issuers(const struct json *root, bool colours, struct buf *out)
{
	static const char *const titles[] = { "ISSUER", "ISS",  "KEYS", "SOURCE",
					      "AGE",    "NEXT", "ERROR" };
	const struct json *row = json_first(json_get(root, "issuers"));
	struct columns c;

	add_introspection(root, colours, out);
	add_exchanges(root, out);
	if (!row)
		return;
	columns_init(&c, sizeof titles / sizeof *titles, colours);
	for (size_t i = 0; i < sizeof titles / sizeof *titles; i++)
		columns_add(&c, COLOUR_BOLD, slice_of(titles[i]));
	for (; row; row = json_next(row))
		add_row(&c, row);
	buf_addc(out, '\n');
	columns_write(&c, out);
	columns_deinit(&c);
}
