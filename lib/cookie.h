#pragma once

/*
 * cookie: one cookie out of a Cookie field, or all but some. Bytes in, bytes out.
 */

#include "slice.h"

/* The value of the first cookie `name` in a field value of the form "a=1; b=2" (RFC 6265
 * section 5.4); the name is compared as it is, case included. A pair of double quotes around the
 * value is taken off (section 4.1.1). p == NULL when there is none; n may be 0. A pair without '='
 * is no cookie. */
/* The same of what stands in *fields, which goes behind it. */
struct slice cookie_next(struct slice *field, struct slice name);
struct slice cookie_find(struct slice field, struct slice name);
/* Is this the name of one that has to go? */
typedef bool (*cookie_test)(const void *userdata, struct slice name);
/* The field without those: what stays, stays as it came. p == field.p when all of it does, n == 0
 * when no cookie is left. `room` has field.n bytes. */
struct slice cookie_without(struct slice field, cookie_test goes, const void *userdata, char *room);
