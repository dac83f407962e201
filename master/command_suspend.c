/*
 * `yett suspend`, `resume` and `suspended`: who may not pass.
 */

#include "command_table.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

/* "1732700000", "2026-11-27T10:00:00Z", "now"; with `ahead` also "90s", "30m", "12h", "7d" from
 * now. 0: it is none. */
static int64_t
read_time(const char *text, bool ahead)
{
	static const struct {
		char letter;
		int64_t s;
	} units[] = { { 's', 1 }, { 'm', 60 }, { 'h', 3600 }, { 'd', 86400 } };
	struct tm tm = { 0 };
	char *end;
	long long n;

	/* Tokens tell whole seconds: those of this one may have been issued before. */
	if (strcmp(text, "now") == 0)
		return time(NULL) + !ahead;
	end = strptime(text, "%Y-%m-%dT%H:%M:%SZ", &tm);
	if (end && *end == '\0')
		return timegm(&tm);
	if (!isdigit((unsigned char)*text) || strlen(text) > 12)
		return 0;
	n = strtoll(text, &end, 10);
	if (*end == '\0')
		return n;
	for (size_t i = 0; ahead && i < sizeof units / sizeof units[0]; i++) {
		if (*end == units[i].letter && end[1] == '\0')
			return time(NULL) + n * units[i].s;
	}
	return 0;
}

static int
misused(const char *command, const char *what)
{
	fprintf(stderr, "yett %s: %s; see yett help %s\n", command, what, command);
	return COMMAND_UNREADABLE;
}

/* "/suspended/sub/alice". False when the options name two kinds. */
static bool
write_target(const struct command_options *o, struct buf *out)
{
	bool all = strcmp(o->words[0], "*") == 0 && !o->sub && !o->sid && !o->jti;

	if (o->sub + o->sid + o->jti > 1)
		return false;
	buf_addf(out, "/suspended/%s/", all ? "all" : o->sid ? "sid" : o->jti ? "jti" : "sub");
	for (const char *c = o->words[0]; *c; c++) {
		if (isalnum((unsigned char)*c) || *c == '*' || *c == '-' || *c == '_')
			buf_addc(out, *c);
		else
			buf_addf(out, "%%%02x", (unsigned char)*c);
	}
	buf_addc(out, '\0');
	return true;
}

static int
tell(const struct answer *a, const struct command_options *o, const char *command)
{
	struct slice message = json_text(json_get(a->json, "message"));

	if (a->status != 200 && a->status != 202 && a->status != 404 && a->status != 409)
		return answer_refused(a, command);
	if (o->json)
		answer_print_body(a);
	else if (a->status < 300)
		answer_say("%.*s\n", SLICE_F(message));
	else
		fprintf(stderr, "%.*s\n", SLICE_F(message));
	return a->status == 200 ? COMMAND_OK : a->status == 202 ? COMMAND_LAGGING : COMMAND_REFUSED;
}

static int
send(const struct command_options *o, const char *command, const char *method, struct slice body)
{
	struct buf BUF_CLEAN target = { 0 };
	struct answer a;
	int r;

	if (!o->words[0] || !*o->words[0])
		return misused(command, "an ID is missing");
	if (!write_target(o, &target))
		return misused(command, "of --sub, --sid and --jti at most one");
	r = answer_send(&a, o, method, target.p, body);
	if (r == COMMAND_OK)
		r = tell(&a, o, command);
	answer_deinit(&a);
	return r;
}

int
command_suspend(const struct command_options *o)
{
	struct buf BUF_CLEAN body = { 0 };
	int64_t until = o->until ? read_time(o->until, true) : 0;
	int64_t before = o->issued_before ? read_time(o->issued_before, false) : 0;

	if (o->until && until <= 0)
		return misused("suspend", "--until takes a time (2026-11-27T10:00:00Z, or seconds "
					  "since 1970) or a duration (90s, 30m, 12h, 7d)");
	if (o->issued_before && before <= 0)
		return misused("suspend", "--issued-before takes now, or a time "
					  "(2026-11-27T10:00:00Z, or seconds since 1970)");
	buf_adds(&body, SLICE("{\"reason\":"));
	buf_add_json(&body, slice_of(o->reason ? o->reason : ""));
	if (until)
		buf_addf(&body, ",\"until\":%lld", (long long)until);
	if (before)
		buf_addf(&body, ",\"before\":%lld", (long long)before);
	buf_addc(&body, '}');
	return send(o, "suspend", "PUT", buf_slice(&body));
}

int
command_resume(const struct command_options *o)
{
	return send(o, "resume", "DELETE", SLICE(""));
}

static void
write_list(const struct json *root, bool colours, struct buf *out)
{
	static const char *const titles[] = { "KIND",   "ID", "SINCE",  "UNTIL",
					      "BEFORE", "BY", "REASON", NULL };
	static const char *const fields[] = { "kind",   "id", "since", "until",
					      "before", "by", "reason" };
	const struct json *data = json_get(root, "data");
	const struct json *list = json_get(data, "suspended");
	struct columns c;
	size_t shown = 0;

	columns_init(&c, 7, colours);
	command_head(&c, titles);
	for (const struct json *one = json_first(list); one; one = json_next(one), shown++) {
		for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++)
			columns_add(&c, COLOUR_NONE, json_text(json_get(one, fields[i])));
	}
	if (shown > 0)
		columns_write(&c, out);
	else
		buf_adds(out, SLICE("Nobody is suspended.\n"));
	columns_deinit(&c);
	if (answer_number(data, "count") > (double)shown)
		buf_addf(out, "and %.0f more\n", answer_number(data, "count") - (double)shown);
}

int
command_suspended(const struct command_options *o)
{
	return command_show(o, "suspended", "/suspended", write_list);
}
