#pragma once

/*
 * call: an operator's request on its way from the admin worker to the master, in a sealed memfd.
 * The admin worker says who asks and in which role; what may be done in a role is the master's to
 * say.
 */

#include "lib/slice.h"

#include <stdint.h>

/* Each may do what those before it may. */
enum access_role {
	ACCESS_NONE,
	ACCESS_LOOK,    /* state and metrics: the read-only listener */
	ACCESS_READ,    /* rules, too */
	ACCESS_WRITE,   /* change rules */
	ACCESS_OPERATE, /* everything: reload, confirm what was withheld */
};
extern const char *const access_role_name[];

enum call_part {
	CALL_METHOD,       /* "GET" */
	CALL_PATH,         /* as it came, not decoded, without the query: "/frontends/a%2Fb" */
	CALL_QUERY,        /* without its '?' */
	CALL_IF_MATCH,     /* the field's value; empty: none */
	CALL_CONTENT_TYPE, /* the same */
	CALL_WHO,          /* "uid:1000", "user:deploy", "token:ci", "anyone" */
	CALL_FROM,         /* "unix", or an address */
	CALL_WHY,          /* X-Yett-Why: for the history; empty: not told */
	CALL_BODY,
	CALL_PARTS
};

struct call_text {
	uint32_t role; /* enum access_role */
	struct slice part[CALL_PARTS];
	const void *memory; /* of call_open */
	size_t size;
};

/* Writes t into a new memfd. 0 or a negative errno. */
int call_pack(const struct call_text *t, int *out_fd) __attribute__((warn_unused_result));
/* Reads it back; the parts live until call_close. `fd` stays the caller's, and may be closed. 0; or
 * -EBADMSG for what is not sealed or not of this form, another negative errno. */
int call_open(int fd, struct call_text *out) __attribute__((warn_unused_result));
void call_close(struct call_text *t);
