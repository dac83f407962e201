/*
 * `yett help`: the commands and the tables of the program, for people and as JSON.
 */

#include "command_row.h"

#include "api.h"
#include "settings.h"

#include "shm/metric.h"
#include "shm/reason.h"

#include <string.h>

#define COLUMNS 80 /* of a terminal */

/* A member of an object; the first one opens it. */
static void
add_member(struct buf *out, const char *name, const char *text)
{
	buf_addf(out, "%c\"%s\":",
		 out->n == 0 || out->p[out->n - 1] == ',' || out->p[out->n - 1] == '[' ? '{' : ',',
		 name);
	buf_add_json(out, slice_of(text));
}

/* A sentence or more for a terminal, from column `at` on; lines that follow begin with `indent`
 * blanks. */
static void
add_wrapped(struct buf *out, const char *text, size_t at, size_t indent)
{
	for (size_t n; *text; text += n + (text[n] != '\0')) {
		n = strcspn(text, " \n");
		if (at > 0 && at + 1 + n > COLUMNS) {
			buf_addf(out, "\n%*s", (int)indent, "");
			at = indent;
		} else if (at > 0) {
			buf_addc(out, ' ');
			at++;
		}
		buf_adds(out, slice_make(text, n));
		at += n;
	}
	buf_addc(out, '\n');
}

/* ---- settings ---- */

static void
write_setting(const struct setting *s, struct buf *out)
{
	buf_addf(out, "%s\n    type: ", s->path);
	setting_describe_type(s, out);
	buf_adds(out, SLICE("\n    default: "));
	setting_describe_default(s, out);
	for (size_t k = 0; k < setting_profiles_count; k++) {
		const struct setting_profile *p = &setting_profiles[k];

		if (strcmp(p->path, s->path) == 0)
			buf_addf(out, "\n    default with compatibility %s: %s",
				 setting_profile_name(p->profile), p->initial);
	}
	buf_addf(out, "\n    %s\n    example: %s\n", s->text, s->example);
	if (s->restart)
		buf_adds(out, SLICE("    a reload does not change it\n"));
}

static void
write_setting_json(const struct setting *s, struct buf *out)
{
	struct buf BUF_CLEAN type = { 0 }, initial = { 0 };

	setting_describe_type(s, &type);
	buf_addc(&type, '\0');
	setting_describe_default(s, &initial);
	buf_addc(&initial, '\0');
	add_member(out, "name", s->path);
	add_member(out, "type", type.p);
	add_member(out, "default", initial.p);
	add_member(out, "text", s->text);
	add_member(out, "example", s->example);
	buf_addf(out, ",\"restart\":%s}", s->restart ? "true" : "false");
}

static void
write_settings(bool json, struct buf *out)
{
	for (size_t i = 0; i < settings_count; i++) {
		if (json && i > 0)
			buf_addc(out, ',');
		(json ? write_setting_json : write_setting)(&settings[i], out);
	}
}

/* ---- reasons, metrics, paths ---- */

static void
write_reasons(bool json, struct buf *out)
{
	for (int i = REASON_none + 1; i < REASON_N; i++) {
		const struct reason_info *r = reason_info((enum reason)i);

		if (!json) {
			buf_addf(out, "%-28s %d  %s\n", r->name, r->status, r->text);
			continue;
		}
		if (i > REASON_none + 1)
			buf_addc(out, ',');
		add_member(out, "name", r->name);
		add_member(out, "text", r->text);
		buf_addf(out, ",\"status\":%d}", r->status);
	}
}

static void
write_metrics(bool json, struct buf *out)
{
	for (int i = 0; i < METRIC_N; i++) {
		const struct metric_info *m = metric_info((enum metric)i);

		if (!json) {
			buf_addf(out, "%s\n    type: %s\n    labels: %s\n    %s.\n", m->name,
				 m->type, m->labels[0] ? m->labels : "none", m->help);
			continue;
		}
		if (i > 0)
			buf_addc(out, ',');
		add_member(out, "name", m->name);
		add_member(out, "type", m->type);
		add_member(out, "labels", m->labels);
		add_member(out, "text", m->help);
		buf_addc(out, '}');
	}
}

static void
write_api(bool json, struct buf *out)
{
	for (size_t i = 0; i < api_rows_count; i++) {
		const struct api_row *r = &api_rows[i];

		if (!json) {
			buf_addf(out, "%s %s\n    role: %s\n    %s\n", r->methods, r->path,
				 access_role_name[r->role], r->text);
			continue;
		}
		if (i > 0)
			buf_addc(out, ',');
		add_member(out, "methods", r->methods);
		add_member(out, "path", r->path);
		add_member(out, "role", access_role_name[r->role]);
		add_member(out, "text", r->text);
		buf_addc(out, '}');
	}
}

/* ---- commands ---- */

/* Of each whose text does not say it better. */
static const char *
usual_status(const struct command_row *c)
{
	if (c->options & OPTION_SOCKET)
		return "Exit status: 0 done, 1 the gateway refuses, 2 nobody answers, or the "
		       "command line is not understood.";
	return "Exit status: 0 done, 2 a file cannot be read, or the command line is not "
	       "understood.";
}

static void
write_command(const struct command_row *c, bool json, struct buf *out)
{
	if (!json) {
		buf_adds(out, SLICE("usage: yett"));
		add_wrapped(out, c->usage, strlen("usage: yett"), strlen("usage: "));
		buf_addc(out, '\n');
		add_wrapped(out, c->text, 0, 0);
		if (!strstr(c->text, "Exit status"))
			add_wrapped(out, usual_status(c), 0, 0);
		buf_addf(out, "\nFor example:\n  %s\n", c->example);
		return;
	}
	add_member(out, "name", c->name);
	add_member(out, "summary", c->summary);
	add_member(out, "usage", c->usage);
	add_member(out, "text", c->text);
	add_member(out, "example", c->example);
	buf_addc(out, '}');
}

static void
write_commands(bool json, struct buf *out)
{
	for (size_t i = 0; i < command_rows_count; i++) {
		if (!json)
			buf_addf(out, "  %-11s  %s\n", command_rows[i].name,
				 command_rows[i].summary);
		else if (i > 0)
			buf_addc(out, ',');
		if (json)
			write_command(&command_rows[i], true, out);
	}
}

static void
write_overview(struct buf *out)
{
	buf_addf(out, "yett %s, an API gateway\n\n", YETT_VERSION);
	write_commands(false, out);
	buf_addc(out, '\n');
	add_wrapped(out,
		    "yett COMMAND --help says how each is used, with an example. The commands that "
		    "ask a gateway use its admin socket: --socket PATH, else that of the "
		    "configuration named by -c, else $RUNTIME_DIRECTORY/admin.sock, else "
		    "/run/yett/admin.sock. Exit status: 0 done, 1 refused or something is wrong, 2 "
		    "nobody answers, a file cannot be read or the command line is not understood, "
		    "3 in force, but somebody lags. A command that fails with --json prints "
		    "{\"ok\": false, \"error\": TEXT, \"exit_status\": N}, unless it has more to "
		    "print. See yett(8), yett.yaml(5), yett-rules(5), yett-admin(7), "
		    "yett-metrics(7) and yett-migration(7).",
		    0, 0);
}

void
command_overview(FILE *to)
{
	struct buf BUF_CLEAN out = { 0 };

	write_overview(&out);
	fwrite(out.p, 1, out.n, to);
}

static const struct topic {
	const char *name;
	void (*write)(bool json, struct buf *out);
} topics[] = {
	{ "settings", write_settings },
	{ "reasons", write_reasons },
	{ "metrics", write_metrics },
	{ "api", write_api },
};

int
command_help(const struct command_options *o)
{
	const char *word = o->words[0];
	const struct command_row *c = word ? command_find(word) : NULL;
	void (*write)(bool json, struct buf *out) = word ? NULL : write_commands;
	struct buf BUF_CLEAN out = { 0 };

	for (size_t i = 0; word && i < sizeof topics / sizeof topics[0]; i++) {
		if (strcmp(topics[i].name, word) == 0)
			write = topics[i].write;
	}
	if (!write && !c) {
		fprintf(stderr, "yett help: there is no command \"%s\"; see yett help\n", word);
		return COMMAND_UNREADABLE;
	}
	if (o->json && write)
		buf_addc(&out, '[');
	if (!word && !o->json)
		write_overview(&out);
	else if (write)
		write(o->json, &out);
	else
		write_command(c, o->json, &out);
	if (o->json)
		buf_adds(&out, write ? SLICE("]\n") : SLICE("\n"));
	fwrite(out.p, 1, out.n, stdout);
	return COMMAND_OK;
}

int
command_version(const struct command_options *o)
{
	printf(o->json ? "{\"version\":\"%s\"}\n" : "yett %s\n", YETT_VERSION);
	return COMMAND_OK;
}
