#pragma once

/*
 * access_line: what the access log says of a request.
 */

#include "request.h"

/* Appends its line to the worker's `log`. */
void access_line_add(struct request *r);
