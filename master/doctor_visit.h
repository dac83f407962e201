#pragma once

/*
 * doctor_visit: one connection to a Redis, which asks what the doctor wants to know and changes
 * nothing: what would change something is queued in a transaction that is thrown away, as the
 * server says before whether it may be done.
 */

#include "config_types.h"
#include "doctor_redis.h"
#include "store_dial.h"

#include "lib/redis_link.h"

#define VISIT_TRIES 5

struct doctor_visit {
	struct doctor_redis redis;
	const struct config_address *address;
	const struct config_seek *seek;
	bool secure;
	const struct config_upstream_tls *files;
	const struct config_secret *password;
	uint32_t database;
	const struct doctor_try *tries[VISIT_TRIES]; /* up to NULL */
	const char *stream;                          /* %s in them */
	uv_loop_t *loop;
	struct tls_context *tls;      /* the caller's */
	void (*done)(void *userdata); /* once; perhaps from within doctor_visit_begin */
	void *userdata;
	/* Its own: */
	struct store_dial dial;
	struct redis_login login;
	struct redis_conn *conn;
	bool told;       /* `done` was called */
	char fault[256]; /* why nothing is known of it */
};

/* `redis.check`, `.where` and `.user`, and what stands above `dial` have been filled in; so has
 * dial.resolver. */
void doctor_visit_begin(struct doctor_visit *v);
void doctor_visit_tell(const struct doctor_visit *v, struct doctor *d, int64_t now);
void doctor_visit_deinit(struct doctor_visit *v);
