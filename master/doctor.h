#pragma once

/*
 * doctor: what is wrong on this machine for this gateway, as findings: a check, a state, a sentence
 * and the remedy. What is measured (doctor_host.h, the files, Redis, the gateway) is apart from
 * what is thought of it, which asks nothing, so that a test is a table.
 */

#include "lib/buf.h"

#include <stdbool.h>
#include <sys/types.h>

struct config;
struct json;

enum doctor_state { DOCTOR_OK, DOCTOR_UNKNOWN, DOCTOR_WARNING, DOCTOR_PROBLEM };
#define DOCTOR_STATES 4

struct doctor_finding {
	enum doctor_state state;
	const char *check; /* static */
	struct buf text, remedy;
};

struct doctor {
	const char *file;
	const struct config *config; /* NULL: it has mistakes */
	struct json *status;         /* of a gateway that runs; NULL: nobody answers */
	pid_t pid;                   /* its master; 0: none is known */
	bool answers;                /* somebody is there, whatever he says */
	struct doctor_finding *findings;
	size_t count;
};

void doctor_deinit(struct doctor *d);
void doctor_tell(struct doctor *d, enum doctor_state state, const char *check, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
/* Of the finding that was told last: a command line, or what is to be written where. */
void doctor_remedy(struct doctor *d, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* The same of a message of ours, "what is wrong; remedy". */
void doctor_message(struct doctor *d, enum doctor_state state, const char *check,
		    struct slice message);
size_t doctor_number(const struct doctor *d, enum doctor_state state);
void doctor_write(const struct doctor *d, bool colours, struct buf *out);
void doctor_write_json(const struct doctor *d, struct buf *out);

/* ---- the checks ---- */

/* doctor_gateway.c: asks at the admin socket; to be called first. */
void doctor_find(struct doctor *d, const char *socket);
void doctor_host(struct doctor *d);    /* doctor_host.c: limits, memory, clock, kernel */
void doctor_files(struct doctor *d);   /* doctor_files.c: folders, disk, certificates */
void doctor_gateway(struct doctor *d); /* doctor_gateway.c: what it says; listeners, unit, image */
void doctor_servers(struct doctor *d); /* doctor_servers.c: names and Redis, all at once */
