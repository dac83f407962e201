#include "hash_by.h"

bool
hash_by_parse(struct slice text, struct hash_by_text *out)
{
	static const struct {
		const char *word;
		enum hash_by by;
		bool named;
	} forms[] = {
		{ "address", HASH_BY_ADDRESS, false }, { "path", HASH_BY_PATH, false },
		{ "header", HASH_BY_HEADER, true },    { "cookie", HASH_BY_COOKIE, true },
		{ "claim", HASH_BY_CLAIM, true },
	};
	struct slice name, word = slice_cut(text, ':', &name);

	for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
		if (!slice_eq(word, slice_of(forms[i].word)))
			continue;
		*out = (struct hash_by_text){ forms[i].by, name };
		return forms[i].named ? name.n > 0 && name.n <= 256 : name.p == NULL;
	}
	return false;
}
