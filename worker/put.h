#pragma once

/*
 * put: writing a head byte by byte into room that was made once, for an upper bound. Each call
 * returns where the next one writes.
 */

#include "lib/slice.h"

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
