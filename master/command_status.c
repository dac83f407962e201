/*
 * `yett status`: what the gateway says of itself, as tables.
 */

#include "command_status_issuers.h"
#include "command_status_limits.h"
#include "command_status_tls.h"
#include "command_table.h"

#include <stdio.h>

static void
add_worker(struct columns *c, const struct json *w, bool admin)
{
	static const char *const fields[] = { "version", "connections", "in_flight", "restarts" };
	struct slice state = json_text(json_get(w, "state"));
	char space[32];

	columns_add(c, COLOUR_NONE, slice_of(admin ? "admin" : answer_text(w, "slot", space)));
	command_field(c, w, "pid");
	columns_add(c, command_colour(state), state);
	for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++)
		command_field(c, w, fields[i]);
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
	command_head(&c, titles);
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
	command_field(c, upstream, "name");
	command_field(c, upstream, "source");
	command_field(c, e, "address");
	if (answer_true(e, "drained"))
		columns_add(c, COLOUR_WARN, SLICE("drained"));
	else if (ejected_ms > 0 && !command_is(state, "dead"))
		columns_addf(c, COLOUR_BAD, "ejected %u s", ((unsigned)ejected_ms + 999) / 1000);
	else
		columns_add(c, command_colour(state), state);
	if (status > 0)
		columns_addf(c, COLOUR_NONE, "%.0f", status);
	else
		columns_add(c, COLOUR_NONE, error.n ? error : SLICE("-"));
	/* A page that never gave a 2xx: any answer counts as alive. */
	columns_add(c, COLOUR_NONE,
		    command_is(json_text(json_get(e, "page")), "2xx") ? SLICE("yes") : SLICE("no"));
	columns_add(c, COLOUR_NONE, addresses.n ? buf_slice(&addresses) : SLICE("-"));
}

/* What of their number is not as it is with few. */
static void
write_endpoints(const struct json *endpoints, struct buf *out)
{
	double count = answer_number(endpoints, "count"),
	       uncounted = answer_number(endpoints, "uncounted"),
	       unprobed = answer_number(endpoints, "unprobed"),
	       every = answer_number(endpoints, "probed_every_s");

	if (every > 0)
		buf_addf(out,
			 "of %.0f endpoints %.0f are probed, each about every %.0f s, which is "
			 "later than their interval: see health.rate\n",
			 count, answer_number(endpoints, "probed"), every);
	if (unprobed > 0)
		buf_addf(out,
			 "of %.0f endpoints %.0f are not probed, and taken for alive: there are "
			 "too many\n",
			 count, unprobed);
	if (uncounted > 0)
		buf_addf(out,
			 "of %.0f endpoints %.0f have no counters: they are neither ejected nor "
			 "kept to max_connections\n",
			 count, uncounted);
}

static void
write_upstreams(const struct json *root, bool colours, struct buf *out)
{
	static const char *const titles[] = { "UPSTREAM", "FROM",     "ENDPOINT",  "STATE",
					      "PROBE",    "HAS PAGE", "ADDRESSES", NULL };
	struct columns c;
	double more;

	columns_init(&c, 7, colours);
	command_head(&c, titles);
	for (const struct json *u = json_first(json_get(root, "upstreams")); u; u = json_next(u)) {
		for (const struct json *e = json_first(json_get(u, "endpoints")); e;
		     e = json_next(e))
			add_endpoint(&c, u, e);
	}
	if (c.count > c.width) {
		buf_addc(out, '\n');
		columns_write(&c, out);
	}
	if (json_number(json_get(root, "upstreams_more"), &more) && more > 0)
		buf_addf(out,
			 "\nand %.0f more upstreams; of very many those are told that have "
			 "a dead, an ejected or no endpoint\n",
			 more);
	write_endpoints(json_get(root, "endpoints"), out);
	columns_deinit(&c);
}

static void
write_unverified(const struct json *root, bool colours, struct buf *out)
{
	for (const struct json *u = json_first(json_get(root, "upstreams")); u; u = json_next(u)) {
		if (!command_is(json_text(json_get(u, "tls")), "unverified"))
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
	command_head(&c, titles);
	for (const struct json *u = json_first(json_get(root, "upstreams")); u; u = json_next(u)) {
		for (const struct json *e = json_first(json_get(u, "left_out")); e;
		     e = json_next(e)) {
			command_field(&c, u, "name");
			command_field(&c, u, "source");
			command_field(&c, e, "address");
			command_field(&c, e, "reason");
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
	columns_paint(colours, command_colour(state), text.p, out);
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

/* Where nobody said it, that is. */
static void
write_found(const struct json *redis, struct buf *out)
{
	struct slice by = json_text(json_get(redis, "found_by"));

	if (by.n && !command_is(by, "address"))
		buf_addf(out, " (%.*s)", SLICE_F(by));
}

/* Only where it is found: who has it under an address knows. */
static void
write_sessions(const struct json *root, bool colours, struct buf *out)
{
	const struct json *redis = json_get(root, "sessions_redis"),
			  *servers = json_get(redis, "servers");
	struct slice error = json_text(json_get(redis, "error"));

	if (json_kind(redis) != JSON_OBJECT ||
	    command_is(json_text(json_get(redis, "found_by")), "address"))
		return;
	write_label("sessions", colours, out);
	for (const struct json *v = json_first(servers); v; v = json_next(v))
		buf_addf(out, "%s%.*s", v == json_first(servers) ? "" : ", ",
			 SLICE_F(json_text(v)));
	write_found(redis, out);
	if (error.n > 0)
		buf_addf(out, ": %.*s", SLICE_F(error));
	buf_addc(out, '\n');
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
	if (!command_is(state, "off"))
		buf_addf(out, " %.*s", SLICE_F(json_text(json_get(redis, "server"))));
	write_found(redis, out);
	if (command_is(state, "up"))
		buf_addf(out, ", %s",
			 answer_true(redis, "tracking") ? "changes are announced"
							: "changes are polled");
	if (error.n > 0)
		buf_addf(out, ": %.*s", SLICE_F(error));
	buf_addc(out, '\n');
}

/* Only where there is something to say. */
static void
write_suspensions(const struct json *root, bool colours, struct buf *out)
{
	const struct json *s = json_get(root, "suspensions"), *keys = json_get(s, "keys");
	struct slice redis = json_text(json_get(s, "redis")),
		     state = json_text(json_get(keys, "state"));
	struct slice error = json_text(json_get(s, "error"));
	char a[32], b[32];

	if (answer_number(s, "count") == 0 && !keys && error.n == 0)
		return;
	write_label("suspend", colours, out);
	buf_adds(out, slice_of(answer_text(s, "count", a)));
	if (keys)
		buf_addf(out, ", by keys of Redis %s of %s known (%.*s)",
			 answer_text(keys, "suspended", a), answer_text(keys, "known", b),
			 SLICE_F(state));
	if (command_is(redis, "down"))
		buf_addf(out, ", as of %s s ago", answer_text(s, "age_s", a));
	if (answer_true(s, "closed"))
		columns_paint(colours, COLOUR_BAD, ", nobody with an identity passes", out);
	if (error.n > 0)
		buf_addf(out, ": %.*s", SLICE_F(error));
	buf_addc(out, '\n');
}

static void
write_refused(const struct json *root, bool colours, struct buf *out)
{
	size_t before = out->n;

	buf_addc(out, '\n');
	if (!command_refusals(json_get(root, "rules"), colours, out))
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
write_memory(const struct json *root, bool colours, struct buf *out)
{
	const struct json *memory = json_get(root, "memory");
	double limit = answer_number(memory, "limit");
	char by[32];

	if (limit <= 0)
		return;
	write_label("memory", colours, out);
	buf_addf(out, "%.0f MiB of %.0f (%s)", answer_number(memory, "used") / 1048576,
		 limit / 1048576, answer_text(memory, "by", by));
	if (answer_true(memory, "short"))
		columns_paint(colours, COLOUR_BAD, ": requests are refused", out);
	buf_addc(out, '\n');
}

static void
write_status(const struct json *root, bool colours, struct buf *out)
{
	const struct json *table = json_get(root, "table");
	double version = answer_number(table, "version"), at;
	struct slice degraded = json_text(json_get(root, "degraded"));
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
	if (degraded.n)
		buf_addf(out, ", degraded: %.*s", SLICE_F(degraded));
	buf_addc(out, '\n');
	write_label("table", colours, out);
	buf_addf(out, "version %.0f of %s, in force in %zu of %zu workers\n", version,
		 answer_text(table, "published", a), in_force, workers);
	write_memory(root, colours, out);
	write_rules(root, colours, out);
	write_sessions(root, colours, out);
	command_cascade_line(root, colours, out);
	write_suspensions(root, colours, out);
	write_reload(root, colours, out);
	buf_addc(out, '\n');
	write_workers(root, colours, out);
	write_upstreams(root, colours, out);
	write_unverified(root, colours, out);
	write_left_out(root, colours, out);
	command_status_limits(root, colours, out);
	command_status_tls(root, colours, out);
	command_status_issuers(root, colours, out);
	write_refused(root, colours, out);
}

int
command_status(const struct command_options *o)
{
	return command_show(o, "status", "/status", write_status);
}
