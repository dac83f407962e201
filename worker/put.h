#pragma once

/*
 * put: writing a head byte by byte into room that was made once, for an upper bound. Each call
 * returns where the next one writes.
 */

#include "lib/http_head.h"

#include <stdint.h>

static inline char *
put(char *o, struct slice s)
{
	if (s.n)
		memcpy(o, s.p, s.n);
	return o + s.n;
}

#define PUT(o, literal) put(o, SLICE(literal))

static inline char *
put_field(char *o, struct slice name, struct slice value)
{
	o = put(o, name);
	o = PUT(o, ": ");
	o = put(o, value);
	return PUT(o, "\r\n");
}

static inline char *
put_number(char *o, uint64_t n)
{
	char digits[20];
	int i = 20;

	do {
		digits[--i] = (char)('0' + n % 10);
	} while (n /= 10);
	return put(o, slice_make(digits + i, (size_t)(20 - i)));
}

/* Fields that pass as they came and follow one another go out in one copy: the run of them that is
 * not written yet, without the end of its last line. */
struct put_run {
	const char *p;
	size_t n; /* 0: none */
};

static inline char *
put_run_end(char *o, struct put_run *run)
{
	if (run->n == 0)
		return o;
	o = put(o, slice_make(run->p, run->n));
	run->n = 0;
	return PUT(o, "\r\n");
}

static inline char *
put_as_it_came(char *o, struct put_run *run, const struct http_parser *p,
	       const struct http_field *f)
{
	const char *name = p->base + f->name;

	/* "Name: value", and from the last one to this name just the end of a line? */
	if (f->value != f->name + f->name_n + 2 || name[f->name_n + 1] != ' ')
		return put_field(put_run_end(o, run), http_name(p, f), http_value(p, f));
	if (run->n > 0 && run->p + run->n + 2 != name)
		o = put_run_end(o, run);
	if (run->n == 0)
		run->p = name;
	run->n = (size_t)(name - run->p) + f->name_n + 2 + f->value_n;
	return o;
}
