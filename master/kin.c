#include "kin.h"

#include "lib/xalloc.h"

#include <stdlib.h>

#define KEPT_MS                                                                                    \
	60000 /* far longer than a connection waits, far shorter than until a pid comes again */

void
kin_deinit(struct kin *k)
{
	free(k->all);
	*k = (struct kin){ 0 };
}

void
kin_add(struct kin *k, pid_t pid)
{
	k->all = xrealloc(k->all, (k->count + 1) * sizeof *k->all);
	k->all[k->count++] = (struct kinsman){ .pid = pid };
}

void
kin_gone(struct kin *k, pid_t pid, uint64_t now_ms)
{
	for (size_t i = 0; i < k->count; i++) {
		if (k->all[i].pid == pid && !k->all[i].gone_ms)
			k->all[i].gone_ms = now_ms;
	}
}

static void
forget(struct kin *k, uint64_t now_ms)
{
	size_t kept = 0;

	for (size_t i = 0; i < k->count; i++) {
		if (!k->all[i].gone_ms || now_ms < k->all[i].gone_ms + KEPT_MS)
			k->all[kept++] = k->all[i];
	}
	k->count = kept;
}

/* Of more than there is room for, the youngest. */
void
kin_tell(struct kin *k, uint64_t now_ms, struct msg_workers *out)
{
	size_t from;

	forget(k, now_ms);
	*out = (struct msg_workers){ 0 };
	from = k->count > WORKERS_MAX ? k->count - WORKERS_MAX : 0;
	for (size_t i = from; i < k->count; i++)
		out->pids[out->count++] = (uint32_t)k->all[i].pid;
}
