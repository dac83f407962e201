/*
 * `yett maintenance`: has every request answered by 503, or shows whether it is.
 */

#include "command_ask.h"

#include <stdio.h>
#include <string.h>

static void
tell(const struct json *root)
{
	const struct json *m = json_get(root, "maintenance");
	double seconds = answer_number(m, "retry_after_s");
	struct slice by = json_text(json_get(m, "by"));

	if (seconds > 0)
		answer_say("every request is answered by 503, Retry-After: %.0f (by %.*s)\n",
			   seconds, SLICE_F(by));
	else
		answer_say("requests are served (by %.*s)\n", SLICE_F(by));
}

int
command_maintenance(const struct command_options *o)
{
	struct buf BUF_CLEAN target = { 0 };
	const char *word = o->words[0];
	struct answer a;
	int r;

	if (o->undo && word) {
		fputs("yett maintenance: --undo takes nothing beside it\n", stderr);
		return COMMAND_UNREADABLE;
	}
	if (word && (!*word || strspn(word, "0123456789.hmsdof") != strlen(word))) {
		fprintf(stderr, "yett maintenance: `%s` is no duration, such as 10m, nor off\n",
			word);
		return COMMAND_UNREADABLE;
	}
	buf_addf(&target, "/maintenance%s%s", word ? "/" : "", word ? word : "");
	buf_addc(&target, '\0');
	r = answer_get(&a, o, o->undo ? "DELETE" : word ? "PUT" : "GET", target.p);
	if (r == COMMAND_OK && a.status == 400) {
		fprintf(stderr, "yett maintenance: %.*s\n",
			SLICE_F(json_text(json_get(a.json, "message"))));
		r = COMMAND_REFUSED;
	} else if (r == COMMAND_OK && a.status != 200) {
		r = answer_refused(&a, "maintenance");
	} else if (r == COMMAND_OK && o->json) {
		answer_print(&a.body);
	} else if (r == COMMAND_OK) {
		tell(a.json);
	}
	answer_deinit(&a);
	return r;
}
