/*
 * `yett routes`: what became of each rule.
 */

#include "command_table.h"

/* "503" stands for itself, and what a later version says. */
static struct slice
in_force_text(struct slice word)
{
	static const struct {
		const char *word, *text;
	} texts[] = {
		{ "last_good", "its last good value" },
		{ "protection", "what can be read of it" },
		{ "all_503", "503 for all of the store" },
		{ "all_protected", "a token for all of the store" },
	};

	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		if (command_is(word, texts[i].word))
			return slice_of(texts[i].text);
	}
	return word;
}

bool
command_refusals(const struct json *rules, bool colours, struct buf *out)
{
	static const char *const titles[] = { "REFUSED RULE", "IN FORCE", "SINCE", "REASON", NULL };
	struct columns c;
	bool any;

	columns_init(&c, 4, colours);
	command_head(&c, titles);
	for (const struct json *r = json_first(json_get(rules, "refused")); r; r = json_next(r)) {
		command_field(&c, r, "key");
		columns_add(&c, COLOUR_NONE, in_force_text(json_text(json_get(r, "in_force"))));
		command_field(&c, r, "since");
		command_field(&c, r, "reason");
	}
	any = c.count > c.width;
	if (any)
		columns_write(&c, out);
	columns_deinit(&c);
	return any;
}

/* Which one it is of its place, and the priority where there is one. */
static void
add_order(struct columns *c, const struct json *r)
{
	struct buf BUF_CLEAN text = { 0 };
	double order = 0, priority = 0;

	json_number(json_get(r, "order"), &order);
	json_number(json_get(r, "priority"), &priority);
	if (order > 0)
		buf_addf(&text, "%.0f", order);
	if (priority < 0 || priority > 0)
		buf_addf(&text, "%s(%+.0f)", text.n ? " " : "", priority);
	columns_add(c, COLOUR_NONE, buf_slice(&text));
}

static void
write_routes(const struct json *root, bool colours, struct buf *out)
{
	static const char *const titles[] = { "HOST",  "PATH",     "MATCH", "CONDITIONS",
					      "ORDER", "UPSTREAM", "FROM",  "STATE",
					      "ID",    "REASON",   NULL };
	struct columns c;

	columns_init(&c, 10, colours);
	command_head(&c, titles);
	for (const struct json *r = json_first(json_get(root, "routes")); r; r = json_next(r)) {
		struct slice host = json_text(json_get(r, "host")),
			     state = json_text(json_get(r, "state"));

		columns_add(&c, COLOUR_NONE, host.n ? host : SLICE("any"));
		command_field(&c, r, "path");
		columns_add(&c, COLOUR_NONE,
			    answer_true(r, "exact") ? SLICE("exact") : SLICE("prefix"));
		columns_add(&c, COLOUR_NONE, json_text(json_get(r, "conditions")));
		add_order(&c, r);
		command_field(&c, r, "upstream");
		command_field(&c, r, "source");
		columns_add(&c, command_colour(state), state);
		command_field(&c, r, "id");
		columns_add(&c, COLOUR_NONE, json_text(json_get(r, "reason")));
	}
	if (c.count > c.width)
		columns_write(&c, out);
	else
		buf_adds(out, SLICE("There are no routes.\n"));
	columns_deinit(&c);
}

static void
write_refused_alone(const struct json *root, bool colours, struct buf *out)
{
	if (!command_refusals(root, colours, out))
		buf_adds(out, SLICE("No rule is refused.\n"));
}

int
command_routes(const struct command_options *o)
{
	if (o->refused)
		return command_show(o, "routes", "/routes?refused=1", write_refused_alone);
	return command_show(o, "routes", "/routes", write_routes);
}
