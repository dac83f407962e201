/*
 * A whole master but for its processes, and all that it reads: files of its state directory, Redis,
 * providers of identity, probed upstreams, calls of operators. Whatever they say, it goes on, and
 * gives everything back at its end.
 *
 * The first byte is of flags: whether its rules are in Redis, or in a file. Then records: a file of
 * the state directory, which is there before it begins; somebody whom it asked, by number; a call
 * (its parts with NULs between); time that goes by. Each has how, a length (two bytes), the bytes.
 */

#include "descriptors.h"
#include "others.h"

#include "lib/log.h"
#include "master/api.h"
#include "master/master.h"
#include "shm/message.h"

#include <assert.h>
#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define REDIS 1 /* of the first byte */
#define FILE_OF 'F'
#define PEER 'P'
#define CALL 'C'
#define TIME 'T'
#define CLOSES 0x80 /* of a peer's number */
#define HEAD 4
#define TURNS 3
#define TICK_MS 100

static const char *const files[] = {
	"rules.json",  "rules.json.1", "rules.json.more", "store.json", "store.json.1",
	"suspended",   "drained",      "maintenance",     "seen",       "issuers.json",
	"tickets.key", "sticky.key",   "table",           "table.base",
};

static const char common[] =
    "workers: 1\n"
    "run_dir: %s\n"
    "state_dir: %s\n"
    "health: {interval: 200ms}\n"
    "upstreams: {u: {endpoints: ['10.0.0.1:80']}}\n"
    "gate:\n"
    "  protect: [/api]\n"
    "  issuers:\n"
    "    corp: {issuer: 'http://10.0.0.3', discovery: 'http://10.0.0.3/d', allow_http: true}\n"
    "    other: {introspection: 'http://10.0.0.4/i', allow_http: true, client_id: a,\n"
    "            client_secret: b}\n"
    "tracing: {endpoint: 'http://10.0.0.5/v1/traces'}\n"
    "routes: [{path: /, upstream: u}]\n";

static const char redis[] = "redis: {address: '10.0.0.2:6379'}\n"
			    "cascade: {enabled: true}\n"
			    "suspension: {redis_keys: true}\n"
			    "statistics: {flush: redis}\n"
			    "rates: {quota: {limit: 10/minute, scope: fleet, per: [identity]}}\n"
			    "limits: {rates: [quota]}\n";

static char folder[64];

/* In the place of the C library's: the master does by itself what it would have a child do, or
 * does without. */
pid_t
fork(void)
{
	errno = EAGAIN;
	return -1;
}

static void
folder_empty(void)
{
	DIR *d = opendir(folder);
	struct dirent *e;

	while (d && (e = readdir(d))) {
		if (e->d_name[0] != '.' || strcmp(e->d_name, ".lock") == 0)
			unlinkat(dirfd(d), e->d_name, 0);
	}
	if (d)
		closedir(d);
}

static void
folder_remove(void)
{
	folder_empty();
	rmdir(folder);
}

static void
file_write(uint8_t which, struct slice bytes)
{
	char path[128];
	int fd;

	snprintf(path, sizeof path, "%s/%s", folder, files[which % (sizeof files / sizeof *files)]);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	assert(fd >= 0 && write(fd, bytes.p, bytes.n) == (ssize_t)bytes.n);
	close(fd);
}

static struct config *
configure(bool with_redis)
{
	BUF_CLEAN struct buf report = { 0 }, text = { 0 };
	struct config *c = NULL;
	int fd = memfd_create("yett.yaml", MFD_CLOEXEC);
	char path[32];

	buf_addf(&text, common, folder, folder);
	buf_adds(&text, slice_of(with_redis ? redis : ""));
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	if (fchmod(fd, 0600) < 0 || write(fd, text.p, text.n) < 0 ||
	    config_load(path, &c, &report) != 0)
		abort();
	close(fd);
	return c;
}

static void
turn(struct master *m)
{
	for (int i = 0; i < TURNS; i++)
		uv_run(&m->loop, UV_RUN_NOWAIT);
}

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

static void
record(struct master *m, const uint8_t *head, struct slice bytes)
{
	switch (head[0]) {
	case PEER:
		others_say(head[1] & ~CLOSES, bytes);
		turn(m);
		if (head[1] & CLOSES)
			others_close(head[1] & ~CLOSES);
		break;
	case CALL:
		call(m, head[1], bytes);
		break;
	case TIME:
		others.ahead_ms += head[1] * TICK_MS;
		break;
	default:
		return;
	}
	turn(m);
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
			file_write(head[1], bytes);
		else if (m)
			record(m, head, bytes);
		at += HEAD + n;
	}
}

static void
live(const uint8_t *data, size_t size)
{
	struct master *m = calloc(1, sizeof *m);

	others_begin();
	folder_empty();
	records(NULL, data, size);
	m->access_log = m->upgrade.image = m->upgrade.words = -1;
	m->systemd.fd = -1;
	m->config = configure(data[0] & REDIS);
	m->workdir.run_dir = folder;
	if (spawn_init(&m->spawn) < 0 || uv_loop_init(&m->loop) < 0 || master_open(m) < 0)
		abort();
	master_begin(m);
	turn(m);
	records(m, data, size);
	master_end(m);
	spawn_deinit(&m->spawn);
	config_free(m->config);
	free(m);
	others_end();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t nothing = 0;
	unsigned before;

	if (size == 0)
		return 0;
	if (!*folder) {
		log_set_level(LOG_LEVEL_ERROR);
		snprintf(folder, sizeof folder, "/tmp/yett-fuzz-XXXXXX");
		assert(mkdtemp(folder));
		atexit(folder_remove);
		live(&nothing, 1); /* libraries open what they keep */
	}
	before = descriptors();
	live(data, size);
	assert(descriptors() == before);
	return 0;
}
