#pragma once

/*
 * rate: how often a key may pass, exactly over all workers of a host. One memfd of rows, shared and
 * writable by all of them: the only memory of the gateway that has more than one writer.
 *
 * A row is a key's tag and a time, changed by one compare-and-swap of 16 bytes, so that a process
 * that is killed at any instruction leaves a row before or after, never between. The time is the
 * "theoretical arrival time" of GCRA (ITU-T I.371 annex A; leaky bucket as a meter): when the key
 * will have its whole burst again. What is in the past says nothing, so such a row is free for
 * another key.
 *
 * A key has 14 rows where it may lie. Where all of them are taken by others, the keys without one
 * share a last row of the set, each by its own limit: together they pass no more than one alone
 * would, which errs towards refusing. There are two of these, so that limits of days do not stop
 * those of seconds.
 *
 * Whoever can write the rows (a worker that was taken over) can spend anybody's limit and give back
 * its own; it can make nobody read outside, wait or run on, and what it wrote holds no key back
 * for longer than the key's own limit could twice over.
 */

#include "lib/slice.h"
#include "lib/siphash.h"

#include <stdint.h>

#define RATE_MAGIC 0x65746172u /* "rate" */
#define RATE_FORMAT 1u
#define RATE_ROWS 14             /* where a key may lie */
#define RATE_SETS_MAX (1u << 22) /* 1 GiB */
#define RATE_BURST_NS                                                                              \
	(31 * UINT64_C(86400000000000)) /* longest time in which a burst comes back                \
					 */
#define RATE_SECONDS_MAX (31 * UINT64_C(86400))
#define RATE_COUNT_MAX (UINT64_C(1) << 40)
#define RATE_NEVER UINT64_MAX

/* What all that use the rows must agree on. Made by the master; it goes to the workers by message,
 * and from the admin worker to the next master, never in the rows' memory, where any worker could
 * change it. The secret is worth nothing outside of the gateway. */
struct rate_head {
	uint32_t magic, format;
	uint32_t sets;
	uint8_t secret[SIPHASH_SECRET];
};

struct rate_table {
	struct rate_head head;
	struct rate_set *sets; /* mapped */
	uint64_t nonce;        /* of this process; see rate_rows.h */
};

/* A limit, ready for use. */
struct rate_limit {
	uint64_t count, period_ns; /* as given */
	uint64_t burst;
	uint64_t interval_ns; /* that one unit costs */
	uint64_t burst_ns;    /* that the burst costs */
};

struct rate_result {
	bool allowed;
	bool shared;        /* decided by the row of those that have none of their own */
	uint64_t retry_ns;  /* 0 when allowed; else the same will pass then, if nothing else does
			       before; RATE_NEVER: it costs more than the burst */
	uint64_t remaining; /* units that would pass now, after this */
	uint64_t reset_ns;  /* until the whole burst is there again */
};

/* For the master. Makes `sets` sets of rows (1 to RATE_SETS_MAX; 256 bytes each, for about ten keys
 * at a time). `secret`: of a table whose rows will be taken over; NULL: a new one. *out_fd is for
 * handing out. 0 or a negative errno. */
int rate_create(uint32_t sets, const uint8_t *secret, struct rate_table *out, int *out_fd)
    __attribute__((warn_unused_result));
/* Maps what the master made; `fd` is taken over. Once a process: two that shared one by fork would
 * count their attempts alike. 0, or -EBADMSG when head and memory do not fit each other or this
 * program. */
int rate_attach(int fd, const struct rate_head *head, struct rate_table *out)
    __attribute__((warn_unused_result));
void rate_detach(struct rate_table *t);
/* Into `to`, which nobody else uses yet and which has the same secret, what `from` knows at `now`:
 * for another number of sets. What finds no room goes to the shared row. */
void rate_seed(struct rate_table *to, const struct rate_table *from, uint64_t now);

/* `count` units (requests or bytes) in `seconds` (1 to RATE_SECONDS_MAX), `burst` of them at once
 * (at least 1). A unit's time is rounded down to whole nanoseconds, once a call. 0; -EINVAL for a
 * zero; -ERANGE when a number is too large, or the burst would take longer than RATE_BURST_NS to
 * come back. */
int rate_limit_init(struct rate_limit *l, uint64_t count, uint64_t seconds, uint64_t burst)
    __attribute__((warn_unused_result));

/* What one of `n` (0 is 1) that share a limit evenly lets pass: one in RATE_BURST_NS at least. */
void rate_limit_share(const struct rate_limit *l, uint64_t n, struct rate_limit *out);

/* What is counted together: the limit's own name first, then what tells its keys apart, in parts
 * ("ab", "c" is not "a", "bc"). A limit that changes its numbers keeps its name if what was spent
 * is to stay spent. */
uint64_t rate_key(const struct rate_table *t, const struct slice *parts, size_t n);
/* The same part by part: siphash_add_part between the two. */
void rate_key_begin(const struct rate_table *t, struct siphash *h);
uint64_t rate_key_end(struct siphash *h);

/* May `cost` units pass at `now` (CLOCK_MONOTONIC in ns, read for this call; at most 2^62)? If so
 * they are spent, else nothing is. `cost` 0 spends nothing and asks for nothing. */
void rate_take(struct rate_table *t, uint64_t key, const struct rate_limit *l, uint64_t cost,
	       uint64_t now, struct rate_result *out);
/* Would rate_take let them pass now? Nothing is spent, and `remaining` is what there is. Nobody is
 * kept out meanwhile: only a take tells what really becomes of it. */
void rate_peek(const struct rate_table *t, uint64_t key, const struct rate_limit *l, uint64_t cost,
	       uint64_t now, struct rate_result *out);
/* Takes back what rate_take allowed, for who was refused elsewhere: the row is then as if it had
 * not been asked. `taken`: what that said at `then`. */
void rate_return(struct rate_table *t, uint64_t key, const struct rate_limit *l, uint64_t cost,
		 uint64_t then, const struct rate_result *taken, uint64_t now);
struct rate_usage {
	uint64_t rows;
	uint64_t used; /* that say something; where there are many, by a sample of them */
};
void rate_usage(const struct rate_table *t, uint64_t now, struct rate_usage *out);
/* They have passed already (bytes of an answer): spent whatever the limit is, up to a debt of one
 * burst. `allowed` says whether they would have passed. */
void rate_charge(struct rate_table *t, uint64_t key, const struct rate_limit *l, uint64_t cost,
		 uint64_t now, struct rate_result *out);
