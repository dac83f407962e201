#pragma once

/*
 * redis_reader: bytes of a Redis server (RESP2) to replies, by hiredis' reader. Knows no socket.
 */

#include "redis.h"

struct redis_reader;

struct redis_reader *redis_reader_new(void); /* NULL: no memory */
void redis_reader_free(struct redis_reader *r);
void redis_reader_feed(struct redis_reader *r, struct slice bytes);
/* 0: *out is the next reply, for redis_reply_free, or NULL when more bytes have to come first.
 * -EPROTO: what came is none; *why says it, fit for a quoted value in a log, until the next call.
 */
int redis_reader_next(struct redis_reader *r, struct redis_reply **out, const char **why)
    __attribute__((warn_unused_result));
/* Bytes of a reply that has not come whole. */
size_t redis_reader_rest(const struct redis_reader *r);
void redis_reply_free(struct redis_reply *r); /* NULL is allowed */
