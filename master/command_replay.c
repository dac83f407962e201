/*
 * `yett diff --replay`: who would go elsewhere by other rules.
 */

#include "columns.h"
#include "command_ask.h"

#include <stdio.h>
#include <unistd.h>

static struct slice
text(const struct json *object, const char *name)
{
	return json_text(json_get(object, name));
}

/* "redis:a.test to backend" */
static void
add_fate(struct columns *c, const struct json *fate)
{
	struct buf BUF_CLEAN line = { 0 };

	if (slice_eq(text(fate, "outcome"), SLICE("routed")))
		buf_addf(&line, "%.*s to %.*s", SLICE_F(text(fate, "route")),
			 SLICE_F(text(fate, "upstream")));
	else
		buf_addf(&line, "%.*s %.*s", SLICE_F(text(fate, "outcome")),
			 SLICE_F(text(fate, "route")));
	if (answer_true(fate, "protected"))
		buf_adds(&line, SLICE(", protected"));
	if (text(fate, "authorize").n > 0)
		buf_addf(&line, ", asks %.*s", SLICE_F(text(fate, "authorize")));
	columns_add(c, COLOUR_NONE, buf_slice(&line));
}

static void
add_group(struct columns *c, const struct json *group)
{
	const struct json *example = json_get(group, "example");
	struct buf BUF_CLEAN line = { 0 };
	char count[32];

	columns_addf(c, COLOUR_WARN, "%s", answer_text(group, "count", count));
	add_fate(c, json_get(group, "before"));
	add_fate(c, json_get(group, "after"));
	if (example)
		buf_addf(&line, "%.*s%.*s", SLICE_F(text(example, "host")),
			 SLICE_F(text(example, "path")));
	columns_add(c, COLOUR_NONE, buf_slice(&line));
}

static void
write_replay(const struct json *data, struct buf *out)
{
	static const char *const titles[] = { "REQUESTS", "BEFORE", "AFTER", "SUCH AS" };
	const struct json *group = json_first(json_get(data, "groups"));
	char a[32], b[32], assumed[32], groups[32];
	struct columns c;

	buf_addf(out, "%s of the last %s requests would go elsewhere\n",
		 answer_text(data, "elsewhere", a), answer_text(data, "keys", b));
	if (answer_number(data, "assumed") > 0)
		buf_addf(out,
			 "For %s of these a condition on headers, the query or the client's "
			 "certificate was taken to hold: they are not kept\n",
			 answer_text(data, "assumed", assumed));
	if (!group)
		return;
	columns_init(&c, 4, columns_want_colours(STDOUT_FILENO));
	for (size_t i = 0; i < 4; i++)
		columns_add(&c, COLOUR_BOLD, slice_of(titles[i]));
	for (; group; group = json_next(group))
		add_group(&c, group);
	columns_write(&c, out);
	columns_deinit(&c);
	if (answer_number(data, "groups_count") > 20)
		buf_addf(out, "These are the largest 20 of %s groups.\n",
			 answer_text(data, "groups_count", groups));
}

int
command_replay(const struct command_options *o, const char *method, const char *target,
	       struct slice rules)
{
	struct buf BUF_CLEAN out = { 0 };
	struct answer a;
	int r = answer_send(&a, o, method, target, rules);

	if (r == COMMAND_OK && a.status != 200)
		r = answer_refused(&a, "diff") == COMMAND_OK ? COMMAND_OK : COMMAND_REFUSED;
	if (r == COMMAND_OK && !o->json)
		write_replay(json_get(a.json, "data"), &out);
	if (r == COMMAND_OK)
		answer_print(o->json ? &a.body : &out);
	answer_deinit(&a);
	return r;
}
