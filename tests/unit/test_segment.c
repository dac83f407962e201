/* segment: what is built is what is read; what is not a sealed, whole, well-formed image is
 * refused. */

#include "shm/segment.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define SEALS (F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL)

struct item {
	uint32_t number;
	struct seg_ref name;
};

static struct segment *
build(void)
{
	struct segment *s = NULL;
	struct seg_builder b;

	seg_builder_init(&b);
	for (uint32_t i = 0; i < 3; i++) {
		char text[16];
		struct item item = { .number = i };

		snprintf(text, sizeof text, "item %u", i);
		item.name = seg_builder_string(&b, slice_of(text));
		assert_int_equal(seg_builder_add(&b, 5, &item, sizeof item), i);
	}
	assert_int_equal(seg_builder_finish(&b, SEGMENT_ENDPOINTS, 42, &s), 0);
	seg_builder_deinit(&b);
	return s;
}

static void
check_content(const struct segment *s)
{
	assert_int_equal(s->head->generation, 42);
	assert_int_equal(seg_count(s, 5), 3);
	for (uint32_t i = 0; i < 3; i++) {
		const struct item *item = seg_at(s, 5, i, sizeof *item);
		char text[16];

		snprintf(text, sizeof text, "item %u", i);
		assert_non_null(item);
		assert_int_equal(item->number, i);
		assert_true(slice_eq(seg_string(s, item->name), slice_of(text)));
	}
	assert_null(seg_at(s, 5, 3, sizeof(struct item)));
	assert_null(seg_at(s, 5, 0, sizeof(struct item) - 4));
	assert_null(seg_at(s, 6, 0, sizeof(struct item)));
	assert_int_equal(seg_string(s, (struct seg_ref){ seg_count(s, 0), 1 }).n, 0);
	assert_int_equal(seg_string(s, (struct seg_ref){ UINT32_MAX, UINT32_MAX }).n, 0);
}

static void
test_round_trip(void **state)
{
	struct segment *made = build(), *got = NULL;

	check_content(made);
	assert_int_equal(seg_open(dup(made->fd), SEGMENT_ENDPOINTS, &got), 0);
	assert_int_equal(got->fd, -1);
	seg_unref(made);
	check_content(got); /* lives on without its maker */
	assert_ptr_equal(seg_ref(got), got);
	seg_unref(got);
	check_content(got);
	seg_unref(got);
	seg_unref(NULL);
}

static void
test_empty(void **state)
{
	struct segment *s = NULL, *got = NULL;
	struct seg_builder b;

	seg_builder_init(&b);
	assert_int_equal(seg_builder_finish(&b, SEGMENT_KEYS, 0, &s), 0);
	seg_builder_deinit(&b);
	assert_int_equal(seg_open(dup(s->fd), SEGMENT_KEYS, &got), 0);
	assert_int_equal(seg_count(got, 0), 0);
	assert_null(seg_at(got, 1, 0, 0));
	seg_unref(s);
	seg_unref(got);
}

static void
test_sealed(void **state)
{
	struct segment *s = build();
	struct stat st;
	char path[64];
	int again;

	assert_int_equal(fcntl(s->fd, F_GET_SEALS) & SEALS, SEALS);
	assert_true(fcntl(s->fd, F_GETFD) & FD_CLOEXEC);
	assert_int_equal(fstat(s->fd, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0400);
	assert_int_equal(pwrite(s->fd, "x", 1, 0), -1);
	assert_int_equal(ftruncate(s->fd, 0), -1);
	assert_int_equal(ftruncate(s->fd, st.st_size + 4096), -1);
	assert_ptr_equal(mmap(NULL, s->size, PROT_READ | PROT_WRITE, MAP_SHARED, s->fd, 0),
			 MAP_FAILED);
	/* Root may open it again in spite of its mode; the seals hold all the same. */
	snprintf(path, sizeof path, "/proc/self/fd/%d", s->fd);
	again = open(path, O_RDWR | O_CLOEXEC);
	if (again >= 0) {
		assert_int_equal(pwrite(again, "x", 1, 0), -1);
		close(again);
	} else {
		assert_int_equal(errno, EACCES);
	}
	seg_unref(s);
}

static void
test_strings_share(void **state)
{
	struct seg_builder b;
	struct seg_ref id, host, path, other;

	seg_builder_init(&b);
	id = seg_builder_string(&b, SLICE("redis:example.org/a/b"));
	host = seg_builder_string(&b, SLICE("example.org"));
	path = seg_builder_string(&b, SLICE("/a/b"));
	assert_int_equal(b.sections[0].n, id.size);
	assert_int_equal(host.offset, id.offset + 6);
	assert_int_equal(path.offset, id.offset + 17);
	other = seg_builder_string(&b, SLICE("/a/b/c"));
	assert_int_equal(other.offset, id.size);
	assert_int_equal(seg_builder_string(&b, SLICE("")).size, 0);
	assert_int_equal(b.sections[0].n, id.size + other.size);
	seg_builder_deinit(&b);
}

/* A descriptor of a memfd with these bytes. */
static int
memfd_of(const void *image, size_t n, int seals)
{
	int fd = memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, image, n), n);
	if (seals)
		assert_int_equal(fcntl(fd, F_ADD_SEALS, seals), 0);
	return fd;
}

static void
refused(int fd, enum table_segment kind)
{
	struct segment *s = NULL;

	assert_int_equal(seg_open(fd, kind, &s), -EBADMSG);
	assert_null(s);
	if (fd >= 0)
		assert_int_equal(fcntl(fd, F_GETFD), -1); /* closed all the same */
}

static void
test_not_a_segment(void **state)
{
	static const int weak[] = { 0,
				    F_SEAL_WRITE,
				    SEALS & ~F_SEAL_WRITE,
				    SEALS & ~F_SEAL_SHRINK,
				    SEALS & ~F_SEAL_GROW,
				    SEALS & ~F_SEAL_SEAL };
	struct segment *s = build(), *got = NULL;
	int pipes[2];

	assert_int_equal(seg_open(memfd_of(s->head, s->size, SEALS), SEGMENT_ENDPOINTS, &got), 0);
	check_content(got);
	seg_unref(got);
	for (size_t i = 0; i < sizeof weak / sizeof *weak; i++)
		refused(memfd_of(s->head, s->size, weak[i]), SEGMENT_ENDPOINTS);
	refused(memfd_of(s->head, s->size, SEALS), SEGMENT_RULES);
	refused(memfd_of(s->head, s->size, SEALS), SEGMENT_KEYS);
	refused(memfd_of(s->head, s->size - 16, SEALS), SEGMENT_ENDPOINTS);
	refused(memfd_of(s->head, 100, SEALS), SEGMENT_ENDPOINTS);
	refused(memfd_of("", 0, SEALS), SEGMENT_ENDPOINTS);
	refused(open("/dev/null", O_RDWR | O_CLOEXEC), SEGMENT_ENDPOINTS);
	assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
	refused(pipes[0], SEGMENT_ENDPOINTS);
	close(pipes[1]);
	refused(-1, SEGMENT_ENDPOINTS);
	seg_unref(s);
}

static void
not_taken(int fd, enum table_segment kind)
{
	struct segment *s = NULL;

	assert_int_equal(seg_take(fd, kind, &s), -EBADMSG);
	assert_null(s);
	if (fd >= 0)
		assert_int_equal(fcntl(fd, F_GETFD), -1);
}

/* What the content says is left to who asks for it; all else is as for seg_open, but for the
 * descriptor, which is kept. */
static void
test_taken(void **state)
{
	struct segment *s = build(), *got = NULL;
	char *image = malloc(s->size);
	int fd = memfd_of(s->head, s->size, SEALS);

	(void)state;
	assert_non_null(image);
	assert_int_equal(seg_take(fd, SEGMENT_ENDPOINTS, &got), 0);
	check_content(got);
	assert_int_equal(got->fd, fd);
	seg_unref(got);
	assert_int_equal(fcntl(fd, F_GETFD), -1);
	memcpy(image, s->head, s->size);
	image[s->size - 1] ^= 1;
	assert_int_equal(seg_take(memfd_of(image, s->size, SEALS), SEGMENT_ENDPOINTS, &got), 0);
	assert_int_not_equal(got->head->checksum, seg_checksum(got->head));
	seg_unref(got);
	not_taken(memfd_of(s->head, s->size, SEALS & ~F_SEAL_WRITE), SEGMENT_ENDPOINTS);
	not_taken(memfd_of(s->head, s->size, 0), SEGMENT_ENDPOINTS);
	not_taken(memfd_of(s->head, s->size, SEALS), SEGMENT_RULES);
	not_taken(memfd_of(s->head, s->size - 16, SEALS), SEGMENT_ENDPOINTS);
	not_taken(memfd_of(s->head, 100, SEALS), SEGMENT_ENDPOINTS);
	not_taken(memfd_of("", 0, SEALS), SEGMENT_ENDPOINTS);
	not_taken(open("/dev/null", O_RDWR | O_CLOEXEC), SEGMENT_ENDPOINTS);
	not_taken(-1, SEGMENT_ENDPOINTS);
	free(image);
	seg_unref(s);
}

/* One field of the header wrong, the checksum right. */
static void
test_header(void **state)
{
	struct segment *s = build();
	struct seg_header *h = malloc(s->size);
	const struct {
		void *at;
		uint64_t value;
		size_t n;
	} cases[] = {
		{ &h->magic, SEGMENT_MAGIC + 1, 8 },
		{ &h->format, SEGMENT_FORMAT - 1, 4 },
		{ &h->format, SEGMENT_FORMAT + 1, 4 },
		{ &h->kind, SEGMENT_N, 4 },
		{ &h->size, s->size - 16, 8 },
		{ &h->checksum, 0, 8 },
		{ &h->sections[5].offset, s->size, 8 },
		{ &h->sections[5].offset, s->size + 16, 8 },
		{ &h->sections[5].offset, 0, 8 },
		{ &h->sections[5].offset, s->head->sections[5].offset + 8, 8 },
		{ &h->sections[5].offset, UINT64_MAX - 15, 8 },
		{ &h->sections[5].count, 1000, 4 },
		{ &h->sections[5].count, UINT32_MAX, 4 },
		{ &h->sections[5].size, UINT32_MAX, 4 },
		{ &h->sections[5].size, 0, 4 },
		{ &h->sections[0].size, 2, 4 },
		{ &h->sections[23].offset, s->size + 16, 8 },
	};

	assert_non_null(h);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		memcpy(h, s->head, s->size);
		assert_int_equal(seg_check(h, s->size, SEGMENT_ENDPOINTS), 0);
		memcpy(cases[i].at, &cases[i].value, cases[i].n);
		if (cases[i].at != &h->checksum && h->size == s->size)
			h->checksum = seg_checksum(h);
		assert_int_equal(seg_check(h, s->size, SEGMENT_ENDPOINTS), -EBADMSG);
		if (cases[i].at != &h->checksum)
			not_taken(memfd_of(h, s->size, SEALS), SEGMENT_ENDPOINTS);
	}
	free(h);
	seg_unref(s);
}

/* No bit of the content changes unnoticed. */
static void
test_checksum(void **state)
{
	struct segment *s = build();
	char *image = malloc(s->size);

	assert_non_null(image);
	memcpy(image, s->head, s->size);
	for (size_t i = sizeof(struct seg_header); i < s->size; i++) {
		for (int bit = 0; bit < 8; bit++) {
			image[i] ^= (char)(1 << bit);
			assert_int_equal(seg_check(image, s->size, SEGMENT_ENDPOINTS), -EBADMSG);
			image[i] ^= (char)(1 << bit);
		}
	}
	assert_int_equal(seg_check(image, s->size, SEGMENT_ENDPOINTS), 0);
	free(image);
	seg_unref(s);
}

static void
test_too_large(void **state)
{
	struct segment *s = NULL;
	struct seg_builder b;

	seg_builder_init(&b);
	b.full = true;
	assert_int_equal(seg_builder_finish(&b, SEGMENT_KEYS, 0, &s), -EFBIG);
	seg_builder_deinit(&b);
	seg_builder_init(&b);
	/* Refused by its length alone: the bytes are never looked at. */
	assert_int_equal(seg_builder_string(&b, slice_make("x", UINT32_MAX)).size, 0);
	assert_true(b.full);
	seg_builder_deinit(&b);
}

static size_t
mappings(void)
{
	FILE *f = fopen("/proc/self/maps", "r");
	char line[4096];
	size_t n = 0;

	assert_non_null(f);
	while (fgets(line, sizeof line, f))
		n += strstr(line, "yett-") != NULL;
	fclose(f);
	return n;
}

/* A large one lies where huge pages can be. */
static void
test_large(void **state)
{
	enum { COUNT = 9 * 1024 * 1024 / 8 + 300 };
	struct segment *s = NULL, *again = NULL;
	struct seg_builder b;
	size_t before = mappings();

	seg_builder_init(&b);
	for (uint64_t i = 0; i < COUNT; i++)
		seg_builder_add(&b, 1, &i, sizeof i);
	assert_int_equal(seg_builder_finish(&b, SEGMENT_RULES, 7, &s), 0);
	seg_builder_deinit(&b);
	assert_int_equal(seg_open(dup(s->fd), SEGMENT_RULES, &again), 0);
	assert_int_equal((uintptr_t)s->head % (2 * 1024 * 1024), 0);
	assert_int_equal((uintptr_t)again->head % (2 * 1024 * 1024), 0);
	for (uint32_t i = 0; i < COUNT; i += 997)
		assert_int_equal(*(const uint64_t *)seg_at(again, 1, i, sizeof(uint64_t)), i);
	assert_int_equal(*(const uint64_t *)seg_at(again, 1, COUNT - 1, sizeof(uint64_t)),
			 COUNT - 1);
	seg_unref(s);
	seg_unref(again);
	assert_int_equal(mappings(), before);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),    cmocka_unit_test(test_empty),
		cmocka_unit_test(test_sealed),        cmocka_unit_test(test_strings_share),
		cmocka_unit_test(test_not_a_segment), cmocka_unit_test(test_header),
		cmocka_unit_test(test_checksum),      cmocka_unit_test(test_too_large),
		cmocka_unit_test(test_large),         cmocka_unit_test(test_taken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
