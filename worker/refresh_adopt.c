/*
 * refresh_adopt: a refresh that another worker began, who died over it or stands still. The master
 * gives us the context that it left for that: "owner fence kept tid", where kept may be "-"; and
 * the answer, or has given it. No request waits for it here: those find what it brings in Redis.
 */

#include "refresh_own.h"

#include "exchange.h"
#include "snapshot.h"
#include "worker.h"

#include "lib/log.h"
#include "lib/xalloc.h"

void
refresh_context(const struct refresh *f, struct buf *out)
{
	buf_addf(out, "%s %llu %s %.*s", f->lock.owner, (unsigned long long)f->lock.fence,
		 *f->lock.kept ? f->lock.kept : "-", SLICE_F(f->lock.tid));
}

/* f is new. */
static bool
read_context(struct refresh *f, struct slice context)
{
	struct slice rest, owner = slice_cut(context, ' ', &rest), fence, kept;

	fence = slice_cut(rest, ' ', &rest);
	kept = slice_cut(rest, ' ', &rest);
	if (owner.n != REFRESH_OWNER || kept.n == 0 || kept.n > REFRESH_KEPT_MAX || rest.n == 0)
		return false;
	for (size_t i = 0; i < fence.n && fence.n < 20; i++)
		f->lock.fence = f->lock.fence * 10 + (uint64_t)(fence.p[i] - '0');
	memcpy(f->lock.owner, owner.p, owner.n);
	if (!slice_eq(kept, SLICE("-")))
		memcpy(f->lock.kept, kept.p, kept.n);
	f->tid = xstrndup(rest.p, rest.n);
	f->lock.tid = slice_make(f->tid, rest.n);
	return f->lock.fence > 0;
}

bool
refresh_adopt(struct worker *w, struct exchange *x, struct slice provider, struct slice context)
{
	struct refresh *f = refresh_new(refreshes_of(w));

	f->adopted = true;
	f->provider = table_provider_find(w->table->segments[SEGMENT_RULES], provider);
	if (provider.n < sizeof f->name)
		memcpy(f->name, provider.p, provider.n);
	if (!read_context(f, context)) {
		refresh_free(f);
		return false;
	}
	f->exchange = x;
	f->phase = REFRESH_ASKING;
	exchange_hear(x, refresh_answered, f);
	log_info("refresh provider=%s action=\"goes on with what another worker began\"", f->name);
	board_add(&w->page->counts.counter[COUNTER_refreshes_adopted], 1);
	refresh_hold(f);
	return true;
}

bool
refreshes_hold(const struct worker *w)
{
	const struct refreshes *all = w->refreshes;

	if (!all)
		return false;
	list_for (pos, &all->all) {
		const struct refresh *f = container_of(pos, struct refresh, link);

		if (f->phase == REFRESH_ASKING || f->phase == REFRESH_STORING)
			return true;
	}
	return false;
}
