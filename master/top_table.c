#include "top_table.h"

#include "lib/xalloc.h"

#include <stdlib.h>

static const char *const names[] = {
	[TOP_REQUESTS] = "requests", [TOP_ERRORS] = "errors", [TOP_BYTES] = "bytes",
	[TOP_LATENCY] = "latency",   [TOP_NOW] = "now",
};

bool
top_order_named(const char *name, enum top_order *out)
{
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		if (strcmp(names[i], name) != 0)
			continue;
		*out = (enum top_order)i;
		return true;
	}
	return false;
}

const char *
top_order_name(enum top_order order)
{
	return names[order];
}

void
top_deinit(struct top_view *v)
{
	map_deinit(&v->before, free);
}

/* ---- the rows ---- */

static double
mean(const struct top_line *l)
{
	return l->requests > 0 ? l->us / l->requests : 0;
}

static double
weight(const struct top_line *l, const struct top_view *v)
{
	switch (v->by) {
	case TOP_REQUESTS:
		return l->requests;
	case TOP_ERRORS:
		return l->errors;
	case TOP_BYTES:
		return l->bytes;
	case TOP_LATENCY:
		return mean(l);
	case TOP_NOW:
		return v->live ? l->now : l->requests;
	}
	return 0;
}

static int
compare_lines(const void *a, const void *b, void *view)
{
	const struct top_line *x = a, *y = b;
	double left = weight(x, view), right = weight(y, view);
	size_t n = x->name.n < y->name.n ? x->name.n : y->name.n;
	int order;

	if (left != right)
		return left < right ? 1 : -1;
	order = n ? memcmp(x->name.p, y->name.p, n) : 0;
	return order ? order : (x->name.n > y->name.n) - (x->name.n < y->name.n);
}

/* ---- a table ---- */

struct lines {
	struct top_line *p;
	size_t n, cap;
};

static void
add(struct lines *l, const struct top_view *v, const char *table, const struct json *row)
{
	if (l->n == l->cap) {
		l->cap = l->cap ? 2 * l->cap : 64;
		l->p = xrealloc(l->p, l->cap * sizeof *l->p);
	}
	l->p[l->n] = top_line_of(row);
	if (v->seconds > 0)
		top_compare(v, table, &l->p[l->n]);
	l->n++;
}

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
add_ms(struct columns *c, double us, bool any)
{
	if (any)
		columns_addf(c, COLOUR_NONE, "%.1f ms", us / 1000);
	else
		columns_add(c, COLOUR_NONE, SLICE("-"));
}

/* Where the character begins that has this byte (UTF-8). */
static size_t
character(struct slice name, size_t at)
{
	while (at > 0 && ((unsigned char)name.p[at] & 0xc0) == 0x80)
		at--;
	return at;
}

/* A long name loses its middle: its end tells it from the others as well as its beginning. */
static void
add_name(struct columns *c, struct slice name, size_t width)
{
	struct buf BUF_CLEAN cut = { 0 };
	size_t begin, end;

	if (width == 0 || name.n <= width) {
		columns_add(c, COLOUR_NONE, name);
		return;
	}
	begin = character(name, width / 2 - 1);
	end = character(name, name.n - (width - width / 2 - 1));
	buf_add(&cut, name.p, begin);
	buf_adds(&cut, SLICE(".."));
	buf_add(&cut, name.p + end, name.n - end);
	columns_add(c, COLOUR_NONE, buf_slice(&cut));
}

static void
add_now(struct columns *c, const struct top_view *v, const struct top_line *l)
{
	if (v->seconds > 0) {
		columns_addf(c, COLOUR_NONE, "%.1f", l->now);
		columns_addf(c, l->errors_now > 0 ? COLOUR_BAD : COLOUR_NONE, "%.1f",
			     l->errors_now);
	} else {
		columns_add(c, COLOUR_NONE, SLICE("-"));
		columns_add(c, COLOUR_NONE, SLICE("-"));
	}
	add_ms(c, l->us_now, l->now > 0);
}

static void
add_line(struct columns *c, const struct top_view *v, const struct top_line *l)
{
	add_name(c, l->name, v->width);
	if (v->live)
		add_now(c, v, l);
	columns_addf(c, COLOUR_NONE, "%.0f", l->requests);
	columns_addf(c, l->errors > 0 ? COLOUR_BAD : COLOUR_NONE, "%.0f", l->errors);
	columns_addf(c, l->denied > 0 ? COLOUR_WARN : COLOUR_NONE, "%.0f", l->denied);
	add_bytes(c, l->bytes);
	add_ms(c, mean(l), l->requests > 0);
}

static void
write_table(struct top_view *v, const char *title, struct lines *l, struct buf *out)
{
	const char *once[] = { title, "REQUESTS", "ERRORS", "DENIED", "BYTES", "MEAN", NULL };
	const char *live[] = { title,    "REQ/S",  "ERR/S", "LATENCY", "REQUESTS",
			       "ERRORS", "DENIED", "BYTES", "MEAN",    NULL };
	struct columns c;
	size_t first = v->shown == TOP_ALL ? 0 : v->from, last;

	if (l->n > 0)
		qsort_r(l->p, l->n, sizeof *l->p, compare_lines, v);
	v->most = l->n;
	columns_init(&c, v->live ? 9 : 6, v->colours);
	command_head(&c, v->live ? live : once);
	last = l->n - first < v->rows || first >= l->n ? l->n : first + v->rows;
	for (size_t i = first; i < last; i++)
		add_line(&c, v, &l->p[i]);
	columns_write(&c, out);
	columns_deinit(&c);
	if (last < l->n)
		buf_addf(out, "and %zu more\n", l->n - last);
	free(l->p);
}

static void
write_list(struct top_view *v, const char *title, const struct json *list, struct buf *out)
{
	struct lines l = { 0 };

	for (const struct json *row = json_first(list); row; row = json_next(row))
		add(&l, v, title, row);
	write_table(v, title, &l, out);
}

static void
write_endpoints(struct top_view *v, const struct json *upstreams, struct buf *out)
{
	struct lines l = { 0 };

	for (const struct json *u = json_first(upstreams); u; u = json_next(u)) {
		const struct json *e = json_first(json_get(u, "endpoints"));

		for (; e; e = json_next(e))
			add(&l, v, "ENDPOINT", e);
	}
	write_table(v, "ENDPOINT", &l, out);
}

/* ---- the whole ---- */

void
top_write_identities(struct top_view *v, const struct json *root, struct buf *out)
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
	write_list(v, "IDENTITY", json_get(all, "list"), out);
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

void
top_write(struct top_view *v, const struct json *root, struct buf *out)
{
	bool all = v->shown == TOP_ALL;

	if (all || v->shown == TOP_ROUTES)
		write_list(v, "ROUTE", json_get(root, "routes"), out);
	if (all)
		buf_addc(out, '\n');
	if (all || v->shown == TOP_UPSTREAMS)
		write_list(v, "UPSTREAM", json_get(root, "upstreams"), out);
	if (v->shown == TOP_ENDPOINTS)
		write_endpoints(v, json_get(root, "upstreams"), out);
	if (all)
		buf_addc(out, '\n');
	if (all || v->shown == TOP_IDENTITIES)
		top_write_identities(v, root, out);
}
