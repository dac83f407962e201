#include "opaque.h"

#include "lib/xalloc.h"

#include <stdlib.h>
#include <sys/random.h>

#define SETS 512u
#define WAYS 4u

struct row {
	uint8_t name[HMAC_SIZE];
	enum reason reason;
	int64_t until; /* 0: it is free */
	struct identity *who;
};

struct opaque {
	uint8_t key[32];
	struct row rows[SETS][WAYS];
};

struct opaque *
opaque_new(void)
{
	struct opaque *o = xcalloc(1, sizeof *o);

	if (getrandom(o->key, sizeof o->key, 0) != sizeof o->key)
		abort(); /* without it others could make tokens that fall on one set */
	return o;
}

static void
row_clear(struct row *r)
{
	free(r->who);
	*r = (struct row){ 0 };
}

void
opaque_clear(struct opaque *o)
{
	for (unsigned s = 0; s < SETS; s++) {
		for (unsigned w = 0; w < WAYS; w++)
			row_clear(&o->rows[s][w]);
	}
}

void
opaque_free(struct opaque *o)
{
	if (!o)
		return;
	opaque_clear(o);
	explicit_bzero(o->key, sizeof o->key);
	free(o);
}

void
opaque_name(const struct opaque *o, struct slice token, uint8_t name[HMAC_SIZE])
{
	hmac_sha256(slice_make((const char *)o->key, sizeof o->key), token, name);
}

static unsigned
set_of(const uint8_t name[HMAC_SIZE])
{
	return (name[0] | (unsigned)name[1] << 8) % SETS;
}

bool
opaque_find(const struct opaque *o, const uint8_t name[HMAC_SIZE], int64_t now, enum reason *reason,
	    const struct identity **who)
{
	const struct row *set = o->rows[set_of(name)];

	for (unsigned w = 0; w < WAYS; w++) {
		if (now >= set[w].until || memcmp(set[w].name, name, HMAC_SIZE) != 0)
			continue;
		*reason = set[w].reason;
		*who = set[w].who;
		return true;
	}
	return false;
}

void
opaque_put(struct opaque *o, const uint8_t name[HMAC_SIZE], enum reason reason, int64_t until,
	   const struct identity *who)
{
	struct row *set = o->rows[set_of(name)], *row = set;

	for (unsigned w = 0; w < WAYS; w++) {
		if (memcmp(set[w].name, name, HMAC_SIZE) == 0) {
			row = &set[w];
			break;
		}
		if (set[w].until < row->until)
			row = &set[w];
	}
	row_clear(row);
	memcpy(row->name, name, HMAC_SIZE);
	row->reason = reason;
	row->until = until;
	if (who)
		row->who = memcpy(xmalloc(who->size), who, who->size);
}
