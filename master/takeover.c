#include "takeover.h"

#include "supervise.h"

#include "lib/clock.h"
#include "lib/log.h"
#include "lib/xalloc.h"
#include "shm/memfd.h"
#include "shm/message.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- what we are given ---- */

void
takeover_add_socket(struct inherited *in, int fd, uint32_t slot, const char *name)
{
	int listening = 0;
	socklen_t n = sizeof listening;

	if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &n) < 0)
		listening = 0;
	if (listening && *name)
		inherited_add_named(in, fd, name);
	else if (listening)
		inherited_add(in, fd, slot);
	else if (fd >= 0)
		close(fd);
}

static struct old_worker *
old_worker_add(struct takeover *t, pid_t pid, int pidfd)
{
	struct old_worker *old;

	t->old = xrealloc(t->old, (t->old_count + 1) * sizeof *t->old);
	old = &t->old[t->old_count++];
	*old = (struct old_worker){
		.pid = pid, .pidfd = pidfd, .page_fd = -1, .foreign = { .fd = -1 }
	};
	return old;
}

/* Maps a page of this layout. `fd` is taken over; -1: it is none. */
static int
page_map(int fd, const struct board_worker **out, int *copy)
{
	const struct board_worker *page;
	const void *memory;

	*copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	if (board_map(fd, sizeof *page, &memory) < 0)
		memory = NULL;
	page = memory;
	if (page && page->magic == BOARD_MAGIC && page->layout == BOARD_LAYOUT && page->pid != 0) {
		*out = page;
		return 0;
	}
	board_unmap(page, sizeof *page);
	if (*copy >= 0)
		close(*copy);
	*copy = -1;
	return -1;
}

/* Of this layout, or of one that we were told of. The same. Whose it is, a worker could write there
 * as it likes: what somebody else said of it counts (0: nobody did). */
static int
page_open(const struct takeover *t, int fd, uint64_t instance, struct old_worker *out)
{
	int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);

	out->foreign.fd = -1;
	if (copy >= 0 && layouts_worker(&t->layouts, copy, &out->foreign, &out->page_fd) == 0) {
		close(fd);
		out->page = out->foreign.shadow;
	} else {
		if (copy >= 0)
			close(copy);
		if (page_map(fd, &out->page, &out->page_fd) < 0)
			return -1;
	}
	out->instance = instance ? instance : out->page->instance;
	return 0;
}

void
takeover_close_page(struct old_worker *old)
{
	if (old->page_fd >= 0)
		close(old->page_fd);
	old->page_fd = -1;
	foreign_page_close(&old->foreign);
	board_unmap(old->page, sizeof *old->page);
	old->page = NULL;
}

bool
takeover_add_page(struct takeover *t, int fd, uint64_t instance)
{
	struct old_worker got = { .page_fd = -1 }, *old;
	struct stat file = { 0 };

	if (t->old_count >= WORKERS_MAX) {
		close(fd);
		return false;
	}
	(void)!memfd_stat(fd, &file); /* its own: page_open may give us one that stands for it */
	if (page_open(t, fd, instance, &got) < 0)
		return false;
	for (size_t i = 0; i < t->old_count; i++) {
		if (t->old[i].instance == got.instance) {
			takeover_close_page(&got);
			return true;
		}
	}
	got.pid = (pid_t)got.page->pid;
	got.pidfd = takeover_owner(got.pid, &file);
	if (got.pidfd < 0)
		got.pid = 0; /* of nobody who is known */
	old = old_worker_add(t, got.pid, got.pidfd);
	*old = got;
	return true;
}

void
takeover_add_master(struct takeover *t, int fd)
{
	const struct board_master *page;
	const void *memory;

	if (t->page) {
		close(fd);
		return;
	}
	/* A page of another layout does not fit, and is left where nobody tells of that. */
	t->page = layouts_master(&t->layouts, fcntl(fd, F_DUPFD_CLOEXEC, 0));
	if (board_map(fd, sizeof *page, &memory) < 0 || t->page)
		return;
	page = memory;
	if (page->magic == BOARD_MAGIC && page->layout == BOARD_LAYOUT)
		t->page = page;
	else
		board_unmap(page, sizeof *page);
}

void
takeover_add_worker(struct takeover *t, pid_t pid, int pidfd, int page_fd, uint64_t instance)
{
	struct old_worker *old = old_worker_add(t, pid, pidfd);

	if (page_fd >= 0)
		(void)!page_open(t, page_fd, instance, old);
}

/* ---- those that were found ---- */

static void
adopt(struct takeover *t, struct inherited_orphan *orphan)
{
	for (size_t i = 0; i < t->old_count; i++) {
		if (t->old[i].pid == orphan->pid && t->old[i].pidfd >= 0)
			return;
	}
	old_worker_add(t, orphan->pid, orphan->pidfd);
	orphan->pidfd = -1;
	log_info("takeover pid=%d state=found", (int)orphan->pid);
}

void
takeover_adopt(struct takeover *t, struct inherited *in)
{
	for (size_t i = 0; i < in->orphans_count; i++) {
		if (in->orphans[i].named || in->orphans[i].listens)
			adopt(t, &in->orphans[i]);
	}
}

void
takeover_add_replaced(struct takeover *t, pid_t pid, int pidfd, int page_fd, uint64_t instance,
		      const struct slot *by)
{
	takeover_add_worker(t, pid, pidfd, page_fd, instance);
	t->old[t->old_count - 1].after = by;
	t->old[t->old_count - 1].kin = true;
}

/* ---- what our workers hear of them ---- */

void
takeover_show(struct takeover *t, struct slot *slot)
{
	for (size_t i = 0; i < t->old_count; i++) {
		struct old_worker *old = &t->old[i];
		struct msg_board board = { .slot = BOARD_SLOT_EARLIER, .instance = old->instance };

		if (old->pidfd < 0 || old->page_fd < 0 || old->page->role != ROLE_TRAFFIC)
			continue;
		old->shown = true;
		supervisor_send(slot, MSG_BOARD, &board, sizeof board, old->page_fd);
	}
}

void
takeover_list(struct takeover *t, struct kin *kin)
{
	for (size_t i = 0; i < t->old_count; i++) {
		if (t->old[i].pidfd < 0 || t->old[i].kin)
			continue;
		kin_add(kin, t->old[i].pid);
		t->old[i].kin = true;
	}
}

void
takeover_tell_gone(struct takeover *t, struct supervisor *s)
{
	for (size_t i = 0; i < t->old_count; i++) {
		struct old_worker *old = &t->old[i];
		struct msg_board board = { .slot = BOARD_SLOT_EARLIER, .instance = old->instance };

		if (old->kin && old->pidfd < 0) {
			kin_gone(&s->kin, old->pid, clock_mono_ms());
			old->kin = false;
		}
		if (!old->shown || old->pidfd >= 0)
			continue;
		old->shown = false;
		for (uint32_t k = 0; k < s->slots_count; k++)
			supervisor_send(&s->slots[k], MSG_BOARD, &board, sizeof board, -1);
	}
}

/* ---- the whole ---- */

void
takeover_deinit(struct takeover *t)
{
	for (size_t i = 0; i < t->old_count; i++) {
		if (t->old[i].pidfd >= 0)
			close(t->old[i].pidfd);
		takeover_close_page(&t->old[i]);
	}
	layouts_deinit(&t->layouts);
	free(t->old);
	if (t->rates.magic)
		close(t->rates_fd);
	board_unmap(t->page, sizeof *t->page);
	*t = (struct takeover){ 0 };
}
