#include "compile_api_keys.h"

#include "rules.h"

#include "lib/map.h"
#include "lib/xalloc.h"
#include "shm/table.h"

#include <stdlib.h>

struct collection {
	struct map names; /* taken: the values mean nothing */
	const struct config_api_key **keys;
	size_t count;
};

static void
collect(struct collection *all, const struct config_api_key *key)
{
	void **place = map_put(&all->names, slice_of(key->name));

	if (!*place)
		all->keys[all->count++] = key;
	*place = all;
}

static void
collect_all(struct collection *all, const struct config *c, const struct rules *rules)
{
	size_t natives = rules ? rules_natives(rules, NATIVE_KEY) : 0;

	*all = (struct collection){ .names = MAP_INIT };
	if (!(c->gate.sources & TOKEN_FROM_API_KEY))
		return;
	all->keys = xcalloc(c->api_keys_count + natives + 1, sizeof(struct config_api_key *));
	for (size_t i = 0; i < c->api_keys_count; i++)
		collect(all, &c->api_keys[i]);
	for (size_t i = 0; i < natives; i++) {
		struct rules_native *n = rules_native_at(rules, NATIVE_KEY, i);
		const struct config_api_key *key = rules_native_read(n, c);

		if (key)
			collect(all, key);
	}
}

static void
collection_deinit(struct collection *all)
{
	map_deinit(&all->names, NULL);
	free(all->keys);
}

static uint8_t
digit(char c)
{
	return (uint8_t)(c <= '9' ? c - '0' : c - 'a' + 10);
}

static struct table_api_key
row_of(struct seg_builder *b, const struct config_api_key *key)
{
	struct table_api_key row = { .until = key->expires };

	for (size_t i = 0; i < SHA256_BYTES; i++)
		row.digest[i] =
		    (uint8_t)(digit(key->sha256[2 * i]) << 4 | digit(key->sha256[2 * i + 1]));
	row.name = seg_builder_string(b, slice_of(key->name));
	row.claims = seg_builder_string(b, slice_of(key->claims));
	return row;
}

size_t
compile_api_keys_size(const struct config *c, const struct rules *rules)
{
	struct collection all;
	size_t n = 0;

	collect_all(&all, c, rules);
	for (size_t i = 0; i < all.count; i++)
		n += strlen(all.keys[i]->name) + strlen(all.keys[i]->claims);
	collection_deinit(&all);
	return n;
}

void
compile_api_keys(struct seg_builder *b, const struct config *c, const struct rules *rules)
{
	struct table_api_key *rows;
	struct collection all;

	collect_all(&all, c, rules);
	rows = xcalloc(all.count + 1, sizeof *rows);
	for (size_t i = 0; i < all.count; i++)
		rows[i] = row_of(b, all.keys[i]);
	table_api_keys_add(b, rows, (uint32_t)all.count);
	free(rows);
	collection_deinit(&all);
}
