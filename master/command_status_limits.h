#pragma once

/*
 * command_status_limits: whom limits have refused, in `yett status`.
 */

#include <stdbool.h>

struct buf;
struct json;

/* `root`: the answer of /status. Nothing where there is none. */
void command_status_limits(const struct json *root, bool colours, struct buf *out);
