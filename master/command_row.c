/*
 * The commands: what each takes, and what `yett help` says of it.
 */

#include "command_row.h"

const struct command_row command_rows[] = {
	{ "run", "run the gateway in the foreground", 0, OPTION_FILE, NULL, "run [-c FILE]",
	  "Runs the gateway in the foreground, with its log on standard error. Without -c the file "
	  "is that of\n"
	  "$CONFIG_LOCATION, else gateway.conf.yaml or .yml in the working directory, else "
	  "/etc/yett/yett.yaml.\n"
	  "Exit status: 0 after a drain, 1 mistakes in the file, or something that it needs "
	  "cannot\n"
	  "be had, 2 the file cannot be read.",
	  "yett run -c /etc/yett/yett.yaml" },
	{ "check", "tell every mistake of a configuration", 0,
	  OPTION_FILE | OPTION_EFFECTIVE | OPTION_JSON, command_check,
	  "check [-c FILE] [--effective] [--json]",
	  "Reads a configuration (as run finds it) and tells every mistake with its line. "
	  "--effective prints all "
	  "settings with\n"
	  "their origin, secrets redacted. Exit status: 0 good, 1 mistakes, 2 the file cannot be "
	  "read.",
	  "yett check -c yett.yaml && yett check --effective | grep timeouts" },
	{ "doctor", "what is wrong on this machine, and what to do", 0,
	  OPTION_FILE | OPTION_SOCKET | OPTION_JSON, command_doctor,
	  "doctor [--json] [-c FILE] [--socket PATH]",
	  "Says what is wrong on this machine for the gateway of a configuration (as run finds "
	  "it), "
	  "and what to\n"
	  "do: limits, folders, disk, certificates, clock, names, Redis, and where a gateway runs, "
	  "what that says.\n"
	  "It changes nothing, and takes a few seconds at most. Exit status: 0 no problem (there "
	  "may be warnings),\n"
	  "1 a problem, 2 the file cannot be read.",
	  "sudo -u yett yett doctor -c /etc/yett/yett.yaml" },
	{ "status", "table, workers, rules, Redis and endpoints", 0,
	  OPTION_FILE | OPTION_SOCKET | OPTION_JSON, command_status,
	  "status [--json] [-c FILE | --socket PATH]",
	  "Shows the state of a gateway that runs: table, workers, rules, Redis, endpoints.",
	  "yett status; yett status --json | jq .table.version" },
	{ "routes", "every route, and why one is not in force", 0,
	  OPTION_FILE | OPTION_SOCKET | OPTION_JSON | OPTION_REFUSED, command_routes,
	  "routes [--refused] [--json] [-c FILE | --socket PATH]",
	  "Shows every route of a gateway that runs, and why one is not in force. --refused shows "
	  "the rules\n"
	  "that were refused instead: why, since when, and what is in force in their place.",
	  "yett routes --refused" },
	{ "top", "who and what has the most requests, errors, bytes; live", 0,
	  OPTION_FILE | OPTION_SOCKET | OPTION_JSON | OPTION_ONCE | OPTION_BY | OPTION_HOUR,
	  command_top,
	  "top [--once | --hour HOUR] [--by requests | errors | bytes | latency | now] [--json] "
	  "[-c FILE "
	  "| --socket PATH]",
	  "Shows which routes, upstreams and identities have the most requests, errors, bytes or "
	  "the largest\n"
	  "latency since the gateway started. On a terminal it does so anew every two seconds, "
	  "with "
	  "what came\n"
	  "since the last look, until q or ^C; r, e, b, l and n sort by what --by names, 1 to 4 "
	  "show routes,\n"
	  "upstreams, identities or endpoints alone (arrows scroll), a all of them, the space bar "
	  "stops it.\n"
	  "Elsewhere, or with --once, it does so one time. --hour shows what identities did in one "
	  "hour of UTC\n"
	  "(2026-11-27T10) at all gateways together, where statistics.flush writes that to Redis. "
	  "Identities\n"
	  "take the role operate.",
	  "yett top --by errors; yett top --once --json | jq .routes" },
	{ "tail", "the access log as it comes, with filters", 8,
	  OPTION_FILE | OPTION_SOCKET | OPTION_JSON, command_tail,
	  "tail [NAME=VALUE]... [--json] [-c FILE | --socket PATH]",
	  "Shows the access log of a gateway that runs, line by line as requests end, until it is "
	  "interrupted; of\n"
	  "those only that all of these fit: status=404 or 5xx, route=, upstream=, reason=, user=, "
	  "client=, method=, host=,\n"
	  "phase=, ended_by=, path= (how it begins), min=250ms (how long it took at least). It "
	  "needs no access log. Who\n"
	  "reads too slowly is told how many lines were missed. Takes the role operate.",
	  "yett tail status=5xx route=file:shop min=250ms" },
	{ "errors", "the last requests that were refused, and their bytes", 0,
	  OPTION_FILE | OPTION_SOCKET | OPTION_JSON, command_errors,
	  "errors [--json] [-c FILE | --socket PATH]",
	  "Shows the last requests that were no HTTP, or none that is taken, and those that a "
	  "route or "
	  "a policy refused, 64\n"
	  "of each kind and worker: who sent them, why they were refused, and the bytes, with a "
	  "mark "
	  "below the one that is to\n"
	  "blame. What may be secret is masked by \"*\".\n"
	  "Takes the role operate.",
	  "yett errors | head -n 20" },
	{ "cascade", "which services have still to hear of deleted users", 2,
	  OPTION_FILE | OPTION_SOCKET | OPTION_JSON, command_cascade,
	  "cascade [retry ID | drop ID] [--json] [-c FILE | --socket PATH]",
	  "Shows which services have still to hear of which deleted users, or were given up. retry "
	  "tells those\n"
	  "of one job again, now; drop forgets it. ID is that of the job or of the user.",
	  "yett cascade; yett cascade retry 9b2f6c" },
	{ "reload", "read the file again", 0,
	  OPTION_FILE | OPTION_SOCKET | OPTION_JSON | OPTION_WAIT | OPTION_FORCE, command_reload,
	  "reload [--wait] [--force] [--json] [-c FILE | --socket PATH]",
	  "Makes the gateway read its file again, all of it or nothing. --wait waits until every "
	  "worker has it,\n"
	  "--force also applies deletions in Redis that were withheld. Exit status: 0 in force, 1 "
	  "refused,\n"
	  "2 nobody answers, 3 in force but a worker lags.",
	  "yett check -c yett.yaml && yett reload --wait" },
	{ "drain", "take an endpoint or a worker out of service", 1,
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
	  "endpoint, 2 nobody answers, 3 it still has requests under way.",
	  "yett drain 10.0.0.5:8080 --wait --timeout 5m; yett drain 10.0.0.5:8080 --undo" },
	{ "maintenance", "answer every request by 503", 1,
	  OPTION_FILE | OPTION_SOCKET | OPTION_JSON | OPTION_UNDO, command_maintenance,
	  "maintenance [RETRY-AFTER | off | --undo] [--json] [-c FILE | --socket PATH]",
	  "Has every request to the gateway answered by 503 with the page of error_pages and this "
	  "Retry-After (10m), or\n"
	  "served (off), whatever the configuration says, until --undo. Without a word it shows "
	  "which. Exit status: 0 done,\n"
	  "1 refused, 2 nobody answers.",
	  "yett maintenance 30m; yett maintenance --undo" },
	{ "upgrade", "let the binary that is installed now take over", 0,
	  OPTION_FILE | OPTION_SOCKET | OPTION_JSON | OPTION_TIMEOUT, command_upgrade,
	  "upgrade [--timeout DURATION] [--json] [-c FILE | --socket PATH]",
	  "Has what is now at the path that the gateway was started from take its place: same "
	  "process, same sockets,\n"
	  "same counters, no request lost. It is tried first, and refused unless it can take over. "
	  "Exit status: 0 it\n"
	  "serves, 1 refused, 2 nobody answers, 3 it is still under way after --timeout (90s).",
	  "yett upgrade --timeout 2m && yett version" },
	{ "fleet", "the gateways that share the Redis", 0,
	  OPTION_FILE | OPTION_SOCKET | OPTION_JSON, command_fleet,
	  "fleet [--json] [-c FILE | --socket PATH]",
	  "Shows the gateways that share the Redis: the revision that all workers of each have in "
	  "force and since\n"
	  "when, version, state, and who was heard of last and is gone. Exit status: 0 all are "
	  "shown, 1 Redis is away,\n"
	  "2 nobody answers.",
	  "yett fleet" },
	{ "wait", "until a revision of the rules is in force", 1,
	  OPTION_FILE | OPTION_SOCKET | OPTION_JSON | OPTION_ALL | OPTION_TIMEOUT, command_wait,
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
	  "2 nobody answers, 3 somebody lags.",
	  "yett wait latest --all --timeout 30s || echo \"somebody lags\"" },
	{ "explain", "what would become of a request", 2,
	  OPTION_FILE | OPTION_SOCKET | OPTION_JSON | OPTION_HEADER | OPTION_FROM, command_explain,
	  "explain METHOD URL [-H \"NAME: VALUE\"]... [--from ADDRESS] [--json] [-c FILE | "
	  "--socket "
	  "PATH]",
	  "Says what would become of a request in a gateway that runs, without sending anything: "
	  "its route and\n"
	  "those that were near, the gate's verdict, the endpoint that would be picked, and what "
	  "it "
	  "would get.",
	  "yett explain GET https://shop.example/cart -H \"Cookie: a=b\" --from 192.0.2.7" },
	{ "sessions", "the sessions of a user, and their end", 1,
	  OPTION_FILE | OPTION_SOCKET | OPTION_JSON | OPTION_END, command_sessions,
	  "sessions USER [--end] [--json] [-c FILE | --socket PATH]",
	  "Shows the sessions of a user, by the subject that a provider knows the user by. --end "
	  "ends them: they are\n"
	  "gone at every gateway that shares the Redis, and what is under way for them is closed. "
	  "Exit status: 0 done,\n"
	  "1 there is no login, 2 nobody answers, or Redis does not.",
	  "yett sessions alice; yett sessions alice --end" },
	{ "suspend", "shut out a user, a session or a token", 1,
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
	  "3 in force but a worker lags.",
	  "yett suspend alice --until 12h --reason \"lost her phone\"" },
	{ "resume", "take a suspension back", 1,
	  OPTION_FILE | OPTION_SOCKET | OPTION_JSON | OPTION_KIND, command_resume,
	  "resume ID [--sub | --sid | --jti] [--json] [-c FILE | --socket PATH]",
	  "Takes a suspension back. Exit status: 0 done, 1 it is not suspended, 2 nobody "
	  "answers.",
	  "yett resume alice" },
	{ "suspended", "who is suspended", 0, OPTION_FILE | OPTION_SOCKET | OPTION_JSON,
	  command_suspended, "suspended [--json] [-c FILE | --socket PATH]",
	  "Shows who is suspended: since when, until when, by whom and why.",
	  "yett suspended --json | jq .data.count" },
	{ "history", "the last revisions of the rules", 0,
	  OPTION_FILE | OPTION_SOCKET | OPTION_JSON, command_history,
	  "history [--json] [-c FILE | --socket PATH]",
	  "Shows the last revisions of the rules: who changed them, when and why.",
	  "yett history | head -n 5" },
	{ "diff", "what differs between two revisions, or a file of rules", 2,
	  OPTION_FILE | OPTION_SOCKET | OPTION_JSON | OPTION_REPLAY, command_diff,
	  "diff [A [B]] [--replay] [--json] [-c FILE | --socket PATH]",
	  "Shows what differs in the rules between two revisions; without B to those in force, "
	  "without A from\n"
	  "the revision before. A may be a file of rules: what yett apply would change. --replay "
	  "tries A (a\n"
	  "revision or a file) on the last requests instead: how many would go elsewhere, and "
	  "which.",
	  "yett diff rules.yaml; yett diff rules.yaml --replay" },
	{ "apply", "make the rules those of a file", 1,
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
	  "3 in force but a worker lags.",
	  "yett apply rules.yaml --dry-run && yett apply rules.yaml --why \"the new shop\" "
	  "--wait" },
	{ "rollback", "make the rules what they were", 1,
	  OPTION_FILE | OPTION_SOCKET | OPTION_JSON | OPTION_DRY_RUN | OPTION_FORCE | OPTION_WAIT |
	      OPTION_WHY | OPTION_IF_MATCH,
	  command_rollback,
	  "rollback [N | REVISION] [--dry-run] [--force] [--why TEXT] [--if-match REVISION] "
	  "[--wait] "
	  "[--json] [-c FILE | --socket PATH]",
	  "Makes the rules what they were N revisions ago (1 undoes the last), or at a revision. "
	  "That is a new\n"
	  "revision: the history stays. Exit status as for apply.",
	  "yett rollback 1 --why \"the shop was not ready\"" },
	{ "key", "make, list and revoke API keys", 2,
	  OPTION_FILE | OPTION_SOCKET | OPTION_JSON | OPTION_CLAIM | OPTION_EXPIRES | OPTION_WAIT |
	      OPTION_WHY,
	  command_key,
	  "key add NAME [--claim NAME=TEXT | --claim NAME:=JSON]... [--expires WHEN] | key list | "
	  "key revoke NAME\n       [--why TEXT] [--wait] [--json] [-c FILE | --socket PATH]",
	  "Makes an API key and prints it, this once: what is stored is its digest. It stands for "
	  "its claims, sub being\n"
	  "NAME where none is given, until a date or for a duration (--expires). list shows those "
	  "that there are,\n"
	  "revoke ends one at once. Exit status as for apply.",
	  "yett key add ci --claim role=robot --expires 90d; yett key revoke ci" },
	{ "token", "a token for tests", 0,
	  OPTION_FILE | OPTION_JSON | OPTION_CLAIM | OPTION_TTL | OPTION_ALGORITHM, command_token,
	  "token [-c FILE] [--claim NAME=VALUE]... [--ttl DURATION] [--algorithm NAME] [--json]",
	  "Prints a token for tests that the gate of this configuration accepts, signed with its "
	  "secret.",
	  "curl -H \"Authorization: Bearer $(yett token --claim sub=alice --ttl 5m)\" "
	  "localhost:8080/" },
	{ "export", "the rules that are in force", 1, OPTION_FILE | OPTION_SOCKET | OPTION_JSON,
	  command_export, "export [yaml | redx] [--json] [-c FILE | --socket PATH]",
	  "Prints the rules of the store that are in force: as apply takes them (yaml), or as "
	  "commands for redis-cli\n"
	  "that make them in the Redis of redx. What is refused, or has no form there, is told. "
	  "Exit "
	  "status: 0 all is\n"
	  "printed, 1 not all, 2 nobody answers.",
	  "yett export > rules.yaml; yett export redx | redis-cli" },
	{ "import", "rules of redx, a-shine or nginx as apply takes them", 2,
	  OPTION_JSON | OPTION_STRICT, command_import,
	  "import redx | ashine | gateway.conf.yaml | nginx | nginx-map FILE [--strict] [--json]",
	  "Reads commands for redis-cli that make rules of redx (SET frontend:.., HSET "
	  "backend:..), "
	  "the services\n"
	  "of a-shine's gateway.conf.yaml, or upstreams, maps and plain locations of nginx, and "
	  "prints "
	  "them as apply\n"
	  "takes them. What cannot be taken over is told with its line; with --strict nothing is "
	  "printed then.\n"
	  "Exit status: 0 printed, 1 refused, 2 the file cannot be read.",
	  "yett import nginx /etc/nginx/nginx.conf > rules.yaml && yett apply rules.yaml "
	  "--dry-run" },
	{ "schema", "JSON Schemas and the OpenAPI document", 1, OPTION_JSON, command_schema,
	  "schema config | rules | api [--json]",
	  "Prints a JSON Schema (2020-12) of a configuration, or of the rules that apply takes, by "
	  "which editors\n"
	  "complete and check; one rule as a store has it is in its $defs (route, upstream, "
	  "policy, "
	  "api_key). What\n"
	  "only the whole can tell is check's. api: the management API as an OpenAPI 3.1 document, "
	  "which GET\n"
	  "/openapi.json answers, too. It is JSON with and without --json. Exit status: 0\n"
	  "printed, 2 misused.",
	  "yett schema config > yett.schema.json" },
	{ "version", "the version", 0, OPTION_JSON, command_version, "version [--json]",
	  "Prints the version.", "yett version --json" },
	{ "help", "this, a command, all settings, reasons, metrics or paths", 1, OPTION_JSON,
	  command_help, "help [COMMAND | settings | reasons | metrics | api] [--json]",
	  "Prints this, the help of a command, every setting, every reason of a refusal, every "
	  "metric,\n"
	  "or every path of the management API.",
	  "yett help top; yett help reasons | grep upstream_" },
};

const size_t command_rows_count = sizeof command_rows / sizeof command_rows[0];
