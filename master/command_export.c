/*
 * `yett export` and `yett import`: rules between a gateway, files and the Redis of redx.
 */

#include "command_ask.h"
#include "export.h"
#include "file.h"
#include "import.h"
#include "rules.h"

#include <stdio.h>
#include <string.h>

#define IMPORT_MAX ((size_t)256 << 20) /* bytes of a file */

/* ---- export ---- */

/* What is not in the output, or not as the store has it. */
static bool
tell_refused(const struct json *refused)
{
	for (const struct json *f = json_first(refused); f; f = json_next(f))
		fprintf(stderr, "yett export: %.*s is refused, %s: %.*s\n",
			SLICE_F(json_text(json_get(f, "key"))),
			answer_true(f, "kept") ? "its last good version is written" : "left out",
			SLICE_F(json_text(json_get(f, "reason"))));
	return json_first(refused) != NULL;
}

static bool
tell_left(const struct buf *left)
{
	struct slice text = buf_slice(left);

	while (text.p && text.n > 0) {
		struct slice line = slice_cut(text, '\n', &text);

		if (line.n > 0)
			fprintf(stderr,
				"yett export: %.*s is left out: redx has frontends and backends "
				"alone; use yett export yaml\n",
				SLICE_F(line));
	}
	return left->n > 0;
}

static int
print_export(const struct command_options *o, const struct answer *a, bool redx)
{
	struct buf BUF_CLEAN out = { 0 }, left = { 0 };
	const struct json *families;
	struct json *exact; /* numbers as they were written */
	bool told;

	if (json_parse_exact(buf_slice(&a->body), SIZE_MAX, JSON_DEPTH_MAX, &exact) < 0)
		return answer_refused(a, "export");
	families = json_get(exact, "data");
	if (redx)
		export_redx(families, &out, &left);
	else if (o->json)
		json_write(families, &out);
	else
		export_yaml(families, &out);
	if (o->json)
		buf_addc(&out, '\n');
	answer_print(&out);
	told = tell_refused(json_get(a->json, "refused"));
	json_free(exact);
	return tell_left(&left) || told ? COMMAND_REFUSED : COMMAND_OK;
}

int
command_export(const struct command_options *o)
{
	const char *form = o->words[0] ? o->words[0] : "yaml";
	bool redx = strcmp(form, "redx") == 0;
	struct answer a;
	int r;

	if ((!redx && strcmp(form, "yaml") != 0) || (redx && o->json)) {
		fprintf(stderr, "yett export: write yaml, which --json makes JSON of, or redx\n");
		return COMMAND_UNREADABLE;
	}
	r = answer_get(&a, o, "GET", "/export");
	if (r == COMMAND_OK && a.status != 200)
		r = answer_refused(&a, "export");
	else if (r == COMMAND_OK)
		r = print_export(o, &a, redx);
	answer_deinit(&a);
	return r;
}

/* ---- import ---- */

static int
print_import(const struct command_options *o, const struct rules *rules)
{
	struct buf BUF_CLEAN text = { 0 }, out = { 0 };
	struct json *families;

	export_json(rules, &text);
	if (json_parse_exact(buf_slice(&text), SIZE_MAX, JSON_DEPTH_MAX, &families) < 0)
		return COMMAND_REFUSED;
	if (o->json)
		json_write(families, &out);
	else
		export_yaml(families, &out);
	if (o->json)
		buf_addc(&out, '\n');
	answer_print(&out);
	json_free(families);
	return COMMAND_OK;
}

/* By more than one name: of the system, and of its file. */
static const struct form {
	const char *names[2];
	void (*read)(struct slice text, const char *file, struct rules *rules, struct buf *report);
} forms[] = {
	{ { "redx" }, import_redx },
	{ { "ashine", "gateway.conf.yaml" }, import_ashine },
	{ { "nginx", "nginx-map" }, import_nginx },
};

static const struct form *
form_of(const struct command_options *o)
{
	for (size_t i = 0; o->words_count == 2 && i < 2 * (sizeof forms / sizeof forms[0]); i++) {
		const char *name = forms[i / 2].names[i % 2];

		if (name && strcmp(name, o->words[0]) == 0)
			return &forms[i / 2];
	}
	return NULL;
}

int
command_import(const struct command_options *o)
{
	const struct form *form = form_of(o);
	struct buf BUF_CLEAN text = { 0 }, report = { 0 };
	struct rules *rules;
	int r;

	if (!form) {
		fprintf(
		    stderr,
		    "yett import: write yett import redx FILE, nginx FILE (or nginx-map FILE), or "
		    "ashine FILE (or gateway.conf.yaml FILE)\n");
		return COMMAND_UNREADABLE;
	}
	r = file_read(o->words[1], IMPORT_MAX, &text, NULL);
	if (r < 0) {
		fprintf(stderr, "%s: %s\n", o->words[1], file_error(r));
		return COMMAND_UNREADABLE;
	}
	rules = rules_new();
	form->read(buf_slice(&text), o->words[1], rules, &report);
	if (report.n > 0)
		fwrite(report.p, 1, report.n, stderr);
	r = o->strict && report.n > 0 ? COMMAND_REFUSED : print_import(o, rules);
	rules_free(rules);
	return r;
}
