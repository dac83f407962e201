#include "command.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define SETTLE_NS 1000000000u

void
command_start(struct command *c, const char *text, uint64_t now)
{
	*c = (struct command){ .phase = COMMAND_DURING, .pid = fork(), .begun = now };
	if (c->pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGTERM);
		signal(SIGPIPE, SIG_DFL);
		dup2(STDERR_FILENO, STDOUT_FILENO);
		execl("/bin/sh", "sh", "-c", text, (char *)NULL);
		_exit(127);
	}
	if (c->pid < 0)
		*c = (struct command){
			.phase = COMMAND_DURING, .status = -1, .begun = now, .ended = now
		};
}

void
command_tick(struct command *c, uint64_t now)
{
	int status;

	if (c->pid > 0 && waitpid(c->pid, &status, WNOHANG) == c->pid) {
		c->pid = 0;
		c->status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
		c->ended = now;
	}
	if (c->phase == COMMAND_DURING && c->pid == 0 && now >= c->ended + SETTLE_NS)
		c->phase = COMMAND_AFTER;
}
