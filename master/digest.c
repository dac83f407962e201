#include "digest.h"

#include "lib/buf.h"

#include <endian.h>
#include <inttypes.h>
#include <openssl/sha.h>
#include <stdio.h>

static struct digest
hash(struct slice key, struct slice value)
{
	uint8_t out[SHA256_DIGEST_LENGTH];
	struct buf text BUF_CLEAN = { 0 };
	uint64_t n = htole64(key.n), half[2];

	buf_reserve(&text, sizeof n + key.n + value.n);
	buf_add(&text, &n, sizeof n); /* so that no part of a key is taken for one of a value */
	buf_adds(&text, key);
	buf_adds(&text, value);
	SHA256((const unsigned char *)text.p, text.n, out);
	memcpy(half, out, sizeof half);
	return (struct digest){ be64toh(half[0]), be64toh(half[1]) };
}

void
digest_join(struct digest *d, const struct digest *other)
{
	d->low += other->low;
	d->high += other->high + (d->low < other->low);
}

void
digest_add(struct digest *d, struct slice key, struct slice value)
{
	struct digest h = hash(key, value);

	digest_join(d, &h);
}

void
digest_remove(struct digest *d, struct slice key, struct slice value)
{
	struct digest h = hash(key, value);

	d->high -= h.high + (d->low < h.low);
	d->low -= h.low;
}

const char *
digest_text(const struct digest *d, char out[DIGEST_TEXT])
{
	snprintf(out, DIGEST_TEXT, "%016" PRIx64 "%016" PRIx64, d->high, d->low);
	return out;
}
