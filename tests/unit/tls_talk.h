#pragma once

/*
 * tls_talk: what tests of pairs have in common. After cmocka.h.
 */

#include "tls_pair.h"

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

static const struct tls_settings only_12 = { .oldest = TLS_1_2, .newest = TLS_1_2 };
static const struct tls_settings only_13 = { .oldest = TLS_1_3, .newest = TLS_1_3 };
static const struct tls_settings *const versions[] = { &only_12, &only_13 };

/* Both say something, and hear it. For cmocka. */
static inline void
pair_talk(struct pair *p)
{
	size_t client_n = p->client.n, server_n = p->server.n;

	assert_int_equal(pair_say(&p->client, SLICE("question")), 0);
	pair_run(p);
	assert_int_equal(p->server.n, server_n + 8);
	assert_memory_equal(p->server.plain + server_n, "question", 8);
	assert_int_equal(pair_say(&p->server, SLICE("and answer")), 0);
	pair_run(p);
	assert_int_equal(p->client.n, client_n + 10);
	assert_memory_equal(p->client.plain + client_n, "and answer", 10);
}
