/* table: whatever an image holds, a reader that accepted it stays inside it and comes back. */

#include "table_image.h"

#include "lib/http_head.h"
#include "lib/xalloc.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>

#define MUTATIONS 100000 /* over all kinds */

#define SEED 0x2545f4914f6cdd1du
#include "random.h"

static void
test_good(void **state)
{
	for (unsigned kind = 0; kind < SEGMENT_N; kind++) {
		struct segment *s = image_of(kind), *got = NULL;
		unsigned sum = 0;

		assert_int_equal(seg_open(dup(s->fd), kind, &got), 0);
		assert_true(image_try(got->head, got->size, NULL, kind, &sum));
		assert_true(sum > 0);
		seg_unref(got);
		seg_unref(s);
	}
}

/* Values that are likely to hurt: indexes of neighbours, edges of ranges. */
static uint32_t
nasty(void)
{
	static const uint32_t values[] = { 0,  1,          2,          3,          16,
					   64, 0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff };
	uint32_t i = below(sizeof values / sizeof *values + 2);

	if (i < sizeof values / sizeof *values)
		return values[i];
	return i % 2 ? below(200) : (uint32_t)seed;
}

static void
mutate(char *image, size_t size)
{
	for (uint32_t n = 1 + below(4); n > 0; n--) {
		/* Offsets and counts stand in the header, so it gets its share. */
		size_t limit = below(4) ? size : sizeof(struct seg_header),
		       at = below((uint32_t)limit / 4) * 4;
		uint32_t word = nasty();

		if (below(3) == 0)
			image[at + below(4)] ^= (char)(1 << below(8));
		else
			memcpy(image + at, &word, sizeof word);
	}
}

/* Takes the image over. Returns how many were accepted. */
static uint32_t
mutations(struct segment *s, enum table_segment kind, uint32_t rounds)
{
	uint32_t accepted = 0, left_alone = 0;
	struct seg_header *image = xmalloc(s->size); /* no byte more: a sanitizer watches its end */
	unsigned sum = 0;

	assert_true(image_try(s->head, s->size, s->base, kind, &sum));
	for (uint32_t i = 0; i < rounds; i++) {
		memcpy(image, s->head, s->size);
		mutate((char *)image, s->size);
		if (memcmp(image, s->head, s->size) == 0) {
			left_alone++;
			continue;
		}
		/* Seldom is the checksum left as it was: it would hide the rest. */
		if (below(20) && image->size == s->size)
			image->checksum = seg_checksum(image);
		accepted += image_try(image, s->size, s->base, kind, &sum);
	}
	free(image);
	seg_unref(s);
	assert_true(left_alone < rounds / 3);
	return accepted;
}

static void
test_mutations(void **state)
{
	uint32_t accepted = 0;

	for (unsigned kind = 0; kind < SEGMENT_N; kind++)
		accepted += mutations(image_of(kind), kind,
				      kind == SEGMENT_RULES ? MUTATIONS * 8 / 10 : MUTATIONS / 10);
	/* Enough of them came past the verifier for the look-ups to have been tried. */
	assert_true(accepted > MUTATIONS / 20);
	print_message("%u of %u accepted\n", accepted, MUTATIONS);
}

static void
test_overlays(void **state)
{
	struct segment *rules = image_rules(), *endpoints = image_endpoints();
	uint32_t accepted =
	    mutations(image_rules_over(rules), SEGMENT_RULES, MUTATIONS / 5) +
	    mutations(image_endpoints_over(endpoints), SEGMENT_ENDPOINTS, MUTATIONS / 20);

	seg_unref(rules);
	seg_unref(endpoints);
	assert_true(accepted > MUTATIONS / 100);
	print_message("%u overlays accepted\n", accepted);
}

static void *
element(struct seg_header *h, unsigned section, uint32_t i)
{
	return (char *)h + h->sections[section].offset + (size_t)i * h->sections[section].size;
}

enum fault {
	ROUTE_LOOP,
	ROUTE_NEXT,
	ROUTE_SHAPE,
	ROUTE_ID,
	ROUTE_HOST,
	ROUTE_PATH,
	SHAPE_POLICY,
	SHAPE_STRING,
	SHAPE_ACTION,
	ACTION_TEXT,
	ACTION_CHANGES,
	ACTION_ORIGINS,
	ACTION_ARMS,
	ACTION_SPLIT,
	ACTION_PERCENT,
	CHANGE_VALUE,
	CHANGE_KIND,
	ORIGIN_STRING,
	ARM_STRING,
	GATE_LOOP,
	GATE_STRING,
	NODE_ENTRY,
	EDGE_NODE,
	HOST_ROOT,
	HOST_FULL,
	GLOBAL_ROOT,
	GLOBAL_GATE,
	GLOBAL_FALLBACK,
	GLOBAL_NONE,
	GLOBAL_FIELDS,
	AUDIENCE,
	CIDR_BITS,
	STRIP_HIDDEN,
	STRIP_EMPTY,
	STRIP_UNFOLDED,
	PAGE_STRING,
	ELEMENT_SIZE,
	FAULT_N
};

static void
spoil(struct seg_header *h, enum fault fault)
{
	struct table_route *route = element(h, RULES_ROUTES, 1);
	struct table_shape *shape = element(h, RULES_SHAPES, 1);
	struct table_global *global = element(h, RULES_GLOBAL, 0);
	struct table_host *host = element(h, RULES_HOSTS, 0);
	struct table_strip *strip = element(h, RULES_STRIP, 0);
	struct table_action *action = element(h, RULES_ACTIONS, 1);

	switch (fault) {
	case ROUTE_LOOP:
		route->next = 1;
		break;
	case ROUTE_NEXT:
		route->next = h->sections[RULES_ROUTES].count;
		break;
	case ROUTE_SHAPE:
		route->shape = h->sections[RULES_SHAPES].count;
		break;
	case ROUTE_ID:
		route->text = h->sections[RULES_STRINGS].count + 1u - route->id_size;
		break;
	case ROUTE_HOST:
		route->host_at = UINT16_MAX;
		break;
	case ROUTE_PATH:
		route->path_size = UINT16_MAX;
		break;
	case SHAPE_POLICY:
		shape->policy = 1;
		break;
	case SHAPE_STRING:
		shape->set_host.size = UINT32_MAX;
		break;
	case SHAPE_ACTION:
		shape->action = h->sections[RULES_ACTIONS].count;
		break;
	case ACTION_TEXT:
		action->text.size = UINT32_MAX;
		break;
	case ACTION_CHANGES:
		action->response_count = h->sections[RULES_CHANGES].count;
		break;
	case ACTION_ORIGINS:
		action->origins_first = UINT32_MAX;
		break;
	case ACTION_ARMS:
		action->arms_count = h->sections[RULES_ARMS].count + 1;
		break;
	case ACTION_SPLIT:
		action->split_by = SPLIT_HEADER + 1;
		break;
	case ACTION_PERCENT:
		action->mirror_percent = 101;
		break;
	case CHANGE_VALUE:
		((struct table_change *)element(h, RULES_CHANGES, 0))->value.offset = UINT32_MAX;
		break;
	case CHANGE_KIND:
		((struct table_change *)element(h, RULES_CHANGES, 0))->kind = CHANGE_ADD + 1;
		break;
	case ORIGIN_STRING:
		((struct seg_ref *)element(h, RULES_ORIGINS, 0))->size = UINT32_MAX;
		break;
	case ARM_STRING:
		((struct table_arm *)element(h, RULES_ARMS, 0))->name.size = UINT32_MAX;
		break;
	case GATE_STRING:
		((struct table_gate *)element(h, RULES_GATES, 1))->host.size = UINT32_MAX;
		break;
	case GATE_LOOP:
		((struct table_gate *)element(h, RULES_GATES, 1))->next = 0;
		break;
	case NODE_ENTRY:
		((struct trie_node *)element(h, RULES_NODES, 0))->entry =
		    h->sections[RULES_ROUTES].count;
		break;
	case EDGE_NODE:
		((struct trie_edge *)element(h, RULES_EDGES, 0))->node =
		    h->sections[RULES_NODES].count;
		break;
	case HOST_ROOT:
		host->root = h->sections[RULES_NODES].count;
		break;
	case HOST_FULL:
		for (uint32_t i = 0; i < h->sections[RULES_HOSTS].count; i++)
			host[i].root = 0;
		break;
	case GLOBAL_ROOT:
		global->root_any = h->sections[RULES_NODES].count;
		break;
	case GLOBAL_GATE:
		global->gate_root = h->sections[RULES_GATE_NODES].count;
		break;
	case GLOBAL_FALLBACK:
		global->fallback = h->sections[RULES_ROUTES].count;
		break;
	case GLOBAL_NONE:
		h->sections[RULES_GLOBAL].count = 0;
		break;
	case GLOBAL_FIELDS: /* the scratch of the parsers ends there */
		global->head_fields = HTTP_FIELDS_MAX + 1;
		break;
	case AUDIENCE:
		((struct table_issuer *)element(h, RULES_ISSUERS, 0))->audience_first = UINT32_MAX;
		break;
	case CIDR_BITS:
		((struct table_cidr *)element(h, RULES_TRUSTED, 0))->bits = 129;
		break;
	case STRIP_HIDDEN:
		memset(global->strip_lengths, 0, sizeof global->strip_lengths);
		break;
	case STRIP_EMPTY:
		strip->name.size = 0;
		break;
	case STRIP_UNFOLDED:
		((char *)element(h, RULES_STRINGS, strip->name.offset))[1] = 'U';
		break;
	case PAGE_STRING:
		((struct table_page *)element(h, RULES_PAGES, 0))->html.offset = UINT32_MAX;
		break;
	case ELEMENT_SIZE:
		h->sections[RULES_ROUTES].size -= 4;
		break;
	case FAULT_N:
		break;
	}
}

static void
test_faults(void **state)
{
	struct segment *s = image_rules(), bad = { .size = s->size, .refs = 1, .fd = -1 };
	struct seg_header *h = xmalloc(s->size);

	bad.head = h;
	for (unsigned fault = 0; fault < FAULT_N; fault++) {
		memcpy(h, s->head, s->size);
		assert_int_equal(table_verify_rules(&bad), 0);
		spoil(h, fault);
		if (table_verify_rules(&bad) != -EBADMSG)
			fail_msg("fault %u was accepted", fault);
	}
	free(h);
	seg_unref(s);
}

static void
test_limits(void **state)
{
#define LIMIT(i, member, value)                                                                    \
	{                                                                                          \
		RULES_LIMITS, i, offsetof(struct table_limit, member), value                       \
	}
	static const struct {
		unsigned section, i;
		size_t offset;
		uint32_t value;
	} faults[] = {
		LIMIT(0, counts, LIMIT_COUNTS_N),
		LIMIT(0, counts, LIMIT_UNDER_WAY + 1),
		LIMIT(0, missing, LIMIT_MISSING_N),
		LIMIT(0, keys_count, LIMIT_KEYS_MAX + 1),
		LIMIT(1, keys_first, LIMIT_BY_N),
		LIMIT(0, seconds, 0),
		LIMIT(0, seconds, 61),
		LIMIT(0, rate.count, 0),
		LIMIT(0, rate.count, 99),
		LIMIT(0, rate.burst, 0),
		LIMIT(0, rate.burst_ns, 1),
		LIMIT(0, rate.interval_ns, 0),
		LIMIT(0, rate.period_ns, 1),
		LIMIT(LIMIT_UNDER_WAY, rate.burst, 0),
		LIMIT(LIMIT_UNDER_WAY, rate.burst, LIMIT_UNDER_WAY_MAX + 1),
		LIMIT(0, name.size, UINT32_MAX),
		LIMIT(0, setting.size, UINT32_MAX),
		LIMIT(0, label.size, UINT32_MAX),
		{ RULES_LIMIT_KEYS, 0, offsetof(struct table_limit_key, by), LIMIT_BY_N },
		{ RULES_LIMIT_KEYS, LIMIT_BY_CLAIM, offsetof(struct table_limit_key, fact), 9 },
		{ RULES_LIMIT_KEYS, 0, offsetof(struct table_limit_key, name.size), UINT32_MAX },
		{ RULES_LIMITED, 0, 0, LIMIT_COUNTS_N },
		{ RULES_POLICIES, 0, offsetof(struct table_policy, limits_first), 1 },
		{ RULES_POLICIES, 0, offsetof(struct table_policy, limits_count), UINT32_MAX },
		{ RULES_GLOBAL, 0, offsetof(struct table_global, limit_ipv6_bits), 129 },
	};
#undef LIMIT
	struct segment *s = image_rules(), bad = { .size = s->size, .refs = 1, .fd = -1 };
	struct seg_header *h = xmalloc(s->size);

	bad.head = h;
	for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
		memcpy(h, s->head, s->size);
		memcpy((char *)element(h, faults[i].section, faults[i].i) + faults[i].offset,
		       &faults[i].value, sizeof faults[i].value);
		if (table_verify_rules(&bad) != -EBADMSG)
			fail_msg("fault %zu was accepted", i);
	}
	free(h);
	seg_unref(s);
}

static void
test_endpoints(void **state)
{
	static const struct {
		unsigned section, i;
		size_t offset;
		uint32_t value;
	} faults[] = {
		{ ENDPOINTS_UPSTREAMS, 0, offsetof(struct table_upstream, count), 3 },
		{ ENDPOINTS_UPSTREAMS, 0, offsetof(struct table_upstream, first), UINT32_MAX },
		{ ENDPOINTS_UPSTREAMS, 0, offsetof(struct table_upstream, name.size), UINT32_MAX },
		{ ENDPOINTS_UPSTREAMS, 0, offsetof(struct table_upstream, proxy), 3 },
		{ ENDPOINTS_UPSTREAMS, 0, offsetof(struct table_upstream, balance), BALANCE_N },
		{ ENDPOINTS_UPSTREAMS, 0, offsetof(struct table_upstream, hash_by), HASH_BY_N },
		{ ENDPOINTS_UPSTREAMS, 0, offsetof(struct table_upstream, hash_name.offset), 4000 },
		{ ENDPOINTS_UPSTREAMS, 0, offsetof(struct table_upstream, plugins_count), 3 },
		{ ENDPOINTS_UPSTREAMS, 0, offsetof(struct table_upstream, sticky), 2 },
		{ ENDPOINTS_PLUGINS, 1, offsetof(struct table_plugin, kind), PLUGIN_N },
		{ ENDPOINTS_STICKY, 0, offsetof(struct table_sticky, cookie.size), 0 },
		{ ENDPOINTS_STICKY, 0, offsetof(struct table_sticky, path.offset), UINT32_MAX },
		{ ENDPOINTS_STICKY, 0, offsetof(struct table_sticky, same_site), SAME_SITE_N },
		{ ENDPOINTS_STICKY, 0, offsetof(struct table_sticky, secure), STICKY_SECURE_N },
		{ ENDPOINTS_ENDPOINTS, 0, offsetof(struct table_endpoint, sticky.offset),
		  UINT32_MAX },
		{ ENDPOINTS_ENDPOINTS, 1, offsetof(struct table_endpoint, count), 2 },
		{ ENDPOINTS_ENDPOINTS, 0, offsetof(struct table_endpoint, authority.offset),
		  UINT32_MAX },
		{ ENDPOINTS_ADDRESSES, 0, offsetof(struct table_address, family), 99 },
		{ ENDPOINTS_ADDRESSES, 1, offsetof(struct table_address, path.size), 0 },
		{ ENDPOINTS_ADDRESSES, 1, offsetof(struct table_address, path.size), 4000 },
	};
	struct segment *s = image_endpoints(), bad = { .size = s->size, .refs = 1, .fd = -1 };
	struct seg_header *h = xmalloc(s->size);

	bad.head = h;
	for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
		memcpy(h, s->head, s->size);
		assert_int_equal(table_verify_endpoints(&bad), 0);
		memcpy((char *)element(h, faults[i].section, faults[i].i) + faults[i].offset,
		       &faults[i].value, sizeof faults[i].value);
		assert_int_equal(table_verify_endpoints(&bad), -EBADMSG);
	}
	free(h);
	seg_unref(s);
}

static void
test_authorise(void **state)
{
	static const struct {
		unsigned section, i;
		size_t offset;
		uint32_t value;
	} faults[] = {
		{ RULES_SHAPES, 1, offsetof(struct table_shape, authorise), 100 },
		{ RULES_GATES, 1, offsetof(struct table_gate, authorise), 100 },
		{ RULES_AUTHORISE, 1, offsetof(struct table_authorise, first), 0 },
		{ RULES_AUTHORISE, 1, offsetof(struct table_authorise, count), 0 },
		{ RULES_AUTHORISE, 1, offsetof(struct table_authorise, count), 2 },
		{ RULES_AUTHORISE, 0, offsetof(struct table_authorise, count), 6 },
		{ RULES_CLAUSES, 1, offsetof(struct table_clause, fails), 1 },
		{ RULES_CLAUSES, 1, offsetof(struct table_clause, holds), 0 },
		{ RULES_CLAUSES, 1, offsetof(struct table_clause, holds), 3 },
		{ RULES_CLAUSES, 2, offsetof(struct table_clause, holds), UINT32_MAX - 2 },
		{ RULES_CLAUSES, 0, offsetof(struct table_clause, kind), CLAUSE_N },
		{ RULES_CLAUSES, 0, offsetof(struct table_clause, count), CLAUSE_VALUES + 1 },
		{ RULES_CLAUSES, 0, offsetof(struct table_clause, first), UINT32_MAX },
		{ RULES_CLAUSES, 1, offsetof(struct table_clause, first), 1000 },
		{ RULES_CLAUSES, 0, offsetof(struct table_clause, facts_count), CLAUSE_FACTS + 1 },
		{ RULES_CLAUSES, 0, offsetof(struct table_clause, facts[1]), FACTS_MAX },
		{ RULES_CLAUSES, 2, offsetof(struct table_clause, bits), 99 },
		{ RULES_CLAUSES, 0, offsetof(struct table_clause, text.size), UINT32_MAX },
		{ RULES_VALUES, 1, offsetof(struct seg_ref, offset), UINT32_MAX },
		{ RULES_NETWORKS, 0, offsetof(struct table_cidr, bits), 129 },
		{ RULES_TRACED, 0, offsetof(struct table_cidr, bits), 129 },
	};
	struct segment *s = image_rules(), bad = { .size = s->size, .refs = 1, .fd = -1 };
	struct seg_header *h = xmalloc(s->size);

	bad.head = h;
	for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
		memcpy(h, s->head, s->size);
		assert_int_equal(table_verify_rules(&bad), 0);
		memcpy((char *)element(h, faults[i].section, faults[i].i) + faults[i].offset,
		       &faults[i].value, sizeof faults[i].value);
		if (table_verify_rules(&bad) != -EBADMSG)
			fail_msg("fault %zu was accepted", i);
	}
	free(h);
	seg_unref(s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),      cmocka_unit_test(test_mutations),
		cmocka_unit_test(test_overlays),  cmocka_unit_test(test_faults),
		cmocka_unit_test(test_limits),    cmocka_unit_test(test_endpoints),
		cmocka_unit_test(test_authorise),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
