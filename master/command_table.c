#include "command_table.h"

#include <unistd.h>

bool
command_is(struct slice text, const char *word)
{
	return slice_eq(text, slice_of(word));
}

enum colour
command_colour(struct slice state)
{
	if (command_is(state, "running") || command_is(state, "alive") ||
	    command_is(state, "active") || command_is(state, "up") || command_is(state, "ready"))
		return COLOUR_GOOD;
	if (command_is(state, "dead") || command_is(state, "refused") ||
	    command_is(state, "down") || command_is(state, "backoff") || command_is(state, "none"))
		return COLOUR_BAD;
	return COLOUR_WARN;
}

void
command_head(struct columns *c, const char *const *titles)
{
	for (; *titles; titles++)
		columns_add(c, COLOUR_BOLD, slice_of(*titles));
}

void
command_field(struct columns *c, const struct json *object, const char *name)
{
	char space[32];

	if (json_text(json_get(object, name)).n > 0)
		columns_add(c, COLOUR_NONE, json_text(json_get(object, name)));
	else
		columns_add(c, COLOUR_NONE, slice_of(answer_text(object, name, space)));
}

int
command_show(const struct command_options *o, const char *command, const char *target,
	     void (*write)(const struct json *root, bool colours, struct buf *out))
{
	struct buf BUF_CLEAN out = { 0 };
	struct answer a;
	int r = answer_get(&a, o, "GET", target);

	if (r == COMMAND_OK && a.status != 200)
		r = answer_refused(&a, command);
	if (r == COMMAND_OK && o->json) {
		answer_print(&a.body);
	} else if (r == COMMAND_OK) {
		write(a.json, columns_want_colours(STDOUT_FILENO), &out);
		answer_print(&out);
	}
	answer_deinit(&a);
	return r;
}
