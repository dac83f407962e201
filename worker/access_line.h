#pragma once

/*
 * access_line: what the access log says of a request, as JSON or by the operator's format.
 */

#include "request.h"

/* Appends its line to the worker's `log`. */
void access_line_add(struct request *r, const struct snapshot *s);
/* Its line as JSON, without LF. */
void access_line_object(struct request *r, const struct table_global *g, struct buf *out);
/* It went well: access_log_sample may leave it out. */
bool access_line_is_ordinary(const struct request *r);
