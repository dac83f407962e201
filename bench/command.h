#pragma once

/* command: what is run in the middle of a window: a reload, a kill. Its output goes to standard
 * error. */

#include <stdint.h>
#include <sys/types.h>

enum command_phase { COMMAND_BEFORE, COMMAND_DURING, COMMAND_AFTER, COMMAND_PHASES };

struct command {
	enum command_phase phase;
	pid_t pid;             /* 0: does not run */
	int status;            /* as the shell would tell it; -1: it could not be started */
	uint64_t begun, ended; /* ns */
};

/* Begins: from COMMAND_BEFORE to COMMAND_DURING. */
void command_start(struct command *c, const char *text, uint64_t now);
/* Looks after it: COMMAND_DURING ends a while after the command did, as what it broke may show
 * late. */
void command_tick(struct command *c, uint64_t now);
