#pragma once

/*
 * session_commands: commands that change sessions in Redis, put together before any of them is
 * asked, as one transaction.
 */

#include "lib/arena.h"
#include "lib/slice.h"

#include <stdint.h>

struct worker;

#define COMMAND_WORDS 96
#define COMMANDS_MAX 48

struct session_command {
	size_t n;
	struct slice words[COMMAND_WORDS];
};

struct session_commands {
	struct arena arena; /* of what words point to, where it is nobody else's */
	size_t n;
	struct session_command *all[COMMANDS_MAX];
};

/* The next one begins with this word. */
void commands_begin(struct session_commands *c, struct slice word);
void commands_add(struct session_commands *c, struct slice word);
void commands_add_number(struct session_commands *c, int64_t number);
/* As lib/moment.h has it. */
void commands_add_moment(struct session_commands *c, int64_t moment);
/* Asks all, in MULTI and EXEC. fn runs once, later: 0, or -EAGAIN (the link was lost: they were
 * done or not), or -EIO (they were refused, and none was done). Returns 0, or -EAGAIN: there is no
 * link; fn does not run then. The commands are gone. */
int commands_run(struct session_commands *c, struct worker *w,
		 void (*fn)(void *userdata, int error), void *userdata)
    __attribute__((warn_unused_result));
