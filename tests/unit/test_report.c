/* What a child that compiled hands back of routes and of where they stand: it reads back as it was,
 * and nothing else is read outside itself. */

#include "master/compile.h"
#include "master/compile_index.h"

#include "lib/xalloc.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define SEALS (F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL)

static const struct compile_place places[] = { { 7, 1, PLACE_ROW | 3 },
					       { 7, 2, PLACE_FILE | PLACE_REFUSED },
					       { 9, 4, PLACE_LINE | 1 } };

static struct compile_report *
make(void)
{
	struct compile_report *r = xcalloc(1, sizeof *r);

	r->index = compile_index_new();
	r->routes_count = 2;
	r->file_count = 1;
	r->total = 12345;
	r->routes = arena_calloc(&r->arena, 2 * sizeof *r->routes);
	r->routes[0] =
	    (struct compile_route){ .id = "file:1", .host = "a", .path = "/", .reason = "" };
	r->routes[1] = (struct compile_route){ .id = "redis:b/",
					       .host = "b",
					       .path = "/",
					       .upstream = "u",
					       .asks = "GET",
					       .by = "file:1",
					       .reason = "it is shadowed",
					       .source = SOURCE_REDX,
					       .priority = -5,
					       .order = 2,
					       .state = ROUTE_SHADOWED };
	r->index->floors = true;
	for (uint32_t i = 0; i < 3; i++)
		compile_index_place(r->index, &places[i]);
	r->index->group = 9;
	compile_index_note(r->index, 20);
	compile_index_note(r->index, 10);
	return r;
}

static int
packed(void)
{
	struct compile_report *r = make();
	int fd = -1;

	assert_int_equal(compile_report_pack(r, &fd), 0);
	compile_report_free(r);
	return fd;
}

static void
test_round_trip(void **state)
{
	struct compile_report *r = NULL;
	const struct compile_place *at;
	const struct compile_link *link;
	size_t n;

	(void)state;
	assert_int_equal(compile_report_open(packed(), &r), 0);
	assert_true(r->routes_count == 2 && r->file_count == 1 && r->total == 12345);
	assert_string_equal(r->routes[0].id, "file:1");
	assert_string_equal(r->routes[0].upstream, "");
	assert_string_equal(r->routes[0].reason, "");
	assert_string_equal(r->routes[1].reason, "it is shadowed");
	assert_string_equal(r->routes[1].by, "file:1");
	assert_true(r->routes[1].source == SOURCE_REDX && r->routes[1].priority == -5 &&
		    r->routes[1].order == 2 && r->routes[1].state == ROUTE_SHADOWED);
	assert_true(r->index->floors);
	at = compile_index_places(r->index, 7, &n);
	assert_true(n == 2 && memcmp(at, places, 2 * sizeof *at) == 0);
	compile_index_places(r->index, 8, &n);
	assert_int_equal(n, 0);
	link = compile_index_links(r->index, 10, &n);
	assert_true(n == 1 && link->group == 9);
	compile_report_free(r);
}

static int
memfd_of(const char *bytes, size_t n, int seals)
{
	int fd = memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, n), n);
	assert_int_equal(fcntl(fd, F_ADD_SEALS, seals), 0);
	return fd;
}

static void
refused(int fd)
{
	struct compile_report *r = NULL;

	assert_int_equal(compile_report_open(fd, &r), -EBADMSG);
	assert_null(r);
	if (fd >= 0)
		assert_int_equal(fcntl(fd, F_GETFD), -1);
}

/* If it is opened all that it says is in there. */
static void
try(const char *bytes, size_t n)
{
	struct compile_report *r = NULL;
	size_t found;

	if (compile_report_open(memfd_of(bytes, n, SEALS), &r) < 0)
		return;
	for (size_t i = 0; i < r->routes_count; i++)
		assert_true(strlen(r->routes[i].id) + strlen(r->routes[i].reason) < n);
	compile_index_places(r->index, 7, &found);
	compile_index_links(r->index, 20, &found);
	compile_report_free(r);
}

static void
test_hostile(void **state)
{
	struct compile_report *r = NULL;
	int fd = packed();
	struct stat st;
	size_t size;
	char *bytes;

	(void)state;
	assert_int_equal(fstat(fd, &st), 0);
	size = (size_t)st.st_size;
	bytes = xmalloc(size + 1);
	assert_int_equal(pread(fd, bytes, size, 0), size);
	close(fd);
	assert_int_equal(compile_report_open(memfd_of(bytes, size, SEALS), &r), 0);
	compile_report_free(r);
	refused(-1);
	refused(memfd_of(bytes, size, 0));
	refused(memfd_of(bytes, size, F_SEAL_WRITE));
	refused(memfd_of(bytes, size, F_SEAL_SHRINK));
	for (size_t n = 0; n < size; n++)
		refused(memfd_of(bytes, n, SEALS));
	bytes[size] = 0;
	refused(memfd_of(bytes, size + 1, SEALS));
	for (size_t i = 0; i < size; i++) {
		static const unsigned char flips[] = { 1, 0x80, 0xff };

		for (size_t k = 0; k < sizeof flips; k++) {
			bytes[i] = (char)(bytes[i] ^ flips[k]);
			try(bytes, size);
			bytes[i] = (char)(bytes[i] ^ flips[k]);
		}
	}
	free(bytes);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_hostile),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
