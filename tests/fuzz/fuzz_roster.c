/*
 * What gateways announce of themselves, or somebody else in their place: what is read of it can be
 * shown on a terminal, and is the same when it is announced again.
 */

#include "master/roster_own.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_text(const char *text, size_t cap)
{
	size_t n = strnlen(text, cap);

	assert(n < cap);
	for (size_t i = 0; i < n; i++)
		assert(text[i] >= ' ' && text[i] < 0x7f);
}

static void
check(const struct roster_gateway *g)
{
	assert(g->state >= ROSTER_READY && g->state <= ROSTER_GONE);
	check_text(g->name, sizeof g->name);
	check_text(g->version, sizeof g->version);
	check_text(g->degraded, sizeof g->degraded);
	assert(!*g->revision || revision_is_id(slice_of(g->revision)));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf BUF_CLEAN text = { 0 };
	struct roster_gateway g = { 0 }, again = { 0 };

	roster_read_one(&g, slice_make((const char *)data, size));
	check(&g);
	if (g.state == ROSTER_GONE)
		return 0;
	roster_write_one(&g, true, &text);
	roster_read_one(&again, buf_slice(&text));
	assert(again.state == g.state && strcmp(again.name, g.name) == 0 &&
	       strcmp(again.version, g.version) == 0 && strcmp(again.degraded, g.degraded) == 0 &&
	       strcmp(again.revision, g.revision) == 0);
	assert(again.format == g.format && again.pid == g.pid && again.table == g.table &&
	       again.workers == g.workers && again.in_force_ms == g.in_force_ms &&
	       again.up_ms == g.up_ms);
	return 0;
}
