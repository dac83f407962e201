/*
 * What commands show of a gateway whose admin worker was taken over: whatever it answers, it is
 * said on the terminal in text, never in what a terminal obeys.
 *
 * The first byte says which command. Then answers, in the order in which it is asked: a byte for
 * the status (0: the bytes are the whole answer), a length (two bytes), the bytes.
 */

#include "master/command.h"

#include "lib/slice.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define WORDS 4
#define HEAD 3
#define OUTPUTS 2 /* of a command */
#define ASKED 8

static char *const commands[][WORDS] = {
	{ "status" },
	{ "routes" },
	{ "routes", "--refused" },
	{ "errors" },
	{ "history" },
	{ "cascade" },
	{ "fleet" },
	{ "sessions", "alice" },
	{ "suspended" },
	{ "drain" },
	{ "explain", "GET", "http://a/x" },
	{ "top", "--once" },
	{ "diff", "1-1" },
	{ "maintenance" },
	{ "suspend", "alice" },
	{ "wait", "1-1" },
	{ "key", "list" },
	{ "rollback", "1-1" },
	{ "reload" },
	{ "resume", "alice" },
	{ "diff", "--replay", "1-1" },
	{ "export" },
	{ "sessions", "alice", "--end" },
};

static const uint8_t *answers, *answers_end;
static int asked[ASKED]; /* our ends: what is asked is not read */
static unsigned asked_n;

static void
answer(int fd)
{
	static const int statuses[] = { 200, 202, 400, 404, 409, 503 };
	size_t n = (size_t)(answers[1] | answers[2] << 8);
	size_t left = (size_t)(answers_end - answers) - HEAD;
	const uint8_t *bytes = answers + HEAD;
	char head[128];

	n = n < left ? n : left;
	snprintf(head, sizeof head,
		 "HTTP/1.1 %d No\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n",
		 statuses[answers[0] % 6], n);
	if (answers[0] != 0)
		(void)!write(fd, head, strlen(head));
	(void)!send(fd, bytes, n, MSG_DONTWAIT | MSG_NOSIGNAL);
	answers = bytes + n;
}

/* In the place of the C library's: the gateway has answered before it is asked. */
int
connect(int fd, const struct sockaddr *address, socklen_t n)
{
	int sv[2];

	if (answers_end - answers < HEAD || asked_n == ASKED) {
		errno = ECONNREFUSED;
		return -1;
	}
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sv) < 0 || dup2(sv[0], fd) < 0)
		abort();
	answer(sv[1]);
	shutdown(sv[1], SHUT_WR);
	close(sv[0]);
	asked[asked_n++] = sv[1];
	return 0;
}

static int
run(char *const words[WORDS])
{
	static char name[] = "yett", socket[] = "--socket", place[] = "/run/yett/admin.sock";
	char *argv[WORDS + 4] = { name, words[0], socket, place };
	int argc = 4;

	for (int i = 1; i < WORDS && words[i]; i++)
		argv[argc++] = words[i];
	return command_main(argc, argv);
}

static void
check(int fd)
{
	off_t n = lseek(fd, 0, SEEK_END);
	unsigned char *text = n > 0 ? malloc((size_t)n) : NULL;

	if (!text)
		return;
	assert(pread(fd, text, (size_t)n, 0) == n);
	for (off_t i = 0; i < n; i++) {
		assert(text[i] >= ' ' || text[i] == '\n' || text[i] == '\t');
		assert(text[i] != 0x7f);
		assert(i == 0 || text[i - 1] != 0xc2 || text[i] < 0x80 || text[i] >= 0xa0);
	}
	free(text);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const size_t count = sizeof commands / sizeof *commands;
	FILE *told = stderr;
	int made[OUTPUTS], kept[OUTPUTS], status;

	if (size == 0)
		return 0;
	answers = data + 1;
	answers_end = data + size;
	fflush(NULL);
	for (int i = 0; i < OUTPUTS; i++) {
		made[i] = memfd_create("output", MFD_CLOEXEC);
		kept[i] = fcntl(i + 1, F_DUPFD_CLOEXEC, 3);
		dup2(made[i], i + 1);
	}
	status = run(commands[data[0] % count]);
	fflush(NULL);
	fclose(stderr); /* command_output made it */
	stderr = told;
	for (int i = 0; i < OUTPUTS; i++) {
		dup2(kept[i], i + 1);
		close(kept[i]);
	}
	while (asked_n > 0)
		close(asked[--asked_n]);
	assert(status >= COMMAND_OK && status <= COMMAND_LAGGING);
	for (int i = 0; i < OUTPUTS; i++) {
		check(made[i]);
		close(made[i]);
	}
	return 0;
}
