/*
 * What whoever listens at takeover.sock tells the next master: an admin worker that was taken over,
 * with pages that any worker may have written to. Whatever it is, the new master goes on: it has
 * pages of the right size or none, tells each old worker to finish, and gives all descriptors back.
 *
 * The first byte is of flags: whether processes have ended, or are there at all, and whether the
 * old workers are handed over as an upgrade does it. Then records: a type, what comes along (enum
 * along), whether zeroes are added up to the size of such a message, a length, the bytes. Those of
 * layouts are in the memfd; of WRITE, the number of a word of a page and what is put there.
 */

#include "descriptors.h"

#include "master/supervise.h"
#include "master/takeover.h"

#include "lib/ipc.h"
#include "lib/log.h"
#include "shm/memfd.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum along {
	NOTHING,
	MASTER,
	FOREIGN_MASTER,
	FIRST,
	SECOND,
	FOREIGN_WORKER,
	LISTENER,
	OTHER,
	ALONG
};
#define PAGES FOREIGN_WORKER /* the last of them */
#define WHOLE 16             /* of a record's second byte, as the next */
#define WRITE 32
#define ENDED 1 /* of the first byte */
#define NOBODY 2
#define UPGRADE 4
#define UPGRADED 8 /* by an image that tells instances */
#define WRITES 64

static struct {
	void *memory;
	size_t size;
	int fd;
} along[ALONG];

static struct {
	uint64_t *at, before;
} written[WRITES];

static size_t written_n;
static int conversation; /* the master's end, until it connects */
static unsigned flags;

/* ---- in the place of the C library's ---- */

int
connect(int fd, const struct sockaddr *address, socklen_t n)
{
	assert(dup2(conversation, fd) == fd);
	return 0;
}

int
pidfd_open(pid_t pid, unsigned f)
{
	if (flags & NOBODY) {
		errno = ESRCH;
		return -1;
	}
	return eventfd(flags & ENDED ? 1 : 0, EFD_CLOEXEC);
}

int
pidfd_send_signal(int fd, int number, siginfo_t *info, unsigned f)
{
	assert(fd >= 0 && (number == SIGTERM || number == SIGKILL));
	return 0;
}

/* ---- what is told ---- */

static void
page_make(enum along which, size_t size, uint32_t layout)
{
	struct board_worker *page;

	along[which].size = size;
	if (board_create(size, &along[which].memory, &along[which].fd) < 0)
		abort();
	page = along[which].memory; /* each of them begins like that */
	page->magic = BOARD_MAGIC;
	page->layout = layout;
	if (which < FIRST)
		return;
	page->pid = (uint32_t)getpid();
	page->instance = which;
}

static void
prepare(void)
{
	log_set_level(LOG_LEVEL_ERROR);
	page_make(MASTER, sizeof(struct board_master), BOARD_LAYOUT);
	page_make(FOREIGN_MASTER, sizeof(struct board_master), BOARD_LAYOUT + 1);
	page_make(FIRST, sizeof(struct board_worker), BOARD_LAYOUT);
	page_make(SECOND, sizeof(struct board_worker), BOARD_LAYOUT);
	page_make(FOREIGN_WORKER, sizeof(struct board_worker), BOARD_LAYOUT + 1);
	along[NOTHING].fd = -1;
	along[LISTENER].fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	along[OTHER].fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (bind(along[LISTENER].fd, &(struct sockaddr){ .sa_family = AF_UNIX },
		 sizeof(sa_family_t)) < 0 ||
	    listen(along[LISTENER].fd, 1) < 0)
		abort();
}

static void
write_word(enum along page, const uint8_t *data, size_t n)
{
	uint32_t word;
	uint64_t value = 0, *at;

	if (n < sizeof word || written_n == WRITES || page < MASTER || page > PAGES)
		return;
	memcpy(&word, data, sizeof word);
	n -= sizeof word;
	memcpy(&value, data + sizeof word, n < sizeof value ? n : sizeof value);
	at = (uint64_t *)along[page].memory + word % (along[page].size / sizeof value);
	written[written_n].at = at;
	written[written_n++].before = *at;
	*at = value;
}

static size_t
whole_size(uint8_t type)
{
	return type == MSG_BOARD      ? sizeof(struct msg_board)
	       : type == MSG_LISTENER ? sizeof(struct msg_listener)
	       : type == MSG_RATES    ? sizeof(struct rate_head)
				      : 0;
}

static void
say(int fd, const uint8_t *record, size_t n)
{
	size_t whole = record[1] & WHOLE ? whole_size(record[0]) : 0;
	struct slice text = slice_make((const char *)record + 3, n);
	enum along which = record[1] % ALONG;
	char body[IPC_MAX] = { 0 };
	int memory = -1;

	if (record[1] & WRITE) {
		write_word(which, record + 3, n);
		return;
	}
	memcpy(body, record + 3, n);
	if (record[0] == MSG_LAYOUTS && n > 0 && memfd_of("fuzz", &text, 1, &memory) < 0)
		abort();
	(void)!ipc_put(fd, record[0], body, whole > n ? whole : n,
		       memory < 0 ? along[which].fd : memory);
	if (memory >= 0)
		close(memory);
}

static void
tell(const uint8_t *data, size_t size)
{
	int sv[2];

	if (ipc_pair(sv) < 0)
		abort();
	while (size >= 3) {
		size_t n = data[2] < size - 3 ? data[2] : size - 3;

		say(sv[1], data, n);
		data += 3 + n;
		size -= 3 + n;
	}
	close(sv[1]);
	conversation = sv[0];
}

/* ---- what becomes of it ---- */

static void
check(const struct takeover *t)
{
	size_t seen = 0;

	for (size_t i = 0; i < t->old_count; i++) {
		const struct old_worker *old = &t->old[i];

		assert(!old->page == (old->page_fd < 0));
		assert(old->pidfd < 0 || old->pid == getpid());
		seen += old->page != NULL;
	}
	assert(seen <= t->old_count && t->layouts.count <= LAYOUTS_MAX);
}

static void
live(struct takeover *t)
{
	static struct board_master *board;
	struct supervisor s = { 0 };
	struct slot slot = { .supervisor = &s };

	if (!board)
		board = calloc(1, sizeof *board);
	s.slots = &slot;
	s.slots_count = 1;
	takeover_seed(t, board);
	for (int turn = 0; turn < 3; turn++) {
		takeover_show(t, &slot);
		takeover_end(t, 1000u >> turn);
		takeover_tick(t, board, UINT64_MAX);
		takeover_tell_gone(t, &s);
		for (size_t i = 0; i < t->old_count; i++)
			(void)!takeover_decides(t, i);
	}
	assert(takeover_is_over(t) || !(flags & ENDED));
	takeover_kill(t);
}

static void
take_over(const uint8_t *data, size_t size)
{
	struct takeover t = { 0 };
	struct inherited in = { 0 };

	flags = data[0];
	tell(data + 1, size - 1);
	assert(takeover_ask(&t, "/nowhere", &in) == 0);
	close(conversation);
	for (int i = FIRST; flags & UPGRADE && i <= PAGES; i++)
		takeover_add_worker(&t, getpid(), pidfd_open(getpid(), 0), dup(along[i].fd),
				    flags & UPGRADED ? (uint64_t)i : 0);
	check(&t);
	live(&t);
	takeover_deinit(&t);
	inherited_deinit(&in);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t nothing = 0;
	unsigned before;

	if (size == 0)
		return 0;
	if (along[OTHER].fd == 0) {
		prepare();
		take_over(&nothing, 1); /* libuv opens what it keeps */
	}
	before = descriptors();
	take_over(data, size);
	assert(descriptors() == before);
	while (written_n > 0) {
		written_n--;
		*written[written_n].at = written[written_n].before;
	}
	return 0;
}
