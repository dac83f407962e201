#include "tls_asked.h"

#include "shm/table.h"

#include <string.h>

uint64_t
tls_asked_of(const struct segment *keys, uint32_t i)
{
	const struct table_clients *clients = i ? table_clients(keys, i - 1) : NULL;
	uint64_t word;

	if (!clients)
		return ASKED_NONE;
	memcpy(&word, clients->digest, sizeof word);
	return (word & ~(uint64_t)3) | 2 | (clients->required ? 1 : 0);
}

uint64_t
tls_lists_of(const struct segment *keys, uint32_t i)
{
	const struct table_clients *clients = i ? table_clients(keys, i - 1) : NULL;
	uint64_t word = ASKED_NONE;

	if (clients)
		memcpy(&word, clients->digest + TABLE_DIGEST_ROOTS, sizeof word);
	return word;
}

uint64_t
tls_asked_by(const struct segment *keys, struct slice name)
{
	return tls_asked_of(keys, table_tls_clients(keys, name));
}

bool
tls_asks_alike(const struct segment *a, const struct segment *b)
{
	const struct table_tls *all_a = table_tls(a), *all_b = table_tls(b);
	uint32_t n = seg_count(a, KEYS_CLIENT_HOSTS);

	if (!all_a || !all_b || seg_count(b, KEYS_CLIENT_HOSTS) != n ||
	    tls_asked_of(a, all_a->clients) != tls_asked_of(b, all_b->clients))
		return false;
	for (uint32_t i = 0; i < n; i++) {
		const struct table_client_host *one, *other;

		one = seg_at(a, KEYS_CLIENT_HOSTS, i, sizeof *one);
		other = seg_at(b, KEYS_CLIENT_HOSTS, i, sizeof *other);
		if (!slice_eq(seg_string(a, one->name.text), seg_string(b, other->name.text)) ||
		    tls_asked_of(a, one->clients) != tls_asked_of(b, other->clients))
			return false;
	}
	return true;
}
