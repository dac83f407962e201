/*
 * `yett history`, `diff`, `apply` and `rollback`: what became of the rules, what would become of
 * them, and the way back.
 */

#include "apply.h"
#include "columns.h"
#include "command_ask.h"
#include "diff.h"
#include "file.h"
#include "history.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define RULES_FILE_MAX ((size_t)16 << 20)
#define VALUE_SHOWN 200 /* bytes of a value; --json has all */

/* ---- history ---- */

static void
write_history(const struct json *data, bool colours, struct buf *out)
{
	static const char *const titles[] = { "REVISION", "WHEN", "WHO", "KEYS", "WHY" };
	struct slice now = json_text(json_get(json_get(data, "revision"), "revision"));
	struct columns c;
	char keys[32];

	columns_init(&c, 5, colours);
	for (size_t i = 0; i < 5; i++)
		columns_add(&c, COLOUR_BOLD, slice_of(titles[i]));
	for (const struct json *r = json_first(json_get(data, "revisions")); r; r = json_next(r)) {
		struct slice id = json_text(json_get(r, "revision"));

		columns_add(&c, slice_eq(id, now) ? COLOUR_GOOD : COLOUR_NONE, id);
		columns_add(&c, COLOUR_NONE, json_text(json_get(r, "at")));
		columns_add(&c, COLOUR_NONE, json_text(json_get(r, "who")));
		columns_add(&c, COLOUR_NONE, slice_of(answer_text(r, "keys", keys)));
		columns_add(&c, COLOUR_NONE, json_text(json_get(r, "why")));
	}
	if (c.count > c.width)
		columns_write(&c, out);
	else
		buf_adds(out, SLICE("There are no revisions yet.\n"));
	columns_deinit(&c);
	if (!now.n && json_first(json_get(data, "revisions")))
		buf_addf(out, "The rules in force are none of them (yet).\n");
}

int
command_history(const struct command_options *o)
{
	struct buf BUF_CLEAN out = { 0 };
	struct answer a;
	int r = answer_get(&a, o, "GET", "/revisions");

	if (r == COMMAND_OK && a.status != 200)
		r = answer_refused(&a, "history");
	if (r == COMMAND_OK && !o->json)
		write_history(json_get(a.json, "data"), columns_want_colours(STDOUT_FILENO), &out);
	if (r == COMMAND_OK)
		answer_print(o->json ? &a.body : &out);
	answer_deinit(&a);
	return r;
}

/* ---- differences ---- */

/* A value on one line, cut; a text without its quotes. */
static void
add_value(const struct json *v, struct buf *out)
{
	struct buf BUF_CLEAN text = { 0 };

	if (!v || json_kind(v) == JSON_NULL)
		buf_adds(&text, SLICE("-"));
	else if (json_kind(v) == JSON_FALSE)
		buf_adds(&text, SLICE("(refused)"));
	else if (json_text(v).p)
		buf_adds(&text, json_text(v));
	else
		json_write(v, &text);
	buf_add(out, text.p, text.n < VALUE_SHOWN ? text.n : VALUE_SHOWN);
	if (text.n > VALUE_SHOWN)
		buf_adds(out, SLICE("..."));
}

static void
add_changes(const struct json *changes, struct buf *out)
{
	if (json_kind(changes) == JSON_NULL)
		buf_adds(out, SLICE("it was or is refused"));
	else if (!json_first(changes))
		buf_adds(out, SLICE("only how it is written"));
	for (const struct json *c = json_first(changes); c; c = json_next(c)) {
		if (c != json_first(changes))
			buf_adds(out, SLICE(", "));
		buf_addf(out, "%.*s: ", SLICE_F(json_text(json_get(c, "key"))));
		add_value(json_get(c, "before"), out);
		buf_adds(out, SLICE(" -> "));
		add_value(json_get(c, "after"), out);
	}
}

static void
add_rules(struct columns *c, const struct json *diff, const char *group, enum colour colour)
{
	for (const struct json *r = json_first(json_get(diff, group)); r; r = json_next(r)) {
		const struct json *changes = json_get(r, "changes");
		struct buf BUF_CLEAN text = { 0 };

		if (changes)
			add_changes(changes, &text);
		else
			add_value(json_get(r, "value"), &text);
		columns_add(c, colour, slice_of(group));
		columns_add(c, COLOUR_NONE, json_text(json_get(r, "kind")));
		columns_add(c, COLOUR_NONE, json_text(json_get(r, "name")));
		columns_add(c, COLOUR_NONE, buf_slice(&text));
	}
}

static void
print_diff(const struct json *diff)
{
	struct buf BUF_CLEAN out = { 0 };
	struct columns c;

	columns_init(&c, 4, columns_want_colours(STDOUT_FILENO));
	add_rules(&c, diff, "added", COLOUR_GOOD);
	add_rules(&c, diff, "removed", COLOUR_BAD);
	add_rules(&c, diff, "changed", COLOUR_WARN);
	columns_write(&c, &out);
	answer_print(&out);
	columns_deinit(&c);
}

static bool
differs(const struct json *diff)
{
	return json_first(json_get(diff, "added")) || json_first(json_get(diff, "removed")) ||
	       json_first(json_get(diff, "changed"));
}

/* ---- files ---- */

static void
print_lines(const char *file, struct slice text)
{
	while (text.p && text.n > 0) {
		struct slice line = slice_cut(text, '\n', &text);

		if (line.n > 0)
			fprintf(stderr, "%s:%.*s\n", file, SLICE_F(line));
	}
}

/* The file's rules as JSON. */
static int
read_rules(const char *file, struct buf *json)
{
	struct buf BUF_CLEAN text = { 0 }, report = { 0 };
	int r = file_read(file, RULES_FILE_MAX, &text, NULL);

	if (r < 0) {
		fprintf(stderr, "%s: %s\n", file, file_error(r));
		return COMMAND_UNREADABLE;
	}
	if (apply_file(buf_slice(&text), json, &report) == 0)
		return COMMAND_OK;
	print_lines(file, buf_slice(&report));
	return COMMAND_REFUSED;
}

static void
print_mistakes(const struct answer *a, const char *file)
{
	const struct json *mistakes = json_get(json_get(a->json, "data"), "mistakes");

	for (const struct json *m = json_first(mistakes); m; m = json_next(m))
		fprintf(stderr, "%s: %.*s\n", file ? file : "yett", SLICE_F(json_text(m)));
}

/* ---- changes ---- */

static int
refused(const struct answer *a, const char *command, const char *file)
{
	if (a->status >= 500)
		return answer_refused(a, command);
	print_mistakes(a, file);
	fprintf(stderr, "yett %s: %.*s\n", command,
		SLICE_F(json_text(json_get(a->json, "message"))));
	return COMMAND_REFUSED;
}

/* Keys that could not be brought back. */
static void
print_left(const struct answer *a, const char *command)
{
	const struct json *left = json_get(json_get(a->json, "data"), "left");

	for (const struct json *k = json_first(left); k; k = json_next(k))
		fprintf(stderr,
			"yett %s: %.*s is left as it is: it had a value that was refused, nobody "
			"knows which\n",
			command, SLICE_F(json_text(k)));
}

static void
print_warnings(const struct answer *a, const char *command)
{
	const struct json *warnings = json_get(a->json, "warnings");

	for (const struct json *w = json_first(warnings); w; w = json_next(w))
		fprintf(stderr, "yett %s: warning: %.*s\n", command, SLICE_F(json_text(w)));
}

/* What a change came to. */
static int
tell(const struct answer *a, const struct command_options *o, const char *command, const char *file)
{
	struct slice revision = json_text(json_get(a->json, "revision"));
	const struct json *diff = json_get(json_get(a->json, "data"), "diff");

	if (o->json)
		answer_print_body(a);
	else if (diff)
		print_diff(diff);
	if (a->status != 200 && a->status != 202)
		return refused(a, command, file);
	print_left(a, command);
	print_warnings(a, command);
	if (a->status == 202)
		answer_lagging(a->json);
	else if (!o->json && !differs(diff))
		puts("nothing differs");
	else if (!o->json && o->dry_run)
		puts("nothing was changed");
	else if (!o->json)
		answer_say("revision %.*s is in force in every worker\n", SLICE_F(revision));
	return a->status == 202 ? COMMAND_LAGGING : COMMAND_OK;
}

static int
change(const struct command_options *o, const char *command, const char *query, struct slice body,
       const char *file)
{
	struct buf BUF_CLEAN target = { 0 };
	struct answer a;
	int r;

	buf_addf(&target, "/%s?%s%s%s%s", command, query, o->dry_run ? "&dry_run=1" : "",
		 o->force ? "&force=1" : "", o->wait ? "&wait=1" : "");
	buf_addc(&target, '\0');
	r = answer_send(&a, o, "POST", target.p, body);
	if (r == COMMAND_OK)
		r = tell(&a, o, command, file);
	answer_deinit(&a);
	return r;
}

static int
apply_rules(const struct command_options *o, const char *file)
{
	struct buf BUF_CLEAN json = { 0 };
	int r = read_rules(file, &json);

	return r == COMMAND_OK ? change(o, "apply", "", buf_slice(&json), file) : r;
}

int
command_apply(const struct command_options *o)
{
	if (o->words_count == 1)
		return apply_rules(o, o->words[0]);
	fputs("yett apply: name a file of rules; see yett help apply\n", stderr);
	return COMMAND_UNREADABLE;
}

static bool
is_point(const char *word)
{
	return revision_is_id(slice_of(word)) || strcmp(word, "current") == 0 ||
	       strcmp(word, "previous") == 0;
}

int
command_rollback(const struct command_options *o)
{
	const char *word = o->words_count ? o->words[0] : "1";
	struct buf BUF_CLEAN query = { 0 };

	if (is_point(word)) {
		buf_addf(&query, "to=%s", word);
	} else if (*word && strspn(word, "0123456789") == strlen(word)) {
		buf_addf(&query, "steps=%s", word);
	} else {
		fprintf(stderr,
			"yett rollback: \"%s\" is neither a number nor a revision; see yett "
			"history\n",
			word);
		return COMMAND_UNREADABLE;
	}
	buf_addc(&query, '\0');
	return change(o, "rollback", query.p, SLICE(""), NULL);
}

/* By the rules of a file, or of a revision: the one before, where none is named. */
static int
replay(const struct command_options *o)
{
	const char *word = o->words_count ? o->words[0] : "previous";
	struct buf BUF_CLEAN target = { 0 }, rules = { 0 };
	int r;

	if (o->words_count > 1) {
		fputs("yett diff --replay: name one file or one revision\n", stderr);
		return COMMAND_UNREADABLE;
	}
	if (is_point(word)) {
		buf_addf(&target, "/replay?to=%s", word);
		buf_addc(&target, '\0');
		return command_replay(o, "GET", target.p, SLICE(""));
	}
	r = read_rules(word, &rules);
	return r == COMMAND_OK ? command_replay(o, "POST", "/replay", buf_slice(&rules)) : r;
}

int
command_diff(const struct command_options *o)
{
	struct command_options dry = *o;
	struct buf BUF_CLEAN target = { 0 };
	struct answer a;
	int r;

	if (o->replay)
		return replay(o);
	dry.dry_run = dry.force = true;
	if (o->words_count == 1 && !is_point(o->words[0]))
		return apply_rules(&dry, o->words[0]);
	for (int i = 0; i < o->words_count; i++) {
		if (is_point(o->words[i]))
			continue;
		fprintf(stderr, "yett diff: \"%s\" is no revision; see yett history\n",
			o->words[i]);
		return COMMAND_UNREADABLE;
	}
	buf_addf(&target, "/diff?from=%s&to=%s", o->words_count ? o->words[0] : "",
		 o->words_count > 1 ? o->words[1] : "");
	buf_addc(&target, '\0');
	r = answer_get(&a, o, "GET", target.p);
	if (r == COMMAND_OK && a.status == 200 && !o->json)
		print_diff(json_get(json_get(a.json, "data"), "diff"));
	else if (r == COMMAND_OK && a.status == 200)
		answer_print(&a.body);
	else if (r == COMMAND_OK)
		r = refused(&a, "diff", NULL);
	answer_deinit(&a);
	return r;
}
