#pragma once

/*
 * reply: an answer to the admin worker, JSON in a sealed memfd.
 */

#include "lib/slice.h"

#include <stdbool.h>
#include <stdint.h>

struct slot;

/* `id`: of the call. `status`: HTTP. */
void reply_send(struct slot *admin, uint32_t id, uint32_t status, struct slice json);
/* Deletions were to be confirmed, and the server that knows of them is away. `reloaded`: the file
 * is in force all the same. */
void reply_redis_down(struct slot *admin, uint32_t id, bool reloaded);
