/*
 * What was counted before goes on: the base of an earlier master, and the pages of its workers.
 */

#include "statistics.h"
#include "takeover.h"

#include "lib/failpoint.h"
#include "shm/message.h"

#include <string.h>

/* Once, at its end: until then it is one of those that are looked at (takeover_living). */
void
takeover_keep(const struct old_worker *old, bool listed, bool folded, struct board_master *board)
{
	if (!old->page || old->page->role != ROLE_TRAFFIC)
		return;
	/* As slot_fold does. */
	if (!listed)
		statistics_fold(board, &old->page->identities, old->instance);
	if (!folded)
		board_keep(board, &old->page->counts, old->instance);
}

const struct board_worker *
takeover_living(const struct takeover *t, size_t i)
{
	const struct old_worker *old = &t->old[i];

	return old->pidfd >= 0 && old->page && old->page->role == ROLE_TRAFFIC ? old->page : NULL;
}

/* No more than were ever written, as whoever wrote the page says; it may be written to yet. */
static void
copy_names(struct board_name *to, const struct board_name *from, size_t most)
{
	uint64_t n = board_get(&from->high);

	memcpy(to, from, (n < most ? n : most) * sizeof *to);
}

/* Who was dead or ejected is not to get requests until that is found out again. */
static void
seed_health(struct board_master *board, const struct board_master *before)
{
	uint64_t end = board->names.endpoint->high;

	for (uint64_t i = 1; i < end && i < BOARD_HEALTH; i++) {
		if (board->names.endpoint[i].low)
			board->health[i] = before->health[i];
	}
}

static void
seed(struct board_master *board, const struct board_master *before)
{
	board->base[0] = *board_base(before);
	copy_names(board->names.route, before->names.route, BOARD_ROUTES);
	copy_names(board->names.endpoint, before->names.endpoint, BOARD_HEALTH);
	copy_names(board->names.limit, before->names.limit, BOARD_LIMITS);
	copy_names(board->names.upstream, before->names.upstream, BOARD_UPSTREAMS);
	board->version = before->version;
	board->gateway = before->gateway;
	board->reloads_ok = before->reloads_ok;
	board->reloads_failed = before->reloads_failed;
	board->respawns = before->respawns;
	board->cascade_heard = before->cascade_heard;
	board->cascade_done = before->cascade_done;
	board->cascade_failed = before->cascade_failed;
	board->cascade_given_up = before->cascade_given_up;
	board->cascade_rejected = before->cascade_rejected;
	board->fleet_messages = before->fleet_messages;
	board->spans_exported = before->spans_exported;
	board->spans_lost = before->spans_lost;
	board->span_failures = before->span_failures;
	seed_health(board, before);
	statistics_seed(board, before);
}

void
takeover_seed(struct takeover *t, struct board_master *board)
{
	const struct board_master *before = t->page;

	if (before)
		seed(board, before);
	FAILPOINT("board-seeded");
	for (size_t i = 0; i < t->old_count; i++) {
		struct old_worker *old = &t->old[i];
		bool folded = before && board_has(board_base(before), old->instance);
		bool listed = folded || statistics_has(before, old->instance);

		if (listed || old->pidfd < 0)
			takeover_keep(old, listed, folded, board);
		/* Its end was seen. Who lives, and has such a page, is told to finish as all are.
		 */
		if (listed && old->page && old->pidfd >= 0)
			takeover_close_page(old);
	}
}
