#include "siphash.h"

static uint64_t
rotate(uint64_t x, unsigned n)
{
	return x << n | x >> (64 - n);
}

static void
mix(uint64_t v[4], unsigned rounds)
{
	while (rounds-- > 0) {
		v[0] += v[1];
		v[2] += v[3];
		v[1] = rotate(v[1], 13) ^ v[0];
		v[3] = rotate(v[3], 16) ^ v[2];
		v[0] = rotate(v[0], 32);
		v[2] += v[1];
		v[0] += v[3];
		v[1] = rotate(v[1], 17) ^ v[2];
		v[3] = rotate(v[3], 21) ^ v[0];
		v[2] = rotate(v[2], 32);
	}
}

static void
take_word(struct siphash *h, uint64_t word)
{
	h->v[3] ^= word;
	mix(h->v, 2);
	h->v[0] ^= word;
}

/* Little endian, whatever the machine is. */
static uint64_t
load(const uint8_t *p, size_t n)
{
	uint64_t word = 0;

	for (size_t i = 0; i < n; i++)
		word |= (uint64_t)p[i] << 8 * i;
	return word;
}

void
siphash_init(struct siphash *h, const uint8_t secret[SIPHASH_SECRET])
{
	uint64_t k0 = load(secret, 8), k1 = load(secret + 8, 8);

	*h = (struct siphash){
		.v = { k0 ^ 0x736f6d6570736575u, k1 ^ 0x646f72616e646f6du, k0 ^ 0x6c7967656e657261u,
		       k1 ^ 0x7465646279746573u },
	};
}

void
siphash_add(struct siphash *h, struct slice bytes)
{
	const uint8_t *p = (const uint8_t *)bytes.p;
	size_t n = bytes.n;

	for (; n > 0 && h->size % 8 != 0; n--, h->size++, p++) {
		h->word |= (uint64_t)*p << 8 * (h->size % 8);
		if (h->size % 8 == 7) {
			take_word(h, h->word);
			h->word = 0;
		}
	}
	for (; n >= 8; n -= 8, h->size += 8, p += 8)
		take_word(h, load(p, 8));
	if (n > 0)
		h->word = load(p, n);
	h->size += n;
}

void
siphash_add_part(struct siphash *h, struct slice part)
{
	uint8_t size[8];

	for (int i = 0; i < 8; i++)
		size[i] = (uint8_t)((uint64_t)part.n >> 8 * i);
	siphash_add(h, slice_make((const char *)size, sizeof size));
	siphash_add(h, part);
}

uint64_t
siphash_end(struct siphash *h)
{
	take_word(h, h->word | h->size << 56);
	h->v[2] ^= 0xff;
	mix(h->v, 4);
	return h->v[0] ^ h->v[1] ^ h->v[2] ^ h->v[3];
}
