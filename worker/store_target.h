#pragma once

/*
 * store_target: where the Redis of sessions is, and who asks it, as a table says.
 */

#include "lib/slice.h"

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <stddef.h>
#include <sys/socket.h>

#define STORE_ADDRESSES_MAX 64
#define STORE_WORD_MAX 512 /* of user and password */

struct behind;
struct snapshot;
struct table_login;

struct store_target { /* where it is; all of its bytes count */
	struct sockaddr_storage addresses[STORE_ADDRESSES_MAX];
	unsigned addresses_n;
	bool secure;
	uint8_t way[32]; /* of TLS, as behind.identity */
	uint32_t database, answer_ms;
	char hosts[STORE_ADDRESSES_MAX][256]; /* as they are called */
	char peer[256]; /* of TLS: whom all certificates have to be of; "": each of its host */
	size_t user_n, password_n;
	char user[STORE_WORD_MAX], password[STORE_WORD_MAX];
	bool closed; /* there is a password */
	bool found;  /* it was, and has to say that it is a master */
	bool cluster;
};

/* Which of its addresses that is; addresses_n: none. */
unsigned store_target_find(const struct store_target *to, struct slice host, uint16_t port);
uint16_t store_target_port(const struct store_target *to, unsigned i);
/* All bytes are set. *behind: the way of TLS, borrowed from the snapshot; NULL: it is plain, or the
 * table lacks what it needs. */
void store_target_read(struct snapshot *t, const struct table_login *login, struct store_target *to,
		       struct behind **behind);
