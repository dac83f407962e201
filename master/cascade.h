#pragma once

/*
 * cascade: a user was deleted somewhere, and each service that keeps data of users is told, once
 * for all gateways: DELETE <target>/user-delete with the id in a header.
 *
 * All of it is in Redis, so that any gateway can go on where another one ended:
 *
 *     yett:cascade:job:JOB     a hash: what is to be done, and how far it is (cascade_record.h)
 *     yett:cascade:due         jobs by the time of their next attempt
 *     yett:cascade:dead        jobs of which a service was given up, by when that was
 *     yett:cascade:lease:JOB   who is at it; it ends by itself where he does
 *
 * A job is named after the id, so gateways that hear the same message make one job; and each field
 * of it is set by whoever is first. A gateway that is killed between a service's answer and the
 * note of it leaves no other way than to ask again, which the same Idempotency-Key tells the
 * service. The id is personal data: the log names the job instead, which is a digest of it.
 */

#include "lib/buf.h"

#include <stdint.h>

struct cascade;
struct master;

struct cascade *cascade_new(struct master *m);
/* By the configuration that is in force: starts, changes or ends. */
void cascade_configure(struct cascade *c);
/* Begins nothing any more; what is under way may end within so many ms. */
void cascade_drain(struct cascade *c, uint32_t grace_ms);
/* While it drains: is nothing under way, or the time over? */
bool cascade_is_over(const struct cascade *c);
/* Before the side link goes; no request is under way any more. */
void cascade_stop(struct cascade *c);
/* Behind it; run the loop once more before it ends. NULL is allowed. */
void cascade_free(struct cascade *c);
/* A JSON value, for status. */
void cascade_write_status(const struct cascade *c, struct buf *out);
