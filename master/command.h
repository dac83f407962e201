#pragma once

/*
 * command: the yett commands of an operator, everything but `yett run`. They read a configuration,
 * or ask a gateway that runs over its admin socket; they change nothing but by asking.
 */

#include <stdbool.h>

struct command_options {
	const char *file;      /* -c FILE; NULL: not given */
	const char *socket;    /* --socket PATH */
	const char *algorithm; /* --algorithm NAME */
	const char *ttl;       /* --ttl DURATION */
	const char **claims;   /* --claim NAME=VALUE, in their order */
	int claims_count;
	const char **headers; /* -H "NAME: VALUE", in their order */
	int headers_count;
	const char *from;     /* --from ADDRESS */
	const char *expires;  /* --expires WHEN */
	const char *words[8]; /* what stands without a letter: help TOPIC, diff A B */
	int words_count;
	const char *why;      /* --why TEXT */
	const char *if_match; /* --if-match REVISION */
	const char *by;       /* --by COLUMN */
	const char *hour;     /* --hour 2026-11-27T10 */
	const char *timeout;  /* --timeout DURATION */
	bool dry_run;
	const char *until, *issued_before, *reason;
	bool sub, sid, jti; /* of what kind the ID is */
	const char *worker; /* --worker N */
	bool sticky, undo;
	bool strict;
	bool json, effective, wait, force, refused, replay, once, end, all;
};

#define COMMAND_OK 0
#define COMMAND_REFUSED 1 /* mistakes in a configuration; what was asked for was refused */
#define COMMAND_UNREADABLE                                                                         \
	2 /* a file, or nobody answers; also a command line that is not understood */
#define COMMAND_LAGGING 3 /* in force, but not yet in every worker */

/* The exit status. */
int command_main(int argc, char **argv);

int command_cascade(const struct command_options *o);
int command_check(const struct command_options *o);
int command_doctor(const struct command_options *o);
int command_token(const struct command_options *o); /* token.c */
int command_status(const struct command_options *o);
int command_routes(const struct command_options *o);
int command_maintenance(const struct command_options *o);
int command_drain(const struct command_options *o);
int command_reload(const struct command_options *o);
int command_upgrade(const struct command_options *o);
int command_explain(const struct command_options *o);
int command_history(const struct command_options *o);
int command_suspend(const struct command_options *o);
int command_resume(const struct command_options *o);
int command_suspended(const struct command_options *o);
int command_export(const struct command_options *o);
int command_import(const struct command_options *o); /* command_export.c */
int command_schema(const struct command_options *o);
int command_sessions(const struct command_options *o);
int command_fleet(const struct command_options *o);
int command_wait(const struct command_options *o); /* command_fleet.c */
int command_diff(const struct command_options *o);
int command_apply(const struct command_options *o);
int command_top(const struct command_options *o); /* command_top.c */
int command_tail(const struct command_options *o);
int command_errors(const struct command_options *o);
int command_rollback(const struct command_options *o);
int command_key(const struct command_options *o);
