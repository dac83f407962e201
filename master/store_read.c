#include "store_read.h"

#include "rules.h"

#include "lib/redis.h"
#include "lib/xalloc.h"

#include <stdlib.h>

#define FRONTEND SLICE("frontend:")
#define BACKEND SLICE("backend:")

static struct slice
after(struct slice key, struct slice prefix)
{
	return slice_make(key.p + prefix.n, key.n - prefix.n);
}

static bool
read_backend(struct rules *rules, struct slice key, const struct redis_reply *r)
{
	struct slice *fields = xcalloc(r->count, sizeof *fields);
	bool good = true;

	for (size_t i = 0; i < r->count; i++) {
		good = good && r->elements[i] && r->elements[i]->type == REDIS_STRING;
		if (good)
			fields[i] = r->elements[i]->text;
	}
	if (good)
		rules_set_backend(rules, after(key, BACKEND), fields, r->count);
	free(fields);
	return good;
}

static void
read_string(struct rules *rules, struct slice key, struct slice value)
{
	enum native_kind kind;
	struct slice name;

	if (rules_native_key(key, &kind, &name))
		rules_set_native(rules, kind, name, value);
	else
		rules_set_frontend(rules, after(key, FRONTEND), value);
}

bool
store_reads_hash(struct slice key)
{
	return slice_starts(key, BACKEND);
}

bool
store_reads_nothing(const struct redis_reply *r)
{
	return r->type == REDIS_NIL || (r->type == REDIS_ARRAY && r->count == 0);
}

bool
store_read(struct rules *rules, struct slice key, const struct redis_reply *r)
{
	bool string = !store_reads_hash(key);

	if (r->type == REDIS_FAILED && slice_starts(r->text, SLICE("WRONGTYPE")))
		rules_refuse(rules, key,
			     string ? "it is no string; write it with SET"
				    : "it is no hash; write it with HSET");
	else if (string && r->type == REDIS_STRING)
		read_string(rules, key, r->text);
	else
		return !string && r->type == REDIS_ARRAY && read_backend(rules, key, r);
	return true;
}
