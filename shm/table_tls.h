#pragma once

/*
 * table_tls: the part of SEGMENT_KEYS that is of TLS: which certificate for which name, whose
 * client certificates are asked for, ticket keys. Included by table.h.
 *
 * Names are in lower case, without a dot at the end. Of certificates "*.example.org" stands for
 * one label (RFC 9525 section 6.3); of hosts with rules for client certificates for any number, as
 * in routes, the longest first.
 */

#include "segment.h"

#define TABLE_TICKETS_MAX 3u              /* as TLS_TICKET_KEYS_MAX of lib/tls.h */
#define TABLE_TICKET_LIFETIME_MAX 604800u /* RFC 8446 section 4.6.1 */

struct table_tls {
	uint32_t oldest, newest;             /* enum tls_version of lib/tls.h */
	uint32_t suites_first, suites_count; /* of KEYS_NUMBERS; 0 = the default ones */
	uint32_t groups_first, groups_count; /* the same */
	uint32_t strict; /* a name that is not known is refused; else the default serves it */
	uint32_t ticket_lifetime_s;
	uint32_t default_first, default_count; /* of KEYS_CHOICES */
	uint32_t clients; /* 1 + index in KEYS_CLIENTS; 0: no certificate is asked for */
	uint32_t pad;
};

struct table_certificate {
	struct seg_ref chain, key; /* PEM */
	uint8_t digest[32];        /* of both: whoever has it parsed it before */
};

/* A row of a table by name: a slot is free when its name is empty. */
struct table_name {
	uint32_t hash;
	struct seg_ref text;
};

struct table_tls_name {
	struct table_name name;
	uint32_t first, count; /* of KEYS_CHOICES */
};

struct table_clients {
	uint32_t required; /* else who shows none comes in as well */
	uint32_t pad;
	struct seg_ref ca, crl; /* PEM; crl may be "" */
	uint8_t digest[32];     /* of ca, and behind TABLE_DIGEST_ROOTS bytes of both */
};
#define TABLE_DIGEST_ROOTS 16

struct table_client_host {
	struct table_name name;
	uint32_t clients; /* as in table_tls */
};

struct table_ticket {
	uint8_t name[16];
	uint8_t key[32];
};

/* NULL: nothing of TLS is in the table. */
const struct table_tls *table_tls(const struct segment *keys);
const struct table_certificate *table_certificate(const struct segment *keys, uint32_t i);
const struct table_clients *table_clients(const struct segment *keys, uint32_t i);
/* The certificate at place i of KEYS_CHOICES, TRIE_NONE for a place outside. */
uint32_t table_tls_choice(const struct segment *keys, uint32_t i);
/* The run of KEYS_CHOICES for a name in any case. False: it is not known. */
bool table_tls_find(const struct segment *keys, struct slice name, uint32_t *first,
		    uint32_t *count);
/* What client certificates are asked of whoever calls this host, as in table_tls.clients. */
uint32_t table_tls_clients(const struct segment *keys, struct slice host);

/* Building: the rows, of which name.text is set ("*.example.org" without its star) and lies in the
 * builder's strings. Called once for each kind, with all of them. Of equal names the first counts.
 */
void table_tls_add_names(struct seg_builder *b, const struct table_tls_name *rows, uint32_t n);
void table_tls_add_hosts(struct seg_builder *b, const struct table_client_host *rows, uint32_t n);

/* For table_verify_keys. */
bool table_tls_ok(const struct segment *s);
