/*
 * `yett cascade`: which services were told of which deleted users, and what an operator does about
 * those that were not.
 */

#include "cascade_record.h"
#include "command_table.h"

#include <stdio.h>
#include <unistd.h>

static void
write_jobs(const struct json *jobs, const char *kind, struct columns *c)
{
	for (const struct json *j = json_first(jobs); j; j = json_next(j)) {
		for (const struct json *s = json_first(json_get(j, "services")); s;
		     s = json_next(s)) {
			struct slice state = json_text(json_get(s, "state"));

			command_field(c, j, "job");
			command_field(c, j, "user");
			command_field(c, j, "since");
			command_field(c, s, "name");
			columns_add(c,
				    command_is(state, "done")   ? COLOUR_GOOD
				    : command_is(state, "dead") ? COLOUR_BAD
								: COLOUR_NONE,
				    state);
			command_field(c, s, "attempts");
			command_field(c, s, "status");
			command_field(c, s, "reason");
		}
		if (!json_first(json_get(j, "services"))) {
			command_field(c, j, "job");
			command_field(c, j, "user");
			command_field(c, j, "since");
			columns_add(c, COLOUR_NONE, SLICE("-"));
			columns_add(c, COLOUR_BAD, slice_of(kind));
			for (int i = 0; i < 3; i++)
				columns_add(c, COLOUR_NONE, SLICE("-"));
		}
	}
}

static void
write_list(const struct json *root, bool colours, struct buf *out)
{
	static const char *const titles[] = { "JOB",      "USER",   "SINCE",  "SERVICE", "STATE",
					      "ATTEMPTS", "STATUS", "REASON", NULL };
	const struct json *data = json_get(root, "data");
	struct columns c;

	columns_init(&c, 8, colours);
	command_head(&c, titles);
	write_jobs(json_get(data, "waiting"), "waits", &c);
	write_jobs(json_get(data, "dead"), "dead", &c);
	if (c.count > c.width)
		columns_write(&c, out);
	else
		buf_adds(out, SLICE("No deletion waits, and none was given up.\n"));
	columns_deinit(&c);
}

void
command_cascade_line(const struct json *root, bool colours, struct buf *out)
{
	const struct json *c = json_get(root, "cascade");
	static const char *const sources[] = { "error", "channel_error", "stream_error" };
	bool up = command_is(json_text(json_get(c, "state")), "up");
	char waiting[32], dead[32];

	if (!c || json_kind(c) != JSON_OBJECT)
		return;
	columns_paint(colours, COLOUR_BOLD, "cascade", out);
	buf_addc(out, ' ');
	columns_paint(colours, up ? COLOUR_GOOD : COLOUR_BAD, up ? "up" : "down", out);
	buf_addf(out, ", deletions of users that services have to hear of: %s, given up: %s\n",
		 answer_text(c, "waiting", waiting), answer_text(c, "dead", dead));
	for (size_t i = 0; up && i < 3; i++) {
		struct slice error = json_text(json_get(c, sources[i]));

		if (error.n > 0)
			buf_addf(out, "        %s: %.*s\n", sources[i], SLICE_F(error));
	}
}

static int
change(const struct command_options *o, const char *method, const char *job, struct answer *a)
{
	struct buf BUF_CLEAN target = { 0 };

	buf_addf(&target, "/cascade/%s", job);
	buf_addc(&target, '\0');
	return answer_get(a, o, method, target.p);
}

/* A job by its name, or by the id of the user, which is not sent: the log would have it. */
static int
change_one(const struct command_options *o, const char *method)
{
	struct slice given = slice_of(o->words[1]);
	char job[CASCADE_JOB];
	struct answer a;
	int r;

	if (cascade_is_job(given)) {
		r = change(o, method, o->words[1], &a);
		if (r != COMMAND_OK || a.status != 404)
			goto out;
		answer_deinit(&a); /* an id may have that form */
	}
	r = change(o, method, cascade_job(given, job), &a);
out:
	if (r == COMMAND_OK && a.status == 404) {
		fprintf(stderr, "yett cascade: there is no such job\n");
		r = COMMAND_REFUSED;
	} else if (r == COMMAND_OK && a.status != 200) {
		r = answer_refused(&a, "cascade");
	}
	if (r == COMMAND_OK && o->json)
		answer_print(&a.body);
	answer_deinit(&a);
	return r;
}

int
command_cascade(const struct command_options *o)
{
	if (o->words_count == 0)
		return command_show(o, "cascade", "/cascade", write_list);
	if (o->words_count == 2 && strcmp(o->words[0], "retry") == 0)
		return change_one(o, "POST");
	if (o->words_count == 2 && strcmp(o->words[0], "drop") == 0)
		return change_one(o, "DELETE");
	fputs("yett cascade: write nothing, retry ID or drop ID behind it; an ID is a job's or a "
	      "user's\n",
	      stderr);
	return COMMAND_UNREADABLE;
}
