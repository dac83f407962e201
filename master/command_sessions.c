/*
 * `yett sessions`: who has logged in, and where; and the end of it.
 */

#include "command_table.h"

#include <ctype.h>
#include <stdio.h>

static void
write_target(const char *user, struct buf *out)
{
	buf_adds(out, SLICE("/sessions/"));
	for (const char *c = user; *c; c++) {
		if (isalnum((unsigned char)*c) || *c == '-' || *c == '_')
			buf_addc(out, *c);
		else
			buf_addf(out, "%%%02x", (unsigned char)*c);
	}
	buf_addc(out, '\0');
}

static void
add_providers(const struct json *list, struct buf *out)
{
	for (const struct json *one = json_first(list); one; one = json_next(one)) {
		buf_adds(out, out->n > 0 ? SLICE(", ") : SLICE(""));
		buf_adds(out, json_text(one));
	}
}

static void
write_list(const struct json *root, bool colours, struct buf *out)
{
	static const char *const titles[] = { "SESSION", "CREATED",   "USED",
					      "EXPIRES", "PROVIDERS", NULL };
	static const char *const fields[] = { "id", "created", "used", "expires" };
	const struct json *data = json_get(root, "data");
	struct columns c;
	size_t shown = 0;

	columns_init(&c, 5, colours);
	command_head(&c, titles);
	for (const struct json *one = json_first(json_get(data, "sessions")); one;
	     one = json_next(one), shown++) {
		struct buf BUF_CLEAN providers = { 0 };

		for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++)
			columns_add(&c, COLOUR_NONE, json_text(json_get(one, fields[i])));
		add_providers(json_get(one, "providers"), &providers);
		columns_add(&c, COLOUR_NONE, buf_slice(&providers));
	}
	if (shown > 0)
		columns_write(&c, out);
	else
		buf_adds(out, SLICE("There is no session of this user.\n"));
	columns_deinit(&c);
}

static int
end(const struct command_options *o, const char *target)
{
	struct answer a;
	int r = answer_send(&a, o, "DELETE", target, SLICE(""));

	if (r == COMMAND_OK && a.status != 200)
		r = answer_refused(&a, "sessions");
	else if (r == COMMAND_OK && o->json)
		answer_print(&a.body);
	else if (r == COMMAND_OK)
		answer_say("%.*s\n", SLICE_F(json_text(json_get(a.json, "message"))));
	answer_deinit(&a);
	return r;
}

int
command_sessions(const struct command_options *o)
{
	struct buf BUF_CLEAN target = { 0 };

	if (!o->words[0] || !*o->words[0]) {
		fprintf(stderr, "yett sessions: a USER is missing; see yett help sessions\n");
		return COMMAND_UNREADABLE;
	}
	write_target(o->words[0], &target);
	return o->end ? end(o, target.p) : command_show(o, "sessions", target.p, write_list);
}
