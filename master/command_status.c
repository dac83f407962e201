/*
 * `yett status` and `yett routes`: what the gateway says of itself, as tables.
 */

#include "columns.h"
#include "command_ask.h"
#include "command_status_tls.h"

#include <stdio.h>
#include <unistd.h>

static bool
is(struct slice text, const char *word)
{
	return slice_eq(text, slice_of(word));
}

static enum colour
colour_of(struct slice state)
{
	if (is(state, "running") || is(state, "alive") || is(state, "active") || is(state, "up"))
		return COLOUR_GOOD;
	if (is(state, "dead") || is(state, "refused") || is(state, "down") ||
	    is(state, "backoff") || is(state, "none"))
		return COLOUR_BAD;
	return COLOUR_WARN;
}

static void
add_head(struct columns *c, const char *const *titles)
{
	for (; *titles; titles++)
		columns_add(c, COLOUR_BOLD, slice_of(*titles));
}

static void
add_field(struct columns *c, const struct json *object, const char *name)
{
	char space[32];

	if (json_text(json_get(object, name)).n > 0)
		columns_add(c, COLOUR_NONE, json_text(json_get(object, name)));
	else
		columns_add(c, COLOUR_NONE, slice_of(answer_text(object, name, space)));
}

/* ---- status ---- */

static void
add_worker(struct columns *c, const struct json *w, bool admin)
{
	static const char *const fields[] = { "version", "connections", "in_flight", "restarts" };
	struct slice state = json_text(json_get(w, "state"));
	char space[32];

	columns_add(c, COLOUR_NONE, slice_of(admin ? "admin" : answer_text(w, "slot", space)));
	add_field(c, w, "pid");
	columns_add(c, colour_of(state), state);
	for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++)
		add_field(c, w, fields[i]);
	if (json_kind(json_get(w, "heartbeat_age_ms") ?: w) == JSON_NUMBER)
		columns_addf(c, COLOUR_NONE, "%s ms", answer_text(w, "heartbeat_age_ms", space));
	else
		columns_add(c, COLOUR_NONE, SLICE("-"));
}

static void
write_workers(const struct json *root, bool colours, struct buf *out)
{
	static const char *const titles[] = { "WORKER",   "PID",       "STATE",
					      "TABLE",    "CLIENTS",   "IN FLIGHT",
					      "RESTARTS", "HEARTBEAT", NULL };
	const struct json *admin = json_get(root, "admin");
	struct columns c;

	columns_init(&c, 8, colours);
	add_head(&c, titles);
	for (const struct json *w = json_first(json_get(root, "workers")); w; w = json_next(w))
		add_worker(&c, w, false);
	if (admin)
		add_worker(&c, admin, true);
	columns_write(&c, out);
	columns_deinit(&c);
}

static void
add_endpoint(struct columns *c, const struct json *upstream, const struct json *e)
{
	struct slice state = json_text(json_get(e, "state"));
	struct slice error = json_text(json_get(e, "error"));
	struct buf BUF_CLEAN addresses = { 0 };
	double status = answer_number(e, "last_status");
	double ejected_ms = answer_number(e, "ejected_ms");

	for (const struct json *a = json_first(json_get(e, "resolved")); a; a = json_next(a))
		buf_addf(&addresses, "%s%.*s", addresses.n ? ", " : "", SLICE_F(json_text(a)));
	add_field(c, upstream, "name");
	add_field(c, upstream, "source");
	add_field(c, e, "address");
	if (ejected_ms > 0 && !is(state, "dead"))
		columns_addf(c, COLOUR_BAD, "ejected %u s", ((unsigned)ejected_ms + 999) / 1000);
	else
		columns_add(c, colour_of(state), state);
	if (status > 0)
		columns_addf(c, COLOUR_NONE, "%.0f", status);
	else
		columns_add(c, COLOUR_NONE, error.n ? error : SLICE("-"));
	/* A page that never gave a 2xx: any answer counts as alive. */
	columns_add(c, COLOUR_NONE,
		    is(json_text(json_get(e, "page")), "2xx") ? SLICE("yes") : SLICE("no"));
	columns_add(c, COLOUR_NONE, addresses.n ? buf_slice(&addresses) : SLICE("-"));
}

static void
write_upstreams(const struct json *root, bool colours, struct buf *out)
{
	static const char *const titles[] = { "UPSTREAM", "FROM",     "ENDPOINT",  "STATE",
					      "PROBE",    "HAS PAGE", "ADDRESSES", NULL };
	struct columns c;

	columns_init(&c, 7, colours);
	add_head(&c, titles);
	for (const struct json *u = json_first(json_get(root, "upstreams")); u; u = json_next(u)) {
		for (const struct json *e = json_first(json_get(u, "endpoints")); e;
		     e = json_next(e))
			add_endpoint(&c, u, e);
	}
	if (c.count > c.width) {
		buf_addc(out, '\n');
		columns_write(&c, out);
	}
	columns_deinit(&c);
}

static void
write_unverified(const struct json *root, bool colours, struct buf *out)
{
	for (const struct json *u = json_first(json_get(root, "upstreams")); u; u = json_next(u)) {
		if (!is(json_text(json_get(u, "tls")), "unverified"))
			continue;
		columns_paint(colours, COLOUR_BAD, "unverified", out);
		buf_addf(
		    out,
		    "  upstream %.*s: insecure_skip_verify takes whoever answers for its https "
		    "endpoints\n",
		    SLICE_F(json_text(json_get(u, "name"))));
	}
}

static void
write_left_out(const struct json *root, bool colours, struct buf *out)
{
	static const char *const titles[] = { "UPSTREAM", "FROM", "LEFT OUT", "REASON", NULL };
	struct columns c;

	columns_init(&c, 4, colours);
	add_head(&c, titles);
	for (const struct json *u = json_first(json_get(root, "upstreams")); u; u = json_next(u)) {
		for (const struct json *e = json_first(json_get(u, "left_out")); e;
		     e = json_next(e)) {
			add_field(&c, u, "name");
			add_field(&c, u, "source");
			add_field(&c, e, "address");
			add_field(&c, e, "reason");
		}
	}
	if (c.count > c.width) {
		buf_addc(out, '\n');
		columns_write(&c, out);
	}
	columns_deinit(&c);
}

static void
write_label(const char *label, bool colours, struct buf *out)
{
	columns_paint(colours, COLOUR_BOLD, label, out);
	for (size_t n = strlen(label); n < 8; n++)
		buf_addc(out, ' ');
}

static void
write_state(struct slice state, bool colours, struct buf *out)
{
	struct buf BUF_CLEAN text = { 0 };

	buf_addf(&text, "%.*s", SLICE_F(state));
	buf_addc(&text, '\0');
	columns_paint(colours, colour_of(state), text.p, out);
}

/* Which revision it is, who made it and why; where none is known, what identifies the rules. */
static void
write_revision(const struct json *rules, struct buf *out)
{
	const struct json *r = json_get(rules, "revision");
	struct slice why = json_text(json_get(r, "why"));
	struct slice error = json_text(json_get(rules, "history_error"));
	struct slice digest = json_text(json_get(rules, "digest"));
	char at[32];

	if (r && json_kind(r) == JSON_OBJECT) {
		buf_addf(out, "        revision %.*s of %s by %.*s",
			 SLICE_F(json_text(json_get(r, "revision"))), answer_text(r, "at", at),
			 SLICE_F(json_text(json_get(r, "who"))));
		if (why.n)
			buf_addf(out, ": %.*s", SLICE_F(why));
		buf_addc(out, '\n');
	} else if (digest.n && strspn(digest.p, "0") < digest.n) {
		buf_addf(out, "        revision not known, digest %.*s\n", SLICE_F(digest));
	}
	if (error.n)
		buf_addf(out, "        revisions cannot be read: %.*s\n", SLICE_F(error));
}

static void
write_rules(const struct json *root, bool colours, struct buf *out)
{
	const struct json *rules = json_get(root, "rules"), *redis = json_get(root, "redis");
	struct slice state = json_text(json_get(redis, "state")),
		     error = json_text(json_get(redis, "error")),
		     fault = json_text(json_get(rules, "store_error"));
	char a[32], b[32], c[32], d[32];

	write_label("rules", colours, out);
	buf_addf(out, "%s routes in all; from %s: %s frontend(s), %s backend(s)",
		 answer_text(rules, "routes", b), answer_text(rules, "source", a),
		 answer_text(rules, "frontends", c), answer_text(rules, "backends", d));
	if (json_kind(json_get(rules, "age_s") ?: rules) == JSON_NUMBER) {
		buf_adds(out, SLICE(", compared "));
		answer_duration(answer_number(rules, "age_s"), out);
		buf_adds(out, SLICE(" ago"));
	}
	if (answer_number(rules, "withheld") > 0)
		buf_addf(out, ", %s deletions withheld (yett reload --force applies them)",
			 answer_text(rules, "withheld", a));
	buf_addc(out, '\n');
	write_revision(rules, out);
	if (fault.n)
		buf_addf(out, "        %.*s\n", SLICE_F(fault));
	write_label("redis", colours, out);
	write_state(state, colours, out);
	if (!is(state, "off"))
		buf_addf(out, " %.*s", SLICE_F(json_text(json_get(redis, "address"))));
	if (is(state, "up"))
		buf_addf(out, ", %s",
			 answer_true(redis, "tracking") ? "changes are announced"
							: "changes are polled");
	if (error.n > 0)
		buf_addf(out, ": %.*s", SLICE_F(error));
	buf_addc(out, '\n');
}

/* "503" stands for itself, and what a later version says. */
static struct slice
in_force_text(struct slice word)
{
	static const struct {
		const char *word, *text;
	} texts[] = {
		{ "last_good", "its last good value" },
		{ "protection", "what can be read of it" },
		{ "all_503", "503 for all of the store" },
		{ "all_protected", "a token for all of the store" },
	};

	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		if (is(word, texts[i].word))
			return slice_of(texts[i].text);
	}
	return word;
}

/* False when there are none. */
static bool
write_refusals(const struct json *rules, bool colours, struct buf *out)
{
	static const char *const titles[] = { "REFUSED RULE", "IN FORCE", "SINCE", "REASON", NULL };
	struct columns c;
	bool any;

	columns_init(&c, 4, colours);
	add_head(&c, titles);
	for (const struct json *r = json_first(json_get(rules, "refused")); r; r = json_next(r)) {
		add_field(&c, r, "key");
		columns_add(&c, COLOUR_NONE, in_force_text(json_text(json_get(r, "in_force"))));
		add_field(&c, r, "since");
		add_field(&c, r, "reason");
	}
	any = c.count > c.width;
	if (any)
		columns_write(&c, out);
	columns_deinit(&c);
	return any;
}

static void
write_refused(const struct json *root, bool colours, struct buf *out)
{
	size_t before = out->n;

	buf_addc(out, '\n');
	if (!write_refusals(json_get(root, "rules"), colours, out))
		out->n = before;
}

static void
write_reload(const struct json *root, bool colours, struct buf *out)
{
	const struct json *last = json_get(root, "last_reload");
	struct slice error = json_text(json_get(last, "error"));
	char space[32];

	if (!last || json_kind(last) != JSON_OBJECT)
		return;
	write_label("reload", colours, out);
	columns_paint(colours, answer_true(last, "ok") ? COLOUR_GOOD : COLOUR_BAD,
		      answer_true(last, "ok") ? "good" : "refused", out);
	buf_addf(out, " at %s", answer_text(last, "at", space));
	while (error.p && error.n > 0) {
		struct slice line = slice_cut(error, '\n', &error);

		buf_addf(out, "\n        %.*s", SLICE_F(line));
	}
	buf_addc(out, '\n');
}

static void
write_status(const struct json *root, bool colours, struct buf *out)
{
	const struct json *table = json_get(root, "table");
	double version = answer_number(table, "version"), at;
	size_t in_force = 0, workers = 0;
	char a[32], b[32];

	for (const struct json *v = json_first(json_get(table, "acknowledged")); v;
	     v = json_next(v), workers++)
		in_force += json_number(v, &at) && at == version;
	buf_addf(out, "yett %s, pid %s, up ", answer_text(root, "version", a),
		 answer_text(root, "pid", b));
	answer_duration(answer_number(root, "uptime_s"), out);
	buf_adds(out, SLICE(", "));
	columns_paint(colours, answer_true(root, "ready") ? COLOUR_GOOD : COLOUR_BAD,
		      answer_true(root, "ready") ? "ready" : "not ready", out);
	buf_addc(out, '\n');
	write_label("table", colours, out);
	buf_addf(out, "version %.0f of %s, in force in %zu of %zu workers\n", version,
		 answer_text(table, "published", a), in_force, workers);
	write_rules(root, colours, out);
	write_reload(root, colours, out);
	buf_addc(out, '\n');
	write_workers(root, colours, out);
	write_upstreams(root, colours, out);
	write_unverified(root, colours, out);
	write_left_out(root, colours, out);
	command_status_tls(root, colours, out);
	write_refused(root, colours, out);
}

/* ---- routes ---- */

/* Which one it is of its place, and the priority where there is one. */
static void
add_order(struct columns *c, const struct json *r)
{
	struct buf BUF_CLEAN text = { 0 };
	double order = 0, priority = 0;

	json_number(json_get(r, "order"), &order);
	json_number(json_get(r, "priority"), &priority);
	if (order > 0)
		buf_addf(&text, "%.0f", order);
	if (priority < 0 || priority > 0)
		buf_addf(&text, "%s(%+.0f)", text.n ? " " : "", priority);
	columns_add(c, COLOUR_NONE, buf_slice(&text));
}

static void
write_routes(const struct json *root, bool colours, struct buf *out)
{
	static const char *const titles[] = { "HOST",  "PATH",     "MATCH", "CONDITIONS",
					      "ORDER", "UPSTREAM", "FROM",  "STATE",
					      "ID",    "REASON",   NULL };
	struct columns c;

	columns_init(&c, 10, colours);
	add_head(&c, titles);
	for (const struct json *r = json_first(json_get(root, "routes")); r; r = json_next(r)) {
		struct slice host = json_text(json_get(r, "host")),
			     state = json_text(json_get(r, "state"));

		columns_add(&c, COLOUR_NONE, host.n ? host : SLICE("any"));
		add_field(&c, r, "path");
		columns_add(&c, COLOUR_NONE,
			    answer_true(r, "exact") ? SLICE("exact") : SLICE("prefix"));
		columns_add(&c, COLOUR_NONE, json_text(json_get(r, "conditions")));
		add_order(&c, r);
		add_field(&c, r, "upstream");
		add_field(&c, r, "source");
		columns_add(&c, colour_of(state), state);
		add_field(&c, r, "id");
		columns_add(&c, COLOUR_NONE, json_text(json_get(r, "reason")));
	}
	if (c.count > c.width)
		columns_write(&c, out);
	else
		buf_adds(out, SLICE("There are no routes.\n"));
	columns_deinit(&c);
}

static int
show(const struct command_options *o, const char *command, const char *target,
     void (*write)(const struct json *root, bool colours, struct buf *out))
{
	struct buf BUF_CLEAN out = { 0 };
	struct answer a;
	int r = answer_get(&a, o, "GET", target);

	if (r == COMMAND_OK && a.status != 200)
		r = answer_refused(&a, command);
	if (r == COMMAND_OK && o->json) {
		answer_print(&a.body);
	} else if (r == COMMAND_OK) {
		write(a.json, columns_want_colours(STDOUT_FILENO), &out);
		answer_print(&out);
	}
	answer_deinit(&a);
	return r;
}

int
command_status(const struct command_options *o)
{
	return show(o, "status", "/status", write_status);
}

static void
write_refused_alone(const struct json *root, bool colours, struct buf *out)
{
	if (!write_refusals(root, colours, out))
		buf_adds(out, SLICE("No rule is refused.\n"));
}

int
command_routes(const struct command_options *o)
{
	if (o->refused)
		return show(o, "routes", "/routes?refused=1", write_refused_alone);
	return show(o, "routes", "/routes", write_routes);
}
