#pragma once

/*
 * seek: which server is the Redis that no address names. Sentinels are asked for it and listened to
 * (+switch-master), or a node of a cluster for who has a slot, and who else there is; one of them
 * at a time, the next one when it goes or does not know. What was found last is the answer until
 * another one is. Connects to no Redis for anything else.
 */

#include "config_types.h"
#include "resolve.h"

#include "lib/list.h"
#include "lib/slice.h"

#define SEEK_NODES 64 /* of a cluster that are known */

struct config_redis;
struct config_sessions;
struct seek;
struct tls_context;

/* Tags of keys in a cluster: each is in one slot, and so on one node. */
#define SEEK_TAG_RULES "{yett}"

struct seek_way { /* whom to ask, and how; of the configuration, borrowed */
	const struct config_seek *seek;
	const struct config_upstream_tls *tls;
	bool secure;
	const char *username; /* of nodes; sentinels have their own */
	const struct config_secret *password;
	uint32_t timeout; /* ms */
};

struct seek_servers {
	const struct config_address *at[SEEK_NODES];
	size_t count;
};

struct seek_user {
	void (*found)(void *userdata);                      /* another server, or other nodes */
	void (*failed)(void *userdata, const char *reason); /* nobody knows of one */
	void *userdata;
	struct list link; /* the seek's own */
};

struct seek *seek_new(uv_loop_t *loop, struct resolver *resolver);
void seek_free(struct seek *s); /* run the loop once more before it ends */
void seek_secure(struct seek *s, struct tls_context *tls);
/* What it points to must outlive the next call. */
void seek_configure(struct seek *s, const struct seek_way *way);
struct seek_way seek_way_rules(const struct config_redis *c);
struct seek_way seek_way_sessions(const struct config_sessions *c);
void seek_join(struct seek *s, struct seek_user *u);
void seek_leave(struct seek *s, struct seek_user *u);

/* Is there anything to be found? Else an address says it. */
bool seek_used(const struct seek *s);
bool seek_is_cluster(const struct seek *s);
/* The server; of a cluster, that of SEEK_TAG_RULES. NULL: not known yet. Valid until `found`. */
const struct config_address *seek_server(const struct seek *s);
/* All servers that may be asked: that one, or all nodes of the cluster. The same. */
void seek_servers(const struct seek *s, struct seek_servers *out);
/* Who said so: "sentinel 10.0.0.1:26379"; "": nobody yet. */
const char *seek_by(const struct seek *s);
/* Why nobody is asked right now; "" when all is well. */
const char *seek_fault(const struct seek *s);
uint64_t seek_changes(const struct seek *s); /* how often the server was another one */
/* It is not the one, or not to be reached: `reason` as a link says it (MOVED tells where it is). */
void seek_doubt(struct seek *s, const char *reason);
/* It is the one. */
void seek_confirm(struct seek *s);
