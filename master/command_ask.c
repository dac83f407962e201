#include "command_ask.h"

#include "ask.h"
#include "columns.h"
#include "config.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define ANSWER_MAX ((size_t)64 << 20)
#define ANSWER_DEPTH 64
#define PATIENCE_S 30 /* more than the 2 s after which the gateway itself says who lags */

int
command_socket(const struct command_options *o, struct buf *path)
{
	const char *folder = getenv("RUNTIME_DIRECTORY");
	struct buf BUF_CLEAN report = { 0 };
	int r = 0;

	if (o->socket) {
		buf_addf(path, "%s", o->socket);
	} else if (o->file) {
		r = config_admin_socket(o->file, path, &report);
		if (r != 0)
			fwrite(report.p, 1, report.n, stderr);
	} else {
		struct slice rest, first = slice_cut(slice_of(folder), ':', &rest);

		if (first.n == 0)
			first = SLICE("/run/yett");
		buf_addf(path, "%.*s/admin.sock", SLICE_F(first));
	}
	buf_addc(path, '\0');
	return r;
}

/* A value of a field from the command line: no line may end in it. */
static int
add_field(struct buf *out, const char *name, const char *value)
{
	for (const char *c = value ? value : ""; *c; c++) {
		if ((unsigned char)*c < ' ' || *c == 0x7f) {
			fputs("yett: a control character in --why or --if-match; write plain "
			      "text\n",
			      stderr);
			return COMMAND_UNREADABLE;
		}
	}
	if (value)
		buf_addf(out, "%s: %s\r\n", name, value);
	return COMMAND_OK;
}

int
answer_send(struct answer *a, const struct command_options *o, const char *method,
	    const char *target, struct slice body)
{
	struct buf BUF_CLEAN path = { 0 }, why = { 0 }, fields = { 0 };
	struct ask q = { .method = method,
			 .target = target,
			 .body = body,
			 .timeout_s = o->wait ? 0 : PATIENCE_S };

	*a = (struct answer){ 0 };
	if (add_field(&fields, "X-Yett-Why", o->why) != 0 ||
	    add_field(&fields, "If-Match", o->if_match) != 0 || command_socket(o, &path) != 0)
		return COMMAND_UNREADABLE;
	buf_addc(&fields, '\0');
	q.fields = fields.p;
	q.socket = path.p;
	a->status = ask(&q, &a->body, &why);
	if (a->status < 0) {
		fprintf(stderr, "yett: %.*s\n", SLICE_F(why));
		return COMMAND_UNREADABLE;
	}
	if (json_parse(buf_slice(&a->body), ANSWER_MAX, ANSWER_DEPTH, &a->json) < 0) {
		fprintf(stderr,
			"yett: the answer with status %d is no JSON; is it a gateway of this "
			"version?\n",
			a->status);
		return COMMAND_UNREADABLE;
	}
	return COMMAND_OK;
}

int
answer_get(struct answer *a, const struct command_options *o, const char *method,
	   const char *target)
{
	return answer_send(a, o, method, target, SLICE(""));
}

void
answer_deinit(struct answer *a)
{
	json_free(a->json);
	buf_deinit(&a->body);
}

int
answer_refused(const struct answer *a, const char *command)
{
	struct slice text = json_text(json_get(a->json, "error"));

	if (text.n == 0)
		text = json_text(json_get(a->json, "message"));
	if (text.n == 0)
		text = json_text(json_get(a->json, "detail"));
	if (text.n == 0)
		text = json_text(json_get(a->json, "title"));
	fprintf(stderr, "yett %s: the gateway answered %d: %.*s\n", command, a->status,
		SLICE_F(text));
	return a->status > 400 && a->status < 500 ? COMMAND_REFUSED : COMMAND_UNREADABLE;
}

static int
get_good(struct answer *a, const struct command_options *o, const char *target, const char *command)
{
	int r = answer_get(a, o, "GET", target);

	return r == COMMAND_OK && a->status != 200 ? answer_refused(a, command) : r;
}

int
answer_try(struct answer *a, const struct command_options *o, const char *target,
	   const char *command, struct buf *trouble)
{
	FILE *before = stderr;
	char *told = NULL;
	size_t n = 0;
	int r;

	stderr = open_memstream(&told, &n); /* glibc's is a variable */
	if (!stderr)
		stderr = before;
	r = get_good(a, o, target, command);
	if (stderr != before)
		fclose(stderr);
	stderr = before;
	trouble->n = 0;
	buf_add(trouble, told ? told : "", n > 0 ? n - 1 : 0); /* without the end of its line */
	buf_addc(trouble, '\0');
	free(told);
	return r;
}

const char *
answer_text(const struct json *object, const char *name, char *space)
{
	const struct json *v = json_get(object, name);
	struct slice text = json_text(v);
	double number;

	if (json_number(v, &number))
		snprintf(space, 32, "%.0f", number);
	else
		snprintf(space, 32, "%.*s", (int)(text.n < 31 ? text.n : 31), text.n ? text.p : "");
	return *space ? space : "-";
}

double
answer_number(const struct json *object, const char *name)
{
	double number;

	return json_number(json_get(object, name), &number) ? number : 0;
}

bool
answer_true(const struct json *object, const char *name)
{
	const struct json *v = json_get(object, name);

	return v && json_kind(v) == JSON_TRUE;
}

void
answer_duration(double seconds, struct buf *out)
{
	unsigned long s = seconds > 0 ? (unsigned long)seconds : 0;

	if (s < 60)
		buf_addf(out, "%lus", s);
	else if (s < 3600)
		buf_addf(out, "%lum %lus", s / 60, s % 60);
	else if (s < 86400)
		buf_addf(out, "%luh %lum", s / 3600, s / 60 % 60);
	else
		buf_addf(out, "%lud %luh", s / 86400, s / 3600 % 24);
}

void
answer_print(const struct buf *out)
{
	struct buf BUF_CLEAN tidy = { 0 };

	columns_tidy(buf_slice(out), &tidy);
	if (tidy.n > 0)
		fwrite(tidy.p, 1, tidy.n, stdout);
	if (tidy.n > 0 && tidy.p[tidy.n - 1] != '\n')
		putchar('\n');
}

void
answer_print_body(const struct answer *a)
{
	struct slice text = json_text(json_get(a->json, "message"));
	struct buf BUF_CLEAN out = { 0 };

	if (a->status < 400 || text.n == 0 || json_get(a->json, "error") || a->body.n == 0) {
		answer_print(&a->body);
		return;
	}
	buf_adds(&out, SLICE("{\"ok\":false,\"error\":"));
	buf_add_json(&out, text);
	buf_addc(&out, ',');
	buf_add(&out, a->body.p + 1, a->body.n - 1); /* an object that has a message at least */
	answer_print(&out);
}

void
answer_say(const char *format, ...)
{
	struct buf BUF_CLEAN out = { 0 };
	va_list args;
	char *line;
	int n;

	va_start(args, format);
	n = vasprintf(&line, format, args);
	va_end(args);
	if (n < 0)
		return;
	buf_add(&out, line, (size_t)n);
	free(line);
	answer_print(&out);
}

void
answer_lagging(const struct json *root)
{
	char slot[32], pid[32], version[32];

	for (const struct json *w = json_first(json_get(root, "lagging")); w; w = json_next(w)) {
		bool admin = slice_eq(json_text(json_get(w, "role")), SLICE("admin"));

		fprintf(stderr, "lagging: worker %s, pid %s, still has version %s\n",
			admin ? "admin" : answer_text(w, "slot", slot), answer_text(w, "pid", pid),
			answer_text(w, "version", version));
	}
}
