#include "spawn.h"

#include "lib/ipc.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#define FIXED 4         /* descriptors 0..3 */
#define OUT_OF_REACH 16 /* above the fixed ones, where dup2 does not hit what is still needed */
#define EXIT_NO_EXEC 127

/* What a worker may know of the master's environment; secrets may stand in all the rest. */
static const char *const environment_kept[] = {
	"LANG",
	"LC_ALL",
	"LD_LIBRARY_PATH",
	"PATH",
	"TZ",
	"ASAN_OPTIONS",
	"LSAN_OPTIONS",
	"UBSAN_OPTIONS",
	"MALLOC_ARENA_MAX",
	"MALLOC_CONF",
	"JOURNAL_STREAM",
};
#define KEPT (sizeof environment_kept / sizeof environment_kept[0])

int
spawn_init(struct spawn *s)
{
	ssize_t n = readlink("/proc/self/exe", s->path, sizeof s->path - 1);
	int r;

	s->path[n > 0 ? n : 0] = '\0';
	s->null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (s->null < 0)
		return -errno;
	s->image = open("/proc/self/exe", O_PATH | O_CLOEXEC);
	if (s->image >= 0 && fstat(s->image, &s->is) == 0)
		return 0;
	r = -errno;
	if (s->image >= 0)
		close(s->image);
	close(s->null);
	return r;
}

void
spawn_deinit(struct spawn *s)
{
	close(s->image);
	close(s->null);
}

static void
environment_make(char *sandbox, char *out[KEPT + 2])
{
	size_t n = 0;

	for (char **e = environ; *e && n < KEPT; e++) {
		for (size_t i = 0; i < KEPT; i++) {
			size_t len = strlen(environment_kept[i]);

			if (strncmp(*e, environment_kept[i], len) == 0 && (*e)[len] == '=')
				out[n++] = *e;
			if (n == KEPT)
				break;
		}
	}
	out[n++] = sandbox;
	out[n] = NULL;
}

/* What the filter of a worker is to be (worker/sandbox.h). */
static char *
sandbox_of(const struct spawn *s, bool admin)
{
	static char off[] = "YETT_SANDBOX=off", of_admin[] = "YETT_SANDBOX=admin",
		    of_traffic[] = "YETT_SANDBOX=traffic";

	if (s->unconfined)
		return off;
	return admin ? of_admin : of_traffic;
}

/* The child of fork: only what is safe after fork in a process that has threads. */
static _Noreturn void
worker_exec(int image, char *run_dir, const int fds[FIXED], char *const env[])
{
	static char name[] = "yett", role[] = "worker";
	char *const argv[] = { name, role, run_dir, NULL };
	struct sigaction plain = { .sa_handler = SIG_DFL };
	sigset_t none;
	int safe[FIXED];

	setpgid(0, 0);
	prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0); /* those are for the master */
	for (int sig = 1; sig < NSIG; sig++)
		sigaction(sig, &plain, NULL); /* fails for KILL, STOP and those of libc */
	for (int i = 0; i < FIXED; i++) {
		safe[i] = fcntl(fds[i], F_DUPFD_CLOEXEC, OUT_OF_REACH);
		if (safe[i] < 0)
			_exit(EXIT_NO_EXEC);
	}
	for (int i = 0; i < FIXED; i++) {
		if (dup2(safe[i], i) < 0)
			_exit(EXIT_NO_EXEC);
	}
	if (close_range(FIXED, ~0u, CLOSE_RANGE_CLOEXEC) < 0)
		_exit(EXIT_NO_EXEC);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	execveat(image, "", argv, env, AT_EMPTY_PATH);
	_exit(EXIT_NO_EXEC);
}

int
spawn_worker(const struct spawn *s, bool admin, int access_log, pid_t *pid, int *control)
{
	char *env[KEPT + 2];
	sigset_t all, before;
	int sv[2], r;
	pid_t child;

	r = ipc_pair(sv);
	if (r < 0)
		return r;
	environment_make(sandbox_of(s, admin), env);
	/* No handler of the master may run in the child: it would write into our pipe. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	child = fork();
	if (child == 0) {
		/* An image that sits below OUT_OF_REACH would be overwritten by dup2. */
		const int fds[FIXED] = { s->null, access_log < 0 ? s->null : access_log,
					 STDERR_FILENO, sv[1] };
		int image = fcntl(s->image, F_DUPFD_CLOEXEC, OUT_OF_REACH);

		worker_exec(image, (char *)s->run_dir, fds, env);
	}
	r = child < 0 ? -errno : 0;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	close(sv[1]);
	if (r < 0) {
		close(sv[0]);
		return r;
	}
	*pid = child;
	*control = sv[0];
	return 0;
}
