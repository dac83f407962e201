#pragma once

/*
 * translation: JSON that becomes other JSON by the operations of a table. Bytes in, bytes out;
 * knows no request. Names and values are copied as they are, numbers as they are written.
 */

#include "lib/buf.h"
#include "shm/table.h"

enum translation_outcome {
	TRANSLATION_OK,
	TRANSLATION_NO_JSON, /* or a name is there twice, or it is nested too deep */
	TRANSLATION_POINTER, /* an operation cannot be done where its pointer leads */
	TRANSLATION_LARGE,   /* it would have more than `max` bytes */
};

/* Does `count` operations from `first`, in their order. `out` gets the text; of TRANSLATION_POINTER
 * `pointer` the one that failed, as it is configured, but with the numbers of elements for * where
 * they are known (never with a name of the text). */
enum translation_outcome translation_run(const struct segment *rules, uint32_t first,
					 uint32_t count, struct slice text, size_t max,
					 struct buf *out, struct buf *pointer);
