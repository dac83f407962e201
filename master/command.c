#include "command.h"

#include "api.h"
#include "settings.h"

#include "lib/xalloc.h"
#include "shm/metric.h"
#include "shm/reason.h"

#include <stdio.h>
#include <stdlib.h>

enum option_name {
	OPTION_FILE = 1,
	OPTION_SOCKET = 2,
	OPTION_JSON = 4,
	OPTION_EFFECTIVE = 8,
	OPTION_WAIT = 16,
	OPTION_FORCE = 32,
	OPTION_CLAIM = 64,
	OPTION_TTL = 128,
	OPTION_ALGORITHM = 256,
	OPTION_STICKY = 512,
	OPTION_REFUSED = 1024,
	OPTION_HEADER = 2048,
	OPTION_FROM = 4096,
	OPTION_WHY = 8192,
	OPTION_IF_MATCH = 16384,
	OPTION_DRY_RUN = 32768,
	OPTION_REPLAY = 65536,
	OPTION_ALL = 1 << 18,
	OPTION_TIMEOUT = 1 << 19,
	OPTION_UNTIL = 1 << 20,
	OPTION_ISSUED_BEFORE = 1 << 21,
	OPTION_REASON = 1 << 22,
	OPTION_KIND = 1 << 23,
	OPTION_END = 1 << 24,
	OPTION_UNDO = 1 << 25,
	OPTION_WORKER = 1 << 26,
	OPTION_ONCE = 1 << 28,
	OPTION_BY = 1 << 29,
	OPTION_HOUR = 1 << 30,
	OPTION_EXPIRES = 131072,
	OPTION_STRICT = 1 << 26,
};

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

static int command_version(const struct command_options *o);
static int command_help(const struct command_options *o);

static const struct command {
	const char *name;
	int words;        /* that it takes at most */
	unsigned options; /* those that it takes */
	int (*run)(const struct command_options *o);
	const char *usage, *text;
} commands[] = {
	{ "run", 0, 0, NULL, "run [-c FILE]",
	  "Runs the gateway in the foreground, with its log on standard error. Without -c the file "
	  "is that of\n"
	  "$CONFIG_LOCATION, else gateway.conf.yaml or .yml in the working directory, else "
	  "/etc/yett/yett.yaml." },
	{ "check", 0, OPTION_FILE | OPTION_EFFECTIVE | OPTION_JSON, command_check,
	  "check [-c FILE] [--effective] [--json]",
	  "Reads a configuration (as run finds it) and tells every mistake with its line. "
	  "--effective prints all "
	  "settings with\n"
	  "their origin, secrets redacted. Exit status: 0 good, 1 mistakes, 2 the file cannot be "
	  "read." },
	{ "doctor", 0, OPTION_FILE | OPTION_SOCKET | OPTION_JSON, command_doctor,
	  "doctor [--json] [-c FILE] [--socket PATH]",
	  "Says what is wrong on this machine for the gateway of a configuration (as run finds "
	  "it), "
	  "and what to\n"
	  "do: limits, folders, disk, certificates, clock, names, Redis, and where a gateway runs, "
	  "what that says.\n"
	  "It changes nothing, and takes a few seconds at most. Exit status: 0 no problem (there "
	  "may be warnings),\n"
	  "1 a problem, 2 the file cannot be read." },
	{ "status", 0, OPTION_FILE | OPTION_SOCKET | OPTION_JSON, command_status,
	  "status [--json] [-c FILE | --socket PATH]",
	  "Shows the state of a gateway that runs: table, workers, rules, Redis, endpoints." },
	{ "routes", 0, OPTION_FILE | OPTION_SOCKET | OPTION_JSON | OPTION_REFUSED, command_routes,
	  "routes [--refused] [--json] [-c FILE | --socket PATH]",
	  "Shows every route of a gateway that runs, and why one is not in force. --refused shows "
	  "the rules\n"
	  "that were refused instead: why, since when, and what is in force in their place." },
	{ "top", 0,
	  OPTION_FILE | OPTION_SOCKET | OPTION_JSON | OPTION_ONCE | OPTION_BY | OPTION_HOUR,
	  command_top,
	  "top [--once | --hour HOUR] [--by requests | errors | bytes | latency] [--json] [-c FILE "
	  "| --socket PATH]",
	  "Shows which routes, upstreams and identities have the most requests, errors, bytes or "
	  "the largest\n"
	  "latency since the gateway started: on a terminal anew every two seconds, with what came "
	  "since the\n"
	  "last look; elsewhere, or with --once, one time. --hour shows what identities did in one "
	  "hour of UTC\n"
	  "(2026-11-27T10) at all gateways together, where statistics.flush writes that to Redis. "
	  "Identities\n"
	  "take the role operate." },
	{ "tail", 8, OPTION_FILE | OPTION_SOCKET | OPTION_JSON, command_tail,
	  "tail [NAME=VALUE]... [--json] [-c FILE | --socket PATH]",
	  "Shows the access log of a gateway that runs, line by line as requests end, until it is "
	  "interrupted; of\n"
	  "those only that all of these fit: status=404 or 5xx, route=, upstream=, reason=, user=, "
	  "client=, method=, host=,\n"
	  "phase=, ended_by=, path= (how it begins), min=250ms (how long it took at least). It "
	  "needs no access log. Who\n"
	  "reads too slowly is told how many lines were missed. Takes the role operate." },
	{ "errors", 0, OPTION_FILE | OPTION_SOCKET | OPTION_JSON, command_errors,
	  "errors [--json] [-c FILE | --socket PATH]",
	  "Shows the last requests that were no HTTP, or none that is taken, 64 of each worker: "
	  "who sent them, why they\n"
	  "were refused, and the bytes, with a mark below the one that is to blame. What may be "
	  "secret is masked by \"*\".\n"
	  "Takes the role operate." },
	{ "cascade", 2, OPTION_FILE | OPTION_SOCKET | OPTION_JSON, command_cascade,
	  "cascade [retry ID | drop ID] [--json] [-c FILE | --socket PATH]",
	  "Shows which services have still to hear of which deleted users, or were given up. retry "
	  "tells those\n"
	  "of one job again, now; drop forgets it. ID is that of the job or of the user." },
	{ "reload", 0, OPTION_FILE | OPTION_SOCKET | OPTION_JSON | OPTION_WAIT | OPTION_FORCE,
	  command_reload, "reload [--wait] [--force] [--json] [-c FILE | --socket PATH]",
	  "Makes the gateway read its file again, all of it or nothing. --wait waits until every "
	  "worker has it,\n"
	  "--force also applies deletions in Redis that were withheld. Exit status: 0 in force, 1 "
	  "refused,\n"
	  "2 nobody answers, 3 in force but a worker lags." },
	{ "drain", 1,
	  OPTION_FILE | OPTION_SOCKET | OPTION_JSON | OPTION_STICKY | OPTION_UNDO | OPTION_WAIT |
	      OPTION_TIMEOUT | OPTION_WORKER,
	  command_drain,
	  "drain [ENDPOINT [--sticky] [--wait [--timeout DURATION]] | ENDPOINT --undo | --worker "
	  "N] "
	  "[--json] "
	  "[-c FILE | --socket PATH]",
	  "Takes an endpoint (as yett status names it) out of service, for all upstreams that have "
	  "it: no new requests,\n"
	  "what is under way finishes; --wait waits for that. With --sticky those whose sticky "
	  "cookie names it go on\n"
	  "coming. It holds until --undo. Without an endpoint it shows those that are out. "
	  "--worker N has another worker\n"
	  "take the place of this one, which finishes. Exit status: 0 done, 1 there is no such "
	  "endpoint, 2 nobody answers, 3 it still has requests under way." },
	{ "maintenance", 1, OPTION_FILE | OPTION_SOCKET | OPTION_JSON | OPTION_UNDO,
	  command_maintenance,
	  "maintenance [RETRY-AFTER | off | --undo] [--json] [-c FILE | --socket PATH]",
	  "Has every request to the gateway answered by 503 with the page of error_pages and this "
	  "Retry-After (10m), or\n"
	  "served (off), whatever the configuration says, until --undo. Without a word it shows "
	  "which. Exit status: 0 done,\n"
	  "1 refused, 2 nobody answers." },
	{ "upgrade", 0, OPTION_FILE | OPTION_SOCKET | OPTION_JSON | OPTION_TIMEOUT, command_upgrade,
	  "upgrade [--timeout DURATION] [--json] [-c FILE | --socket PATH]",
	  "Has what is now at the path that the gateway was started from take its place: same "
	  "process, same sockets,\n"
	  "same counters, no request lost. It is tried first, and refused unless it can take over. "
	  "Exit status: 0 it\n"
	  "serves, 1 refused, 2 nobody answers, 3 it is still under way after --timeout (90s)." },
	{ "fleet", 0, OPTION_FILE | OPTION_SOCKET | OPTION_JSON, command_fleet,
	  "fleet [--json] [-c FILE | --socket PATH]",
	  "Shows the gateways that share the Redis: the revision that all workers of each have in "
	  "force and since\n"
	  "when, version, state, and who was heard of last and is gone. Exit status: 0 all are "
	  "shown, 1 Redis is away,\n"
	  "2 nobody answers." },
	{ "wait", 1, OPTION_FILE | OPTION_SOCKET | OPTION_JSON | OPTION_ALL | OPTION_TIMEOUT,
	  command_wait,
	  "wait [REVISION | latest] [--all] [--timeout DURATION] [--json] [-c FILE | --socket "
	  "PATH]",
	  "Ends when this gateway, with --all every gateway that shares the Redis, has the "
	  "revision "
	  "or a newer one in\n"
	  "force in all its workers; who drains does not count, nor does who was not heard of for "
	  "7 "
	  "seconds. Without\n"
	  "--timeout it waits as long as it takes. Exit status: 0 in force, 1 no such revision, or "
	  "Redis is away,\n"
	  "2 nobody answers, 3 somebody lags." },
	{ "explain", 2, OPTION_FILE | OPTION_SOCKET | OPTION_JSON | OPTION_HEADER | OPTION_FROM,
	  command_explain,
	  "explain METHOD URL [-H \"NAME: VALUE\"]... [--from ADDRESS] [--json] [-c FILE | "
	  "--socket "
	  "PATH]",
	  "Says what would become of a request in a gateway that runs, without sending anything: "
	  "its route and\n"
	  "those that were near, the gate's verdict, the endpoint that would be picked, and what "
	  "it "
	  "would get." },
	{ "sessions", 1, OPTION_FILE | OPTION_SOCKET | OPTION_JSON | OPTION_END, command_sessions,
	  "sessions USER [--end] [--json] [-c FILE | --socket PATH]",
	  "Shows the sessions of a user, by the subject that a provider knows the user by. --end "
	  "ends them: they are\n"
	  "gone at every gateway that shares the Redis, and what is under way for them is closed. "
	  "Exit status: 0 done,\n"
	  "1 Redis does not answer or there is no login, 2 nobody answers." },
	{ "suspend", 1,
	  OPTION_FILE | OPTION_SOCKET | OPTION_JSON | OPTION_KIND | OPTION_UNTIL |
	      OPTION_ISSUED_BEFORE | OPTION_REASON,
	  command_suspend,
	  "suspend ID [--sub | --sid | --jti] [--issued-before TIME] [--until TIME] [--reason "
	  "TEXT] [--json] [-c FILE | --socket PATH]",
	  "Suspends an identity by its name or sub, a session (--sid) or one token (--jti), and "
	  "closes what it has\n"
	  "under way, at every gateway that shares the Redis. --issued-before suspends only tokens "
	  "that were issued\n"
	  "before a time, of ID or, with *, of everybody. Exit status: 0 in force, 1 refused, 2 "
	  "nobody answers,\n"
	  "3 in force but a worker lags." },
	{ "resume", 1, OPTION_FILE | OPTION_SOCKET | OPTION_JSON | OPTION_KIND, command_resume,
	  "resume ID [--sub | --sid | --jti] [--json] [-c FILE | --socket PATH]",
	  "Takes a suspension back. Exit status: 0 done, 1 it is not suspended, 2 nobody "
	  "answers." },
	{ "suspended", 0, OPTION_FILE | OPTION_SOCKET | OPTION_JSON, command_suspended,
	  "suspended [--json] [-c FILE | --socket PATH]",
	  "Shows who is suspended: since when, until when, by whom and why." },
	{ "history", 0, OPTION_FILE | OPTION_SOCKET | OPTION_JSON, command_history,
	  "history [--json] [-c FILE | --socket PATH]",
	  "Shows the last revisions of the rules: who changed them, when and why." },
	{ "diff", 2, OPTION_FILE | OPTION_SOCKET | OPTION_JSON | OPTION_REPLAY, command_diff,
	  "diff [A [B]] [--replay] [--json] [-c FILE | --socket PATH]",
	  "Shows what differs in the rules between two revisions; without B to those in force, "
	  "without A from\n"
	  "the revision before. A may be a file of rules: what yett apply would change. --replay "
	  "tries A (a\n"
	  "revision or a file) on the last requests instead: how many would go elsewhere, and "
	  "which." },
	{ "apply", 1,
	  OPTION_FILE | OPTION_SOCKET | OPTION_JSON | OPTION_DRY_RUN | OPTION_FORCE | OPTION_WAIT |
	      OPTION_WHY | OPTION_IF_MATCH,
	  command_apply,
	  "apply RULES [--dry-run] [--force] [--why TEXT] [--if-match REVISION] [--wait] [--json] "
	  "[-c FILE | --socket PATH]",
	  "Makes the rules of the store those of a file in YAML or JSON: {routes: {NAME: {...}}, "
	  "upstreams: ..,\n"
	  "policies: .., frontends: {URL: BACKEND}, backends: {NAME: {SERVER: SCORE}}}. What it "
	  "names becomes exactly\n"
	  "so, families that it does not name stay. --force confirms that more than half of the "
	  "rules goes,\n"
	  "--if-match that the revision is still this one. Exit status: 0 in force, 1 refused, 2 "
	  "nobody answers,\n"
	  "3 in force but a worker lags." },
	{ "rollback", 1,
	  OPTION_FILE | OPTION_SOCKET | OPTION_JSON | OPTION_DRY_RUN | OPTION_FORCE | OPTION_WAIT |
	      OPTION_WHY | OPTION_IF_MATCH,
	  command_rollback,
	  "rollback [N | REVISION] [--dry-run] [--force] [--why TEXT] [--if-match REVISION] "
	  "[--wait] "
	  "[--json] [-c FILE | --socket PATH]",
	  "Makes the rules what they were N revisions ago (1 undoes the last), or at a revision. "
	  "That is a new\n"
	  "revision: the history stays. Exit status as for apply." },
	{ "key", 2,
	  OPTION_FILE | OPTION_SOCKET | OPTION_JSON | OPTION_CLAIM | OPTION_EXPIRES | OPTION_WAIT |
	      OPTION_WHY,
	  command_key,
	  "key add NAME [--claim NAME=TEXT | --claim NAME:=JSON]... [--expires WHEN] | key list | "
	  "key revoke NAME\n       [--why TEXT] [--wait] [--json] [-c FILE | --socket PATH]",
	  "Makes an API key and prints it, this once: what is stored is its digest. It stands for "
	  "its claims, sub being\n"
	  "NAME where none is given, until a date or for a duration (--expires). list shows those "
	  "that there are,\n"
	  "revoke ends one at once. Exit status as for apply." },
	{ "token", 0, OPTION_FILE | OPTION_CLAIM | OPTION_TTL | OPTION_ALGORITHM, command_token,
	  "token [-c FILE] [--claim NAME=VALUE]... [--ttl DURATION] [--algorithm NAME]",
	  "Prints a token for tests that the gate of this configuration accepts, signed with its "
	  "secret." },
	{ "export", 1, OPTION_FILE | OPTION_SOCKET | OPTION_JSON, command_export,
	  "export [yaml | redx] [--json] [-c FILE | --socket PATH]",
	  "Prints the rules of the store that are in force: as apply takes them (yaml), or as "
	  "commands for redis-cli\n"
	  "that make them in the Redis of redx. What is refused, or has no form there, is told. "
	  "Exit "
	  "status: 0 all is\n"
	  "printed, 1 not all, 2 nobody answers." },
	{ "import", 2, OPTION_JSON | OPTION_STRICT, command_import,
	  "import redx | ashine | nginx FILE [--strict] [--json]",
	  "Reads commands for redis-cli that make rules of redx (SET frontend:.., HSET "
	  "backend:..), "
	  "the services\n"
	  "of a-shine's gateway.conf.yaml, or upstreams, maps and plain locations of nginx, and "
	  "prints "
	  "them as apply\n"
	  "takes them. What cannot be taken over is told with its line; with --strict nothing is "
	  "printed then. Exit\n"
	  "status: 0 printed, 1 refused, 2 the file cannot be read." },
	{ "schema", 1, 0, command_schema, "schema config | rules | api",
	  "Prints a JSON Schema (2020-12) of a configuration, or of the rules that apply takes, by "
	  "which editors\n"
	  "complete and check; one rule as a store has it is in its $defs (route, upstream, "
	  "policy, "
	  "api_key). What\n"
	  "only the whole can tell is check's. api: the management API as an OpenAPI 3.1 document, "
	  "which GET\n"
	  "/openapi.json answers, too. Exit status: 0 printed, 2 misused." },
	{ "version", 0, OPTION_JSON, command_version, "version [--json]", "Prints the version." },
	{ "help", 1, 0, command_help, "help [COMMAND | settings | reasons | metrics | api]",
	  "Prints this, the help of a command, every setting, every reason of a refusal, or every "
	  "path of\n"
	  "the management API." },
};

#define COMMANDS (sizeof commands / sizeof commands[0])

static const struct command *
find_command(const char *name)
{
	for (size_t i = 0; i < COMMANDS; i++) {
		if (strcmp(commands[i].name, name) == 0)
			return &commands[i];
	}
	return NULL;
}

static int
command_version(const struct command_options *o)
{
	printf(o->json ? "{\"version\":\"%s\"}\n" : "yett %s\n", YETT_VERSION);
	return COMMAND_OK;
}

static void
print_settings(void)
{
	struct buf BUF_CLEAN out = { 0 };

	for (size_t i = 0; i < settings_count; i++) {
		const struct setting *s = &settings[i];

		buf_addf(&out, "%s\n    type: ", s->path);
		setting_describe_type(s, &out);
		buf_adds(&out, SLICE("\n    default: "));
		setting_describe_default(s, &out);
		for (size_t k = 0; k < setting_profiles_count; k++) {
			const struct setting_profile *p = &setting_profiles[k];

			if (strcmp(p->path, s->path) == 0)
				buf_addf(&out, "\n    default with compatibility %s: %s",
					 setting_profile_name(p->profile), p->initial);
		}
		buf_addf(&out, "\n    %s\n    example: %s\n", s->text, s->example);
		if (s->restart)
			buf_adds(&out, SLICE("    a reload does not change it\n"));
	}
	fwrite(out.p, 1, out.n, stdout);
}

static void
print_reasons(void)
{
	for (int i = REASON_none + 1; i < REASON_N; i++) {
		const struct reason_info *r = reason_info((enum reason)i);

		printf("%-28s %d  %s\n", r->name, r->status, r->text);
	}
}

static void
print_metrics(void)
{
	for (int i = 0; i < METRIC_N; i++) {
		const struct metric_info *m = metric_info((enum metric)i);

		printf("%s\n    type: %s\n    labels: %s\n    %s.\n", m->name, m->type,
		       m->labels[0] ? m->labels : "none", m->help);
	}
}

static void
print_api(void)
{
	for (size_t i = 0; i < api_rows_count; i++) {
		const struct api_row *r = &api_rows[i];

		printf("%s %s\n    role: %s\n    %s\n", r->methods, r->path,
		       access_role_name[r->role], r->text);
	}
}

static void
print_overview(FILE *to)
{
	fprintf(to, "yett %s, an API gateway\n\n", YETT_VERSION);
	for (size_t i = 0; i < COMMANDS; i++)
		fprintf(to, "  yett %s\n", commands[i].usage);
	fprintf(to, "\nThe commands that ask a gateway use its admin socket: --socket PATH, else "
		    "that of the configuration\n"
		    "named by -c, else $RUNTIME_DIRECTORY/admin.sock, else /run/yett/admin.sock. "
		    "See yett(8), yett.yaml(5), yett-rules(5), yett-admin(7), yett-metrics(7) "
		    "and yett-migration(7).\n");
}

static int
command_help(const struct command_options *o)
{
	const char *topic = o->words[0];
	const struct command *c = topic ? find_command(topic) : NULL;

	if (!topic) {
		print_overview(stdout);
	} else if (strcmp(topic, "settings") == 0) {
		print_settings();
	} else if (strcmp(topic, "reasons") == 0) {
		print_reasons();
	} else if (strcmp(topic, "metrics") == 0) {
		print_metrics();
	} else if (strcmp(topic, "api") == 0) {
		print_api();
	} else if (c) {
		printf("usage: yett %s\n\n%s\n", c->usage, c->text);
	} else {
		fprintf(stderr, "yett help: there is no command \"%s\"; see yett help\n", topic);
		return COMMAND_UNREADABLE;
	}
	return COMMAND_OK;
}

static int
misused(const struct command *c, const char *what, const char *word)
{
	fprintf(stderr, "yett %s: %s %s\nusage: yett %s\n", c->name, what, word, c->usage);
	return COMMAND_UNREADABLE;
}

/* The option that `word` names, with *value behind '=' where there is one. */
static const struct option *
find_option(const struct command *c, const char *word, const char **value)
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
parse(const struct command *c, int argc, char **argv, struct command_options *out)
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
run(const struct command *c, int argc, char **argv)
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

int
command_main(int argc, char **argv)
{
	const char *name = argc > 1 ? argv[1] : "";
	const struct command *c = find_command(strcmp(name, "--version") == 0 ? "version" : name);

	if (c && argc == 3 && (strcmp(argv[2], "--help") == 0 || strcmp(argv[2], "-h") == 0))
		return command_help(&(struct command_options){ .words = { c->name } });
	if (c && c->run)
		return run(c, argc, argv);
	if (c) { /* main runs it if it is written as the usage says */
		fprintf(stderr, "usage: yett %s\n", c->usage);
		return COMMAND_UNREADABLE;
	}
	if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0)
		return command_help(&(struct command_options){ 0 });
	if (*name)
		fprintf(stderr, "yett: there is no command \"%s\"\n", name);
	print_overview(stderr);
	return COMMAND_UNREADABLE;
}
