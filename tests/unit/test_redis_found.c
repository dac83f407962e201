/* redis_tag and seek_read: names of keys in a cluster, redirections, and what is said of where a
 * server is. */

#include "lib/redis_reader.h"
#include "lib/redis_tag.h"
#include "master/seek_own.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

/* ---- which words are keys ---- */

static void
test_keys(void **state)
{
	static const struct {
		const char *words, *keys;
	} cases[] = {
		{ "GET a", "a" },
		{ "SET a b EX 10", "a" },
		{ "HSET a b c", "a" },
		{ "PING", "" },
		{ "MULTI", "" },
		{ "exec", "" },
		{ "AUTH user pass", "" },
		{ "CLIENT SETNAME x", "" },
		{ "SUBSCRIBE a", "" },
		{ "DEL a b c", "a b c" },
		{ "exists a b", "a b" },
		{ "WATCH a", "a" },
		{ "SCAN 0 MATCH a* COUNT 5", "a*" },
		{ "EVAL script 2 a b c d", "a b" },
		{ "EVALSHA sha 1 a", "a" },
		{ "EVAL script 0 c", "" },
		{ "EVAL script 9 a", "a" },
		{ "EVAL script x a", "" },
		{ "EVAL", "" },
		{ "XGROUP CREATE a g 0 MKSTREAM", "a" },
		{ "XREADGROUP GROUP g c COUNT 5 STREAMS a >", "a" },
		{ "XREAD STREAMS a b 0 0", "a b" },
		{ "XREAD COUNT 1", "" },
		{ "XADD a MAXLEN 5 * f v", "a" },
		{ "ZRANGEBYSCORE a -inf 5", "a" },
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct slice words[16], rest = slice_of(cases[i].words);
		char keys[64] = "";
		size_t n = 0, first, end;

		while (rest.p)
			words[n++] = slice_cut(rest, ' ', &rest);
		redis_tag_keys(n, words, &first, &end);
		for (size_t k = first; k < end; k++)
			snprintf(keys + strlen(keys), sizeof keys - strlen(keys), "%s%.*s",
				 k > first ? " " : "", SLICE_F(words[k]));
		assert_string_equal(keys, cases[i].keys);
	}
}

static void
test_slots(void **state)
{
	assert_int_equal(redis_tag_slot(SLICE("{123456789}")), 0x31c3); /* of the specification */
	assert_int_equal(redis_tag_slot(SLICE("{foo}")), 12182);
	assert_true(redis_tag_slot(SLICE("{yett}")) < REDIS_SLOTS);
	assert_true(slice_eq(redis_tag_cut(SLICE("{t}"), SLICE("{t}a")), SLICE("a")));
	assert_true(slice_eq(redis_tag_cut(SLICE("{t}"), SLICE("a")), SLICE("a")));
	assert_true(slice_eq(redis_tag_cut(SLICE(""), SLICE("{t}a")), SLICE("{t}a")));
}

/* ---- redirections ---- */

static void
test_where(void **state)
{
	static const struct {
		const char *text, *host;
		unsigned port;
	} cases[] = {
		{ "MOVED 3999 127.0.0.1:6381", "127.0.0.1", 6381 },
		{ "MOVED 3999 ::1:6381", "::1", 6381 },
		{ "MOVED 3999 127.0.0.1:6381 more", "127.0.0.1", 6381 },
		{ "MOVED 3999 redis.internal:6381", "redis.internal", 6381 },
		{ "ASK 3999 127.0.0.1:6381", NULL, 0 },
		{ "MOVED", NULL, 0 },
		{ "MOVED 3999", NULL, 0 },
		{ "MOVED 3999 ", NULL, 0 },
		{ "MOVED 3999 :6381", NULL, 0 },
		{ "MOVED 3999 127.0.0.1:", NULL, 0 },
		{ "MOVED 3999 127.0.0.1:0", NULL, 0 },
		{ "MOVED 3999 127.0.0.1:65536", NULL, 0 },
		{ "MOVED 3999 127.0.0.1:99999999999999999999999", NULL, 0 },
		{ "", NULL, 0 },
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct slice host;
		uint16_t port;
		bool good = redis_where(slice_of(cases[i].text), SLICE("MOVED"), &host, &port);

		assert_int_equal(good, cases[i].host != NULL);
		if (!good)
			continue;
		assert_true(slice_eq(host, slice_of(cases[i].host)));
		assert_int_equal(port, cases[i].port);
	}
}

static void
test_numeric(void **state)
{
	struct sockaddr_storage a;
	const struct sockaddr_in *v4 = (const void *)&a;
	const struct sockaddr_in6 *v6 = (const void *)&a;

	assert_true(redis_numeric(SLICE("127.0.0.1"), 6381, &a));
	assert_true(a.ss_family == AF_INET && ntohs(v4->sin_port) == 6381 &&
		    v4->sin_addr.s_addr == htonl(INADDR_LOOPBACK));
	assert_true(redis_numeric(SLICE("::1"), 1, &a));
	assert_true(a.ss_family == AF_INET6 && ntohs(v6->sin6_port) == 1 &&
		    memcmp(&v6->sin6_addr, &in6addr_loopback, 16) == 0);
	assert_false(redis_numeric(SLICE("redis.internal"), 1, &a));
	assert_false(redis_numeric(SLICE(""), 1, &a));
	assert_false(redis_numeric(SLICE("127.0.0.1"), 0, &a));
}

/* ---- what is said of servers ---- */

static struct redis_reply *
reply(struct redis_reader **reader, const char *bytes)
{
	struct redis_reply *r = NULL;
	const char *why;

	*reader = redis_reader_new();
	redis_reader_feed(*reader, slice_of(bytes));
	assert_int_equal(redis_reader_next(*reader, &r, &why), 0);
	assert_non_null(r);
	return r;
}

static void
test_elsewhere(void **state)
{
	static const struct {
		const char *bytes;
		bool elsewhere;
	} cases[] = {
		{ "-READONLY You can't write against a read only replica.\r\n", true },
		{ "-MOVED 1 127.0.0.1:1\r\n", true },
		{ "-CLUSTERDOWN The cluster is down\r\n", true },
		{ "-ERR Error running script (call to f_1): @user_script:1: -READONLY You\r\n",
		  true },
		{ "-TRYAGAIN Multiple keys request during rehashing of slot\r\n", false },
		{ "-ASK 1 127.0.0.1:1\r\n", false },
		{ "-NOAUTH Authentication required.\r\n", false },
		{ "+READONLY \r\n", false },
		{ "$9\r\nREADONLY \r\n", false },
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct redis_reader *reader;
		struct redis_reply *r = reply(&reader, cases[i].bytes);

		assert_int_equal(redis_is_elsewhere(r), cases[i].elsewhere);
		redis_reply_free(r);
		redis_reader_free(reader);
	}
}

static void
test_master(void **state)
{
	static const struct {
		const char *bytes, *text;
	} cases[] = {
		{ "*2\r\n$9\r\n127.0.0.1\r\n$4\r\n6379\r\n", "127.0.0.1:6379" },
		{ "*2\r\n$3\r\n::1\r\n$4\r\n6379\r\n", "[::1]:6379" },
		{ "*2\r\n$8\r\nRedis.In\r\n$1\r\n1\r\n", "redis.in:1" },
		{ "*2\r\n$3\r\na\"b\r\n$4\r\n6379\r\n", NULL },
		{ "*2\r\n$0\r\n\r\n$4\r\n6379\r\n", NULL },
		{ "*2\r\n$1\r\na\r\n$5\r\n65536\r\n", NULL },
		{ "*2\r\n$1\r\na\r\n$1\r\n0\r\n", NULL },
		{ "*2\r\n$1\r\na\r\n$9\r\n123456789\r\n", NULL },
		{ "*2\r\n$1\r\na\r\n$5\r\n6379x\r\n", NULL },
		{ "*2\r\n$1\r\na\r\n$2\r\n-1\r\n", NULL },
		{ "*2\r\n$1\r\na\r\n$0\r\n\r\n", NULL },
		{ "*1\r\n$1\r\na\r\n", NULL },
		{ "*2\r\n:1\r\n:1\r\n", NULL },
		{ "*-1\r\n", NULL },
		{ "-ERR unknown command\r\n", NULL },
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct redis_reader *reader;
		struct redis_reply *r = reply(&reader, cases[i].bytes);
		struct seek_place place;
		bool good = seek_read_master(r, &place);

		assert_int_equal(good, cases[i].text != NULL);
		if (good)
			assert_string_equal(place.text, cases[i].text);
		redis_reply_free(r);
		redis_reader_free(reader);
	}
}

static void
test_nodes(void **state)
{
	static struct seek_place nodes[SEEK_NODES];
	struct redis_reader *reader;
	struct redis_reply *r =
	    reply(&reader, "*3\r\n"
			   "*4\r\n:0\r\n:99\r\n*3\r\n$1\r\nc\r\n:3\r\n$1\r\nx\r\n*3\r\n$1\r\na\r\n:"
			   "1\r\n$1\r\ny\r\n"
			   "*3\r\n:100\r\n:199\r\n*3\r\n$0\r\n\r\n:2\r\n$1\r\nz\r\n"
			   "*3\r\n:200\r\n:16383\r\n*3\r\n$1\r\nc\r\n:3\r\n$1\r\nx\r\n");
	struct seek_place owner;
	size_t count;

	assert_true(seek_read_slots(r, 5, "asked", &owner, nodes, &count));
	assert_string_equal(owner.text, "c:3");
	assert_int_equal(count, 3);
	assert_string_equal(nodes[0].text, "a:1");
	assert_string_equal(nodes[1].text, "asked:2");
	assert_string_equal(nodes[2].text, "c:3");
	assert_true(seek_read_slots(r, 150, "asked", &owner, nodes, &count));
	assert_string_equal(owner.text, "asked:2");
	assert_false(seek_read_slots(r, 16384, "asked", &owner, nodes, &count));
	redis_reply_free(r);
	redis_reader_free(reader);
	r = reply(&reader, "*3\r\n:1\r\n*1\r\n:0\r\n*3\r\n:0\r\n:9\r\n:7\r\n");
	assert_false(seek_read_slots(r, 5, "asked", &owner, nodes, &count));
	assert_int_equal(count, 0);
	redis_reply_free(r);
	redis_reader_free(reader);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_keys),      cmocka_unit_test(test_slots),
		cmocka_unit_test(test_where),     cmocka_unit_test(test_numeric),
		cmocka_unit_test(test_elsewhere), cmocka_unit_test(test_master),
		cmocka_unit_test(test_nodes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
