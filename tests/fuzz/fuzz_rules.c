/*
 * Keys and values of Redis that are rules: whatever an old tool wrote, a key matches a canonical
 * path, is unreachable or is refused with a reason; a backend is made whole or not at all.
 *
 * Lines: the first byte is the dialect, behind it a url; a backend's name; its fields and values.
 * All behind the first byte is a native rule as well: what is good can be read, what is refused
 * says why, and what is left of it is on the safe side.
 */

#include "master/dialect.h"
#include "master/rules_backend.h"

#include "lib/uri.h"

#include <assert.h>

#define FIELDS_MAX 64

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
try_url(enum dialect dialect, struct slice url)
{
	struct arena arena = { 0 };
	struct dialect_match m;
	struct uri_path path;
	const char *reason;
	int r = dialect_read(dialect, UINT32_MAX, url, &arena, &m, &reason);

	assert((r == DIALECT_MATCHES) == (reason[0] == '\0'));
	if (r == DIALECT_MATCHES) {
		assert(m.host.n > 0 && m.path.n > 0 && m.path.p[0] == '/');
		assert(m.path.n == 1 || m.path.p[m.path.n - 1] != '/');
		assert(uri_canonical(m.path, arena_alloc(&arena, URI_ROOM(m.path.n)), &path) == 0);
		assert(path.same);
		assert(m.verbatim == (dialect == DIALECT_RIOX));
	}
	arena_deinit(&arena);
}

static void
check_backend(const struct rules_backend *b, size_t count)
{
	assert(b->servers_count + b->config_count == count / 2);
	for (size_t i = 0; i < b->servers_count; i++) {
		const struct config_address *a = &b->servers[i].endpoint.address;

		assert(b->servers[i].text[0] != '_');
		assert(a->unix_path ? a->unix_path[0] == '/' : a->host && a->host[0]);
		assert(i == 0 || strcmp(b->servers[i - 1].text, b->servers[i].text) <= 0);
	}
}

static void
try_backend(struct slice name, const struct slice *fields, size_t count)
{
	BUF_CLEAN struct buf why = { 0 };
	struct rules_backend *b = backend_make(name, fields, count, &why), *again;

	if (!b) {
		assert(why.n > 1 && why.p[why.n - 1] == '\0');
		return;
	}
	assert(why.n == 0);
	check_backend(b, count);
	again = backend_make(name, fields, count, &why);
	assert(again && backend_same(b, again));
	backend_free(again);
	backend_free(b);
}

static void
try_native(enum native_kind kind, struct slice json)
{
	static struct config beside = { .serial = 1 };
	struct rules *rules = rules_new();
	int r = rules_set_native(rules, kind, SLICE("x"), json);
	const struct rules_refusal *f = r < 0 ? rules_refusal_at(rules, 0) : NULL;
	struct rules_native *n = f ? f->native : rules_native_find(rules, kind, SLICE("x"));
	const void *entry;

	if (!beside.rules)
		config_rule_defaults(&beside);
	entry = n ? rules_native_read(n, &beside) : NULL;
	assert((r < 0) == (rules_refusals(rules) == 1));
	assert(f ? f->reason[0] != '\0' : entry != NULL);
	if (entry && kind == NATIVE_ROUTE)
		assert(((const struct config_route *)entry)->path[0] == '/');
	if (entry && f && kind == NATIVE_POLICY)
		assert(((const struct config_policy *)entry)->except_count == 0);
	rules_free(rules);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice rest, url, name, fields[FIELDS_MAX];
	struct rules *rules;
	size_t count = 0;

	if (size == 0)
		return 0;
	url = slice_cut(slice_make((const char *)data + 1, size - 1), '\n', &rest);
	name = rest.p ? slice_cut(rest, '\n', &rest) : SLICE("");
	while (rest.p && count < FIELDS_MAX)
		fields[count++] = slice_cut(rest, '\n', &rest);
	try_url((enum dialect)(data[0] % 3), url);
	if (!rules_name_fault(name))
		try_backend(name, fields, count);
	try_native((enum native_kind)(data[0] % NATIVE_KINDS),
		   slice_make((const char *)data + 1, size - 1));
	rules = rules_new();
	if (rules_set_frontend(rules, url, name) < 0)
		assert(rules_refusals(rules) == 1);
	if (rules_set_backend(rules, name, fields, count) < 0)
		assert(rules_refusals(rules) >= 1);
	rules_free(rules);
	return 0;
}
