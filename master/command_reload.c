/*
 * `yett reload`: the gateway reads its file again; it says whether it did, and in how many workers
 * it is in force.
 */

#include "command_ask.h"

#include <stdio.h>

/* Lines, each of which is a mistake or a reason. */
static void
print_lines(struct slice text)
{
	while (text.p && text.n > 0) {
		struct slice line = slice_cut(text, '\n', &text);

		if (line.n > 0)
			fprintf(stderr, "%.*s\n", SLICE_F(line));
	}
}

static void
print_refusal(const struct json *root)
{
	const struct json *mistakes = json_get(root, "mistakes");

	if (!json_first(mistakes))
		print_lines(json_text(json_get(root, "error")));
	for (const struct json *m = json_first(mistakes); m; m = json_next(m))
		print_lines(json_text(m));
	fputs("yett reload: refused; the configuration of before stays in force\n", stderr);
}

static void
print_lagging(const struct json *root)
{
	char slot[32], pid[32], version[32];

	for (const struct json *w = json_first(json_get(root, "lagging")); w; w = json_next(w)) {
		bool admin = slice_eq(json_text(json_get(w, "role")), SLICE("admin"));

		fprintf(stderr, "lagging: worker %s, pid %s, still has version %s\n",
			admin ? "admin" : answer_text(w, "slot", slot), answer_text(w, "pid", pid),
			answer_text(w, "version", version));
	}
}

static int
tell(const struct answer *a, const struct command_options *o)
{
	char version[32];

	switch (a->status) {
	case 200:
		if (!o->json)
			printf("table version %s is in force in every worker\n",
			       answer_text(a->json, "version", version));
		return COMMAND_OK;
	case 202:
		if (!o->json)
			print_lagging(a->json);
		return COMMAND_LAGGING;
	case 422:
		if (!o->json)
			print_refusal(a->json);
		return COMMAND_REFUSED;
	case 500:
		if (!o->json) {
			print_lagging(a->json);
			print_refusal(a->json);
		}
		return COMMAND_REFUSED;
	default:
		return answer_refused(a, "reload");
	}
}

int
command_reload(const struct command_options *o)
{
	struct buf BUF_CLEAN target = { 0 };
	struct answer a;
	int r;

	buf_addf(&target, "/reload%s%s%s", o->wait || o->force ? "?" : "", o->wait ? "wait=1" : "",
		 o->force ? (o->wait ? "&force=1" : "force=1") : "");
	buf_addc(&target, '\0');
	r = answer_get(&a, o, "POST", target.p);
	if (r == COMMAND_OK && o->json)
		answer_print(&a.body);
	if (r == COMMAND_OK)
		r = tell(&a, o);
	answer_deinit(&a);
	return r;
}
