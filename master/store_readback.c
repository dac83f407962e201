#include "store_readback.h"

#include "change.h"
#include "store_sync.h"

#include <stdio.h>

static void
mark_own(struct store_readback *b, bool own)
{
	for (size_t i = 0; i < b->change->keys.count; i++)
		sync_own(b->sync, map_name(&b->change->keys.entries[i]), own);
}

static void
end(struct store_readback *b, enum write_result result, struct slice text)
{
	write_done_fn done = b->done;

	mark_own(b, false);
	b->change = NULL;
	done(b->userdata, result, text);
}

/* The next change may begin meanwhile, so the revision is not given out where it stands. */
static void
end_stored(struct store_readback *b, enum write_result result)
{
	char revision[REVISION_TEXT];

	memcpy(revision, b->revision, sizeof revision);
	end(b, result, slice_of(revision));
}

static void
on_read_back(void *userdata)
{
	end_stored(userdata, WRITE_DONE);
}

static void
on_stored(void *userdata, enum write_result result, struct slice text)
{
	struct store_readback *b = userdata;

	if (result != WRITE_DONE) { /* nothing to be read back */
		end(b, result, text);
		return;
	}
	snprintf(b->revision, sizeof b->revision, "%.*s", SLICE_F(text));
	for (size_t i = 0; i < b->change->keys.count; i++)
		sync_wrote(b->sync, map_name(&b->change->keys.entries[i]));
	sync_barrier(b->sync, on_read_back, b);
}

void
readback_run(struct store_readback *b, const struct write_order *order, write_done_fn done,
	     void *userdata)
{
	b->change = order->change;
	b->done = done;
	b->userdata = userdata;
	mark_own(b, true);
	writer_run(b->writer, order, on_stored, b);
}

void
readback_lost(struct store_readback *b, const char *reason)
{
	writer_detach(b->writer, reason);
	if (b->change)
		end_stored(b, WRITE_UNREAD);
}
