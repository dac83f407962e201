/* master/systemd: what the service manager hears. */

#include "master/systemd.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

static int
manager_open(char path[64])
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);

	/* An abstract address leaves no file. */
	snprintf(path, 64, "@yett-test-systemd-%d", (int)getpid());
	memcpy(a.sun_path + 1, path + 1, strlen(path) - 1);
	assert_int_equal(bind(fd, (struct sockaddr *)&a,
			      (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path))),
			 0);
	return fd;
}

static void
heard(int fd, const char *text)
{
	char got[2048] = { 0 };

	if (!text) {
		assert_int_equal(recv(fd, got, sizeof got - 1, 0), -1);
		return;
	}
	assert_true(recv(fd, got, sizeof got - 1, 0) > 0);
	assert_string_equal(got, text);
}

static void
test_messages(void **state)
{
	struct systemd s;
	char path[64], ready[128], reloading[128] = { 0 };
	unsigned long long usec;
	int fd = manager_open(path);

	setenv("NOTIFY_SOCKET", path, 1);
	setenv("WATCHDOG_USEC", "1000000", 1);
	unsetenv("WATCHDOG_PID");
	systemd_init(&s);
	assert_null(getenv("NOTIFY_SOCKET"));
	assert_null(getenv("WATCHDOG_USEC"));
	snprintf(ready, sizeof ready, "READY=1\nMAINPID=%d\nSTATUS=serving", (int)getpid());
	systemd_ready(&s, "serving");
	heard(fd, ready);
	systemd_reloading(&s);
	assert_true(recv(fd, reloading, sizeof reloading - 1, 0) > 0);
	assert_int_equal(
	    sscanf(reloading, "RELOADING=1\nMONOTONIC_USEC=%llu\nSTATUS=reloading", &usec), 1);
	systemd_status(&s, "one\nREADY=1"); /* one line, whatever it is made of */
	heard(fd, "STATUS=one");
	systemd_tick(&s, 10000);
	heard(fd, "WATCHDOG=1");
	systemd_tick(&s, 10400);
	heard(fd, NULL);
	systemd_tick(&s, 10500);
	heard(fd, "WATCHDOG=1");
	systemd_stopping(&s, 5000);
	heard(fd, "STOPPING=1\nEXTEND_TIMEOUT_USEC=5000000\nSTATUS=draining");
	systemd_deinit(&s);
	close(fd);
	(void)state;
}

static void
test_other_watchdog(void **state)
{
	struct systemd s;
	char path[64];
	int fd = manager_open(path);

	setenv("NOTIFY_SOCKET", path, 1);
	setenv("WATCHDOG_USEC", "1000000", 1);
	setenv("WATCHDOG_PID", "1", 1);
	systemd_init(&s);
	systemd_tick(&s, 10000);
	heard(fd, NULL);
	systemd_deinit(&s);
	close(fd);
	(void)state;
}

static void
test_no_manager(void **state)
{
	static const char *const paths[] = { NULL, "", "relative", "@yett-test-nobody",
					     "/nonexistent/notify" };

	for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
		struct systemd s;

		if (paths[i])
			setenv("NOTIFY_SOCKET", paths[i], 1);
		systemd_init(&s);
		assert_int_equal(s.fd, -1);
		systemd_ready(&s, "serving");
		systemd_tick(&s, 1000000);
		systemd_deinit(&s);
	}
	(void)state;
}

static int
heard_fd(int fd, char got[256])
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = { 0 };
	struct iovec part = { got, 255 };
	struct msghdr m = { .msg_iov = &part,
			    .msg_iovlen = 1,
			    .msg_control = control.bytes,
			    .msg_controllen = sizeof control };
	ssize_t n = recvmsg(fd, &m, 0);
	int sent = -1;

	assert_true(n > 0);
	got[n] = '\0';
	if (CMSG_FIRSTHDR(&m))
		memcpy(&sent, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof sent);
	return sent;
}

/* What it is to keep and to forget comes late, in its order and with what it is to keep. */
static void
test_slow_manager(void **state)
{
	struct systemd s;
	char path[64], got[256];
	int fd = manager_open(path), pair[2], kept;

	assert_int_equal(pipe(pair), 0);
	setenv("NOTIFY_SOCKET", path, 1);
	systemd_init(&s);
	while (!s.first)
		systemd_status(&s, "fills");
	systemd_forget(&s, "kept-one");
	systemd_keep(&s, "kept-one", &pair[1], 1);
	systemd_ready(&s, "serving");
	close(pair[1]);
	do {
		systemd_tick(&s, 10000);
		kept = heard_fd(fd, got);
	} while (strcmp(got, "STATUS=fills") == 0);
	assert_string_equal(got, "FDSTOREREMOVE=1\nFDNAME=kept-one");
	systemd_tick(&s, 10000);
	kept = heard_fd(fd, got);
	assert_string_equal(got, "FDSTORE=1\nFDNAME=kept-one");
	assert_int_equal(write(kept, "x", 1), 1);
	assert_int_equal(read(pair[0], got, 1), 1);
	assert_true(heard_fd(fd, got) < 0 && strncmp(got, "READY=1", 7) == 0);
	assert_null(s.first);
	systemd_keep(&s, "kept-one", pair, 1); /* and what waits at the end is given back */
	while (!s.first)
		systemd_keep(&s, "kept-one", pair, 1);
	systemd_deinit(&s);
	close(kept);
	close(pair[0]);
	close(fd);
	(void)state;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_messages),
		cmocka_unit_test(test_other_watchdog),
		cmocka_unit_test(test_no_manager),
		cmocka_unit_test(test_slow_manager),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
