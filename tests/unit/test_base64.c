/* base64: one text, one meaning. */

#include "lib/base64.h"

#include "lib/xalloc.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

struct decode_case {
	const char *text, *bytes; /* bytes NULL: refused */
};

typedef int (*decode_fn)(struct slice in, char *out, size_t *out_n);

static void
check(const struct decode_case *c, decode_fn decode, size_t room)
{
	struct slice in = slice_of(c->text);
	char *copy = xmalloc(in.n ? in.n : 1), *out = xmalloc(in.n / 4 * 3 + room + !room);
	size_t n = 0;
	int r;

	memcpy(copy, in.p, in.n);
	r = decode(slice_make(copy, in.n), out, &n);
	if (r != (c->bytes ? 0 : -EINVAL))
		fail_msg("\"%s\": %d", c->text, r);
	if (c->bytes && !slice_eq(slice_make(out, n), slice_of(c->bytes)))
		fail_msg("\"%s\": \"%.*s\"", c->text, (int)n, out);
	free(out);
	free(copy);
}

static void
test_url(void **state)
{
	static const struct decode_case cases[] = {
		{ "", "" },
		{ "Zg", "f" },
		{ "Zm8", "fo" },
		{ "Zm9v", "foo" },
		{ "Zm9vYg", "foob" },
		{ "Zm9vYmE", "fooba" },
		{ "Zm9vYmFy", "foobar" },
		{ "-_-_", "\xfb\xff\xbf" },
		{ "_w", "\xff" },
		/* no digit, no padding, no other alphabet */
		{ "Zg==", NULL },
		{ "Zm8=", NULL },
		{ "Zm9v=", NULL },
		{ "=", NULL },
		{ "+/+/", NULL },
		{ "Zm 9v", NULL },
		{ "Zm9v\n", NULL },
		{ "Zm9v.", NULL },
		{ "Zm9\xc3", NULL },
		{ "\xff\xff\xff\xff", NULL },
		{ "Zm9*", NULL },
		{ "*m9v", NULL },
		/* one digit holds no byte */
		{ "Z", NULL },
		{ "Zm9vZ", NULL },
		/* bits that no byte takes: another text for the same bytes */
		{ "Zh", NULL },
		{ "Zv", NULL },
		{ "Zm9", NULL },
		{ "Zm-", NULL },
		{ "_x", NULL },
	};

	for (size_t i = 0; i < COUNT(cases); i++)
		check(&cases[i], base64url_decode, 2);
}

static void
test_plain(void **state)
{
	static const struct decode_case cases[] = {
		{ "", "" },         { "Zg==", "f" },      { "Zm8=", "fo" },
		{ "Zm9v", "foo" },  { "dTpw", "u:p" },    { "+/+/", "\xfb\xff\xbf" },
		{ "/w==", "\xff" }, { "Zg", NULL },       { "Zg=", NULL },
		{ "Zm8", NULL },    { "Z===", NULL },     { "====", NULL },
		{ "=", NULL },      { "Zg==Zg==", NULL }, { "Zm9v====", NULL },
		{ "-_-_", NULL },   { "Zh==", NULL },     { "Zm9=", NULL },
		{ "Z m8", NULL },   { "Zm8=\n", NULL },   { "Z=g=", NULL },
	};

	for (size_t i = 0; i < COUNT(cases); i++)
		check(&cases[i], base64_decode, 0);
}

static void
test_round_trip(void **state)
{
	char bytes[64], text[86], back[66];
	unsigned seed = 1;

	for (size_t n = 0; n <= sizeof bytes; n++) {
		char *out = xmalloc((n * 4 + 2) / 3 + 1);
		size_t size, got;

		for (size_t i = 0; i < n; i++) {
			seed = seed * 1103515245 + 12345;
			bytes[i] = (char)(seed >> 16);
		}
		size = base64url_encode(slice_make(bytes, n), out);
		assert_int_equal(size, (n * 4 + 2) / 3);
		memcpy(text, out, size);
		assert_int_equal(base64url_decode(slice_make(text, size), back, &got), 0);
		assert_int_equal(got, n);
		assert_memory_equal(back, bytes, n);
		free(out);
	}
}

/* RFC 4648 section 10, and the two digits in which the alphabets differ. */
static void
test_padding(void **state)
{
	static const struct {
		const char *bytes, *text;
	} cases[] = { { "", "" },
		      { "f", "Zg==" },
		      { "fo", "Zm8=" },
		      { "foo", "Zm9v" },
		      { "foob", "Zm9vYg==" },
		      { "fooba", "Zm9vYmE=" },
		      { "foobar", "Zm9vYmFy" },
		      { "\xfb\xff\xfe", "+//+" } };

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		char out[16];
		size_t n = base64_encode(slice_of(cases[i].bytes), out);

		assert_true(slice_eq(slice_make(out, n), slice_of(cases[i].text)));
		assert_int_equal(n, base64_size(strlen(cases[i].bytes)));
	}
}

/* Each of the 256 bytes in each place: it is a digit of value v, or refused. */
static void
test_every_byte(void **state)
{
	static const char digits[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

	for (unsigned c = 0; c < 256; c++) {
		const char *hit = c ? strchr(digits, (int)c) : NULL;

		for (unsigned place = 0; place < 4; place++) {
			char in[4] = { 'A', 'A', 'A', 'A' }, out[5];
			size_t n;

			in[place] = (char)c;
			assert_int_equal(base64url_decode(slice_make(in, 4), out, &n),
					 hit ? 0 : -EINVAL);
			if (hit) {
				unsigned v = (unsigned)(unsigned char)out[0] << 16 |
					     (unsigned)(unsigned char)out[1] << 8 |
					     (unsigned char)out[2];

				assert_int_equal(v, (unsigned)(hit - digits) << (18 - 6 * place));
			}
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_url),        cmocka_unit_test(test_plain),
		cmocka_unit_test(test_round_trip), cmocka_unit_test(test_padding),
		cmocka_unit_test(test_every_byte),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
