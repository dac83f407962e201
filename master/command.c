#include "command.h"

#include "command_output.h"
#include "command_row.h"

#include "lib/xalloc.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct option {
	const char *name, *letter; /* letter: the short form, or NULL */
	enum option_name option;
	size_t offset; /* of the text, or of the flag where `flag` is set */
	bool flag;
} options[] = {
	{ "--config", "-c", OPTION_FILE, offsetof(struct command_options, file), false },
	{ "--socket", NULL, OPTION_SOCKET, offsetof(struct command_options, socket), false },
	{ "--json", NULL, OPTION_JSON, offsetof(struct command_options, json), true },
	{ "--effective", NULL, OPTION_EFFECTIVE, offsetof(struct command_options, effective),
	  true },
	{ "--strict", NULL, OPTION_STRICT, offsetof(struct command_options, strict), true },
	{ "--wait", NULL, OPTION_WAIT, offsetof(struct command_options, wait), true },
	{ "--force", NULL, OPTION_FORCE, offsetof(struct command_options, force), true },
	{ "--replay", NULL, OPTION_REPLAY, offsetof(struct command_options, replay), true },
	{ "--refused", NULL, OPTION_REFUSED, offsetof(struct command_options, refused), true },
	{ "--why", NULL, OPTION_WHY, offsetof(struct command_options, why), false },
	{ "--if-match", NULL, OPTION_IF_MATCH, offsetof(struct command_options, if_match), false },
	{ "--all", NULL, OPTION_ALL, offsetof(struct command_options, all), true },
	{ "--timeout", NULL, OPTION_TIMEOUT, offsetof(struct command_options, timeout), false },
	{ "--dry-run", NULL, OPTION_DRY_RUN, offsetof(struct command_options, dry_run), true },
	{ "--claim", NULL, OPTION_CLAIM, 0, false },
	{ "--header", "-H", OPTION_HEADER, 0, false },
	{ "--from", NULL, OPTION_FROM, offsetof(struct command_options, from), false },
	{ "--expires", NULL, OPTION_EXPIRES, offsetof(struct command_options, expires), false },
	{ "--ttl", NULL, OPTION_TTL, offsetof(struct command_options, ttl), false },
	{ "--algorithm", NULL, OPTION_ALGORITHM, offsetof(struct command_options, algorithm),
	  false },
	{ "--until", NULL, OPTION_UNTIL, offsetof(struct command_options, until), false },
	{ "--issued-before", NULL, OPTION_ISSUED_BEFORE,
	  offsetof(struct command_options, issued_before), false },
	{ "--reason", NULL, OPTION_REASON, offsetof(struct command_options, reason), false },
	{ "--sub", NULL, OPTION_KIND, offsetof(struct command_options, sub), true },
	{ "--sid", NULL, OPTION_KIND, offsetof(struct command_options, sid), true },
	{ "--jti", NULL, OPTION_KIND, offsetof(struct command_options, jti), true },
	{ "--end", NULL, OPTION_END, offsetof(struct command_options, end), true },
	{ "--sticky", NULL, OPTION_STICKY, offsetof(struct command_options, sticky), true },
	{ "--undo", NULL, OPTION_UNDO, offsetof(struct command_options, undo), true },
	{ "--worker", NULL, OPTION_WORKER, offsetof(struct command_options, worker), false },
	{ "--once", NULL, OPTION_ONCE, offsetof(struct command_options, once), true },
	{ "--by", NULL, OPTION_BY, offsetof(struct command_options, by), false },
	{ "--hour", NULL, OPTION_HOUR, offsetof(struct command_options, hour), false },
};

const struct command_row *
command_find(const char *name)
{
	for (size_t i = 0; i < command_rows_count; i++) {
		if (strcmp(command_rows[i].name, name) == 0)
			return &command_rows[i];
	}
	return NULL;
}

static int
misused(const struct command_row *c, const char *what, const char *word)
{
	fprintf(stderr, "yett %s: %s %s\nusage: yett %s\n", c->name, what, word, c->usage);
	return COMMAND_UNREADABLE;
}

/* The option that `word` names, with *value behind '=' where there is one. */
static const struct option *
find_option(const struct command_row *c, const char *word, const char **value)
{
	size_t n = strcspn(word, "=");

	*value = word[n] ? word + n + 1 : NULL;
	for (size_t i = 0; i < sizeof options / sizeof options[0]; i++) {
		const struct option *o = &options[i];

		if (!(c->options & o->option))
			continue;
		if ((strlen(o->name) == n && strncmp(o->name, word, n) == 0) ||
		    (o->letter && strcmp(o->letter, word) == 0))
			return o;
	}
	return NULL;
}

/* 0, or the exit status. */
static int
parse(const struct command_row *c, int argc, char **argv, struct command_options *out)
{
	bool words = false; /* "--" was there: an ID may begin with a dash */

	for (int i = 2; i < argc; i++) {
		const char *value;
		const struct option *o = words ? NULL : find_option(c, argv[i], &value);

		if (!words && strcmp(argv[i], "--") == 0) {
			words = true;
			continue;
		}
		if (!o && (words || argv[i][0] != '-') && out->words_count < c->words) {
			out->words[out->words_count++] = argv[i];
			continue;
		}
		if (!o)
			return misused(c, "does not know", argv[i]);
		if (o->flag && value)
			return misused(c, "takes no value for", o->name);
		if (o->flag) {
			*(bool *)((char *)out + o->offset) = true;
			continue;
		}
		if (!value && i + 1 == argc)
			return misused(c, "needs a value behind", argv[i]);
		if (!value)
			value = argv[++i];
		if (o->option == OPTION_CLAIM)
			out->claims[out->claims_count++] = value;
		else if (o->option == OPTION_HEADER)
			out->headers[out->headers_count++] = value;
		else
			*(const char **)((char *)out + o->offset) = value;
	}
	return 0;
}

static int
run(const struct command_row *c, int argc, char **argv)
{
	struct command_options o = {
		.claims = xcalloc((size_t)argc + 1, sizeof(char *)),
		.headers = xcalloc((size_t)argc + 1, sizeof(char *)),
	};
	int r = parse(c, argc, argv, &o);

	if (r == 0)
		r = c->run(&o);
	free(o.claims);
	free(o.headers);
	return r;
}

static bool
is_help(const char *word)
{
	return strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0;
}

static int
dispatch(int argc, char **argv, bool json)
{
	const char *name = argc > 1 ? argv[1] : "";
	const struct command_row *c =
	    command_find(strcmp(name, "--version") == 0 ? "version" : name);

	for (int i = 2; c && i < argc && strcmp(argv[i], "--") != 0; i++) {
		if (is_help(argv[i]))
			return command_help(
			    &(struct command_options){ .words = { c->name }, .json = json });
	}
	if (c && c->run)
		return run(c, argc, argv);
	if (c) { /* main runs it if it is written as the usage says */
		fprintf(stderr, "usage: yett %s\n", c->usage);
		return COMMAND_UNREADABLE;
	}
	if (is_help(name))
		return command_help(&(struct command_options){ .json = json });
	if (*name)
		fprintf(stderr, "yett: there is no command \"%s\"; see yett help\n", name);
	else
		command_overview(stderr);
	return COMMAND_UNREADABLE;
}

int
command_main(int argc, char **argv)
{
	bool json = false;
	int r;

	/* Also where the rest is not understood. */
	for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
		json = json || strcmp(argv[i], "--json") == 0;
	command_output_begin(json);
	r = dispatch(argc, argv, json);
	return command_output_end(r, json);
}
