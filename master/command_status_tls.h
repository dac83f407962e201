#pragma once

/*
 * command_status_tls: certificates in `yett status`, as a table.
 */

#include <stdbool.h>

struct buf;
struct json;

/* `root`: the answer of /status. Nothing where there is none. */
void command_status_tls(const struct json *root, bool colours, struct buf *out);
