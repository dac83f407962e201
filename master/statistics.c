#include "statistics.h"

#include "master.h"

/* ---- what is kept ---- */

static const struct board_top *
kept(const struct board_master *b)
{
	return &b->identities[__atomic_load_n(&b->identities_turn, __ATOMIC_ACQUIRE) % 2];
}

/* The list becomes the one in force, by one store. */
static void
keep(struct board_master *b, struct top_list *l, uint64_t last)
{
	struct board_top *next = &b->identities[(b->identities_turn + 1) % 2];

	top_list_publish(l, &next->top);
	board_set(&next->last, last);
	__atomic_store_n(&b->identities_turn, b->identities_turn + 1, __ATOMIC_RELEASE);
}

bool
statistics_has(const struct board_master *before, uint64_t instance)
{
	return before && kept(before)->last == instance;
}

void
statistics_fold(struct board_master *board, const struct top *page, uint64_t instance)
{
	struct top_list l = TOP_LIST_INIT;

	if (board_get(&page->total) == 0)
		return;
	top_list_add(&l, &kept(board)->top);
	top_list_add(&l, page);
	keep(board, &l, instance);
	top_list_deinit(&l);
}

void
statistics_seed(struct board_master *board, const struct board_master *before)
{
	board->identities[0] = *kept(before);
	board->flush = before->flush;
}

void
statistics_reconfigured(struct master *m)
{
	struct top_list none = TOP_LIST_INIT;

	if (!m->config->statistics.identities && board_get(&kept(m->page)->top.total) > 0)
		keep(m->page, &none, 0);
	top_list_deinit(&none);
}

/* ---- adding up ---- */

static void
add_page(struct top_list *out, const struct board_worker *page)
{
	if (page && board_get(&page->identities.total) > 0)
		top_list_add(out, &page->identities);
}

void
statistics_identities(const struct master *m, struct top_list *out)
{
	const struct supervisor *s = &m->supervisor;

	if (board_get(&kept(m->page)->top.total) > 0)
		top_list_add(out, &kept(m->page)->top);
	for (uint32_t i = 0; i < s->slots_count; i++) {
		if (s->slots[i].role == ROLE_TRAFFIC)
			add_page(out, s->slots[i].page);
	}
	for (size_t i = 0; i < m->takeover.old_count; i++)
		add_page(out, takeover_living(&m->takeover, i));
}
