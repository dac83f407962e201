#pragma once

/*
 * command_row: the table of the commands, which the command line is read by (command.c) and the
 * help is written from (command_help.c).
 */

#include "command.h"

#include <stddef.h>
#include <stdio.h>

enum option_name {
	OPTION_FILE = 1,
	OPTION_SOCKET = 2,
	OPTION_JSON = 4,
	OPTION_EFFECTIVE = 8,
	OPTION_WAIT = 16,
	OPTION_FORCE = 32,
	OPTION_CLAIM = 64,
	OPTION_TTL = 128,
	OPTION_ALGORITHM = 256,
	OPTION_STICKY = 512,
	OPTION_REFUSED = 1024,
	OPTION_HEADER = 2048,
	OPTION_FROM = 4096,
	OPTION_WHY = 8192,
	OPTION_IF_MATCH = 16384,
	OPTION_DRY_RUN = 32768,
	OPTION_REPLAY = 65536,
	OPTION_ALL = 1 << 18,
	OPTION_TIMEOUT = 1 << 19,
	OPTION_UNTIL = 1 << 20,
	OPTION_ISSUED_BEFORE = 1 << 21,
	OPTION_REASON = 1 << 22,
	OPTION_KIND = 1 << 23,
	OPTION_END = 1 << 24,
	OPTION_UNDO = 1 << 25,
	OPTION_WORKER = 1 << 26,
	OPTION_ONCE = 1 << 28,
	OPTION_BY = 1 << 29,
	OPTION_HOUR = 1 << 30,
	OPTION_EXPIRES = 131072,
	OPTION_STRICT = 1 << 27,
};

struct command_row {
	const char *name;
	const char *summary; /* for the overview: a few words */
	int words;           /* that it takes at most */
	unsigned options;    /* those that it takes */
	int (*run)(const struct command_options *o);
	const char *usage, *text;
	const char *example; /* command lines, for a shell */
};

extern const struct command_row command_rows[];
extern const size_t command_rows_count;

/* NULL: there is none of this name. */
const struct command_row *command_find(const char *name);

/* command_help.c */
int command_help(const struct command_options *o);
int command_version(const struct command_options *o);
void command_overview(FILE *to);
