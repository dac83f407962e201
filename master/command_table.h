#pragma once

/*
 * command_table: what an answer of the gateway says, as tables for people. For the commands that
 * show them: command_status.c, command_routes.c.
 */

#include "columns.h"
#include "command_ask.h"

bool command_is(struct slice text, const char *word);
/* Of a state by its name. */
enum colour command_colour(struct slice state);
/* `titles`: as many as there are columns, and NULL. */
void command_head(struct columns *c, const char *const *titles);
/* The member of the object, a text or a number; empty when there is none. */
void command_field(struct columns *c, const struct json *object, const char *name);
/* Asks for `target` and prints the answer, as `write` says or as JSON. An exit status. */
int command_show(const struct command_options *o, const char *command, const char *target,
		 void (*write)(const struct json *root, bool colours, struct buf *out));
/* command_cascade.c: a line of status; nothing where it is off. */
void command_cascade_line(const struct json *root, bool colours, struct buf *out);
/* command_routes.c: the rules that are refused; false when there are none. `rules`: of /status, or
 * the answer of /routes. */
bool command_refusals(const struct json *rules, bool colours, struct buf *out);
