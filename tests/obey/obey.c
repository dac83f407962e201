/*
 * obey: what an attacker would run in a worker. A request with "X-Obey: WORDS" is answered with
 * what came of that: a number, or the name of an errno.
 *
 *   CALL ARGUMENT...   a system call by its name. An argument is a number, s:TEXT for its address,
 *                      un:PATH or un:@NAME for that of a sockaddr_un, b:N for that of N bytes, or
 *                      iov:ADDRESS for that of an iovec of 8 bytes there
 *   thread CALL ARGUMENT...   the same, in a thread that is started for it
 *   pages              how many pages of the board can be made writable: its own is one
 *   write              writes to the page of the master
 *   memfds             how many descriptors can be mapped writable and shared: one is made for that
 *   reach NAME         connects to a Unix socket, an abstract one by @NAME
 *   admin PATH         asks the admin socket at PATH to go into maintenance: the status that comes
 *   disguised PATH     the same, with another pid on the page of our own
 *   call               asks the master for the same, as the admin worker would
 *   deafen             ends the listening of the sockets that it accepts on: of so many
 *   spoil              has the same sockets reset who closes, and give up within a millisecond
 *   exchange FORM      has the master post it to a provider as if it were to redeem a code
 *   log                tries to shorten, and to write over, the log of errors
 */

#include "worker/answer.h"
#include "worker/control.h"
#include "worker/exchange.h"
#include "worker/listen.h"
#include "worker/peers.h"
#include "worker/request.h"
#include "worker/worker.h"

#include "shm/call.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

#define WORDS 8
#define DESCRIPTORS 256

enum result __real_head_step(struct request *r);
enum result __wrap_head_step(struct request *r);

static struct sockaddr_un
named(const char *path)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };

	snprintf(a.sun_path, sizeof a.sun_path, "%s", path);
	if (a.sun_path[0] == '@')
		a.sun_path[0] = '\0';
	return a;
}

/* ---- system calls ---- */

static long
argument(const char *word)
{
	static struct sockaddr_un un;
	static struct iovec iov[2];
	static char bytes[4096], there[8];
	static unsigned n;

	if (strncmp(word, "s:", 2) == 0)
		return (long)(word + 2);
	if (strncmp(word, "b:", 2) == 0)
		return (long)memset(bytes, 0, sizeof bytes);
	if (strncmp(word, "un:", 3) == 0) {
		un = named(word + 3);
		return (long)&un;
	}
	if (strncmp(word, "iov:", 4) == 0) {
		struct iovec *v = &iov[n++ % 2];
		void *at = (void *)strtoul(word + 4, NULL, 0);

		*v = (struct iovec){ at ? at : there, sizeof there };
		return (long)v;
	}
	return (long)strtoul(word, NULL, 0);
}

static long
make_call(char *const *words, unsigned n)
{
	long a[6] = { 0 };
	int number = seccomp_syscall_resolve_name(words[0]);
	long r;

	if (number < 0)
		return -EINVAL;
	for (unsigned i = 1; i < n && i <= 6; i++)
		a[i - 1] = argument(words[i]);
	r = syscall(number, a[0], a[1], a[2], a[3], a[4], a[5]);
	return r < 0 ? -errno : r;
}

struct order {
	char *const *words;
	unsigned n;
	long result;
};

static void
order_run(void *order)
{
	struct order *o = order;

	o->result = make_call(o->words, o->n);
}

static long
in_thread(char *const *words, unsigned n)
{
	struct order order = { words, n, 0 };
	uv_thread_t thread;
	int r = uv_thread_create(&thread, order_run, &order);

	if (r < 0)
		return r;
	uv_thread_join(&thread);
	return order.result;
}

/* ---- shared memory ---- */

static long
opens(const void *page)
{
	return page && mprotect((void *)(uintptr_t)page, 4096, PROT_READ | PROT_WRITE) == 0;
}

static long
pages_opened(struct worker *w)
{
	long n = opens(w->page) + opens(w->master_page) + opens(w->suspended.page);

	for (size_t i = 0; i < w->peers->count; i++)
		n += opens(w->peers->peers[i].page);
	return n;
}

static long
page_written(struct worker *w)
{
	board_set((uint64_t *)(uintptr_t)&w->master_page->degraded, 1);
	return 0;
}

static long
memfds_mapped(void)
{
	long n = 0;
	int own = memfd_create("own", 0);

	if (own < 0 || write(own, "own", 3) < 0)
		return -errno;
	for (int fd = 3; fd < DESCRIPTORS; fd++)
		n += mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) != MAP_FAILED;
	close(own);
	return n;
}

/* ---- the master's ear ---- */

static long
ask_admin(const char *path)
{
	static const char text[] = "PUT /maintenance/1 HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n"
				   "Connection: close\r\n\r\n";
	struct sockaddr_un a = named(path);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), status = 0;
	char answer[512] = "";

	if (fd < 0 || connect(fd, (struct sockaddr *)&a, sizeof a) < 0 ||
	    write(fd, text, sizeof text - 1) < 0 || read(fd, answer, sizeof answer - 1) < 0)
		status = -errno;
	else if (sscanf(answer, "HTTP/1.1 %d", &status) != 1)
		status = -EPROTO;
	if (fd >= 0)
		close(fd);
	return status;
}

static long
reach(const char *path)
{
	struct sockaddr_un a = named(path);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	socklen_t n = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path));
	long r = connect(fd, (struct sockaddr *)&a, n) < 0 ? -errno : 0;

	if (fd >= 0)
		close(fd);
	return r;
}

static void
ignore_reply(struct request *r, int status, struct slice fields, struct slice body)
{
}

static long
call_master(struct request *r)
{
	struct call_text text = { .role = ACCESS_OPERATE };

	text.part[CALL_METHOD] = SLICE("PUT");
	text.part[CALL_PATH] = SLICE("/maintenance/1");
	text.part[CALL_WHO] = SLICE("uid:0");
	return control_call(r, &text, ignore_reply);
}

/* ---- */

static void
ignore_answer(void *userdata, const struct exchange_answer *answer)
{
}

static long
exchange(struct worker *w, const char *form)
{
	return exchange_start(w, SLICE("corp"), EXCHANGE_CODE, slice_of(form), ignore_answer, w) !=
	       NULL;
}

static long
deafen(struct worker *w)
{
	const struct sockaddr nobody = { .sa_family = AF_UNSPEC };
	long n = 0;

	list_for (pos, &w->listeners) {
		const struct listener *l = container_of(pos, struct listener, link);

		n += connect(l->fd, &nobody, sizeof nobody) == 0;
	}
	return n;
}

static long
spoil(struct worker *w)
{
	const struct linger none = { .l_onoff = 1 };
	long n = 0;

	list_for (pos, &w->listeners) {
		const struct listener *l = container_of(pos, struct listener, link);

		n +=
		    setsockopt(l->fd, SOL_SOCKET, SO_LINGER, &none, sizeof none) == 0 &&
		    setsockopt(l->fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &(int){ 1 }, sizeof(int)) == 0;
	}
	return n;
}

static long
log_changed(void)
{
	const char x = 'x';
	long n = ftruncate(STDERR_FILENO, 0) == 0;

	n += pwrite(STDERR_FILENO, &x, 1, 0) == 1;
	n += fcntl(STDERR_FILENO, F_SETFL, 0) == 0 && lseek(STDERR_FILENO, 0, SEEK_SET) == 0 &&
	     write(STDERR_FILENO, &x, 1) == 1;
	return n;
}

static long
obey(struct request *r, char *text)
{
	struct worker *w = r->worker;
	char *words[WORDS];
	unsigned n = 0;

	for (char *word = strtok(text, " "); word && n < WORDS; word = strtok(NULL, " "))
		words[n++] = word;
	if (n == 0)
		return -EINVAL;
	if (strcmp(words[0], "thread") == 0 && n > 1)
		return in_thread(words + 1, n - 1);
	if (strcmp(words[0], "pages") == 0)
		return pages_opened(w);
	if (strcmp(words[0], "memfds") == 0)
		return memfds_mapped();
	if (strcmp(words[0], "write") == 0)
		return page_written(w);
	if (strcmp(words[0], "disguised") == 0 && n == 2)
		w->page->pid = 1;
	if ((strcmp(words[0], "admin") == 0 || strcmp(words[0], "disguised") == 0) && n == 2)
		return ask_admin(words[1]);
	if (strcmp(words[0], "reach") == 0 && n == 2)
		return reach(words[1]);
	if (strcmp(words[0], "call") == 0)
		return call_master(r);
	if (strcmp(words[0], "exchange") == 0 && n == 2)
		return exchange(w, words[1]);
	if (strcmp(words[0], "deafen") == 0)
		return deafen(w);
	if (strcmp(words[0], "spoil") == 0)
		return spoil(w);
	if (strcmp(words[0], "log") == 0)
		return log_changed();
	return make_call(words, n);
}

static enum result
say(struct request *r, long result)
{
	char text[64];

	if (result < 0)
		snprintf(text, sizeof text, "%s", strerrorname_np((int)-result));
	else
		snprintf(text, sizeof text, "%ld", result);
	answer_body(r, 200, "text/plain", slice_of(text), SLICE(""));
	r->step = STEP_RELAY - 1;
	return STEP_NEXT;
}

enum result
__wrap_head_step(struct request *r)
{
	enum result result = __real_head_step(r);

	for (uint16_t i = 0; result == STEP_NEXT && i < r->in.fields_n; i++) {
		struct slice value = http_value(&r->in, &r->in.fields[i]);
		char text[1024];

		if (!slice_ieq(http_name(&r->in, &r->in.fields[i]), SLICE("X-Obey")))
			continue;
		snprintf(text, sizeof text, "%.*s", SLICE_F(value));
		return say(r, obey(r, text));
	}
	return result;
}
