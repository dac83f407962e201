/*
 * The trial of a new image: a child, what it says, and how it ends.
 */

#include "handover.h"
#include "master.h"
#include "upgrade.h"

#include "lib/failpoint.h"
#include "lib/log.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define SAID_MAX 32768
#define EXIT_NO_EXEC 127

void
upgrade_try_end(struct upgrade *u)
{
	if (u->child) {
		kill(u->child, SIGKILL);
		while (waitpid(u->child, NULL, 0) < 0 && errno == EINTR)
			;
	}
	u->child = 0;
	if (u->words >= 0)
		close(u->words);
	u->words = -1;
}

/* The child of fork: only what is safe after fork in a process that has threads. */
static _Noreturn void
child_exec(const struct master *m, const struct handover_offer *o, int words, char *const argv[])
{
	struct sigaction plain = { .sa_handler = SIG_DFL };
	sigset_t none;

	for (int sig = 1; sig < NSIG; sig++)
		sigaction(sig, &plain, NULL);
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || dup2(m->spawn.null, STDIN_FILENO) < 0 ||
	    dup2(words, STDOUT_FILENO) < 0 || dup2(words, STDERR_FILENO) < 0)
		_exit(EXIT_NO_EXEC);
	handover_keep(o, true);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	execveat(m->upgrade.image, "", argv, environ, AT_EMPTY_PATH);
	dprintf(STDERR_FILENO, "it cannot be executed: %s\n", strerror(errno));
	_exit(EXIT_NO_EXEC);
}

static int
child_start(struct master *m, const struct handover_offer *o, const int words[2])
{
	static char name[] = "yett", role[] = "preflight", option[] = "-c";
	BUF_CLEAN struct buf file = { 0 };
	char *argv[] = { name, role, option, NULL, NULL };
	sigset_t all, before;
	pid_t child;
	int r;

	buf_adds(&file, slice_of(m->config->file));
	buf_addc(&file, '\0');
	argv[3] = file.p;
	handover_name(o);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	child = fork();
	if (child == 0)
		child_exec(m, o, words[1], argv);
	r = child < 0 ? -errno : 0;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (r == 0)
		m->upgrade.child = child;
	FAILPOINT("upgrade-tried");
	return r;
}

int
upgrade_try_begin(struct master *m)
{
	struct upgrade *u = &m->upgrade;
	struct handover_offer offer;
	int words[2], r;

	if (pipe2(words, O_CLOEXEC) < 0)
		return -errno;
	fcntl(words[0], F_SETFL, O_NONBLOCK);
	r = handover_offer(m, &offer);
	if (r == 0) {
		r = child_start(m, &offer, words);
		handover_offer_deinit(&offer);
	}
	close(words[1]);
	u->words = words[0];
	return r;
}

/* The line in which it says that all is well, and of what version it is. */
static bool
said_good(struct upgrade *u)
{
	struct slice rest = buf_slice(&u->said), good = SLICE(PREFLIGHT_GOOD);

	while (rest.p && rest.n > 0) {
		struct slice line = slice_cut(rest, '\n', &rest);

		if (!slice_starts(line, good))
			continue;
		snprintf(u->version, sizeof u->version, "%.*s", (int)(line.n - good.n),
			 line.p + good.n);
		return true;
	}
	return false;
}

static void
child_ended(struct upgrade *u, int status)
{
	struct slice said = buf_slice(&u->said);

	u->child = 0;
	while (said.n > 0 && said.p[said.n - 1] == '\n')
		said.n--;
	if (WIFSIGNALED(status)) {
		upgrade_refuse(u, "the new image died by signal %d%s%.*s", WTERMSIG(status),
			       said.n ? ": " : "", SLICE_F(said));
	} else if (WEXITSTATUS(status) != 0) {
		upgrade_refuse(u, "the new image ended with exit status %d%s%.*s",
			       WEXITSTATUS(status), said.n ? ": " : "", SLICE_F(said));
	} else if (!said_good(u)) {
		upgrade_refuse(u, "the new image does not say that it could take over: it is "
				  "no yett, or one that cannot");
	} else {
		upgrade_try_end(u);
		upgrade_settle(u);
	}
}

void
upgrade_try_tick(struct upgrade *u, uint64_t now_ms)
{
	bool ended;
	char bytes[4096];
	ssize_t n;
	int status = 0;

	ended = waitpid(u->child, &status, WNOHANG) == u->child;
	do {
		n = read(u->words, bytes, sizeof bytes);
		if (n > 0)
			buf_add(&u->said, bytes, (size_t)n);
	} while (n > 0 && u->said.n < SAID_MAX);
	if (ended)
		child_ended(u, status);
	else if (u->said.n >= SAID_MAX)
		upgrade_refuse(u, "the new image says more than it should: it is no yett");
	else if (now_ms > u->until_ms)
		upgrade_refuse(u, "the new image is not ready within timeouts.preflight");
}
