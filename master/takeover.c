#include "takeover.h"

#include "statistics.h"

#include "lib/clock.h"
#include "lib/ipc.h"
#include "lib/log.h"
#include "lib/xalloc.h"
#include "shm/message.h"
#include "supervise.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define ANSWER_MS 2000
#define HEARTBEAT_MS 2000 /* a page that is older belongs to nobody, or its pid to another */
#define KILL_MARGIN_MS 1000
#define TELL_MS 100 /* between two of them: a tick */

/* ---- asking ---- */

struct asking {
	struct takeover *takeover;
	struct inherited *in;
	uv_loop_t loop;
	uv_timer_t timer;
	struct ipc ipc;
	bool timed_out;
};

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

static void
hear_listener(struct asking *a, struct ipc_message *m)
{
	struct msg_listener listener;

	if (m->body.n != sizeof listener || m->fd < 0)
		return;
	memcpy(&listener, m->body.p, sizeof listener);
	takeover_add_socket(a->in, m->fd, listener.slot, "");
	m->fd = -1;
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
	return -1;
}

bool
takeover_add_page(struct takeover *t, int fd)
{
	const struct board_worker *page;
	struct old_worker *old;
	int copy;

	if (page_map(fd, &page, &copy) < 0)
		return false;
	for (size_t i = 0; i < t->old_count; i++) {
		if (t->old[i].instance == page->instance) {
			board_unmap(page, sizeof *page);
			close(copy);
			return true;
		}
	}
	old = old_worker_add(t, (pid_t)page->pid, pidfd_open((pid_t)page->pid, 0));
	old->instance = page->instance;
	old->page = page;
	old->page_fd = copy;
	/* The pid may be somebody else's by now. Its process was opened first, so a heartbeat that
	 * goes on is its own. */
	if (old->pidfd >= 0 && clock_mono_ms() > board_get(&page->heartbeat_ms) + HEARTBEAT_MS) {
		close(old->pidfd);
		old->pidfd = -1;
	}
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
takeover_add_worker(struct takeover *t, pid_t pid, int pidfd, int page_fd)
{
	struct old_worker *old = old_worker_add(t, pid, pidfd);
	const struct board_worker *page;
	int copy = page_fd < 0 ? -1 : fcntl(page_fd, F_DUPFD_CLOEXEC, 0);

	if (copy >= 0 && layouts_worker(&t->layouts, copy, &old->foreign, &old->page_fd) == 0) {
		close(page_fd);
		old->page = old->foreign.shadow;
		old->instance = old->page->instance;
		return;
	}
	if (copy >= 0)
		close(copy);
	if (page_fd < 0 || page_map(page_fd, &page, &copy) < 0)
		return;
	old->instance = page->instance;
	old->page = page;
	old->page_fd = copy;
}

static void
hear_board(struct asking *a, struct ipc_message *m)
{
	struct msg_board board;

	if (m->body.n != sizeof board || m->fd < 0)
		return;
	memcpy(&board, m->body.p, sizeof board);
	if (board.slot == BOARD_SLOT_MASTER)
		takeover_add_master(a->takeover, m->fd);
	else
		takeover_add_page(a->takeover, m->fd);
	m->fd = -1;
}

/* Only the admin worker is asked, and no traffic worker has its socket. */
static void
hear_rates(struct takeover *t, struct ipc_message *m)
{
	if (m->body.n != sizeof t->rates || m->fd < 0 || t->rates.magic)
		return;
	memcpy(&t->rates, m->body.p, sizeof t->rates);
	if (t->rates.magic) {
		t->rates_fd = m->fd;
		m->fd = -1;
	}
}

static void
on_message(void *userdata, struct ipc *ipc, struct ipc_message *m)
{
	if (m->type == MSG_LISTENER)
		hear_listener(userdata, m);
	else if (m->type == MSG_BOARD)
		hear_board(userdata, m);
	else if (m->type == MSG_RATES)
		hear_rates(((struct asking *)userdata)->takeover, m);
}

static void
on_gone(void *userdata, struct ipc *ipc)
{
	uv_stop(&((struct asking *)userdata)->loop);
}

static void
on_timeout(uv_timer_t *timer)
{
	struct asking *a = timer->data;

	a->timed_out = true;
	uv_stop(&a->loop);
}

static int
takeover_connect(const char *run_dir)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd, r;

	if ((size_t)snprintf(address.sun_path, sizeof address.sun_path, "%s/takeover.sock",
			     run_dir) >= sizeof address.sun_path)
		return -ENAMETOOLONG;
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	if (connect(fd, (struct sockaddr *)&address, sizeof address) == 0)
		return fd;
	r = -errno;
	close(fd);
	return r;
}

static int
takeover_listen(struct asking *a, int fd)
{
	static const struct ipc_ops ops = { .message = on_message, .gone = on_gone };
	int r = uv_loop_init(&a->loop);

	if (r < 0) {
		close(fd);
		return r;
	}
	uv_timer_init(&a->loop, &a->timer);
	a->timer.data = a;
	uv_timer_start(&a->timer, on_timeout, ANSWER_MS, 0);
	r = ipc_open(&a->ipc, &a->loop, fd, &ops, a);
	if (r == 0) {
		uv_run(&a->loop, UV_RUN_DEFAULT);
		ipc_close(&a->ipc, NULL);
	}
	uv_close((uv_handle_t *)&a->timer, NULL);
	uv_run(&a->loop, UV_RUN_DEFAULT);
	uv_loop_close(&a->loop);
	return r == 0 && a->timed_out ? -ETIMEDOUT : r;
}

int
takeover_ask(struct takeover *t, const char *run_dir, struct inherited *in)
{
	struct asking a = { .takeover = t, .in = in };
	int r;

	r = takeover_connect(run_dir);
	if (r == -ENOENT || r == -ECONNREFUSED)
		return 1;
	if (r >= 0)
		r = takeover_listen(&a, r);
	if (r < 0)
		return r;
	log_info("takeover sockets=%zu workers=%zu", in->count, t->old_count);
	return 0;
}

/* ---- those that were found ---- */

static void
adopt(struct takeover *t, struct inherited_orphan *orphan)
{
	struct old_worker *old = NULL;

	for (size_t i = 0; i < t->old_count; i++) {
		if (t->old[i].pid == orphan->pid && t->old[i].pidfd >= 0)
			return;
		if (t->old[i].pid == orphan->pid)
			old = &t->old[i]; /* one that hangs */
	}
	if (!old)
		old = old_worker_add(t, orphan->pid, -1);
	old->pidfd = orphan->pidfd;
	orphan->pidfd = -1;
	log_info("takeover pid=%d state=found", (int)old->pid);
}

void
takeover_adopt(struct takeover *t, struct inherited *in)
{
	for (size_t i = 0; i < in->orphans_count; i++) {
		if (in->orphans[i].named || in->orphans[i].listens)
			adopt(t, &in->orphans[i]);
	}
}

/* ---- counting ---- */

/* Once, at its end: until then it is one of those that are looked at (takeover_living). */
static void
keep_all(const struct old_worker *old, bool listed, bool folded, struct board_master *board)
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

/* No more than were ever written. */
static void
copy_names(struct board_name *to, const struct board_name *from, size_t most)
{
	memcpy(to, from, (from->high < most ? from->high : most) * sizeof *to);
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
	for (uint32_t i = 0; i < BOARD_ENDPOINTS; i++) {
		if (!board->names.endpoint[i].low)
			continue;
		board->health[i].ejections = before->health[i].ejections;
		board->health[i].drained = before->health[i].drained;
	}
	statistics_seed(board, before);
}

void
takeover_seed(struct takeover *t, struct board_master *board)
{
	const struct board_master *before = t->page;

	if (before)
		seed(board, before);
	for (size_t i = 0; i < t->old_count; i++) {
		struct old_worker *old = &t->old[i];
		bool folded = before && board_has(board_base(before), old->instance);
		bool listed = folded || statistics_has(before, old->instance);

		if (listed && old->page && old->pidfd >= 0) { /* its end was seen */
			close(old->pidfd);
			old->pidfd = -1;
		}
		if (old->pidfd < 0)
			keep_all(old, listed, folded, board);
	}
}

/* ---- ending ---- */

static void
old_worker_gone(struct old_worker *old)
{
	log_info("takeover pid=%d state=ended", (int)old->pid);
	/* After an upgrade it is a child of ours, else one of whoever collects orphans. */
	(void)!waitpid(old->pid, NULL, WNOHANG);
	close(old->pidfd);
	old->pidfd = -1;
	if (old->page_fd >= 0)
		close(old->page_fd);
	old->page_fd = -1;
	foreign_page_close(&old->foreign);
	board_unmap(old->page, sizeof *old->page); /* as long as it is mapped it takes memory */
	old->page = NULL;
}

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
takeover_tell_gone(struct takeover *t, struct supervisor *s)
{
	for (size_t i = 0; i < t->old_count; i++) {
		struct old_worker *old = &t->old[i];
		struct msg_board board = { .slot = BOARD_SLOT_EARLIER, .instance = old->instance };

		if (!old->shown || old->pidfd >= 0)
			continue;
		old->shown = false;
		for (uint32_t k = 0; k < s->slots_count; k++)
			supervisor_send(&s->slots[k], MSG_BOARD, &board, sizeof board, -1);
	}
}

static void
old_worker_tell(struct old_worker *old)
{
	old->told = true;
	log_info("takeover pid=%d state=draining", (int)old->pid);
	if (pidfd_send_signal(old->pidfd, SIGTERM, NULL, 0) < 0)
		log_warn("takeover pid=%d error=\"%s\"", (int)old->pid, strerror(errno));
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

void
takeover_add_replaced(struct takeover *t, pid_t pid, int pidfd, int page_fd, const struct slot *by)
{
	takeover_add_worker(t, pid, pidfd, page_fd);
	t->old[t->old_count - 1].after = by;
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
			keep_all(old, false, false, board);
			old_worker_gone(old);
		} else if (is_late(t, old, now_ms)) {
			log_warn("takeover pid=%d error=\"did not end in time\" action=kill",
				 (int)old->pid);
			pidfd_send_signal(old->pidfd, SIGKILL, NULL, 0);
		}
	}
}

void
takeover_deinit(struct takeover *t)
{
	for (size_t i = 0; i < t->old_count; i++) {
		if (t->old[i].pidfd >= 0)
			close(t->old[i].pidfd);
		if (t->old[i].page_fd >= 0)
			close(t->old[i].page_fd);
		foreign_page_close(&t->old[i].foreign);
		board_unmap(t->old[i].page, sizeof *t->old[i].page);
	}
	layouts_deinit(&t->layouts);
	free(t->old);
	if (t->rates.magic)
		close(t->rates_fd);
	board_unmap(t->page, sizeof *t->page);
	*t = (struct takeover){ 0 };
}
