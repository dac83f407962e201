/*
 * The end of the old workers: they are told one by one to finish, and who does not end in time is
 * killed.
 */

#include "takeover.h"

#include "supervise.h"

#include "lib/clock.h"
#include "lib/failpoint.h"
#include "lib/log.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#define KILL_MARGIN_MS 1000
#define TELL_MS 100 /* between two of them: a tick */

static void
old_worker_tell(struct old_worker *old)
{
	FAILPOINT("retire-telling");
	old->told = true;
	log_info("takeover pid=%d state=draining", (int)old->pid);
	if (pidfd_send_signal(old->pidfd, SIGTERM, NULL, 0) < 0)
		log_warn("takeover pid=%d error=\"%s\"", (int)old->pid, strerror(errno));
	FAILPOINT("retire-told");
}

/* One by one: what they close comes to our workers as new connections. */
static void
tell_next(struct takeover *t)
{
	for (size_t i = 0; i < t->old_count; i++) {
		struct old_worker *old = &t->old[i];

		/* One that another master has told already is not told to hurry. */
		if (old->page && board_get(&old->page->draining))
			old->told = true;
		if (old->pidfd < 0 || old->told || old->after)
			continue;
		old_worker_tell(old);
		return;
	}
}

/* Another time: to hurry. */
static void
hurry(struct old_worker *old, uint64_t kill_ms)
{
	if (old->pidfd < 0)
		return;
	old->kill_ms = kill_ms;
	old->after = NULL;
	old_worker_tell(old);
}

void
takeover_end(struct takeover *t, uint32_t grace_ms)
{
	uint64_t kill_ms = clock_mono_ms() + grace_ms + KILL_MARGIN_MS;
	bool first = !t->kill_ms, less = kill_ms < t->kill_ms;

	if (first)
		t->kill_ms = kill_ms + t->old_count * TELL_MS;
	else if (less)
		t->kill_ms = kill_ms;
	for (size_t i = 0; i < t->old_count; i++) {
		struct old_worker *old = &t->old[i];

		if ((!first && less) || kill_ms < old->kill_ms)
			hurry(old, kill_ms);
	}
	if (first)
		tell_next(t);
}

bool
takeover_replaces(const struct takeover *t)
{
	for (size_t i = 0; i < t->old_count; i++) {
		if (t->old[i].pidfd >= 0 && t->old[i].after)
			return true;
	}
	return false;
}

void
takeover_tell_replaced(struct takeover *t, uint32_t grace_ms)
{
	for (size_t i = 0; i < t->old_count; i++) {
		struct old_worker *old = &t->old[i];

		if (old->pidfd < 0 || !old->after || old->after->state != SLOT_RUNNING)
			continue;
		old->after = NULL;
		old->kill_ms = clock_mono_ms() + grace_ms + KILL_MARGIN_MS;
		old_worker_tell(old);
	}
}

void
takeover_kill(struct takeover *t)
{
	t->kill_ms = clock_mono_ms();
	for (size_t i = 0; i < t->old_count; i++) {
		if (t->old[i].pidfd >= 0)
			pidfd_send_signal(t->old[i].pidfd, SIGKILL, NULL, 0);
	}
}

bool
takeover_decides(const struct takeover *t, size_t i)
{
	const struct old_worker *old = &t->old[i];

	if (old->pidfd < 0)
		return false;
	return !old->page || (old->page->role == ROLE_TRAFFIC &&
			      board_get(&old->page->draining) != BOARD_DECIDED);
}

bool
takeover_is_over(const struct takeover *t)
{
	for (size_t i = 0; i < t->old_count; i++) {
		if (t->old[i].pidfd >= 0)
			return false;
	}
	return true;
}

static bool
is_late(const struct takeover *t, const struct old_worker *old, uint64_t now_ms)
{
	uint64_t kill_ms = old->kill_ms ? old->kill_ms : t->kill_ms;

	return kill_ms && now_ms > kill_ms && !old->after;
}

static void
old_worker_gone(struct old_worker *old)
{
	log_info("takeover pid=%d state=ended", (int)old->pid);
	/* After an upgrade it is a child of ours, else one of whoever collects orphans. */
	(void)!waitpid(old->pid, NULL, WNOHANG);
	close(old->pidfd);
	old->pidfd = -1;
	takeover_close_page(old); /* as long as it is mapped it takes memory */
}

void
takeover_tick(struct takeover *t, struct board_master *board, uint64_t now_ms)
{
	if (t->kill_ms)
		tell_next(t);
	for (size_t i = 0; i < t->old_count; i++) {
		struct old_worker *old = &t->old[i];
		struct pollfd ended = { .fd = old->pidfd, .events = POLLIN };

		if (old->pidfd < 0)
			continue;
		foreign_page_refresh(&old->foreign);
		if (poll(&ended, 1, 0) == 1) {
			foreign_page_refresh(&old->foreign);
			FAILPOINT("retire-kept");
			takeover_keep(old, false, false, board);
			old_worker_gone(old);
		} else if (is_late(t, old, now_ms)) {
			log_warn("takeover pid=%d error=\"did not end in time\" action=kill",
				 (int)old->pid);
			pidfd_send_signal(old->pidfd, SIGKILL, NULL, 0);
		}
	}
}
