/* What of a request's head is masked before it is kept for `yett errors`. */

#include "shm/faults.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void
masks(void **state)
{
	static const struct {
		const char *head, *shown;
	} cases[] = {
		{ "GET /a HTTP/1.1\r\nHost: x\r\n\r\n", "GET /a HTTP/1.1\r\nHost: x\r\n\r\n" },
		{ "GET /a?t=s&u=v w HTTP/1.1\r\n", "GET /a?t=*&u=*** HTTP/1.1\r\n" },
		{ "GET /a?abc HTTP/1.1\r\n", "GET /a?*** HTTP/1.1\r\n" },
		{ "GET /a?t=s", "GET /a?t=*" },
		{ "GET http://u:p@h/a HTTP/1.1\r\n", "GET http://***@h/a HTTP/1.1\r\n" },
		{ "CONNECT u:p@h:1 HTTP/1.1\r\n", "CONNECT ***@h:1 HTTP/1.1\r\n" },
		{ "GET /a\r\nAuthorization: Bearer s\r\n",
		  "GET /a\r\nAuthorization:*********\r\n" },
		{ "GET / HTTP/1.1\nCookie:s\nHost:h\n", "GET / HTTP/1.1\nCookie:*\nHost:h\n" },
		{ "GET / HTTP/1.1\r\nCookie: s\r\n t\r\nHost: h\r\n",
		  "GET / HTTP/1.1\r\nCookie:**\r\n**\r\nHost: h\r\n" },
		{ "GET / HTTP/1.1\r\nX-Key : s\r\n", "GET / HTTP/1.1\r\nX-Key :**\r\n" },
		{ "GET / HTTP/1.1\r\nCookie s=t\r\n", "GET / HTTP/1.1\r\n**********\r\n" },
		{ "GET / HTTP/1.1\r\nAuthorization Bearer s:t\r\n",
		  "GET / HTTP/1.1\r\n************************\r\n" },
		{ "GET / HTTP/1.1\r\nHost: u@h\r\n", "GET / HTTP/1.1\r\nHost:****\r\n" },
		{ "GET / HTTP/1.1\r\nHost: h\rCookie: s\r\n",
		  "GET / HTTP/1.1\r\nHost: h\rCookie:**\r\n" },
		{ "Cookie: s\r\n", "Cookie:**\r\n" },
		{ "GET / Bearer s\r\n", "GET / ****** *\r\n" },
		{ "GET / HTTP/1.1\r\n\r\nbody", "GET / HTTP/1.1\r\n\r\n****" },
		{ "GET / HTTP/1.1\r\nHost: x/?t=s\r\n", "GET / HTTP/1.1\r\nHost: x/?t=*\r\n" },
		{ "GET / HTTP/1.1\r\nHost: x\r\n s\r\n", "GET / HTTP/1.1\r\nHost: x\r\n**\r\n" },
		{ "GET / HTTP/1.1\r\nTE: Bearer s\r\n", "GET / HTTP/1.1\r\nTE: Bearer *\r\n" },
		{ "GET / HTTP/1.1\r\nTE: 123456789012345678901234\r\n",
		  "GET / HTTP/1.1\r\nTE: ************************\r\n" },
		{ "GET /a;t=s HTTP/1.1\r\n", "GET /a;t=* HTTP/1.1\r\n" },
		{ "GET /a%3ft=s%26u HTTP/1.1\r\n", "GET /a%3ft=***** HTTP/1.1\r\n" },
		{ "GET /a#t=s HTTP/1.1\r\n", "GET /a#t=* HTTP/1.1\r\n" },
		{ "GET /a ?t=s HTTP/1.1\r\n", "GET /a ?t=* HTTP/1.1\r\n" },
		{ "GET / HTTP/s\r\n", "GET / HTTP/*\r\n" },
		{ "t=s / HTTP/1.1\r\n", "*** / HTTP/1.1\r\n" },
		{ "s3cr3t\r\n", "******\r\n" },
		{ "PASS s\r\n", "PASS *\r\n" },
		{ "GET s?t=u\r\n", "GET *****\r\n" },
		{ "SSH-2.0-x \r\n", "SSH-*.*-* \r\n" },
		{ "GET http://u:p@h/a\r\n", "GET http://***@h/a\r\n" },
		{ "get / HTTP/1.1\r\n", "get / HTTP/1.1\r\n" },
		{ "G@T / HTTP/1.1\r\n", "G@T / HTTP/1.1\r\n" },
		{ "", "" },
		{ "\r\n\r\n", "\r\n\r\n" },
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		size_t n = strlen(cases[i].head);
		char *room = malloc(n + 1); /* of its size, so that an overrun is seen */

		memcpy(room, cases[i].head, n + 1);
		fault_mask(room, n);
		assert_string_equal(room, cases[i].shown);
		free(room);
	}
}

static void
keeps_the_last(void **state)
{
	static struct faults ring;
	static char large[40000];
	struct fault out;

	memset(large, 'x', sizeof large);
	assert_false(faults_read(&ring, 0, &out));
	for (uint32_t i = 0; i < FAULTS + 3; i++)
		faults_note(&ring, &(struct fault_facts){
				       .wall_ms = i,
				       .at = 2000,
				       .client = SLICE("::1"),
				       .head = slice_make(large, i % 2 ? sizeof large : 2001),
				   });
	assert_true(faults_read(&ring, 2, &out));
	assert_int_equal(out.wall_ms, FAULTS + 2);
	assert_true(out.first <= out.at && out.at < out.first + out.n && out.n <= FAULT_BYTES);
	assert_true(faults_read(&ring, 3, &out));
	assert_int_equal(out.wall_ms, 3);
	assert_int_equal(out.size, sizeof large);
	assert_string_equal(out.client, "::1");
	ring.ring[3].seq |= 1;
	assert_false(faults_read(&ring, 3, &out));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(masks),
		cmocka_unit_test(keeps_the_last),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
