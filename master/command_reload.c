/*
 * `yett reload`: the gateway reads its file again; it says whether it did, and in how many workers
 * it is in force.
 */

#include "ask.h"
#include "command_ask.h"
#include "config.h"

#include <stdio.h>
#include <stdlib.h>

#define ANSWER_MAX ((size_t)1 << 20)
#define ANSWER_DEPTH 16

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
print_array(const struct json *lines)
{
	for (const struct json *l = json_first(lines); l; l = json_next(l))
		print_lines(json_text(l));
}

static void
print_refusal(const struct json *root)
{
	const struct json *mistakes = json_get(root, "mistakes");

	if (!json_first(mistakes))
		print_lines(json_text(json_get(root, "error")));
	print_array(mistakes);
	print_array(json_get(root, "warnings"));
	fputs("yett reload: refused; the configuration of before stays in force\n", stderr);
}

static int
tell(const struct answer *a, const struct command_options *o)
{
	char version[32];

	switch (a->status) {
	case 200:
		if (!o->json)
			answer_say("table version %s is in force in every worker\n",
				   answer_text(a->json, "version", version));
		return COMMAND_OK;
	case 202:
		if (!o->json && !json_first(json_get(a->json, "lagging")))
			fputs("yett reload: the new table is still being made\n", stderr);
		if (!o->json)
			answer_lagging(a->json);
		return COMMAND_LAGGING;
	case 422:
		if (!o->json)
			print_refusal(a->json);
		return COMMAND_REFUSED;
	case 503:
		if (!json_get(a->json, "reloaded")) /* it is not the master who says so */
			return answer_refused(a, "reload");
		if (!o->json)
			fprintf(stderr, "yett reload: %.*s; %s\n",
				SLICE_F(json_text(json_get(a->json, "error"))),
				answer_true(a->json, "reloaded")
				    ? "the file is in force all the same"
				    : "the configuration of before stays in force");
		return COMMAND_REFUSED;
	case 500:
		if (!o->json) {
			answer_lagging(a->json);
			print_refusal(a->json);
		}
		return COMMAND_REFUSED;
	default:
		return answer_refused(a, "reload");
	}
}

/* Is there a gateway? Then it was one that took our request, and the connection ended behind it. */
static bool
gateway_answers(const char *socket)
{
	struct ask q = { .socket = socket, .method = "GET", .target = "/status", .timeout_s = 5 };
	struct buf BUF_CLEAN body = { 0 }, why = { 0 };

	return ask(&q, &body, &why) > 0;
}

/* As answer_get; but a wait may well outlive the admin worker that the question went to, and the
 * reload with it. */
static int
answer_wait(struct answer *a, const struct command_options *o, const char *target)
{
	struct buf BUF_CLEAN path = { 0 }, why = { 0 };
	struct ask q = { .method = "POST", .target = target };

	*a = (struct answer){ 0 };
	if (command_socket(o, &path) != 0)
		return COMMAND_UNREADABLE;
	q.socket = path.p;
	a->status = ask(&q, &a->body, &why);
	if (a->status >= 0 &&
	    json_parse(buf_slice(&a->body), ANSWER_MAX, ANSWER_DEPTH, &a->json) == 0)
		return COMMAND_OK;
	if (gateway_answers(path.p))
		fputs("yett reload: the connection ended before the answer came; the reload may be "
		      "in force, `yett status` says how the last one went\n",
		      stderr);
	else
		fprintf(stderr, "yett: %.*s\n", SLICE_F(why));
	return COMMAND_UNREADABLE;
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
	r = o->wait ? answer_wait(&a, o, target.p) : answer_get(&a, o, "POST", target.p);
	if (r == COMMAND_OK && o->json)
		answer_print(&a.body);
	if (r == COMMAND_OK)
		r = tell(&a, o);
	answer_deinit(&a);
	return r;
}
