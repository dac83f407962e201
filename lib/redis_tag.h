#pragma once

/*
 * redis_tag: a Redis that is found rather than named, by Sentinel or as a cluster: which words of
 * a command are keys, what its nodes say of one another, and where a key lies. All keys of one
 * purpose begin with the same hash tag, so that one node has them all. Knows no socket.
 */

#include "slice.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

struct redis_reply;

#define REDIS_SLOTS 16384

/* argv[*first] to argv[*end - 1] are names of keys, or a pattern of them. */
void redis_tag_keys(size_t argc, const struct slice *argv, size_t *first, size_t *end);
/* The slot of a tag with its braces. */
unsigned redis_tag_slot(struct slice tag);
/* What comes behind the tag: the name as its user knows it. */
struct slice redis_tag_cut(struct slice tag, struct slice key);
/* An error that says that this server is not, or is no longer, the one that is to be asked: it is
 * another's slot, or a replica, or its cluster is broken. */
bool redis_is_elsewhere(const struct redis_reply *r);
/* "MOVED 3999 127.0.0.1:6381" or "ASK ...", as an error or as a link's reason: where that is, by
 * its address or its name, as nodes are told to say it. False: it says no such thing. */
bool redis_where(struct slice text, struct slice word, struct slice *host, uint16_t *port);
/* False: it is no IP address. */
bool redis_numeric(struct slice host, uint16_t port, struct sockaddr_storage *out);
