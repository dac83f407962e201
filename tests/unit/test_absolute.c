/* lib/absolute and lib/ip: what a URL of somebody else may lead to. */

#include "lib/absolute.h"
#include "lib/ip.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

static void
test_parts(void **state)
{
	static const struct {
		const char *url, *host, *target;
		uint16_t port;
		bool https, dotted;
	} cases[] = {
		{ "https://a.example", "a.example", "", 443, true, false },
		{ "http://a.example/", "a.example", "/", 80, false, false },
		{ "https://A.Example:8443/x?y=1", "a.example", "/x?y=1", 8443, true, false },
		{ "https://a.example?y", "a.example", "?y", 443, true, false },
		{ "https://a.example/x#frag", "a.example", "/x", 443, true, false },
		{ "https://a.example./x", "a.example", "/x", 443, true, true },
		{ "https://a.example.:443/x", "a.example", "/x", 443, true, true },
		{ "https://[2001:DB8::1]:8080/", "[2001:db8::1]", "/", 8080, true, false },
		{ "https://127.0.0.1/", "127.0.0.1", "/", 443, true, false },
		{ "https://a.example/@b/:c", "a.example", "/@b/:c", 443, true, false },
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct slice text = slice_of(cases[i].url);
		struct absolute u;
		char room[256];

		assert_null(absolute_parse(text, room, &u));
		assert_int_equal(u.https, cases[i].https);
		assert_int_equal(u.dotted, cases[i].dotted);
		assert_int_equal(u.port, cases[i].port);
		assert_true(slice_eq(u.host.host, slice_of(cases[i].host)));
		assert_true(slice_eq(u.target, slice_of(cases[i].target)));
	}
}

static void
test_refused(void **state)
{
	static const char *const cases[] = {
		"",
		"a.example",
		"//a.example/",
		"/x",
		"ftp://a.example/",
		"file:///etc/passwd",
		"HTTPS://a.example/",
		"https:/a.example/",
		"https:a.example",
		"https://",
		"https:///x",
		"https://user@a.example/",
		"https://user:pass@a.example/",
		"https://a.example@evil.example/",
		"https://a.example:443@evil.example/",
		"https://a.example\\@evil.example/",
		"https://evil.example\\.a.example/",
		"https://a.example\\x",
		"https://a.example/x\\y",
		"https://a.example:0/",
		"https://a.example:65536/",
		"https://a.example:8o/",
		"https://a.example:-1/",
		"https://a.example /",
		" https://a.example/",
		"https://a.example/\r\nHost: b",
		"https://a.example/ x",
		"https://a.ex%61mple/",
		"https://a..example/",
		"https://.a.example/",
		"https://\xc3\xa4.example/",
		"https://a.example\xe3\x80\x82org/",
		"https://[::1/",
		"https://::1/",
		"https://[fe80::1%25eth0]/",
		"https://[::1]x/",
		"https://2130706433/",
		"https://127.1/",
		"https://0x7f000001/",
		"https://0x7f.0.0.1/",
		"https://0177.0.0.1/",
		"https://127.0.0.1.1/",
		"https://a.example.1/",
		"https://127.0.0.256/",
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct absolute u;
		char room[256];

		if (!absolute_parse(slice_of(cases[i]), room, &u))
			fail_msg("taken: %s", cases[i]);
	}
}

static void
test_public(void **state)
{
	static const struct {
		const char *text;
		bool is_public;
	} cases[] = {
		{ "8.8.8.8", true },
		{ "1.1.1.1", true },
		{ "172.15.0.1", true },
		{ "172.32.0.1", true },
		{ "100.63.255.255", true },
		{ "100.128.0.0", true },
		{ "193.0.0.1", true },
		{ "223.255.255.255", true },
		{ "0.0.0.0", false },
		{ "10.1.2.3", false },
		{ "100.64.0.1", false },
		{ "100.100.100.200", false },
		{ "127.0.0.1", false },
		{ "127.9.9.9", false },
		{ "168.63.129.16", false },
		{ "169.254.169.254", false },
		{ "172.16.0.1", false },
		{ "172.31.255.255", false },
		{ "192.0.0.192", false },
		{ "192.168.1.1", false },
		{ "198.18.0.1", false },
		{ "198.19.255.255", false },
		{ "203.0.113.9", false },
		{ "224.0.0.1", false },
		{ "240.0.0.1", false },
		{ "255.255.255.255", false },
		{ "2606:4700:4700::1111", true },
		{ "2a00:1450::1", true },
		{ "64:ff9b::8.8.8.8", true },
		{ "2002:808:808::1", true },
		{ "::", false },
		{ "::1", false },
		{ "::127.0.0.1", false },
		{ "::ffff:127.0.0.1", false },
		{ "64:ff9b::127.0.0.1", false },
		{ "64:ff9b:1::1", false },
		{ "2002:7f00:1::1", false },
		{ "2002:c0a8:101::1", false },
		{ "2001:0:1::1", false },
		{ "2001:db8::1", false },
		{ "fc00::1", false },
		{ "fd00:ec2::254", false },
		{ "fe80::1", false },
		{ "ff02::1", false },
		{ "4000::1", false },
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		uint8_t ip[16];
		struct in_addr v4;

		if (inet_pton(AF_INET, cases[i].text, &v4) == 1)
			ip_map_v4(ip, &v4);
		else
			assert_int_equal(inet_pton(AF_INET6, cases[i].text, ip), 1);
		if (ip_is_public(ip) != cases[i].is_public)
			fail_msg("%s", cases[i].text);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parts),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_public),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
