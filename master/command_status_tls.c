#include "command_status_tls.h"

#include "columns.h"
#include "command_ask.h"

static enum colour
colour_of(struct slice state)
{
	if (slice_eq(state, SLICE("good")))
		return COLOUR_GOOD;
	return slice_eq(state, SLICE("refused")) ? COLOUR_BAD : COLOUR_WARN;
}

static void
add_names(struct columns *c, const struct json *names)
{
	size_t n = 0;

	for (const struct json *name = json_first(names); name; name = json_next(name))
		n++;
	if (n == 0)
		columns_add(c, COLOUR_NONE, SLICE("-"));
	else if (n == 1)
		columns_add(c, COLOUR_NONE, json_text(json_first(names)));
	else
		columns_addf(c, COLOUR_NONE, "%.*s and %zu more",
			     SLICE_F(json_text(json_first(names))), n - 1);
}

static void
add_expiry(struct columns *c, const struct json *row)
{
	struct buf BUF_CLEAN text = { 0 };
	double left = answer_number(row, "expires_s");

	if (!json_get(row, "expires_s")) {
		columns_add(c, COLOUR_NONE, SLICE("-"));
		return;
	}
	if (left > 0) {
		buf_adds(&text, SLICE("in "));
		answer_duration(left, &text);
	} else {
		answer_duration(-left, &text);
		buf_adds(&text, SLICE(" ago"));
	}
	columns_add(c, left > 0 ? COLOUR_NONE : COLOUR_BAD, buf_slice(&text));
}

static void
add_state(struct columns *c, const struct json *row)
{
	struct slice state = json_text(json_get(row, "state"));
	struct slice reason = json_text(json_get(row, "reason"));

	columns_add(c, colour_of(state), state);
	columns_add(c, COLOUR_NONE, reason.n > 0 ? reason : SLICE("-"));
}

static void
add_head(struct columns *c, const char *const *titles)
{
	for (; *titles; titles++)
		columns_add(c, COLOUR_BOLD, slice_of(*titles));
}

static void
finish(struct columns *c, struct buf *out)
{
	if (c->count > c->width) {
		buf_addc(out, '\n');
		columns_write(c, out);
	}
	columns_deinit(c);
}

static void
write_pairs(const struct json *root, bool colours, struct buf *out)
{
	static const char *const titles[] = { "CERTIFICATE", "FOR",    "KEY", "EXPIRES",
					      "STATE",       "REASON", NULL };
	const struct json *row = json_first(json_get(root, "certificates"));
	struct columns c;

	columns_init(&c, 6, colours);
	add_head(&c, titles);
	for (; row; row = json_next(row)) {
		struct slice kind = json_text(json_get(row, "kind"));

		columns_add(&c, COLOUR_NONE, json_text(json_get(row, "file")));
		add_names(&c, json_get(row, "names"));
		columns_add(&c, COLOUR_NONE, kind.n > 0 ? kind : SLICE("-"));
		add_expiry(&c, row);
		add_state(&c, row);
	}
	finish(&c, out);
}

static void
write_roots(const struct json *root, bool colours, struct buf *out)
{
	static const char *const titles[] = { "ROOTS", "REVOCATIONS", "STATE", "REASON", NULL };
	const struct json *row = json_first(json_get(root, "roots"));
	struct columns c;

	columns_init(&c, 4, colours);
	add_head(&c, titles);
	for (; row; row = json_next(row)) {
		struct slice crl = json_text(json_get(row, "crl"));

		columns_add(&c, COLOUR_NONE, json_text(json_get(row, "ca")));
		columns_add(&c, COLOUR_NONE, crl.n > 0 ? crl : SLICE("-"));
		add_state(&c, row);
	}
	finish(&c, out);
}

void
command_status_tls(const struct json *root, bool colours, struct buf *out)
{
	write_pairs(root, colours, out);
	write_roots(root, colours, out);
}
