/* trie: paths go in, and the walk finds those and no others. */

#include "shm/trie.h"

#include "lib/xalloc.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { NODES = 1, EDGES = 2, SECTION_N };

struct fixture {
	struct seg_builder seg;
	struct trie_builder trie;
	struct segment *s;
};

static void
fixture_init(struct fixture *f)
{
	seg_builder_init(&f->seg);
	trie_builder_init(&f->trie, &f->seg, NODES, EDGES, 0);
	f->s = NULL;
}

static void
fixture_finish(struct fixture *f)
{
	trie_builder_finish(&f->trie);
	assert_int_equal(seg_builder_finish(&f->seg, SEGMENT_RULES, 1, &f->s), 0);
}

static void
fixture_deinit(struct fixture *f)
{
	trie_builder_deinit(&f->trie);
	seg_builder_deinit(&f->seg);
	seg_unref(f->s);
}

static void
put(struct fixture *f, uint32_t root, const char *path, uint32_t entry)
{
	uint32_t node = trie_builder_path(&f->trie, root, slice_of(path));

	*trie_builder_entry(&f->trie, node) = entry;
}

/* The entry of the deepest node on the path, with what is left of the path behind it. */
static uint32_t
deepest(struct fixture *f, uint32_t root, const char *path, struct slice *rest)
{
	uint32_t entry = TRIE_NONE;
	struct trie_walk w;

	assert_int_equal(trie_walk_init(&w, f->s, NODES, EDGES, 0, root, slice_of(path)), 0);
	assert_int_equal(w.node, root);
	do {
		if (trie_walk_entry(&w) != TRIE_NONE) {
			entry = trie_walk_entry(&w);
			*rest = w.rest;
		}
	} while (trie_walk_step(&w));
	assert_false(trie_walk_step(&w)); /* and stays there */
	return entry;
}

static void
test_walk(void **state)
{
	static const struct {
		const char *path;
		uint32_t entry;
		const char *rest;
	} cases[] = {
		{ "/", 0, "/" },
		{ "", 0, "" },
		{ "/a", 1, "" },
		{ "/a/", 1, "/" },
		{ "/ab", 0, "/ab" },
		{ "/a/b", 2, "" },
		{ "/a/b/c", 2, "/c" },
		{ "/a/c/b", 1, "/c/b" },
		{ "/b", 0, "/b" },
		{ "/b/a", 3, "" },
		{ "/b/a/a/", 3, "/a/" },
		{ "/a/bb", 1, "/bb" },
		{ "/averylongsegment1", 4, "" },
		{ "/averylongsegment2", 0, "/averylongsegment2" },
	};
	struct fixture f;
	uint32_t root, other;

	fixture_init(&f);
	root = trie_builder_root(&f.trie);
	other = trie_builder_root(&f.trie);
	put(&f, root, "/", 0);
	put(&f, root, "/a", 1);
	put(&f, root, "/a/b/", 2);
	put(&f, root, "/b/a", 3);
	put(&f, root, "/averylongsegment1", 4);
	put(&f, other, "/b", 9);
	fixture_finish(&f);
	assert_int_equal(trie_verify(f.s, NODES, EDGES, 0, 10), 0);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct slice rest = { 0 };

		assert_int_equal(deepest(&f, root, cases[i].path, &rest), cases[i].entry);
		assert_true(slice_eq(rest, slice_of(cases[i].rest)));
	}
	assert_int_equal(deepest(&f, other, "/a/b", &(struct slice){ 0 }), TRIE_NONE);
	assert_int_equal(deepest(&f, other, "/b/a", &(struct slice){ 0 }), 9);
	fixture_deinit(&f);
}

static void
test_ended(void **state)
{
	static const struct {
		const char *path;
		bool ended;
	} cases[] = { { "/a", true }, { "/a/", true }, { "/a/b", false }, { "/a/b/", false } };
	struct fixture f;
	uint32_t root;

	fixture_init(&f);
	root = trie_builder_root(&f.trie);
	put(&f, root, "/a", 1);
	fixture_finish(&f);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct trie_walk w;

		assert_int_equal(
		    trie_walk_init(&w, f.s, NODES, EDGES, 0, root, slice_of(cases[i].path)), 0);
		assert_false(trie_walk_ended(&w));
		assert_true(trie_walk_step(&w));
		assert_int_equal(trie_walk_ended(&w), cases[i].ended);
	}
	fixture_deinit(&f);
}

static void
test_root_outside(void **state)
{
	struct trie_walk w;
	struct fixture f;

	fixture_init(&f);
	trie_builder_root(&f.trie);
	fixture_finish(&f);
	assert_int_equal(trie_walk_init(&w, f.s, NODES, EDGES, 0, 0, SLICE("/a")), 0);
	assert_false(trie_walk_step(&w));
	assert_int_equal(trie_walk_init(&w, f.s, NODES, EDGES, 0, 1, SLICE("/a")), -1);
	assert_false(trie_walk_step(&w));
	assert_int_equal(trie_walk_entry(&w), TRIE_NONE);
	assert_int_equal(trie_walk_init(&w, f.s, NODES, EDGES, 0, TRIE_NONE, SLICE("/a")), -1);
	fixture_deinit(&f);
}

/* Nodes of a stored path refer to it, and are the same nodes as those made from a copy. */
static void
test_path_ref(void **state)
{
	struct fixture f;
	struct seg_ref ref;
	uint32_t root, node;

	fixture_init(&f);
	root = trie_builder_root(&f.trie);
	ref = seg_builder_string(&f.seg, SLICE("/stored/path/"));
	assert_true(trie_builder_has(&f.trie, ref.offset, SLICE("/stored/path")));
	assert_true(trie_builder_has(&f.trie, ref.offset, SLICE("/stored/")));
	assert_false(trie_builder_has(&f.trie, ref.offset, SLICE("/stored/pat")));
	assert_false(trie_builder_has(&f.trie, ref.offset, SLICE("/stored/path/x")));
	node = trie_builder_path_ref(&f.trie, root, ref);
	assert_int_equal(f.seg.sections[0].n, ref.size);
	assert_int_equal(trie_builder_path(&f.trie, root, SLICE("/stored/path")), node);
	assert_int_equal(trie_builder_path_ref(&f.trie, root, (struct seg_ref){ ref.offset, 7 }),
			 ((const struct trie_node *)seg_builder_own(&f.seg, NODES, node))->parent);
	*trie_builder_entry(&f.trie, node) = 5;
	fixture_finish(&f);
	assert_int_equal(deepest(&f, root, "/stored/path/x", &(struct slice){ 0 }), 5);
	fixture_deinit(&f);
}

/* Many tries with the same paths: each walk stays in its own. */
static void
test_many(void **state)
{
	enum { ROOTS = 50, PATHS = 400 };
	uint32_t root[ROOTS];
	struct fixture f;
	char path[64];

	fixture_init(&f);
	for (uint32_t r = 0; r < ROOTS; r++) {
		root[r] = trie_builder_root(&f.trie);
		for (uint32_t p = 0; p < PATHS; p++) {
			snprintf(path, sizeof path, "/svc-%u/v%u/", p / 2, p % 2);
			put(&f, root[r], path, r * PATHS + p);
		}
	}
	fixture_finish(&f);
	assert_int_equal(trie_verify(f.s, NODES, EDGES, 0, ROOTS * PATHS), 0);
	for (uint32_t r = 0; r < ROOTS; r++) {
		for (uint32_t p = 0; p < PATHS; p++) {
			struct slice rest = { 0 };

			snprintf(path, sizeof path, "/svc-%u/v%u/users", p / 2, p % 2);
			assert_int_equal(deepest(&f, root[r], path, &rest), r * PATHS + p);
			assert_true(slice_eq(rest, SLICE("/users")));
			snprintf(path, sizeof path, "/svc-%u/v%u/users", p / 2, 2 + p);
			assert_int_equal(deepest(&f, root[r], path, &rest), TRIE_NONE);
		}
	}
	fixture_deinit(&f);
}

/* So many that some edges have one hash (about ten do), though they leave different nodes. */
static void
test_collisions(void **state)
{
	enum { ROOTS = 300000 };
	struct fixture f;

	fixture_init(&f);
	for (uint32_t r = 0; r < ROOTS; r++)
		put(&f, trie_builder_root(&f.trie), "/a", r);
	fixture_finish(&f);
	for (uint32_t r = 0; r < ROOTS; r++)
		assert_int_equal(deepest(&f, 2 * r, "/a", &(struct slice){ 0 }), r);
	fixture_deinit(&f);
}

static struct segment
copy_of(const struct segment *s)
{
	struct seg_header *head = xmalloc(s->size);

	memcpy(head, s->head, s->size);
	return (struct segment){ .head = head, .size = s->size, .refs = 1, .fd = -1 };
}

static void *
at(struct segment *s, unsigned section, uint32_t i)
{
	const struct seg_section *sec = &s->head->sections[section];

	return (char *)(uintptr_t)s->head + sec->offset + (size_t)i * sec->size;
}

static void
test_verify(void **state)
{
	struct trie_edge *edge;
	struct trie_node *node;
	struct segment bad;
	struct fixture f;

	fixture_init(&f);
	put(&f, trie_builder_root(&f.trie), "/a/b", 1);
	fixture_finish(&f);
	assert_int_equal(trie_verify(f.s, NODES, EDGES, 0, 2), 0);
	assert_int_equal(trie_verify(f.s, NODES, EDGES, 0, 1), -EBADMSG); /* an entry outside */

	bad = copy_of(f.s);
	for (uint32_t i = 0; i < seg_count(&bad, EDGES); i++) {
		edge = at(&bad, EDGES, i);
		if (edge->node == TRIE_NONE)
			edge->node = 1;
	}
	assert_int_equal(trie_verify(&bad, NODES, EDGES, 0, 2), -EBADMSG); /* no slot is free */
	edge = at(&bad, EDGES, 0);
	edge->node = TRIE_NONE;
	assert_int_equal(trie_verify(&bad, NODES, EDGES, 0, 2), 0);
	edge->node = seg_count(&bad, NODES);
	edge = at(&bad, EDGES, 1);
	edge->node = TRIE_NONE;
	assert_int_equal(trie_verify(&bad, NODES, EDGES, 0, 2), -EBADMSG); /* a node outside */
	free((void *)(uintptr_t)bad.head);

	bad = copy_of(f.s);
	node = at(&bad, NODES, 1);
	node->text = UINT32_MAX;
	assert_int_equal(trie_verify(&bad, NODES, EDGES, 0, 2), -EBADMSG); /* a string outside */
	free((void *)(uintptr_t)bad.head);
	fixture_deinit(&f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_walk),         cmocka_unit_test(test_ended),
		cmocka_unit_test(test_root_outside), cmocka_unit_test(test_path_ref),
		cmocka_unit_test(test_many),         cmocka_unit_test(test_collisions),
		cmocka_unit_test(test_verify),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
