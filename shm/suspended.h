#pragma once

/*
 * suspended: who may not pass, in one table that the master alone writes and every worker reads. A
 * row is found by a keyed hash of who it is about. It also holds whose raw key of Redis was looked
 * for and not found, so that a worker asks once and knows then.
 *
 * No lock: a row has a word that changes with it, and a reader that saw two of them reads again.
 * Rows are taken out by moving those behind them up; a move is counted before its origin goes, so
 * who finds nothing and the same count on both sides has missed nothing. Of a master that was
 * killed in the middle, a row may stay unreadable: whoever meets it is told so, and fails closed.
 */

#include "lib/siphash.h"
#include "lib/slice.h"

#include <stdint.h>

#define SUSPENDED_MAGIC 0x6e6570737573ull
#define SUSPENDED_FORMAT 1u
#define SUSPENDED_ROWS_MAX (1u << 22)

enum suspended_kind {
	SUSPENDED_SUB, /* by name or sub */
	SUSPENDED_SID,
	SUSPENDED_JTI,
	SUSPENDED_ALL, /* everybody; of no id */
	SUSPENDED_KEY, /* a raw key of that name in Redis */
	SUSPENDED_KINDS
};
extern const char *const suspended_kind_name[SUSPENDED_KINDS];

enum suspended_state {
	SUSPENDED_FREE,  /* nothing is known of it */
	SUSPENDED_CLEAN, /* it was asked for, and is not suspended */
	SUSPENDED_IN_FORCE,
	SUSPENDED_BUSY, /* as an answer: it could not be read */
};

enum suspended_flag {
	SUSPENDED_ASKS = 1,   /* keys of Redis count: who is not known has to be asked for */
	SUSPENDED_AWAY = 2,   /* nobody can be asked for now */
	SUSPENDED_OPEN = 4,   /* who is not known passes then; else not */
	SUSPENDED_CLOSED = 8, /* too much is not known: nobody with an identity passes */
};

struct suspended_row {
	uint64_t tag;
	uint64_t word;   /* enum suspended_state, and a number that changes with it */
	uint64_t until;  /* seconds since 1970; 0: without end */
	uint64_t before; /* of tokens issued before that alone; 0: of all */
};

struct suspended_page {
	uint64_t magic;
	uint32_t format;
	uint32_t rows; /* a power of two */
	uint8_t secret[SIPHASH_SECRET];
	uint64_t any;   /* 0: there is nothing to ask */
	uint64_t flags; /* enum suspended_flag */
	uint64_t moves;
	uint64_t count[SUSPENDED_KINDS]; /* rows in force; of keys also the clean ones */
	struct suspended_row row[];
};

/* What a page says of one; `until` and `before` as in its row. */
struct suspended_fact {
	enum suspended_state state;
	int64_t until, before;
};

struct suspended {
	struct suspended_page *page; /* NULL: there is none */
	uint32_t rows;
};

static inline uint64_t
suspended_load(const uint64_t *word)
{
	return __atomic_load_n(word, __ATOMIC_ACQUIRE);
}

/* Is there anything to ask? One word, read for each request. */
static inline bool
suspended_any(const struct suspended *t)
{
	return t->page && suspended_load(&t->page->any);
}

static inline uint64_t
suspended_flags(const struct suspended *t)
{
	return suspended_load(&t->page->flags);
}

static inline uint64_t
suspended_count(const struct suspended *t, enum suspended_kind kind)
{
	return suspended_load(&t->page->count[kind]);
}

/* The reader: maps the page read-only; `fd` is taken over. 0 or -EBADMSG. */
int suspended_attach(int fd, struct suspended *out) __attribute__((warn_unused_result));
void suspended_find(const struct suspended *t, enum suspended_kind kind, struct slice id,
		    struct suspended_fact *out);
void suspended_detach(struct suspended *t);
/* By what a row is found; of this page alone. */
uint64_t suspended_tag(const struct suspended *t, enum suspended_kind kind, struct slice id);

/* The writer: room for `most` rows. *out_fd is for handing out. 0 or a negative errno. */
int suspended_create(uint32_t most, struct suspended *out, int *out_fd)
    __attribute__((warn_unused_result));
/* False when it is full. */
bool suspended_put(struct suspended *t, enum suspended_kind kind, struct slice id,
		   const struct suspended_fact *fact) __attribute__((warn_unused_result));
void suspended_take(struct suspended *t, enum suspended_kind kind, struct slice id);
void suspended_set_flags(struct suspended *t, uint64_t flags);
