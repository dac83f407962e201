/*
 * `yett top`: who has the most of what, as tables: once, or anew every two seconds on a terminal.
 */

#include "command_table.h"

#include "lib/clock.h"
#include "lib/map.h"
#include "lib/xalloc.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define LOOK_MS 2000
#define ROWS_ONCE 20 /* of each table, where nobody says how high the terminal is */
#define ROWS_MIN 3

struct line {
	struct slice name;
	double requests, errors, denied, failures, bytes, us;
};

struct top_view {
	double (*by)(const struct line *l);
	bool colours, live;
	size_t rows;       /* of each table */
	struct map before; /* requests of "table name" at the last look, +1 */
	double seconds;    /* since then; 0: there was none */
};

/* ---- by what ---- */

static double
by_requests(const struct line *l)
{
	return l->requests;
}

static double
by_errors(const struct line *l)
{
	return l->errors + l->failures;
}

static double
by_bytes(const struct line *l)
{
	return l->bytes;
}

static double
by_latency(const struct line *l)
{
	return l->requests > 0 ? l->us / l->requests : 0;
}

static const struct {
	const char *name;
	double (*by)(const struct line *l);
} orders[] = { { "requests", by_requests },
	       { "errors", by_errors },
	       { "bytes", by_bytes },
	       { "latency", by_latency } };

static double (*sort_by)(const struct line *l); /* qsort takes no argument of ours */

static int
compare_lines(const void *a, const void *b)
{
	const struct line *x = a, *y = b;
	double left = sort_by(x), right = sort_by(y);
	size_t n = x->name.n < y->name.n ? x->name.n : y->name.n;
	int order;

	if (left != right)
		return left < right ? 1 : -1;
	order = n ? memcmp(x->name.p, y->name.p, n) : 0;
	return order ? order : (x->name.n > y->name.n) - (x->name.n < y->name.n);
}

/* ---- a table ---- */

/* "12.3 MiB" */
static void
add_bytes(struct columns *c, double bytes)
{
	static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB", "PiB" };
	size_t unit = 0;

	for (; bytes >= 1024 && unit + 1 < sizeof units / sizeof units[0]; unit++)
		bytes /= 1024;
	columns_addf(c, COLOUR_NONE, unit ? "%.1f %s" : "%.0f %s", bytes, units[unit]);
}

static void
add_mean(struct columns *c, const struct line *l)
{
	if (l->requests > 0)
		columns_addf(c, COLOUR_NONE, "%.1f ms", l->us / l->requests / 1000);
	else
		columns_add(c, COLOUR_NONE, SLICE("-"));
}

/* Requests a second since the last look. */
static void
add_rate(struct columns *c, struct top_view *v, const char *table, const struct line *l)
{
	struct buf BUF_CLEAN key = { 0 };
	void **place;

	buf_addf(&key, "%s ", table);
	buf_adds(&key, l->name);
	place = map_put(&v->before, buf_slice(&key));
	if (v->seconds > 0) {
		double before = *place ? (double)((uintptr_t)*place - 1) : 0;

		columns_addf(c, COLOUR_NONE, "%.1f/s",
			     l->requests > before ? (l->requests - before) / v->seconds : 0);
	} else if (v->live) {
		columns_add(c, COLOUR_NONE, SLICE("-"));
	}
	*place = (void *)((uintptr_t)l->requests + 1);
}

static void
add_line(struct columns *c, struct top_view *v, const char *table, const struct line *l)
{
	columns_add(c, COLOUR_NONE, l->name);
	columns_addf(c, COLOUR_NONE, "%.0f", l->requests);
	if (v->live)
		add_rate(c, v, table, l);
	columns_addf(c, by_errors(l) > 0 ? COLOUR_BAD : COLOUR_NONE, "%.0f", by_errors(l));
	columns_addf(c, l->denied > 0 ? COLOUR_WARN : COLOUR_NONE, "%.0f", l->denied);
	add_bytes(c, l->bytes);
	add_mean(c, l);
}

static struct line
line_of(const struct json *row)
{
	struct slice name = json_text(json_get(row, "name"));

	return (struct line){
		.name = name.p ? name : json_text(json_get(row, "id")),
		.requests = answer_number(row, "requests"),
		.errors = answer_number(row, "errors"),
		.denied = answer_number(row, "denied"),
		.failures = answer_number(row, "failures"),
		.bytes = answer_number(row, "bytes") + answer_number(row, "bytes_in") +
			 answer_number(row, "bytes_out"),
		.us = answer_number(row, "duration_us"),
	};
}

static void
write_table(struct top_view *v, const char *title, const struct json *list, struct buf *out)
{
	const char *titles[] = {
		title, "REQUESTS", "ERRORS", "DENIED", "BYTES", "MEAN", NULL, NULL
	};
	struct line *lines = NULL;
	struct columns c;
	size_t n = 0;

	for (const struct json *row = json_first(list); row; row = json_next(row)) {
		lines = xrealloc(lines, (n + 1) * sizeof *lines);
		lines[n++] = line_of(row);
	}
	if (v->live) {
		memmove(&titles[3], &titles[2], 4 * sizeof titles[0]);
		titles[2] = "NOW";
	}
	sort_by = v->by;
	if (n > 0)
		qsort(lines, n, sizeof *lines, compare_lines);
	columns_init(&c, v->live ? 7 : 6, v->colours);
	command_head(&c, titles);
	for (size_t i = 0; i < n && i < v->rows; i++)
		add_line(&c, v, title, &lines[i]);
	columns_write(&c, out);
	columns_deinit(&c);
	if (n > v->rows)
		buf_addf(out, "and %zu more\n", n - v->rows);
	free(lines);
}

/* ---- the whole ---- */

static void
write_identities(struct top_view *v, const struct json *root, struct buf *out)
{
	const struct json *all = json_get(root, "identities");
	double slack = answer_number(all, "slack");

	if (!answer_true(root, "identities_counted")) {
		buf_adds(out, SLICE("identities are not counted (statistics.identities)\n"));
		return;
	}
	if (!all || json_kind(all) != JSON_OBJECT) {
		buf_adds(out, SLICE("identities are shown to the role operate alone\n"));
		return;
	}
	write_table(v, "IDENTITY", json_get(all, "list"), out);
	buf_addf(out, "%.0f requests in all; ", answer_number(all, "requests"));
	if (slack > 0 && json_get(root, "hour"))
		buf_addf(out, "each identity may be off by up to %.0f\n", slack);
	else if (slack > 0)
		buf_addf(out,
			 "each identity, listed or not, has up to %.0f more than the table says\n",
			 slack);
	else
		buf_adds(out, SLICE("every number is exact\n"));
}

static void
write_all(struct top_view *v, const struct json *root, struct buf *out)
{
	write_table(v, "ROUTE", json_get(root, "routes"), out);
	buf_addc(out, '\n');
	write_table(v, "UPSTREAM", json_get(root, "upstreams"), out);
	buf_addc(out, '\n');
	write_identities(v, root, out);
}

static int
look(struct top_view *v, const struct command_options *o, struct buf *out)
{
	struct buf BUF_CLEAN target = { 0 };
	struct answer a;
	int r;

	buf_addf(&target, "/statistics%s", o->hour ? "?hour=" : "");
	for (const char *c = o->hour; c && *c; c++)
		buf_addf(&target, "%%%02x", (unsigned char)*c);
	buf_addc(&target, '\0');
	r = answer_get(&a, o, "GET", target.p);

	if (r == COMMAND_OK && a.status != 200)
		r = answer_refused(&a, "top");
	if (r == COMMAND_OK && o->json)
		buf_adds(out, buf_slice(&a.body));
	else if (r == COMMAND_OK && o->hour)
		write_identities(v, a.json, out);
	else if (r == COMMAND_OK)
		write_all(v, a.json, out);
	answer_deinit(&a);
	return r;
}

/* Three tables with a head, a line about what is not shown, and one between them. */
static size_t
rows_that_fit(void)
{
	struct winsize size;
	size_t rows = 0;

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row > 10)
		rows = (size.ws_row - 10u) / 3;
	return rows > ROWS_MIN ? rows : ROWS_MIN;
}

/* Until it is interrupted, or nobody answers. */
static int
watch(struct top_view *v, const struct command_options *o)
{
	for (uint64_t now, last = 0;; last = now) {
		struct buf BUF_CLEAN out = { 0 };
		int r;

		now = clock_mono_ms();
		v->rows = rows_that_fit();
		v->seconds = last ? (double)(now - last) / 1000 : 0;
		r = look(v, o, &out);
		if (r != COMMAND_OK)
			return r;
		fputs("\033[H\033[2J", stdout);
		answer_print(&out);
		fflush(stdout);
		usleep(LOOK_MS * 1000);
	}
}

int
command_top(const struct command_options *o)
{
	struct top_view v = { .by = by_requests, .rows = ROWS_ONCE, .before = MAP_INIT };
	struct buf BUF_CLEAN out = { 0 };
	size_t i = 0, n = sizeof orders / sizeof orders[0];
	int r;

	while (o->by && i < n && strcmp(o->by, orders[i].name) != 0)
		i++;
	if (i == n) {
		fprintf(stderr,
			"yett top: --by is one of requests, errors, bytes and latency, not %s\n",
			o->by);
		return COMMAND_UNREADABLE;
	}
	v.by = orders[i].by;
	v.colours = columns_want_colours(STDOUT_FILENO);
	v.live = !o->once && !o->hour && !o->json && isatty(STDOUT_FILENO);
	r = v.live ? watch(&v, o) : look(&v, o, &out);
	if (r == COMMAND_OK)
		answer_print(&out);
	map_deinit(&v.before, NULL);
	return r;
}
