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
	systemd_stopping(&s);
	heard(fd, "STOPPING=1\nSTATUS=draining");
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

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_messages),
		cmocka_unit_test(test_other_watchdog),
		cmocka_unit_test(test_no_manager),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
