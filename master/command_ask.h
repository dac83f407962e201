#pragma once

/*
 * command_ask: what the commands that ask a running gateway share.
 */

#include "command.h"

#include "lib/buf.h"
#include "lib/json.h"

struct answer {
	int status; /* HTTP; 0: none */
	struct buf body;
	struct json *json;
};

/* Finds the socket, asks, reads the JSON. COMMAND_OK; or COMMAND_UNREADABLE, when it has said why
 * on standard error. In any case answer_deinit is due. */
int answer_get(struct answer *a, const struct command_options *o, const char *method,
	       const char *target);
/* The same with a body, and with the fields that --why and --if-match stand for. */
int answer_send(struct answer *a, const struct command_options *o, const char *method,
		const char *target, struct slice body);
void answer_deinit(struct answer *a);
/* What the gateway said that is no answer to the question (its master is away, a page that it does
 * not have). */
int answer_refused(const struct answer *a, const char *command);
/* For who asks again and again: GET, and anything but 200 is a failure; what would be told on
 * standard error is put in the place of `trouble`, with a NUL behind. */
int answer_try(struct answer *a, const struct command_options *o, const char *target,
	       const char *command, struct buf *trouble);
/* A number or text of an object, as text; "-" when there is none. `space` is of 32 bytes. */
const char *answer_text(const struct json *object, const char *name, char *space);
double answer_number(const struct json *object, const char *name);
bool answer_true(const struct json *object, const char *name);
/* command_replay.c: asks who would go elsewhere by other rules, and shows it. `rules`: as JSON,
 * with POST. The exit status. */
int command_replay(const struct command_options *o, const char *method, const char *target,
		   struct slice rules);
/* Says on standard error which workers lag. */
void answer_lagging(const struct json *root);
/* The admin socket: --socket, that of the file of -c, or the usual one. 0, else
 * config_admin_socket's result. */
int command_socket(const struct command_options *o, struct buf *path);
/* "3h 12m" */
void answer_duration(double seconds, struct buf *out);
/* Texts of others that are in it move no cursor (columns_tidy). */
void answer_print(const struct buf *out);
/* The answer as JSON; one that is a refusal says so as every command does ("ok", "error"). */
void answer_print_body(const struct answer *a);
/* A line for people. */
void answer_say(const char *format, ...) __attribute__((format(printf, 1, 2)));
