#include "top_table.h"

#include "lib/xalloc.h"

#include <stdlib.h>

/* At the look before. */
struct seen {
	double requests, errors, us;
};

static double
more(double now, double before)
{
	return now > before ? now - before : 0;
}

static void
write_key(const char *table, struct slice name, struct buf *out)
{
	buf_addf(out, "%s ", table);
	buf_adds(out, name);
}

void
top_compare(const struct top_view *v, const char *table, struct top_line *l)
{
	static const struct seen none;
	struct buf BUF_CLEAN key = { 0 };
	const struct seen *before;
	double came;

	write_key(table, l->name, &key);
	before = map_get(&v->before, buf_slice(&key));
	if (!before)
		before = &none;
	came = more(l->requests, before->requests);
	l->now = came / v->seconds;
	l->errors_now = more(l->errors, before->errors) / v->seconds;
	l->us_now = came > 0 ? more(l->us, before->us) / came : 0;
}

struct top_line
top_line_of(const struct json *row)
{
	struct slice name = json_text(json_get(row, "name"));

	if (!name.p)
		name = json_text(json_get(row, "id"));
	if (!name.p)
		name = json_text(json_get(row, "address"));
	return (struct top_line){
		.name = name,
		.requests = answer_number(row, "requests"),
		.errors = answer_number(row, "errors") + answer_number(row, "failures"),
		.denied = answer_number(row, "denied"),
		.bytes = answer_number(row, "bytes") + answer_number(row, "bytes_in") +
			 answer_number(row, "bytes_out"),
		.us = answer_number(row, "duration_us"),
	};
}

static void
remember(struct top_view *v, const char *table, const struct json *list)
{
	for (const struct json *row = json_first(list); row; row = json_next(row)) {
		struct top_line l = top_line_of(row);
		struct buf BUF_CLEAN key = { 0 };
		void **place;

		write_key(table, l.name, &key);
		place = map_put(&v->before, buf_slice(&key));
		if (!*place)
			*place = xcalloc(1, sizeof(struct seen));
		*(struct seen *)*place = (struct seen){ l.requests, l.errors, l.us };
	}
}

void
top_remember(struct top_view *v, const struct json *root)
{
	const struct json *u = json_first(json_get(root, "upstreams"));

	map_deinit(&v->before, free);
	remember(v, "ROUTE", json_get(root, "routes"));
	remember(v, "UPSTREAM", json_get(root, "upstreams"));
	remember(v, "IDENTITY", json_get(json_get(root, "identities"), "list"));
	for (; u; u = json_next(u))
		remember(v, "ENDPOINT", json_get(u, "endpoints"));
}

struct top_line
top_total(const struct top_view *v, const struct json *root)
{
	struct top_line all = { 0 };

	for (const struct json *row = json_first(json_get(root, "routes")); row;
	     row = json_next(row)) {
		struct top_line l = top_line_of(row);

		top_compare(v, "ROUTE", &l);
		all.now += l.now;
		all.errors_now += l.errors_now;
	}
	return all;
}
