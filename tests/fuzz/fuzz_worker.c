/*
 * A whole worker, and all that speak to it: the master, clients, upstreams, the Redis of sessions.
 * Whatever they say, in whatever order, it goes on, and gives everything back at its end.
 *
 * The first byte is of flags. Then records: who speaks (a client, somebody whom the worker asked,
 * or the master, by the type of its message), how, a length (two bytes), the bytes. Of the master
 * it is what comes along (enum along), and whether zeroes are added up to the size of such a
 * message; what is behind that size is in a memfd. Of the others it is who: a client that comes
 * or the last one that came, the peer who was asked last or one before; and whether it closes then.
 * Or time goes by.
 */

#include "descriptors.h"
#include "others.h"
#include "world.h"

#include "lib/log.h"
#include "shm/memfd.h"
#include "worker/client.h"
#include "worker/control.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define BARE 1 /* of the first byte: nothing was said before; else there is a table */
#define ADMIN 2
#define CLIENT 'C' /* beyond the types of messages */
#define PEER 'P'
#define TIME 'T'
#define WHOLE 16 /* of a record's second byte */
#define CLOSES 16
#define NEW 15
#define HEAD 4 /* bytes of a record before its own */
#define TURNS 6
#define TICK_MS 100

static struct worker w; /* too large for the stack */
static int master, client;

static void
turn(void)
{
	for (int i = 0; i < TURNS; i++)
		uv_run(&w.loop, UV_RUN_NOWAIT);
}

/* ---- the master ---- */

static size_t
whole_size(uint8_t type)
{
	static const size_t body[] = {
		[MSG_HELLO] = sizeof(struct msg_hello),
		[MSG_BOARD] = sizeof(struct msg_board),
		[MSG_LISTENER] = sizeof(struct msg_listener),
		[MSG_UNLISTEN] = sizeof(struct msg_listener),
		[MSG_SEGMENT] = sizeof(struct msg_segment),
		[MSG_PUBLISH] = sizeof(struct msg_publish),
		[MSG_DRAIN] = sizeof(struct msg_drain),
		[MSG_REPLY] = sizeof(struct msg_reply),
		[MSG_EXPLAIN] = sizeof(struct msg_explain),
		[MSG_ACCESS] = sizeof(struct msg_access),
		[MSG_RATES] = sizeof(struct rate_head),
		[MSG_KEYS_SETTLED] = sizeof(struct msg_keys_settled),
		[MSG_SUSPENSION_KNOWN] = sizeof(struct msg_suspension_known),
		[MSG_SWEEP] = sizeof(struct msg_sweep),
		[MSG_LEASES] = sizeof(struct lease_head),
		[MSG_LEASED] = sizeof(struct msg_leased),
		[MSG_SESSIONS] = sizeof(struct msg_sessions),
		[MSG_TOKEN_TOLD] = sizeof(struct msg_token_told),
		[MSG_EXCHANGED] = sizeof(struct msg_exchanged),
		[MSG_EXCHANGE_ADOPT] = sizeof(struct msg_exchange),
		[MSG_NAME_TOLD] = sizeof(struct msg_name_told),
		[MSG_WORKERS] = sizeof(struct msg_workers),
	};

	return type < sizeof body / sizeof *body ? body[type] : 0;
}

static void
say(enum message_type type, const void *body, size_t n, enum along what)
{
	(void)!ipc_put(master, type, body, n, world.along[what]);
	turn();
}

static void
master_says(uint8_t type, uint8_t how, struct slice bytes)
{
	size_t whole = whole_size(type), n = bytes.n < whole ? bytes.n : whole;
	struct slice text = slice_make(bytes.p + n, bytes.n - n);
	enum along what = how % WHOLE % ALONG;
	char body[IPC_MAX] = { 0 };

	if (what == TEXT && (text.n == 0 || memfd_of("fuzz", &text, 1, &world.along[TEXT]) < 0))
		return;
	if (whole == 0)
		n = bytes.n < 64 ? bytes.n : 64;
	if (n > 0)
		memcpy(body, bytes.p, n);
	say(type, body, how & WHOLE && whole > n ? whole : n, what);
	if (what == TEXT)
		close(world.along[TEXT]);
	world.along[TEXT] = -1;
}

/* ---- the others ---- */

static void
client_leaves(void)
{
	if (client >= 0)
		close(client);
	client = -1;
	turn();
}

static void
client_says(uint8_t how, struct slice bytes)
{
	const struct msg_listener listener = { .kind = w.hello.role == ROLE_ADMIN ? LISTENER_ADMIN
										  : LISTENER_HTTP };
	const struct sockaddr_storage from = { .ss_family = AF_UNIX };
	int sv[2];

	if (w.page && (how & NEW) == NEW) {
		client_leaves();
		if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, sv) < 0)
			abort();
		client = sv[0];
		client_open(&w, sv[1], &listener, &from);
	}
	if (client >= 0 && bytes.n > 0)
		(void)!send(client, bytes.p, bytes.n, MSG_DONTWAIT | MSG_NOSIGNAL);
	turn();
	if (client >= 0 && how & CLOSES)
		client_leaves();
}

static void
peer_says(uint8_t how, struct slice bytes)
{
	unsigned which = others.count - 1 - how % CLOSES;

	others_say(which, bytes);
	turn();
	if (how & CLOSES)
		others_close(which);
	turn();
}

static void
time_goes(uint8_t ticks)
{
	others.ahead_ms += ticks * TICK_MS;
	turn();
}

/* ---- all of it ---- */

/* Up to a table in force, as slot.c does, and a Redis that is there. */
static void
begin(enum worker_role role)
{
	const struct msg_hello hello = { .role = role,
					 .instance = 1,
					 .log_level = LOG_LEVEL_ERROR };
	const struct msg_board page = { .slot = BOARD_SLOT_MASTER };
	struct msg_publish publish = { .version = 1 };

	say(MSG_HELLO, &hello, sizeof hello, NOTHING);
	say(MSG_BOARD, &page, sizeof page, MASTER_PAGE);
	say(MSG_RATES, &world.rates.head, sizeof world.rates.head, RATES);
	say(MSG_LEASES, &world.leases.head, sizeof world.leases.head, LEASES);
	say(MSG_SUSPENDED, NULL, 0, SUSPENDED);
	for (uint32_t kind = 0; kind < SEGMENT_N; kind++) {
		const struct msg_segment segment = { .kind = kind, .generation = 1 };

		publish.generation[kind] = 1;
		say(MSG_SEGMENT, &segment, sizeof segment, RULES + kind);
	}
	say(MSG_PUBLISH, &publish, sizeof publish, NOTHING);
	assert(w.table);
	peer_says(0, SLICE("+OK\r\n:7\r\n*3\r\n$9\r\nsubscribe\r\n"
			   "$20\r\n__redis__:invalidate\r\n:1\r\n"));
	peer_says(1,
		  SLICE("+OK\r\n+OK\r\n*2\r\n$10\r\n1795850000\r\n$1\r\n0\r\n")); /* and its time */
}

static void
record(const uint8_t *head, struct slice bytes)
{
	if (head[0] == CLIENT)
		client_says(head[1], bytes);
	else if (head[0] == PEER)
		peer_says(head[1], bytes);
	else if (head[0] == TIME)
		time_goes(head[1]);
	else
		master_says(head[0], head[1], bytes);
}

static void
live(const uint8_t *data, size_t size)
{
	unsigned flags = data[0];
	void *page;
	int sv[2];

	memset(&w, 0, sizeof w);
	if (board_create(sizeof *w.blank, &page, &w.page_fd) < 0)
		abort();
	w.blank = page;
	worker_init(&w);
	client = -1;
	if (ipc_pair(sv) < 0 || control_open(&w, sv[0]) < 0)
		abort();
	master = sv[1];
	if (!(flags & BARE))
		begin(flags & ADMIN ? ROLE_ADMIN : ROLE_TRAFFIC);
	for (size_t at = 1; at + HEAD <= size;) {
		const uint8_t *head = data + at;
		size_t n = (size_t)(head[2] | head[3] << 8), rest = size - at - HEAD;

		n = n < rest ? n : rest;
		record(head, slice_make((const char *)head + HEAD, n));
		at += HEAD + n;
	}
	close(master);
	turn();
	worker_deinit(&w);
	if (client >= 0)
		close(client);
	others_end();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t nothing = 0;
	unsigned before;

	if (size == 0)
		return 0;
	if (world.along[OTHER] == 0) {
		world_make();
		live(&nothing, 1); /* libraries open what they keep */
	}
	before = descriptors();
	live(data, size);
	assert(descriptors() == before);
	return 0;
}
