#pragma once

/*
 * limit_spec: limits as they are written: "100/minute", "10/s burst 20 per identity,
 * header:X-Tenant", and of requests at a time "10 per identity"; and as the table has them.
 */

#include "config.h"
#include "shm/table.h"

struct limit_key {
	enum limit_by by;
	struct slice name; /* of the header or the claim; lies in what was read */
};

struct limit_spec {
	uint32_t counts, flags, missing; /* of table_limits.h */
	uint32_t seconds, window;
	struct rate_limit rate; /* of LIMIT_UNDER_WAY the burst alone */
	struct limit_key keys[LIMIT_KEYS_MAX];
	size_t keys_count;
};

/* Is it the name of a limit, and none by itself? A limit begins with a digit. */
bool limit_spec_is_name(const char *text);
/* One that stands where it is used. False: `why` says what is wrong, and the remedy. */
bool limit_spec_read(struct slice text, bool under_way, struct limit_spec *out, struct buf *why);
/* One that has a name. *key: of the setting that is at fault. */
bool limit_spec_of(const struct config_limit *l, bool under_way, struct limit_spec *out,
		   const char **key, struct buf *why);
