#include "master/diff.h"

#include <stdlib.h>

#include <stdarg.h>
#include <setjmp.h>
#include <cmocka.h>

static void
expect(const char *delta, const char *text)
{
	struct delta d DELTA_CLEAN = { 0 };
	struct buf is BUF_CLEAN = { 0 };

	assert_int_equal(delta_read(&d, slice_of(delta)), 0);
	diff_write(&d, &is);
	buf_addc(&is, '\0');
	assert_string_equal(is.p, text);
}

static void
test_nothing(void **state)
{
	expect("[]", "{\"added\":[],\"removed\":[],\"changed\":[]}");
}

static void
test_redx(void **state)
{
	expect("[{\"key\":\"frontend:a/\",\"before\":null,\"after\":\"b\"},"
	       "{\"key\":\"frontend:c\",\"before\":\"x\",\"after\":\"y\"},"
	       "{\"key\":\"backend:b\",\"before\":{\"h:1\":\"0\",\"h:2\":\"0\"},"
	       "\"after\":{\"h:2\":\"5\",\"_x.y\":\"1\"}},"
	       "{\"key\":\"backend:old\",\"before\":{\"h\":\"0\"},\"after\":null}]",
	       "{\"added\":[{\"kind\":\"frontend\",\"name\":\"a/\",\"value\":\"b\"}],"
	       "\"removed\":[{\"kind\":\"backend\",\"name\":\"old\",\"value\":{\"h\":\"0\"}}],"
	       "\"changed\":[{\"kind\":\"backend\",\"name\":\"b\",\"changes\":["
	       "{\"key\":\"h:1\",\"before\":\"0\",\"after\":null},"
	       "{\"key\":\"h:2\",\"before\":\"0\",\"after\":\"5\"},"
	       "{\"key\":\"_x.y\",\"before\":null,\"after\":\"1\"}]},"
	       "{\"kind\":\"frontend\",\"name\":\"c\",\"changes\":["
	       "{\"key\":\"backend\",\"before\":\"x\",\"after\":\"y\"}]}]}");
}

static void
test_native(void **state)
{
	expect("[{\"key\":\"yett:route:r\",\"before\":"
	       "\"{\\\"path\\\":\\\"/"
	       "a\\\",\\\"cors\\\":{\\\"x\\\":1,\\\"y\\\":[1,2]},\\\"z\\\":0.1}\","
	       "\"after\":"
	       "\"{\\\"cors\\\": {\\\"y\\\":[2,1],\\\"x\\\":1.0}, \\\"path\\\":\\\"/b\\\","
	       "\\\"z\\\":0.1}\"},"
	       "{\"key\":\"yett:policy:p\",\"before\":\"{\\\"a\\\":null}\",\"after\":\"{ "
	       "\\\"a\\\":null}\"},"
	       "{\"key\":\"yett:upstream:u\",\"before\":null,\"after\":\"{\\\"e\\\":true}\"}]",
	       "{\"added\":[{\"kind\":\"upstream\",\"name\":\"u\",\"value\":{\"e\":true}}],"
	       "\"removed\":[],\"changed\":[{\"kind\":\"policy\",\"name\":\"p\",\"changes\":[]},"
	       "{\"kind\":\"route\",\"name\":\"r\",\"changes\":["
	       "{\"key\":\"path\",\"before\":\"/a\",\"after\":\"/b\"},"
	       "{\"key\":\"cors.y\",\"before\":[1,2],\"after\":[2,1]}]}]}");
}

static void
test_refused(void **state)
{
	expect("[{\"key\":\"yett:route:r\",\"before\":\"{}\",\"after\":false},"
	       "{\"key\":\"yett:route:s\",\"before\":null,\"after\":\"no JSON\"},"
	       "{\"key\":\"odd\",\"before\":false,\"after\":null}]",
	       "{\"added\":[{\"kind\":\"route\",\"name\":\"s\",\"value\":false}],"
	       "\"removed\":[{\"kind\":\"key\",\"name\":\"odd\",\"value\":false}],"
	       "\"changed\":[{\"kind\":\"route\",\"name\":\"r\",\"changes\":null}]}");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nothing),
		cmocka_unit_test(test_redx),
		cmocka_unit_test(test_native),
		cmocka_unit_test(test_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
