/* proxy_protocol: headers of both versions, whole, in pieces and broken. */

#include "lib/proxy_protocol.h"

#include "lib/forwarded.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#define SIGNATURE "\r\n\r\n\0\r\nQUIT\n"
#define V4 "\xc0\0\2\1\xc0\0\2\2\x10\x92\x01\xbb" /* 192.0.2.1:4242 to 192.0.2.2:443 */
#define X10 "xxxxxxxxxx"
#define X90 X10 X10 X10 X10 X10 X10 X10 X10 X10

struct proxy_case {
	struct slice in;
	enum proxy_outcome outcome;
	size_t used;
	const char *source; /* NULL: it names nobody */
	uint16_t port, to_port;
};

#define BAD(text)                                                                                  \
	{                                                                                          \
		SLICE(text), PROXY_BAD, 0, NULL, 0, 0                                              \
	}
#define MORE(text)                                                                                 \
	{                                                                                          \
		SLICE(text), PROXY_MORE, 0, NULL, 0, 0                                             \
	}
#define NOBODY(text)                                                                               \
	{                                                                                          \
		SLICE(text), PROXY_OK, sizeof(text) - 1, NULL, 0, 0                                \
	}
#define NAMES(text, ...)                                                                           \
	{                                                                                          \
		SLICE(text), PROXY_OK, sizeof(text) - 1, __VA_ARGS__                               \
	}

static const struct proxy_case cases[] = {
	NAMES("PROXY TCP4 192.0.2.1 192.0.2.2 4242 443\r\n", "192.0.2.1", 4242, 443),
	NAMES("PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n", "255.255.255.255",
	      65535, 65535),
	NAMES("PROXY TCP6 2001:db8::1 ::1 0 1\r\n", "2001:db8::1", 0, 1),
	NAMES("PROXY TCP6 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff "
	      "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n",
	      "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", 65535, 65535),
	NOBODY("PROXY UNKNOWN\r\n"),
	NOBODY("PROXY UNKNOWN ffff::1 anything at all\r\n"),
	NOBODY("PROXY UNKNOWN " X90 "x\r\n"), /* 107 bytes */
	BAD("PROXY UNKNOWN " X90 "xx\r\n"),
	BAD("PROXY UNKNOWN " X90 X10 X10),
	MORE("PROXY UNKNOWN " X90),
	{ SLICE("PROXY UNKNOWN\r\nGET /"), PROXY_OK, 15, NULL, 0, 0 },
	MORE(""),
	MORE("P"),
	MORE("PROXY "),
	MORE("PROXY TCP4 192.0.2.1 192.0.2.2 4242 443\r"),
	BAD("PROXY TCP4 192.0.2.1 192.0.2.2 4242 443\n"),
	BAD("PROXY TCP4 192.0.2.1 192.0.2.2 4242 443 \r\n"),
	BAD("PROXY TCP4  192.0.2.1 192.0.2.2 4242 443\r\n"),
	BAD("PROXY TCP4 192.0.2.1 192.0.2.2 4242\r\n"),
	BAD("PROXY TCP4 192.0.2.1 192.0.2.2 4242 65536\r\n"),
	BAD("PROXY TCP4 192.0.2.1 192.0.2.2 04242 443\r\n"),
	BAD("PROXY TCP4 192.0.2.1 192.0.2.2 -1 443\r\n"),
	BAD("PROXY TCP4 192.0.2.256 192.0.2.2 4242 443\r\n"),
	BAD("PROXY TCP4 ::1 ::1 4242 443\r\n"),
	BAD("PROXY TCP6 192.0.2.1 192.0.2.2 4242 443\r\n"),
	BAD("PROXY TCP5 192.0.2.1 192.0.2.2 4242 443\r\n"),
	BAD("PROXY tcp4 192.0.2.1 192.0.2.2 4242 443\r\n"),
	BAD("PROXY UDP4 192.0.2.1 192.0.2.2 4242 443\r\n"),
	BAD("PROXY \r\n"),
	BAD("PROXY\r\n"),
	BAD("proxy UNKNOWN\r\n"),
	BAD("GET / HTTP/1.1\r\n"),
	BAD("\r\nPROXY UNKNOWN\r\n"),

	NAMES(SIGNATURE "\x21\x11\0\x0c" V4, "192.0.2.1", 4242, 443),
	NAMES(SIGNATURE "\x21\x21\0\x24"
			"\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1"
			"\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\2"
			"\0\1\0\2",
	      "2001:db8::1", 1, 2),
	NAMES(SIGNATURE "\x21\x11\0\x12" V4 "\4\0\3abc", "192.0.2.1", 4242, 443), /* a NOOP */
	NAMES(SIGNATURE "\x21\x11\0\x13" V4 "\3\0\4\xff\x9d\x5c\x8e", "192.0.2.1", 4242, 443),
	BAD(SIGNATURE "\x21\x11\0\x13" V4 "\3\0\4\xff\x9d\x5c\x8f"),
	BAD(SIGNATURE "\x21\x11\0\x12" V4 "\3\0\3\0\0\0"),
	BAD(SIGNATURE "\x21\x11\0\x12" V4 "\4\0\4abc"),
	BAD(SIGNATURE "\x21\x11\0\x0e" V4 "\4\0"),
	NOBODY(SIGNATURE "\x20\0\0\0"),
	NOBODY(SIGNATURE "\x20\x11\0\x0c" V4),
	NOBODY(SIGNATURE "\x20\xff\0\1x"), /* whatever it says of itself */
	NOBODY(SIGNATURE "\x21\0\0\0"),
	NOBODY(SIGNATURE "\x21\0\0\3abc"),
	NOBODY(SIGNATURE "\x21\x12\0\x0c" V4), /* a datagram */
	NOBODY(SIGNATURE "\x21\x10\0\x0c" V4),
	NOBODY(SIGNATURE "\x21\x31\0\xd8" X90 X90 X10 X10 X10 "xxxxxx"), /* Unix */
	MORE(SIGNATURE "\x21\x11\0\x0c"
		       "\xc0\0\2\1"),
	MORE(SIGNATURE "\x21\x11\0"),
	MORE("\r\n\r\n\0"),
	MORE("\r\n"),
	BAD(SIGNATURE "\x11\x11\0\x0c" V4),
	BAD(SIGNATURE "\x22\x11\0\x0c" V4),
	BAD(SIGNATURE "\x21\x41\0\x0c" V4),
	BAD(SIGNATURE "\x21\x13\0\x0c" V4),
	BAD(SIGNATURE "\x21\x11\0\x0b" V4),
	BAD(SIGNATURE "\x21\x21\0\x0c" V4),
	BAD(SIGNATURE "\x21\x31\0\x0c" V4),
	BAD(SIGNATURE "\x21\x11\xff\xff" V4), /* longer than is taken */
	BAD("\r\n\r\n\0\r\nQUIT\r"),
	BAD("\r\n\r\n\0\r\nQuit"),
};

static void
test_parse(void **state)
{
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		const struct proxy_case *c = &cases[i];
		struct proxy_header h;
		char text[46];

		if (proxy_parse(c->in, &h) != c->outcome)
			fail_msg("case %zu: %.*s", i, SLICE_F(c->in));
		if (c->outcome != PROXY_OK)
			continue;
		assert_int_equal(h.used, c->used);
		if (h.named != (c->source != NULL))
			fail_msg("case %zu: named=%d", i, h.named);
		if (!h.named)
			continue;
		forwarded_text(h.source.ip, text);
		assert_string_equal(text, c->source);
		assert_int_equal(h.source.port, c->port);
		assert_int_equal(h.destination.port, c->to_port);
	}
}

/* However few bytes come at a time: more, and at the end the same. */
static void
test_pieces(void **state)
{
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct proxy_header h;

		if (cases[i].outcome != PROXY_OK)
			continue;
		for (size_t n = 0; n < cases[i].used; n++)
			assert_int_equal(proxy_parse(slice_make(cases[i].in.p, n), &h), PROXY_MORE);
	}
}

static void
test_write(void **state)
{
	static const struct {
		const char *from, *to, *line;
	} ends[] = {
		{ "192.0.2.1", "192.0.2.2", "PROXY TCP4 192.0.2.1 192.0.2.2 1 65535\r\n" },
		{ "2001:db8::1", "::1", "PROXY TCP6 2001:db8::1 ::1 1 65535\r\n" },
		{ "2001:db8::1", "192.0.2.2",
		  "PROXY TCP6 2001:db8::1 ::ffff:192.0.2.2 1 65535\r\n" },
	};
	char out[PROXY_WRITE_MAX];

	for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
		struct proxy_end from = { .port = 1 }, to = { .port = 65535 };
		struct proxy_header h;

		assert_true(forwarded_address(slice_of(ends[i].from), from.ip));
		assert_true(forwarded_address(slice_of(ends[i].to), to.ip));
		for (enum proxy_version v = PROXY_V1; v <= PROXY_V2; v++) {
			struct slice made = slice_make(out, proxy_write(v, &from, &to, out));

			if (v == PROXY_V1)
				assert_true(slice_eq(made, slice_of(ends[i].line)));
			assert_int_equal(proxy_parse(made, &h), PROXY_OK);
			assert_true(h.named && h.used == made.n);
			assert_memory_equal(&h.source, &from, sizeof from);
			assert_memory_equal(&h.destination, &to, sizeof to);
		}
	}
	assert_true(slice_eq(slice_make(out, proxy_write(PROXY_V1, NULL, NULL, out)),
			     SLICE("PROXY UNKNOWN\r\n")));
	assert_true(slice_eq(slice_make(out, proxy_write(PROXY_V2, NULL, NULL, out)),
			     SLICE(SIGNATURE "\x20\0\0\0")));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse),
		cmocka_unit_test(test_pieces),
		cmocka_unit_test(test_write),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
