/*
 * `yett check`: is this configuration good, and what is in force with it?
 */

#include "command.h"

#include "config.h"
#include "config_find.h"

#include <stdio.h>

static void
print(FILE *to, const struct buf *b)
{
	if (b->n > 0)
		fwrite(b->p, 1, b->n, to);
}

/* Lines of the report as a JSON array; of both kinds only that which is asked for. */
static void
add_lines(struct buf *out, struct slice report, bool warnings)
{
	bool first = true;

	buf_addc(out, '[');
	while (report.p && report.n > 0) {
		struct slice line = slice_cut(report, '\n', &report);

		if ((memmem(line.p, line.n, ": warning: ", 11) != NULL) != warnings)
			continue;
		buf_adds(out, first ? SLICE("") : SLICE(","));
		buf_add_json(out, line);
		first = false;
	}
	buf_addc(out, ']');
}

static size_t
count_lines(const struct buf *report)
{
	size_t n = 0;

	for (size_t i = 0; i < report->n; i++)
		n += report->p[i] == '\n';
	return n;
}

struct counts {
	size_t listeners, upstreams, endpoints, routes, protected, warnings;
};

static struct counts
count(const struct config *c, const struct buf *report)
{
	struct counts n = {
		.listeners = c->listeners_count,
		.upstreams = c->upstreams_count,
		.routes = c->routes_count,
		.protected = c->gate.protect_count,
		.warnings = count_lines(report),
	};

	for (size_t i = 0; i < c->upstreams_count; i++)
		n.endpoints += c->upstreams[i].endpoints_count;
	return n;
}

static void
print_json(const char *file, int r, const struct config *c, const struct buf *report)
{
	struct buf BUF_CLEAN out = { 0 };

	buf_adds(&out, SLICE("{\"file\":"));
	buf_add_json(&out, slice_of(file));
	buf_addf(&out, ",\"ok\":%s,\"readable\":%s,\"mistakes\":", r == 0 ? "true" : "false",
		 r == 2 ? "false" : "true");
	add_lines(&out, buf_slice(report), false);
	buf_adds(&out, SLICE(",\"warnings\":"));
	add_lines(&out, buf_slice(report), true);
	if (c) {
		struct counts n = count(c, report);

		buf_addf(&out,
			 ",\"listeners\":%zu,\"upstreams\":%zu,\"endpoints\":%zu,\"routes\":%zu,"
			 "\"protected\":%zu,\"redis\":%s",
			 n.listeners, n.upstreams, n.endpoints, n.routes, n.protected,
			 c->redis.configured ? "true" : "false");
	}
	buf_adds(&out, SLICE("}\n"));
	print(stdout, &out);
}

static const char *
plural(size_t n)
{
	return n == 1 ? "" : "s";
}

static const char *
redis_of(const struct config *c)
{
	if (c->redis.configured)
		return "with Redis";
	return c->login.configured ? "with Redis for sessions alone" : "no Redis";
}

static void
print_good(const char *file, const struct config *c, const struct buf *report)
{
	struct counts n = count(c, report);

	printf("%s: ok: %zu listener%s, %zu upstream%s with %zu endpoint%s, %zu route%s, %zu "
	       "protected path%s, %s, %zu warning%s\n",
	       file, n.listeners, plural(n.listeners), n.upstreams, plural(n.upstreams),
	       n.endpoints, plural(n.endpoints), n.routes, plural(n.routes), n.protected,
	       plural(n.protected), redis_of(c), n.warnings, plural(n.warnings));
}

int
command_check(const struct command_options *o)
{
	struct buf BUF_CLEAN report = { 0 }, effective = { 0 }, found = { 0 };
	const char *file = config_find("check", o->file, &found);
	struct config *c = NULL;
	int r;

	if (!file)
		return COMMAND_UNREADABLE;
	r = config_load(file, &c, &report);
	if (o->json && !(o->effective && c)) {
		print_json(file, r, c, &report);
	} else {
		print(stderr, &report);
		if (c && o->effective)
			config_effective(c, o->json, &effective);
		else if (c)
			print_good(file, c, &report);
		print(stdout, &effective);
	}
	config_free(c);
	return r;
}
