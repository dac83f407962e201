#pragma once

/*
 * inject_own: between inject.c, which goes through a route's rows, and inject_tell.c, which knows
 * what each of them stands for.
 */

#include "inject.h"

#include "lib/buf.h"
#include "lib/json.h"
#include "shm/table_login.h"

/* One request's. */
struct injection {
	struct request *r;
	const struct segment *rules;
	const struct table_login *login; /* NULL: there is none */
	struct buf lines;
	struct buf value;    /* of the row that is due */
	struct json *claims; /* of the provider that was asked last; NULL: none were read */
	uint32_t claims_of;
	bool claim_missing;
};

/* How a row is told. */
enum told {
	TOLD,
	TOLD_NOTHING, /* it is not there */
	TOLD_NOT_DUE, /* it is for others: of who is known, or who is not */
	TOLD_REFUSED, /* r->reason says why */
	TOLD_LATER    /* the request waits */
};

/* Into in->value. After TOLD_LATER it is asked again. */
enum told inject_tell(struct injection *in, const struct table_credential *c);
