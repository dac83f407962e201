/*
 * Messages between processes, as the master hears them from a worker that was taken over: none ends
 * the process, none leaks a descriptor, and what is not of its shape costs the worker its life.
 *
 * The first byte says whether it is the admin worker. Then records: what comes along (none, a page
 * of the board, something else, two; and whether zeroes are added up to the size that such a
 * message has), a length, the bytes.
 */

#include "descriptors.h"
#include "messages.h"

#include "master/slot.h"
#include "shm/span.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define WHOLE 4 /* of a record's first byte */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static unsigned kills;

/* In the place of the C library's: the worker here is nobody. */
int
kill(pid_t pid, int number)
{
	assert(pid == 1 && number == SIGKILL);
	kills++;
	return 0;
}

static void
on_slot(void *userdata, struct slot *slot)
{
}

static void
on_change(void *userdata)
{
}

static void
on_failing(void *userdata, const struct msg_failing *failing)
{
}

static void
on_keys_ask(void *userdata, struct slot *slot, const struct msg_keys_ask *ask)
{
	assert(slot->role == ROLE_TRAFFIC);
}

static void
on_token_ask(void *userdata, struct slot *slot, const struct msg_token_ask *ask)
{
	assert(slot->role == ROLE_TRAFFIC && ask->n <= TOKEN_ASKED_MAX);
}

static void
on_name_ask(void *userdata, struct slot *slot, const struct msg_name_ask *ask)
{
	assert(slot->role == ROLE_TRAFFIC && ask->n > 0 && ask->n <= NAME_HOST_MAX);
	assert(strnlen(ask->host, ask->n) == ask->n);
}

static int
on_exchange(void *userdata, struct slot *slot, const struct msg_exchange *ask, int fd)
{
	assert(slot->role == ROLE_TRAFFIC && fd >= 0);
	return ask->kind < EXCHANGE_KIND_N ? 0 : -EBADMSG;
}

static void
on_exchange_kept(void *userdata, struct slot *slot, const struct msg_exchange_kept *kept)
{
	assert(slot->role == ROLE_TRAFFIC);
}

static int
on_spans(void *userdata, struct slot *slot, struct slice records)
{
	struct slice text[SPAN_TEXTS];
	struct span s;

	assert(slot->role == ROLE_TRAFFIC);
	while (records.n > 0) {
		if (!span_read(&records, &s, text))
			return -EBADMSG;
	}
	return 0;
}

static void
on_sessions_told(void *userdata, struct slot *slot, const struct msg_sessions_told *answer,
		 struct ipc_message *m)
{
	assert(slot->role == ROLE_TRAFFIC && m->body.n == sizeof *answer);
}

static void
on_lease(void *userdata, struct slot *slot, const struct msg_lease *ask)
{
	assert(slot->role == ROLE_TRAFFIC);
}

static void
on_explained(void *userdata, struct slot *slot, const struct msg_explained *answer,
	     struct ipc_message *m)
{
	assert(slot->role == ROLE_TRAFFIC && m->body.n == sizeof *answer);
}

static void
on_suspension_ask(void *userdata, struct slot *slot, const struct msg_suspension_ask *ask)
{
	assert(slot->role == ROLE_TRAFFIC && ask->n > 0 && ask->n <= SUSPENSION_ID_MAX);
}

static void
on_swept(void *userdata, struct slot *slot, const struct msg_swept *swept)
{
	assert(slot->role == ROLE_TRAFFIC);
}

static void
on_call(void *userdata, struct slot *slot, const struct msg_call *call, struct ipc_message *m)
{
	assert(slot->role == ROLE_ADMIN && m->body.n == sizeof *call);
}

static const struct supervisor_ops ops = {
	.greet = on_slot,
	.page = on_slot,
	.page_gone = on_slot,
	.changed = on_change,
	.failing = on_failing,
	.keys_ask = on_keys_ask,
	.token_ask = on_token_ask,
	.name_ask = on_name_ask,
	.exchange = on_exchange,
	.exchange_kept = on_exchange_kept,
	.spans = on_spans,
	.sessions_told = on_sessions_told,
	.lease = on_lease,
	.explained = on_explained,
	.suspension_ask = on_suspension_ask,
	.swept = on_swept,
	.call = on_call,
	.empty = on_change,
};

static void
record_send(int fd, struct slice bytes, const int *fds, size_t fds_n)
{
	union {
		char bytes[CMSG_SPACE(2 * sizeof(int))];
		struct cmsghdr head;
	} control = { 0 };
	struct iovec part = { .iov_base = (char *)bytes.p, .iov_len = bytes.n };
	struct msghdr msg = { .msg_iov = &part, .msg_iovlen = 1 };

	if (fds_n > 0) {
		msg.msg_control = control.bytes;
		msg.msg_controllen = CMSG_SPACE(fds_n * sizeof(int));
		control.head.cmsg_level = SOL_SOCKET;
		control.head.cmsg_type = SCM_RIGHTS;
		control.head.cmsg_len = CMSG_LEN(fds_n * sizeof(int));
		memcpy(CMSG_DATA(&control.head), fds, fds_n * sizeof(int));
	}
	(void)!sendmsg(fd, &msg, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static void
say(int fd, const uint8_t *data, size_t size, int page, int other)
{
	const int fds[][2] = { { -1, -1 }, { page, -1 }, { other, -1 }, { page, other } };
	const size_t counts[] = { 0, 1, 1, 2 };

	while (size >= 2) {
		size_t n = data[1] < size - 2 ? data[1] : size - 2;
		size_t whole = n > 0 && data[0] & WHOLE ? message_size(data[2]) : 0;
		unsigned what = data[0] & 3;
		char bytes[IPC_MAX] = { 0 };

		memcpy(bytes, data + 2, n);
		record_send(fd, slice_make(bytes, whole > n ? whole : n), fds[what], counts[what]);
		data += 2 + n;
		size -= 2 + n;
	}
}

/* Two workers, of which the first byte picks one. */
static void
hear(uv_loop_t *loop, const uint8_t *data, size_t size, int page, int other)
{
	struct listeners none = { 0 };
	struct supervisor s;
	struct slot *slot;
	int sv[2];

	if (supervisor_init(&s, loop, 1, &ops, NULL) < 0)
		abort();
	s.listeners = &none;
	s.board_fd = -1;
	slot = &s.slots[data[0] & 1];
	slot->state = SLOT_STARTING;
	slot->pid = 1;
	slot->instance = 7;
	if (ipc_pair(sv) < 0 || slot_connect(slot, sv[0]) < 0)
		abort();
	say(sv[1], data + 1, size - 1, page, other);
	close(sv[1]);
	for (int i = 0; i < 8 && slot->control; i++)
		uv_run(loop, UV_RUN_NOWAIT);
	assert(slot->killed == (kills > 0));
	slot_disconnect(slot);
	supervisor_deinit(&s);
	uv_run(loop, UV_RUN_DEFAULT);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uv_loop_t loop;
	static int page = -1, other;
	void *memory;
	unsigned before;

	if (size == 0)
		return 0;
	if (page < 0) {
		uv_loop_init(&loop);
		other = open("/dev/null", O_RDWR | O_CLOEXEC);
		if (board_create(sizeof(struct board_worker), &memory, &page) < 0)
			abort();
		hear(&loop, data, 1, page, other); /* libuv opens what it keeps */
	}
	before = descriptors();
	kills = 0;
	hear(&loop, data, size, page, other);
	assert(descriptors() == before);
	return 0;
}
