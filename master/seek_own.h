#pragma once

/*
 * seek_own: between seek.c, which asks, and seek_read.c, which reads the answers.
 */

#include "seek.h"

#include "lib/redis.h"

struct seek_place {
	char host[254];
	uint16_t port;
	char text[264];
	struct config_address address; /* of these; after seek_place_settle, until it is moved */
};

void seek_place_settle(struct seek_place *p);
/* False: they are no host and port. */
bool seek_read_place(struct slice host, int64_t port, struct seek_place *out);
/* Of SENTINEL GET-MASTER-ADDR-BY-NAME. */
bool seek_read_master(const struct redis_reply *r, struct seek_place *out);
/* Of CLUSTER SLOTS: who has the slot, and all nodes, sorted. `asked` stands for one that does not
 * know its own name. False: it is no such answer, or nobody has the slot. */
bool seek_read_slots(const struct redis_reply *r, unsigned slot, const char *asked,
		     struct seek_place *owner, struct seek_place nodes[SEEK_NODES], size_t *count);
