#include "build.h"

#include "lib/clock.h"
#include "lib/ipc.h"
#include "lib/log.h"
#include "lib/xalloc.h"

#include <errno.h>
#include <linux/close_range.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define PATIENCE_MS 300000 /* a child that takes longer hangs */
#define CHANNEL 3          /* its only descriptor but for the standard ones */

enum { MSG_RESULT, MSG_DONE }; /* a descriptor with its number; the end */

struct done {
	int32_t status;
	uint32_t same;
};

struct build {
	struct ipc ipc;
	struct builder *builder;
	pid_t pid;
	uint64_t until_ms;
	int status;
	bool ended; /* MSG_DONE has come, or it was killed: nothing else is heard */
	struct build_result result;
	build_done *done;
	void *userdata;
};

void
builder_init(struct builder *b, struct uv_loop_s *loop)
{
	*b = (struct builder){ .loop = loop };
}

/* ---- the child ---- */

static _Noreturn void
child_run(const char *name, build_work *work, void *userdata)
{
	struct build_result result = { 0 };
	struct done done = { 0 };
	int r = 0;

	prctl(PR_SET_NAME, name);
	for (int i = 0; i < BUILD_RESULTS; i++)
		result.fd[i] = -1;
	done.status = work(userdata, &result);
	done.same = result.same;
	for (uint32_t i = 0; i < BUILD_RESULTS && done.status == 0 && r == 0; i++) {
		if (result.fd[i] >= 0)
			r = ipc_put(CHANNEL, MSG_RESULT, &i, sizeof i, result.fd[i]);
	}
	if (r == 0)
		r = ipc_put(CHANNEL, MSG_DONE, &done, sizeof done, -1);
	_exit(r < 0);
}

/* Signals stay blocked: their handlers write to the master. Of its descriptors none lives on in
 * here, and it ends with the master. */
static _Noreturn void
child_main(int channel, pid_t master, const char *name, build_work *work, void *userdata)
{
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != master ||
	    dup2(channel, CHANNEL) < 0 || close_range(CHANNEL + 1, ~0u, 0) < 0)
		_exit(1);
	child_run(name, work, userdata);
}

/* ---- the master ---- */

static void
on_message(void *userdata, struct ipc *ipc, struct ipc_message *m)
{
	struct build *b = userdata;
	struct done done;
	uint32_t i;

	(void)ipc;
	if (b->ended)
		return;
	if (m->type == MSG_RESULT && m->body.n == sizeof i && m->fd >= 0) {
		memcpy(&i, m->body.p, sizeof i);
		if (i < BUILD_RESULTS && b->result.fd[i] < 0) {
			b->result.fd[i] = m->fd;
			m->fd = -1;
		}
	} else if (m->type == MSG_DONE && m->body.n == sizeof done) {
		memcpy(&done, m->body.p, sizeof done);
		b->status = done.status;
		b->result.same = done.same;
		b->ended = true;
	}
}

static void
on_closed(struct ipc *ipc)
{
	struct build *b = ipc->userdata;

	for (int i = 0; i < BUILD_RESULTS; i++) {
		if (b->result.fd[i] >= 0)
			close(b->result.fd[i]);
	}
	free(b);
}

/* It has closed its end of the channel, or is of no more use: it is gone in a moment. */
static int
reap(struct build *b)
{
	int status;

	kill(b->pid, SIGKILL);

	while (waitpid(b->pid, &status, 0) < 0) {
		if (errno != EINTR)
			return -ECHILD;
	}
	if (b->ended)
		return b->status;
	if (WIFSIGNALED(status))
		log_error("build pid=%d error=\"it was ended by signal %d\"", (int)b->pid,
			  WTERMSIG(status));
	return -ECHILD;
}

static void
build_end(struct build *b, int r)
{
	b->builder->now = NULL;
	b->done(b->userdata, r, &b->result);
	ipc_close(&b->ipc, on_closed);
}

static void
on_gone(void *userdata, struct ipc *ipc)
{
	struct build *b = userdata;

	(void)ipc;
	build_end(b, reap(b));
}

static const struct ipc_ops channel_ops = { .message = on_message, .gone = on_gone };

int
builder_start(struct builder *b, const char *name, build_work *work, build_done *done,
	      void *userdata)
{
	struct build *build;
	sigset_t all, before;
	pid_t child, master = getpid();
	int sv[2], r;

	if (b->now)
		return -EBUSY;
	r = ipc_pair(sv);
	if (r < 0)
		return r;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	child = fork();
	if (child == 0)
		child_main(sv[1], master, name, work, userdata);
	r = child < 0 ? -errno : 0;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	close(sv[1]);
	if (r < 0) {
		close(sv[0]);
		return r;
	}
	build = xcalloc(1, sizeof *build);
	build->builder = b;
	build->pid = child;
	build->until_ms = clock_mono_ms() + PATIENCE_MS;
	build->result = (struct build_result){ .fd = { -1, -1, -1 } };
	build->done = done;
	build->userdata = userdata;
	r = ipc_open(&build->ipc, b->loop, sv[0], &channel_ops, build);
	if (r < 0) {
		build->ended = true;
		(void)reap(build);
		free(build);
		return r;
	}
	b->now = build;
	return 0;
}

/* It is gone when its memory is given back, for which the loop need not wait. */
static void
build_kill(struct build *b, int status)
{
	kill(b->pid, SIGKILL);
	b->ended = true;
	b->status = status;
	b->until_ms = UINT64_MAX;
}

void
builder_cancel(struct builder *b)
{
	if (b->now)
		build_kill(b->now, -ECANCELED);
}

void
builder_stop(struct builder *b)
{
	builder_cancel(b);
	if (b->now)
		build_end(b->now, reap(b->now));
}

void
builder_tick(struct builder *b, uint64_t now_ms)
{
	struct build *build = b->now;

	if (!build || now_ms < build->until_ms)
		return;
	log_error("build pid=%d error=\"it takes too long\" action=kill", (int)build->pid);
	build_kill(build, -ETIME);
}
