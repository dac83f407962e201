/*
 * `yett explain METHOD URL`: what would become of a request, in words.
 */

#include "columns.h"
#include "command_ask.h"

#include <stdio.h>
#include <unistd.h>

/* ---- the question ---- */

/* "Name: value". False when it is none. */
static bool
add_header(struct buf *b, const char *header, bool first)
{
	struct slice value, name = slice_cut(slice_of(header), ':', &value);

	if (!value.p || name.n == 0)
		return false;
	buf_adds(b, first ? SLICE("{\"name\":") : SLICE(",{\"name\":"));
	buf_add_json(b, slice_trim(name));
	buf_adds(b, SLICE(",\"value\":"));
	buf_add_json(b, slice_trim(value));
	buf_addc(b, '}');
	return true;
}

/* NULL, or the header that is none. */
static const char *
write_question(const struct command_options *o, struct buf *b)
{
	buf_adds(b, SLICE("{\"method\":"));
	buf_add_json(b, slice_of(o->words[0]));
	buf_adds(b, SLICE(",\"url\":"));
	buf_add_json(b, slice_of(o->words[1]));
	if (o->from) {
		buf_adds(b, SLICE(",\"from\":"));
		buf_add_json(b, slice_of(o->from));
	}
	buf_adds(b, SLICE(",\"headers\":["));
	for (int i = 0; i < o->headers_count; i++) {
		if (!add_header(b, o->headers[i], i == 0))
			return o->headers[i];
	}
	buf_adds(b, SLICE("]}"));
	return NULL;
}

/* ---- the answer ---- */

static struct slice
text(const struct json *object, const char *name)
{
	return json_text(json_get(object, name));
}

static void
add_label(struct buf *b, const char *label, bool colours)
{
	columns_paint(colours, COLOUR_BOLD, label, b);
	for (size_t n = strlen(label); n < 10; n++)
		buf_addc(b, ' ');
}

/* What came from rules and requests, on one line. */
static void
add_clean(struct buf *b, struct slice s)
{
	for (size_t i = 0; i < s.n; i++)
		buf_addc(b, (unsigned char)s.p[i] < 0x20 || s.p[i] == 0x7f ? '?' : s.p[i]);
}

static void
write_outcome(const struct json *root, bool colours, struct buf *b)
{
	bool refused = slice_eq(text(root, "outcome"), SLICE("refused"));
	struct buf BUF_CLEAN word = { 0 };
	char status[32];

	buf_addf(&word, "%.*s", SLICE_F(text(root, "outcome")));
	buf_addc(&word, '\0');
	add_label(b, "outcome", colours);
	columns_paint(colours, refused ? COLOUR_BAD : COLOUR_GOOD, word.p, b);
	if (answer_number(root, "status") > 0)
		buf_addf(b, " with %s", answer_text(root, "status", status));
	if (refused)
		buf_addf(b, ", %.*s: %.*s", SLICE_F(text(root, "reason")),
			 SLICE_F(text(root, "detail")));
	if (refused && text(root, "field").n > 0) {
		buf_adds(b, SLICE(" The field is "));
		add_clean(b, text(root, "field"));
	}
	buf_adds(b, SLICE("\n"));
}

static void
write_route(const struct json *root, bool colours, struct buf *b)
{
	const struct json *request = json_get(root, "request"), *route = json_get(root, "route");
	const struct json *shadowed = json_first(json_get(root, "shadowed"));
	char priority[32];

	add_label(b, "path", colours);
	add_clean(b, text(request, "path").n ? text(request, "path") : SLICE("-"));
	buf_adds(b, SLICE(" on host "));
	add_clean(b, text(request, "host").n ? text(request, "host") : SLICE("-"));
	buf_addc(b, '\n');
	add_label(b, "route", colours);
	if (json_kind(route) != JSON_OBJECT) {
		buf_adds(b, SLICE("none\n"));
		return;
	}
	add_clean(b, text(route, "id"));
	buf_addf(b, " (%s", answer_true(route, "exact") ? "exact" : "prefix");
	buf_addf(b, ", priority %s)", answer_text(route, "priority", priority));
	for (const struct json *s = shadowed; s; s = json_next(s)) {
		buf_adds(b, s == shadowed ? SLICE(", shadows ") : SLICE(", "));
		add_clean(b, json_text(s));
	}
	buf_addc(b, '\n');
}

/* Where not all are accepted. */
static void
write_issuers(const struct json *names, struct buf *b)
{
	bool any = false;

	if (!names || json_kind(names) != JSON_ARRAY)
		return;
	buf_adds(b, SLICE("; issuers: "));
	for (const struct json *n = json_first(names); n; n = json_next(n)) {
		buf_addf(b, "%s%.*s", any ? ", " : "", SLICE_F(json_text(n)));
		any = true;
	}
	buf_adds(b, any ? SLICE("") : SLICE("none"));
}

static void
write_gate(const struct json *root, bool colours, struct buf *b)
{
	const struct json *gate = json_get(root, "gate"), *by = json_get(gate, "by");

	if (!gate || json_kind(gate) != JSON_OBJECT)
		return;
	add_label(b, "gate", colours);
	buf_adds(b, answer_true(gate, "protected") ? SLICE("protected") : SLICE("not protected"));
	if (json_kind(by) == JSON_OBJECT) {
		buf_addf(b, ", by %.*s ", SLICE_F(text(by, "entry")));
		add_clean(b, text(by, "id").n ? text(by, "id") : text(by, "path"));
	}
	if (answer_true(gate, "overrules_route"))
		buf_adds(b, SLICE("; the route's auth has no effect"));
	if (answer_true(gate, "optional"))
		buf_adds(b, SLICE("; who has a token is found out"));
	if (text(gate, "token").n > 0)
		buf_addf(b, "; token: %.*s", SLICE_F(text(gate, "token")));
	if (answer_true(gate, "ignored"))
		buf_adds(b, SLICE(", which is as good as none"));
	if (text(gate, "suspension").n > 0 && !slice_eq(text(gate, "suspension"), SLICE("none")))
		buf_addf(b, "; suspension: %.*s", SLICE_F(text(gate, "suspension")));
	if (text(gate, "issuer").n > 0)
		buf_addf(b, ", of %.*s", SLICE_F(text(gate, "issuer")));
	write_issuers(json_get(gate, "issuers"), b);
	buf_addc(b, '\n');
}

static void
write_authorisation(const struct json *root, bool colours, struct buf *b)
{
	const struct json *a = json_first(json_get(root, "authorisation"));

	for (; a; a = json_next(a)) {
		const struct json *c = json_first(json_get(a, "clauses"));
		bool passes = answer_true(a, "passes");

		add_label(b, "authorize", colours);
		columns_paint(colours, passes ? COLOUR_GOOD : COLOUR_BAD,
			      passes ? "passes" : "refuses", b);
		buf_addf(b, "%s, by %.*s ", answer_true(a, "shadow") ? " (shadow)" : "",
			 SLICE_F(text(a, "by")));
		add_clean(b, text(a, "path"));
		buf_addc(b, '\n');
		for (; c; c = json_next(c)) {
			buf_addf(b, "          %-8.*s", SLICE_F(text(c, "holds")));
			add_clean(b, text(c, "clause"));
			buf_addc(b, '\n');
		}
	}
}

static void
write_limits(const struct json *root, bool colours, struct buf *b)
{
	const struct json *l = json_first(json_get(root, "limits"));
	char most[32], left[32], wait[32];

	for (; l; l = json_next(l)) {
		bool under_way = json_get(l, "under_way") != NULL;

		add_label(b, "limit", colours);
		add_clean(b, text(l, "name"));
		if (!answer_true(l, "applies")) {
			buf_adds(b, SLICE(" does not apply\n"));
			continue;
		}
		buf_addf(b, "%s: %s of %s %s", answer_true(l, "shadow") ? " (shadow)" : "",
			 answer_text(l, under_way ? "under_way" : "remaining", left),
			 answer_text(l, "most", most), under_way ? "under way" : "left");
		if (answer_true(l, "refuses"))
			columns_paint(colours, COLOUR_BAD, ", refuses", b);
		if (answer_true(l, "refuses") && !under_way)
			buf_addf(b, " for %s s", answer_text(l, "retry_s", wait));
		buf_addc(b, '\n');
	}
}

/* Whom the route has asked in its user's name. */
static void
write_hub(const struct json *root, bool colours, struct buf *b)
{
	const struct json *hub = json_get(root, "hub"), *first = json_first(json_get(hub, "allow"));

	if (!hub || json_kind(hub) != JSON_OBJECT)
		return;
	add_label(b, "hub", colours);
	buf_adds(b, SLICE("asks "));
	for (const struct json *t = first; t; t = json_next(t)) {
		buf_adds(b, t == first ? SLICE("") : SLICE(", "));
		add_clean(b, json_text(t));
	}
	if (!first)
		buf_adds(b, SLICE("nobody"));
	buf_adds(b, answer_true(hub, "http") ? SLICE("; without TLS, too\n") : SLICE("\n"));
}

static void
write_translation(const struct json *root, bool colours, struct buf *b)
{
	const struct json *t = json_get(root, "translation");
	double request = 0, response = 0;

	if (!json_number(json_get(t, "request"), &request) ||
	    !json_number(json_get(t, "response"), &response))
		return;
	add_label(b, "bodies", colours);
	buf_addf(b, "%s%s%s translated, where JSON%s\n", request > 0 ? "request" : "",
		 request > 0 && response > 0 ? " and " : "", response > 0 ? "answer" : "",
		 answer_true(t, "required") ? "; others are refused" : "");
}

static void
write_endpoints(const struct json *root, bool colours, struct buf *b)
{
	static const char *const titles[] = { "ENDPOINT", "STATE", "WEIGHT", "IN FLIGHT", "" };
	const struct json *up = json_get(root, "upstream");
	char weight[32], load[32];
	struct columns c;

	if (!up || json_kind(up) != JSON_OBJECT)
		return;
	add_label(b, "upstream", colours);
	add_clean(b, text(up, "name"));
	buf_addc(b, '\n');
	columns_init(&c, 5, colours);
	for (size_t i = 0; i < 5; i++)
		columns_add(&c, COLOUR_BOLD, slice_of(titles[i]));
	for (const struct json *e = json_first(json_get(up, "endpoints")); e; e = json_next(e)) {
		bool ejected = answer_number(e, "ejected_ms") > 0;
		bool drained = answer_true(e, "drained");

		columns_add(&c, COLOUR_NONE, text(e, "address"));
		columns_add(&c, COLOUR_NONE,
			    drained   ? SLICE("drained")
			    : ejected ? SLICE("ejected")
				      : text(e, "state"));
		columns_addf(&c, COLOUR_NONE, "%s", answer_text(e, "weight", weight));
		columns_addf(&c, COLOUR_NONE, "%s", answer_text(e, "in_flight", load));
		columns_add(&c, COLOUR_GOOD,
			    answer_true(e, "picked") ? SLICE("picked") : SLICE(""));
	}
	columns_write(&c, b);
	columns_deinit(&c);
}

static void
write_near(const struct json *root, bool colours, struct buf *b)
{
	static const char *const titles[] = { "NEAR", "HOST", "PATH", "FAILED IN", "" };
	const struct json *n = json_first(json_get(root, "near"));
	struct columns c;

	if (!n)
		return;
	columns_init(&c, 5, colours);
	for (size_t i = 0; i < 5; i++)
		columns_add(&c, COLOUR_BOLD, slice_of(titles[i]));
	for (; n; n = json_next(n)) {
		struct slice why = text(n, "text").n ? text(n, "text") : text(n, "name");

		columns_add(&c, COLOUR_NONE, text(n, "id"));
		columns_add(&c, COLOUR_NONE, text(n, "host").n ? text(n, "host") : SLICE("any"));
		columns_add(&c, COLOUR_NONE, text(n, "path"));
		columns_add(&c, COLOUR_WARN, text(n, "clause"));
		columns_add(&c, COLOUR_NONE, why);
	}
	buf_addc(b, '\n');
	columns_write(&c, b);
	columns_deinit(&c);
}

static void
write_head(const struct json *head, struct buf *b)
{
	if (!head || json_kind(head) != JSON_OBJECT)
		return;
	buf_addc(b, '\n');
	add_clean(b, text(head, "line"));
	buf_addc(b, '\n');
	for (const struct json *f = json_first(json_get(head, "headers")); f; f = json_next(f)) {
		add_clean(b, text(f, "name"));
		buf_adds(b, SLICE(": "));
		add_clean(b, text(f, "value"));
		buf_addc(b, '\n');
	}
}

static void
write_answer(const struct json *root, struct buf *b)
{
	bool colours = columns_want_colours(STDOUT_FILENO);

	write_outcome(root, colours, b);
	write_route(root, colours, b);
	write_gate(root, colours, b);
	write_authorisation(root, colours, b);
	write_limits(root, colours, b);
	write_hub(root, colours, b);
	write_translation(root, colours, b);
	write_endpoints(root, colours, b);
	write_near(root, colours, b);
	write_head(json_get(root, "sent"), b);
	write_head(json_get(root, "answer"), b);
}

int
command_explain(const struct command_options *o)
{
	struct buf BUF_CLEAN question = { 0 }, out = { 0 };
	struct answer a;
	const char *bad;
	int r;

	if (o->words_count < 2) {
		fputs("usage: yett explain METHOD URL; see yett help explain\n", stderr);
		return COMMAND_UNREADABLE;
	}
	bad = write_question(o, &question);
	if (bad) {
		fprintf(stderr, "yett explain: \"%s\" is no header; write -H \"Name: value\"\n",
			bad);
		return COMMAND_UNREADABLE;
	}
	r = answer_send(&a, o, "POST", "/explain", buf_slice(&question));
	if (r == COMMAND_OK && a.status != 200)
		r = answer_refused(&a, "explain");
	if (r == COMMAND_OK && o->json) {
		answer_print(&a.body);
	} else if (r == COMMAND_OK) {
		write_answer(a.json, &out);
		answer_print(&out);
	}
	answer_deinit(&a);
	return r;
}
