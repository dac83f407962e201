#pragma once

/*
 * command_status_issuers: the part of `yett status` that shows whose keys are fetched.
 */

#include "lib/buf.h"
#include "lib/json.h"

void command_status_issuers(const struct json *root, bool colours, struct buf *out);
