#pragma once

/*
 * target: the request target in its forms (RFC 9112 section 3.2), taken apart. Looks at nothing
 * else.
 */

#include "request.h"

/* Origin-form, absolute-form, or the asterisk of OPTIONS: r->path and its flags, r->query,
 * r->asterisk, r->absolute. *authority: of the absolute form; p == NULL: none. REASON_none or why
 * it is refused. */
enum reason target_judge(struct request *r, struct slice *authority);
