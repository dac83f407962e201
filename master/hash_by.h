#pragma once

/*
 * hash_by: what `balance: hash` tells requests apart by, as it is written: "address", "path",
 * "header:NAME", "cookie:NAME", "claim:NAME".
 */

#include "shm/table.h"

struct hash_by_text {
	enum hash_by by;
	struct slice name; /* empty for address and path; lies in the text */
};

/* False: it is none of them. */
bool hash_by_parse(struct slice text, struct hash_by_text *out);
