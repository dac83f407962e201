/* master/store_file: what is told of a write is what is on the disk, however its child ended. */

#include "master/store_file.h"

#include "master/change.h"
#include "master/history.h"
#include "master/rules.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <uv.h>

#include <cmocka.h>

enum trouble { NONE, FILE_FAILS, FOLDER_FAILS, FOLDER_KILLS, FOLDER_GOES };

static enum trouble trouble; /* of the child */
static char dir[64], away[80];

/* In the place of the C library's. */
int
fsync(int fd)
{
	struct stat st;
	bool folder = fstat(fd, &st) == 0 && S_ISDIR(st.st_mode);

	if (folder && trouble == FOLDER_KILLS)
		kill(getpid(), SIGKILL);
	if (folder && trouble == FOLDER_GOES)
		rename(dir, away);
	if (folder ? trouble >= FOLDER_FAILS : trouble == FILE_FAILS) {
		errno = EIO;
		return -1;
	}
	return (int)syscall(SYS_fsync, fd);
}

struct fixture {
	uv_loop_t loop;
	struct store_file *file;
	struct history history;
	struct rules *rules;
	int ended; /* 1: not yet */
};

static void
on_written(void *userdata, int error)
{
	struct fixture *f = userdata;

	f->ended = error;
}

/* What store_file_write says in the end. */
static int
write_frontend(struct fixture *f, const char *url, enum trouble t)
{
	struct change *c = change_new(SLICE("test"), SLICE("test"));
	struct revision *r =
	    revision_new(SLICE("0-1"), SLICE("d"), 0, SLICE("w"), SLICE("y"), SLICE("[]"));

	change_set(c, change_key(c, SLICE("frontend:"), slice_of(url)), SLICE("b"));
	trouble = t;
	f->ended = 1;
	assert_int_equal(store_file_write(f->file, c, &f->history, r, on_written, f), 0);
	while (f->ended == 1)
		uv_run(&f->loop, UV_RUN_ONCE);
	if (f->ended == 0)
		store_file_put(f->file, c, f->rules);
	trouble = NONE;
	revision_free(r);
	change_free(c);
	return f->ended;
}

/* In the file, as one that starts reads it. */
static size_t
stored(struct fixture *f)
{
	struct store_file *other = store_file_new(&f->loop, dir);
	struct history history = { 0 };
	struct rules *rules = rules_new();
	struct buf error = { 0 };
	size_t n = 0;

	if (store_file_load(other, rules, &history, &error) == 0)
		n = rules_frontends(rules);
	buf_deinit(&error);
	rules_free(rules);
	history_deinit(&history);
	store_file_free(other);
	return n;
}

static int
setup(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);

	assert_non_null(f);
	snprintf(dir, sizeof dir, P_tmpdir "/yett-store-XXXXXX");
	assert_non_null(mkdtemp(dir));
	snprintf(away, sizeof away, "%s.away", dir);
	uv_loop_init(&f->loop);
	f->file = store_file_new(&f->loop, dir);
	f->rules = rules_new();
	*state = f;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;
	char path[100];

	store_file_free(f->file);
	uv_run(&f->loop, UV_RUN_NOWAIT);
	assert_int_equal(uv_loop_close(&f->loop), 0);
	rules_free(f->rules);
	snprintf(path, sizeof path, "%s/store.json", dir);
	unlink(path);
	snprintf(path, sizeof path, "%s/store.json.1", dir);
	unlink(path);
	assert_int_equal(rmdir(dir), 0);
	free(f);
	return 0;
}

static void
test_failed_before(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(write_frontend(f, "a", FILE_FAILS), -EIO);
	assert_int_equal(stored(f), 0);
	assert_int_equal(write_frontend(f, "a", NONE), 0);
	assert_int_equal(write_frontend(f, "b", FILE_FAILS), -EIO);
	assert_int_equal(stored(f), 1);
	assert_int_equal(rules_frontends(f->rules), 1);
}

static void
test_failed_behind(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(write_frontend(f, "a", FOLDER_FAILS), 0);
	assert_int_equal(stored(f), 1);
	assert_int_equal(write_frontend(f, "b", FOLDER_KILLS), 0);
	assert_int_equal(stored(f), 2);
	assert_int_equal(rules_frontends(f->rules), 2);
}

static void
test_not_known(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(write_frontend(f, "a", NONE), 0);
	assert_int_equal(write_frontend(f, "b", FOLDER_GOES), STORE_FILE_UNKNOWN);
	assert_int_equal(rename(away, dir), 0);
	assert_int_equal(write_frontend(f, "c", NONE), 0);
	assert_int_equal(stored(f), 2);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_failed_before, setup, teardown),
		cmocka_unit_test_setup_teardown(test_failed_behind, setup, teardown),
		cmocka_unit_test_setup_teardown(test_not_known, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
