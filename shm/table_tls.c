/*
 * TLS in SEGMENT_KEYS: look-ups by name, their tables, and whether they hold together.
 */

#include "table_tls.h"

#include "hash.h"
#include "table.h"
#include "verify.h"

#include "lib/tls.h"
#include "lib/xalloc.h"

#include <stdlib.h>

#define NAME_MAX_N 255u /* RFC 1035 section 2.3.4 */

_Static_assert(TABLE_TICKETS_MAX == TLS_TICKET_KEYS_MAX, "one number in two layers");

const struct table_tls *
table_tls(const struct segment *keys)
{
	return seg_at(keys, KEYS_TLS, 0, sizeof(struct table_tls));
}

const struct table_certificate *
table_certificate(const struct segment *keys, uint32_t i)
{
	return seg_at(keys, KEYS_CERTIFICATES, i, sizeof(struct table_certificate));
}

const struct table_clients *
table_clients(const struct segment *keys, uint32_t i)
{
	return seg_at(keys, KEYS_CLIENTS, i, sizeof(struct table_clients));
}

uint32_t
table_tls_choice(const struct segment *keys, uint32_t i)
{
	const uint32_t *choice = seg_at(keys, KEYS_CHOICES, i, sizeof *choice);

	return choice ? *choice : TRIE_NONE;
}

/* The row of this name, NULL when there is none. All rows begin with struct table_name. */
static const void *
row_find(const struct segment *keys, unsigned section, uint32_t size, struct slice name)
{
	uint32_t count = seg_count(keys, section), hash = hash_bytes(0, name);
	uint32_t i = hash_slot(hash, count);
	const struct table_name *row;

	for (uint32_t n = 0; n < count; n++) {
		row = seg_at(keys, section, i, size);
		if (!row || row->text.size == 0)
			return NULL;
		if (row->hash == hash && slice_eq(seg_string(keys, row->text), name))
			return row;
		i = i + 1 < count ? i + 1 : 0;
	}
	return NULL;
}

/* In lower case, without the dot at the end; empty when it is too long to be one. */
static struct slice
name_lower(struct slice name, char out[NAME_MAX_N])
{
	if (name.n > 0 && name.p[name.n - 1] == '.')
		name.n--;
	if (name.n > NAME_MAX_N)
		return SLICE("");
	for (size_t i = 0; i < name.n; i++)
		out[i] = ascii_lower(name.p[i]);
	return slice_make(out, name.n);
}

/* What follows the first label, with its dot; empty at the end. */
static struct slice
name_up(struct slice name)
{
	size_t i = name.n > 0 ? 1 : 0;

	while (i < name.n && name.p[i] != '.')
		i++;
	return slice_make(name.p + i, name.n - i);
}

bool
table_tls_find(const struct segment *keys, struct slice name, uint32_t *first, uint32_t *count)
{
	const struct table_tls_name *row;
	char lower[NAME_MAX_N];

	name = name_lower(name, lower);
	if (name.n == 0 || name.p[0] == '.')
		return false;
	row = row_find(keys, KEYS_NAMES, sizeof *row, name);
	if (!row)
		row = row_find(keys, KEYS_NAMES, sizeof *row, name_up(name));
	if (!row)
		return false;
	*first = row->first;
	*count = row->count;
	return true;
}

uint32_t
table_tls_clients(const struct segment *keys, struct slice host)
{
	const struct table_tls *tls = table_tls(keys);
	const struct table_client_host *row;
	char lower[NAME_MAX_N];

	if (!tls)
		return 0;
	host = name_lower(host, lower);
	for (; host.n > 0; host = name_up(host)) {
		row = row_find(keys, KEYS_CLIENT_HOSTS, sizeof *row, host);
		if (row)
			return row->clients;
	}
	return tls->clients;
}

/* Half full at most, so that a free slot is never far. */
static void
rows_add(struct seg_builder *b, unsigned section, const void *rows, uint32_t n, uint32_t size)
{
	uint32_t count = n * 2, i;
	char *slots = xcalloc(count + 1, size);

	for (uint32_t k = 0; k < n; k++) {
		struct table_name *slot, name;
		const char *row = (const char *)rows + (size_t)k * size;

		memcpy(&name, row, sizeof name);
		name.hash = hash_bytes(
		    0, slice_make(b->sections[KEYS_STRINGS].p + name.text.offset, name.text.size));
		i = hash_slot(name.hash, count);
		while ((slot = (struct table_name *)(slots + (size_t)i * size))->text.size > 0)
			i = i + 1 < count ? i + 1 : 0;
		memcpy(slot, row, size);
		slot->hash = name.hash;
	}
	for (i = 0; i < count; i++)
		seg_builder_add(b, section, slots + (size_t)i * size, size);
	free(slots);
}

void
table_tls_add_names(struct seg_builder *b, const struct table_tls_name *rows, uint32_t n)
{
	rows_add(b, KEYS_NAMES, rows, n, sizeof *rows);
}

void
table_tls_add_hosts(struct seg_builder *b, const struct table_client_host *rows, uint32_t n)
{
	rows_add(b, KEYS_CLIENT_HOSTS, rows, n, sizeof *rows);
}

static bool
settings_ok(const struct segment *s)
{
	uint32_t count, numbers, tickets, clients = seg_count(s, KEYS_CLIENTS);
	bool ok = true;
	const struct table_tls *tls = section(s, KEYS_TLS, sizeof *tls, &count, &ok);

	section(s, KEYS_NUMBERS, sizeof(uint32_t), &numbers, &ok);
	section(s, KEYS_TICKETS, sizeof(struct table_ticket), &tickets, &ok);
	if (count == 0)
		return ok;
	return ok && count == 1 && tls->oldest <= tls->newest && tls->newest <= TLS_1_3 &&
	       run_ok(tls->suites_first, tls->suites_count, numbers) &&
	       run_ok(tls->groups_first, tls->groups_count, numbers) &&
	       run_ok(tls->default_first, tls->default_count, seg_count(s, KEYS_CHOICES)) &&
	       tls->clients <= clients && tickets <= TABLE_TICKETS_MAX &&
	       tls->ticket_lifetime_s <= TABLE_TICKET_LIFETIME_MAX;
}

static bool
certificates_ok(const struct segment *s)
{
	uint32_t certificates, choices;
	bool ok = true;
	const struct table_certificate *c =
	    section(s, KEYS_CERTIFICATES, sizeof *c, &certificates, &ok);
	const uint32_t *choice = section(s, KEYS_CHOICES, sizeof *choice, &choices, &ok);

	for (uint32_t i = 0; i < certificates; i++)
		ok &= ref_ok(s, c[i].chain) && ref_ok(s, c[i].key);
	for (uint32_t i = 0; i < choices; i++)
		ok &= choice[i] < certificates;
	return ok;
}

static bool
names_ok(const struct segment *s)
{
	uint32_t count, hosts, clients, choices = seg_count(s, KEYS_CHOICES);
	bool ok = true;
	const struct table_tls_name *name = section(s, KEYS_NAMES, sizeof *name, &count, &ok);
	const struct table_client_host *host =
	    section(s, KEYS_CLIENT_HOSTS, sizeof *host, &hosts, &ok);
	const struct table_clients *c = section(s, KEYS_CLIENTS, sizeof *c, &clients, &ok);

	for (uint32_t i = 0; i < count; i++)
		ok &= ref_ok(s, name[i].name.text) && run_ok(name[i].first, name[i].count, choices);
	for (uint32_t i = 0; i < hosts; i++)
		ok &= ref_ok(s, host[i].name.text) && host[i].clients <= clients;
	for (uint32_t i = 0; i < clients; i++)
		ok &= ref_ok(s, c[i].ca) && ref_ok(s, c[i].crl);
	return ok;
}

bool
table_tls_ok(const struct segment *s)
{
	return settings_ok(s) && certificates_ok(s) && names_ok(s);
}
