/* master/workdir: one master a run_dir. */

#include "master/workdir.h"

#include "lib/log.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

struct fixture {
	char dir[64], run[80], state[80], lock[100];
	struct config config;
	struct buf error;
};

static int
setup(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);

	assert_non_null(f);
	snprintf(f->dir, sizeof f->dir, P_tmpdir "/yett-workdir-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	snprintf(f->run, sizeof f->run, "%s/run", f->dir);
	snprintf(f->state, sizeof f->state, "%s/state", f->dir);
	snprintf(f->lock, sizeof f->lock, "%s/lock", f->run);
	f->config = (struct config){
		.file = "yett.yaml", .run_dir = f->run, .state_dir = f->state, .user = ""
	};
	*state = f;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	buf_deinit(&f->error);
	rmdir(f->state);
	assert_int_equal(rmdir(f->dir), 0); /* nothing is left behind */
	free(f);
	return 0;
}

static void
test_only_one(void **state)
{
	struct fixture *f = *state;
	struct workdir first, second;
	char pid[32];

	assert_int_equal(workdir_open(&first, &f->config, -1, &f->error), 0);
	assert_int_equal(workdir_open(&second, &f->config, -1, &f->error), -EWOULDBLOCK);
	buf_addc(&f->error, '\0');
	snprintf(pid, sizeof pid, "(pid %d)", (int)getpid());
	assert_non_null(strstr(f->error.p, "another yett"));
	assert_non_null(strstr(f->error.p, pid));
	workdir_close(&first);
	assert_int_equal(access(f->run, F_OK), -1); /* it was made by us */
	assert_int_equal(workdir_open(&second, &f->config, -1, &f->error), 0);
	workdir_close(&second);
}

/* A killed master leaves its file, and no lock. */
static void
test_left_over(void **state)
{
	struct fixture *f = *state;
	struct workdir w;
	FILE *lock;

	assert_int_equal(mkdir(f->run, 0700), 0);
	lock = fopen(f->lock, "w");
	assert_non_null(lock);
	fputs("99999999\n", lock);
	fclose(lock);
	assert_int_equal(workdir_open(&w, &f->config, -1, &f->error), 0);
	workdir_close(&w);
	assert_int_equal(access(f->lock, F_OK), -1);
	assert_int_equal(rmdir(f->run), 0); /* it was there before us, and stays */
}

/* A directory that a killed master made goes with the last one; failing in between, while its
 * workers still serve, is no end. */
static void
test_made_by_a_killed_one(void **state)
{
	struct fixture *f = *state;
	struct workdir w;
	struct stat st;
	mode_t mask = umask(027);
	char way_in[110];

	assert_int_equal(workdir_open(&w, &f->config, -1, &f->error), 0);
	umask(mask);
	assert_int_equal(stat(f->run, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0755);
	snprintf(way_in, sizeof way_in, "%s/takeover.sock", f->run);
	close(open(way_in, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
	close(w.lock); /* killed */
	free(w.run_dir);
	assert_int_equal(workdir_open(&w, &f->config, -1, &f->error), 0);
	workdir_close(&w); /* failed */
	assert_int_equal(access(way_in, F_OK), 0);
	assert_int_equal(workdir_open(&w, &f->config, -1, &f->error), 0);
	unlink(way_in);
	workdir_close(&w);
	assert_int_equal(access(f->run, F_OK), -1);
}

static void
test_no_run_dir(void **state)
{
	struct fixture *f = *state;
	struct workdir w;

	f->config.run_dir = "/dev/null/run";
	assert_int_equal(workdir_open(&w, &f->config, -1, &f->error), -ENOTDIR);
	buf_addc(&f->error, '\0');
	assert_non_null(strstr(f->error.p, "yett.yaml: run_dir: cannot make /dev/null/run"));
}

static void
test_no_state_dir(void **state)
{
	struct fixture *f = *state;
	struct workdir w;

	f->config.state_dir = "/dev/null/state";
	assert_int_equal(workdir_open(&w, &f->config, -1, &f->error), 0);
	workdir_close(&w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_only_one, setup, teardown),
		cmocka_unit_test_setup_teardown(test_left_over, setup, teardown),
		cmocka_unit_test_setup_teardown(test_made_by_a_killed_one, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_run_dir, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_state_dir, setup, teardown),
	};

	log_setup("test", LOG_LEVEL_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
