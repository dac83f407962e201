#include "token_cache.h"

#include "identity.h"

#include "lib/log.h"
#include "lib/xalloc.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <sys/random.h>

/* The ring is counted in units of 16 bytes. */
#define UNIT 16u
#define RING_UNITS (1u << 20)
#define RECORD_UNITS_MAX (RING_UNITS / 256)
#define HEAD_MAX (UINT32_MAX - RING_UNITS)
#define SETS 4096u
#define WAYS 8u

/* Places in the ring are counted on and do not wrap, so that a slot can tell that its record was
 * overwritten. The first one is RING_UNITS, so that 0 is none; when 32 bits are used up (after 64
 * GiB) the cache starts anew. */
struct slot {
	uint32_t tag; /* of the hash */
	uint32_t at;
};

struct set { /* one cache line */
	struct slot ways[WAYS];
};

#define SETS_SIZE (SETS * sizeof(struct set))
#define RING_SIZE ((size_t)RING_UNITS * UNIT)

struct record {
	struct jwt_span span;
	uint32_t units; /* of all */
	uint32_t token_n, who_n;
	uint32_t pad;
	char bytes[]; /* the identity, then the token */
};

_Static_assert(sizeof(struct record) % UNIT == 0, "an identity is aligned");

struct token_cache {
	uint64_t key[4];
	uint32_t head; /* where the next record goes */
	struct set *sets;
	char *ring;
};

#define GUARD 4096u

/* Tokens must not be in a core dump. What is written past the end faults, rather than hits a
 * neighbour. */
static void *
reserve(size_t n)
{
	void *p =
	    mmap(NULL, n + GUARD, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (p == MAP_FAILED || mprotect(p, n, PROT_READ | PROT_WRITE) < 0) {
		log_error("token_cache error=\"out of memory\" bytes=%zu", n);
		abort();
	}
	madvise(p, n, MADV_DONTDUMP);
	return p;
}

struct token_cache *
token_cache_new(void)
{
	struct token_cache *c = xcalloc(1, sizeof *c);

	if (getrandom(c->key, sizeof c->key, 0) != (ssize_t)sizeof c->key) {
		log_error("token_cache error=\"no random bytes\"");
		abort();
	}
	c->sets = reserve(SETS_SIZE);
	c->ring = reserve(RING_SIZE);
	c->head = RING_UNITS;
	return c;
}

void
token_cache_free(struct token_cache *c)
{
	if (!c)
		return;
	munmap(c->sets, SETS_SIZE + GUARD);
	munmap(c->ring, RING_SIZE + GUARD);
	free(c);
}

void
token_cache_clear(struct token_cache *c)
{
	if (c->head == RING_UNITS)
		return;
	/* Private anonymous pages come back as zeros. */
	madvise(c->sets, SETS_SIZE, MADV_DONTNEED);
	madvise(c->ring, RING_SIZE, MADV_DONTNEED);
	c->head = RING_UNITS;
}

static uint64_t
load(const char *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof v);
	return v;
}

static uint64_t
fold(uint64_t a, uint64_t b)
{
	__extension__ unsigned __int128 m = (unsigned __int128)a * b;

	return (uint64_t)m ^ (uint64_t)(m >> 64);
}

/* Two lanes of multiply and fold, keyed. It need not withstand more than chance: only tokens with a
 * good signature get in, and a set has eight places, however many want to be there. */
uint64_t
token_cache_hash(const struct token_cache *c, struct slice token)
{
	uint64_t a = c->key[0], b = c->key[1];
	char last[32] = { 0 };
	const char *p = token.p;
	size_t left = token.n;

	for (; left >= 32; p += 32, left -= 32) {
		a = fold(a ^ load(p), c->key[2] ^ load(p + 8));
		b = fold(b ^ load(p + 16), c->key[3] ^ load(p + 24));
	}
	if (left > 0)
		memcpy(last, p, left);
	a = fold(a ^ load(last), c->key[2] ^ load(last + 8));
	b = fold(b ^ load(last + 16), c->key[3] ^ load(last + 24));
	return fold(a ^ token.n, b ^ c->key[0]);
}

static struct record *
record_at(const struct token_cache *c, uint32_t at)
{
	return (struct record *)(void *)(c->ring + (size_t)(at % RING_UNITS) * UNIT);
}

static struct set *
set_of(const struct token_cache *c, uint64_t hash)
{
	return &c->sets[hash % SETS];
}

static uint32_t
tag_of(uint64_t hash)
{
	return (uint32_t)(hash >> 32);
}

static bool
slot_is_live(const struct token_cache *c, const struct slot *s)
{
	return s->at != 0 && c->head - s->at <= RING_UNITS;
}

/* Room for a record in one piece; what lies there is lost. */
static uint32_t
ring_take(struct token_cache *c, uint32_t units)
{
	uint32_t at = c->head, left = RING_UNITS - at % RING_UNITS;

	if (left < units)
		at += left;
	c->head = at + units;
	return at;
}

bool
token_cache_get(struct token_cache *c, struct slice token, uint64_t hash, struct token_entry *out)
{
	struct set *set = set_of(c, hash);

	for (unsigned i = 0; i < WAYS; i++) {
		struct slot *s = &set->ways[i];
		struct record *r = record_at(c, s->at);

		if (s->tag != tag_of(hash) || !slot_is_live(c, s) || r->token_n != token.n ||
		    memcmp(r->bytes + r->who_n, token.p, token.n) != 0)
			continue;
		if (c->head - s->at > RING_UNITS / 2 && c->head < HEAD_MAX) {
			uint32_t to = ring_take(c, r->units);

			r = memmove(record_at(c, to), r, (size_t)r->units * UNIT);
			s->at = to;
		}
		out->span = r->span;
		out->who = (const struct identity *)(void *)r->bytes;
		return true;
	}
	return false;
}

/* The place of what is overwritten already, or will be first. */
static struct slot *
slot_pick(struct set *set)
{
	struct slot *oldest = &set->ways[0];

	for (unsigned i = 1; i < WAYS; i++) {
		if (set->ways[i].at < oldest->at)
			oldest = &set->ways[i];
	}
	return oldest;
}

void
token_cache_put(struct token_cache *c, struct slice token, uint64_t hash,
		const struct token_entry *entry)
{
	size_t size = sizeof(struct record) + token.n + entry->who->size;
	size_t units = (size + UNIT - 1) / UNIT;
	struct record *r;
	uint32_t at;

	if (units > RECORD_UNITS_MAX)
		return;
	if (c->head >= HEAD_MAX)
		token_cache_clear(c);
	at = ring_take(c, (uint32_t)units);
	r = record_at(c, at);
	*r = (struct record){
		.span = entry->span,
		.units = (uint32_t)units,
		.token_n = (uint32_t)token.n,
		.who_n = entry->who->size,
	};
	memcpy(r->bytes, entry->who, entry->who->size);
	memcpy(r->bytes + entry->who->size, token.p, token.n);
	*slot_pick(set_of(c, hash)) = (struct slot){ tag_of(hash), at };
}
