#pragma once

/*
 * access_value: the fields of the access log, one by one. None of them has what is secret: no query
 * (there people put tokens), no cookie, no Authorization, no user information of a URL.
 */

#include "request.h"

#include "shm/log_format.h"

struct access_value {
	enum {
		VALUE_NONE, /* there is nothing to say */
		VALUE_TEXT,
		VALUE_PLAIN, /* holds nothing that JSON escapes */
		VALUE_WORD,  /* true or false */
		VALUE_NUMBER,
		VALUE_TIME, /* now, in RFC 3339 */
		VALUE_TIME_COMMON
	} kind;
	struct slice text;
	uint64_t number;
};

void access_value_get(struct request *r, const struct table_global *g, enum log_field field,
		      struct access_value *out);
