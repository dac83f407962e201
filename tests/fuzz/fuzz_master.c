/*
 * A whole master but for its processes, and all that it hears: files of its state directory, Redis,
 * providers of identity, probed upstreams, name servers, calls of operators, workers. Whatever they
 * say, it goes on, and gives everything back at its end.
 *
 * The first byte says where its rules are: in a file, or in Redis, wherever that is. Then records:
 * a file of the state directory, which is there before it begins; somebody whom it asked, by
 * number; a call (its parts with NULs between); a worker (the type of its message, the body, and
 * what is in a memfd); time that goes by. Each has how, a length (two bytes), the bytes.
 */

#include "descriptors.h"
#include "gateway.h"
#include "messages.h"

#include "lib/ipc.h"
#include "master/api.h"
#include "master/slot.h"
#include "shm/memfd.h"
#include "shm/message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define FILE_OF 'F'
#define PEER 'P'
#define CALL 'C'
#define TIME 'T'
#define WORKER 'W'
#define ADMIN 1 /* of how a worker speaks: which one, */
#define PAGE 2  /* and with a page */
#define NOBODY 0x7ffffff0
#define CLOSES 0x80 /* of a peer's number */
#define HEAD 4
#define TICK_MS 100

static const char *const files[] = {
	"rules.json",  "rules.json.1", "rules.json.more", "store.json", "store.json.1",
	"suspended",   "drained",      "maintenance",     "seen",       "issuers.json",
	"tickets.key", "sticky.key",   "table",           "table.base",
};

static int page_fd, workers[2] = { -1, -1 }; /* our ends: a traffic worker, the admin worker */
static uint64_t instances;

static void
call(struct master *m, uint8_t how, struct slice bytes)
{
	struct slot *admin = &m->supervisor.slots[m->supervisor.slots_count - 1];
	struct call_text text = { .role = how % (ACCESS_OPERATE + 1) };
	const struct msg_call head = { .id = 1 };
	struct ipc_message message = { .type = MSG_CALL, .fd = -1 };

	for (int i = 0; i < CALL_PARTS - 1 && bytes.p; i++)
		text.part[i] = slice_cut(bytes, '\0', &bytes);
	text.part[CALL_BODY] = bytes;
	if (call_pack(&text, &message.fd) < 0)
		abort();
	api_answer(m, admin, &head, &message);
	close(message.fd);
}

/* ---- workers ---- */

/* In the place of the C library's: nobody is killed. */
int
kill(pid_t pid, int number)
{
	assert(pid == NOBODY);
	return 0;
}

static void
say(int fd, enum message_type type, const void *body, size_t n, int with)
{
	(void)!ipc_put(fd, type, body, n, with);
}

/* Where its slot waits for another try, as if it had been started. */
static void
worker_begin(struct slot *slot, int *fd)
{
	const struct msg_board board = { .slot = slot->number, .instance = ++instances };
	int sv[2];

	if (ipc_pair(sv) < 0)
		abort();
	slot->state = SLOT_STARTING;
	slot->pid = NOBODY;
	slot->instance = instances;
	if (slot_connect(slot, sv[0]) < 0)
		abort();
	*fd = sv[1];
	slot_greet(slot);
	say(*fd, MSG_BOARD, &board, sizeof board, page_fd);
}

static void
worker_says(struct master *m, uint8_t how, struct slice bytes)
{
	unsigned which = how & ADMIN ? m->supervisor.slots_count - 1 : 0;
	struct slot *slot = &m->supervisor.slots[which];
	char body[IPC_MAX] = { 0 };
	size_t whole, n;
	struct slice text;
	int with = how & PAGE ? page_fd : -1;

	if (!slot->control && slot->state == SLOT_BACKOFF)
		worker_begin(slot, &workers[!!which]);
	if (bytes.n == 0 || workers[!!which] < 0)
		return;
	whole = message_size((uint8_t)bytes.p[0]);
	whole = whole ? whole - sizeof(uint32_t) : 0;
	n = whole && bytes.n - 1 > whole ? whole : bytes.n - 1;
	memcpy(body, bytes.p + 1, n);
	text = slice_make(bytes.p + 1 + n, bytes.n - 1 - n);
	if (text.n > 0 && memfd_of("fuzz", &text, 1, &with) < 0)
		abort();
	say(workers[!!which], (uint8_t)bytes.p[0], body, whole ? whole : n, with);
	if (text.n > 0)
		close(with);
}

static void
workers_end(struct master *m)
{
	for (uint32_t i = 0; i < m->supervisor.slots_count; i++) {
		slot_disconnect(&m->supervisor.slots[i]);
		m->supervisor.slots[i].pid = 0;
	}
	for (int i = 0; i < 2; i++) {
		if (workers[i] >= 0)
			close(workers[i]);
		workers[i] = -1;
	}
	gateway_turn(m);
}

/* ---- all of it ---- */

static void
record(struct master *m, const uint8_t *head, struct slice bytes)
{
	switch (head[0]) {
	case PEER:
		others_say(head[1] & ~CLOSES, bytes);
		gateway_turn(m);
		if (head[1] & CLOSES)
			others_close(head[1] & ~CLOSES);
		break;
	case CALL:
		call(m, head[1], bytes);
		break;
	case WORKER:
		worker_says(m, head[1], bytes);
		break;
	case TIME:
		others.ahead_ms += head[1] * TICK_MS;
		break;
	default:
		return;
	}
	gateway_turn(m);
}

/* Calls `each` for the records that are files (m NULL), or for the others. */
static void
records(struct master *m, const uint8_t *data, size_t size)
{
	for (size_t at = 1; at + HEAD <= size;) {
		const uint8_t *head = data + at;
		size_t n = (size_t)(head[2] | head[3] << 8), rest = size - at - HEAD;
		struct slice bytes;

		n = n < rest ? n : rest;
		bytes = slice_make((const char *)head + HEAD, n);
		if (!m && head[0] == FILE_OF)
			folder_write(files[head[1] % (sizeof files / sizeof *files)], bytes);
		else if (m)
			record(m, head, bytes);
		at += HEAD + n;
	}
}

static void
live(const uint8_t *data, size_t size)
{
	struct master *m;

	folder_empty();
	records(NULL, data, size);
	m = gateway_begin((enum gateway_redis)(data[0] % REDIS_WAYS));
	records(m, data, size);
	workers_end(m);
	gateway_end(m);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t nothing = 0;
	unsigned before;
	void *page;

	if (size == 0)
		return 0;
	if (!*folder) {
		folder_make();
		if (board_create(sizeof(struct board_worker), &page, &page_fd) < 0)
			abort();
		((struct board_worker *)page)->heartbeat_ms = INT64_MAX; /* it works */
		live(&nothing, 1); /* libraries open what they keep */
	}
	before = descriptors();
	live(data, size);
	assert(descriptors() == before);
	return 0;
}
