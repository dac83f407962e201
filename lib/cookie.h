#pragma once

/*
 * cookie: one cookie out of a Cookie field. Bytes in, bytes out.
 */

#include "slice.h"

/* The value of the first cookie `name` in a field value of the form "a=1; b=2" (RFC 6265
 * section 5.4); the name is compared as it is, case included. A pair of double quotes around the
 * value is taken off (section 4.1.1). p == NULL when there is none; n may be 0. A pair without '='
 * is no cookie. */
/* The same of what stands in *fields, which goes behind it. */
struct slice cookie_next(struct slice *field, struct slice name);
struct slice cookie_find(struct slice field, struct slice name);
