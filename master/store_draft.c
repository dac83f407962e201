#include "store_draft.h"

#include "lib/redis.h"
#include "store_read.h"

static void
tell_withheld(struct store_draft *d, size_t before)
{
	if (d->keys.withheld != before)
		d->ops->withheld(d->userdata);
}

static void
draft_set(struct store_draft *d, struct rules *next)
{
	d->next = next;
	d->keys.rules = next ? next : d->rules;
}

void
draft_init(struct store_draft *d, struct rules *rules, const struct store_sync_ops *ops,
	   void *userdata)
{
	*d = (struct store_draft){ .rules = rules, .ops = ops, .userdata = userdata };
	keys_init(&d->keys, rules);
}

void
draft_deinit(struct store_draft *d)
{
	draft_drop(d);
	keys_deinit(&d->keys);
}

void
draft_open(struct store_draft *d)
{
	if (!d->next)
		draft_set(d, rules_draft(d->rules));
}

void
draft_drop(struct store_draft *d)
{
	rules_free(d->next);
	draft_set(d, NULL);
}

void
draft_apply(struct store_draft *d)
{
	size_t before = d->keys.withheld;

	if (!d->next)
		return;
	d->ops->drafted(d->userdata, d->next);
	if (rules_differ(d->next))
		rules_replace(d->rules, d->next);
	else
		rules_free(d->next);
	draft_set(d, NULL);
	keys_confirm(&d->keys);
	tell_withheld(d, before);
}

static enum draft_read
key_absent(struct store_draft *d, struct slice key, enum loss loss)
{
	const struct mark *m = keys_find(&d->keys, key);
	size_t before = d->keys.withheld;

	if (!m || (!m->own && !m->meant))
		return keys_absent(&d->keys, key, loss) ? DRAFT_LOST : DRAFT_GONE;
	keys_drop(&d->keys, key);
	tell_withheld(d, before);
	return DRAFT_GONE;
}

enum draft_read
draft_read(struct store_draft *d, struct slice key, enum loss loss, const struct redis_reply *r)
{
	if (store_reads_nothing(r))
		return key_absent(d, key, loss);
	if (!store_read(d->next, key, r))
		return DRAFT_NONSENSE;
	keys_present(&d->keys, key);
	return DRAFT_FOUND;
}

void
draft_settle(struct store_draft *d, enum loss loss, bool all, bool force)
{
	size_t before = d->keys.withheld;

	keys_settle(&d->keys, loss, all, force);
	tell_withheld(d, before);
}
