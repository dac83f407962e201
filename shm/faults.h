#pragma once

/*
 * faults: the last requests of a worker that were no HTTP, or none that it takes: the bytes of
 * their heads, with what may be secret in them masked before they stand here, in a ring on its
 * page. The worker writes, without a lock and without a call; a reader leaves out what was
 * overwritten while it read.
 */

#include "lib/slice.h"

#include <stdbool.h>
#include <stdint.h>

#define FAULTS 64
#define FAULT_BYTES 1024
#define FAULT_HEAD_MAX 16384 /* of a head, that is looked at */
#define FAULT_NOWHERE UINT32_MAX

struct fault {
	uint64_t seq;     /* odd while it is written; 0: nothing stands here */
	uint64_t wall_ms; /* when, since 1970 */
	uint32_t reason;  /* enum reason */
	uint32_t at;      /* offset of the offending byte in the head; FAULT_NOWHERE: none is */
	uint32_t first;   /* offset of bytes[0] in the head */
	uint32_t n;       /* of bytes */
	uint32_t size;    /* of the head, as far as it came */
	char client[48], field[64]; /* both end with NUL */
	char bytes[FAULT_BYTES];
};

struct faults {
	uint64_t count; /* ever */
	struct fault ring[FAULTS];
};

struct fault_facts {
	uint64_t wall_ms;
	uint32_t reason, at;
	struct slice client, field;
	struct slice head; /* as it came */
};

void faults_note(struct faults *f, const struct fault_facts *facts);
/* Copies the i-th place; false when nothing stands there, or it is being written. */
bool faults_read(const struct faults *f, unsigned i, struct fault *out);
/* Overwrites by '*' what may be secret in the start of a request's head: the values of a query,
 * user information, values of fields that are not known to be harmless, and what is no field at
 * all. By structure where there is one; what has none is masked rather than shown. */
void fault_mask(char *p, size_t n);
