/*
 * Calls of the admin worker, as the master opens them: whatever the memfd holds, the parts lie in
 * it one behind the other, or it is no call. What is one comes back the same when it is packed.
 */

#include "shm/call.h"
#include "shm/memfd.h"

#include <assert.h>
#include <stdlib.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_parts(const struct call_text *t)
{
	const char *at = t->part[0].p;

	assert(t->role <= ACCESS_OPERATE);
	for (int i = 0; i < CALL_PARTS; i++) {
		assert(t->part[i].p == at);
		at += t->part[i].n;
	}
	assert(at == (const char *)t->memory + t->size);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice all = slice_make((const char *)data, size);
	struct call_text t, again;
	int fd, copy;

	if (size == 0 || memfd_of("fuzz", &all, 1, &fd) < 0)
		return 0;
	if (call_open(fd, &t) == 0) {
		check_parts(&t);
		if (call_pack(&t, &copy) < 0 || call_open(copy, &again) < 0)
			abort();
		assert(again.role == t.role);
		for (int i = 0; i < CALL_PARTS; i++)
			assert(slice_eq(again.part[i], t.part[i]));
		call_close(&again);
		close(copy);
		call_close(&t);
	}
	close(fd);
	return 0;
}
