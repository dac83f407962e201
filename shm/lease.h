#pragma once

/*
 * lease: units of fleet-wide limits that this gateway has taken from Redis ahead of need, for its
 * workers to spend without asking anybody. One memfd of rows, writable by all of them, as the rows
 * of rate.h and by the same rule: a row is a key's tag and a word, changed by one compare-and-swap
 * of 16 bytes, so that a process that is killed at any instruction leaves a row before or after,
 * and no two workers spend one unit. The master alone gives keys a row and puts units in.
 *
 * What lies in a row is good for a while (LEASE_GOOD_MS from when the master last said so). After
 * that, or while `up` is 0, the master or Redis is away, and who asks is on his own.
 *
 * Whoever can write the rows (a worker that was taken over) can spend anybody's units and give
 * himself some; he can make nobody read outside, wait or run on.
 */

#include "lib/siphash.h"

#include <stdbool.h>
#include <stdint.h>

#define LEASE_MAGIC 0x7361656cu /* "leas" */
#define LEASE_FORMAT 1u
#define LEASE_ROWS 8 /* where a key may lie */
#define LEASE_SETS_MAX (1u << 17)
#define LEASE_UNITS_MAX (INT64_C(1) << 38) /* that lie in a row, or are owed by it */
#define LEASE_GOOD_MS 4000u
#define LEASE_PATIENCE_MS 250u /* that a request waits for units */
#define LEASE_NO_ROW UINT32_MAX

struct lease_row {
	uint64_t tag;  /* the key; 0: free */
	uint64_t word; /* units, until when they are good, and whether more were asked for */
} __attribute__((aligned(16)));

/* What the master last heard of a key: written by it alone, for who is refused and for answers. */
struct lease_news {
	uint64_t closed_ms; /* CLOCK_MONOTONIC: before that there are no units to be had */
	uint64_t reset_ms;  /* then all of them will be there again */
	uint64_t left;      /* in Redis, for all gateways */
	uint64_t low;       /* with fewer units than that in the row more are asked for */
};

struct lease_memory {
	uint64_t up;       /* Redis answers */
	uint64_t gateways; /* that share a limit while it does not; 0 is 1 */
	uint64_t pad[6];
};

/* Made by the master; goes to the workers by message. The secret is the whole fleet's. */
struct lease_head {
	uint32_t magic, format;
	uint32_t sets, pad;
	uint8_t secret[SIPHASH_SECRET];
};

struct lease_table {
	struct lease_head head;
	struct lease_memory *memory; /* mapped; NULL: there is none */
	struct lease_row *rows;
	struct lease_news *news;
};

enum lease_verdict {
	LEASE_TAKEN,  /* they are spent */
	LEASE_CLOSED, /* there are none to be had, here or elsewhere, until retry_ms */
	LEASE_MORE,   /* none is left here: there may be elsewhere */
	LEASE_ALONE,  /* neither the master nor Redis can be asked */
};

struct lease_result {
	enum lease_verdict verdict;
	uint32_t row;                /* LEASE_NO_ROW: the key has none */
	bool ask;                    /* the caller is to ask the master for more; nobody else has */
	uint64_t retry_ms, reset_ms; /* from now */
	uint64_t left;
};

/* For the master. 0 or a negative errno. */
int lease_create(uint32_t sets, const uint8_t secret[SIPHASH_SECRET], struct lease_table *out,
		 int *out_fd) __attribute__((warn_unused_result));
/* Maps what the master made; `fd` is taken over. 0, or -EBADMSG when head and memory do not fit
 * each other or this program. */
int lease_attach(int fd, const struct lease_head *head, struct lease_table *out)
    __attribute__((warn_unused_result));
void lease_detach(struct lease_table *t);

/* ---- for workers ---- */

/* `cost` units (at most LEASE_UNITS_MAX) at `now_ms` of CLOCK_MONOTONIC. */
void lease_take(struct lease_table *t, uint64_t key, uint64_t cost, uint64_t now_ms,
		struct lease_result *out);
/* What lease_take would say, without asking for more. */
void lease_look(const struct lease_table *t, uint64_t key, uint64_t cost, uint64_t now_ms,
		struct lease_result *out);
/* They have passed already (bytes): the row may owe them. False: it is not there any more. */
bool lease_charge(struct lease_table *t, uint64_t key, uint64_t cost);
/* They were taken, and not used. */
void lease_return(struct lease_table *t, uint64_t key, uint64_t cost);

/* ---- for the master ---- */

/* A row for a key that has none; LEASE_NO_ROW: all where it may lie are taken. It is good from the
 * first: who asks before units come waits for them, and is not on his own. */
uint32_t lease_open(struct lease_table *t, uint64_t key, uint64_t now_ms);
/* Units in a row; negative: it owes them. */
int64_t lease_units(const struct lease_table *t, uint32_t row);
bool lease_wants(const struct lease_table *t, uint32_t row);
/* Puts units in (or takes out what is owed no longer), which are good for a while from now; nothing
 * is asked for any more. */
void lease_put(struct lease_table *t, uint32_t row, int64_t units, uint64_t now_ms);
/* They are good for another while. */
void lease_renew(struct lease_table *t, uint32_t row, uint64_t now_ms);
/* Takes all units out: how many. */
int64_t lease_drain(struct lease_table *t, uint32_t row);
/* The row is free for another key; what was in it. */
int64_t lease_close(struct lease_table *t, uint32_t row);
