/*
 * TLS towards endpoints: its rows, and whether they hold together.
 */

#include "table_behind.h"

#include "table.h"
#include "verify.h"

#include <string.h>

const struct table_upstream_tls *
table_upstream_tls(const struct segment *endpoints, uint32_t i)
{
	return seg_at(endpoints, ENDPOINTS_TLS, i, sizeof(struct table_upstream_tls));
}

const struct table_pin *
table_pin(const struct segment *endpoints, uint32_t i)
{
	return seg_at(endpoints, ENDPOINTS_PINS, i, sizeof(struct table_pin));
}

const struct table_roots *
table_roots_find(const struct segment *keys, const uint8_t digest[32])
{
	const struct table_roots *row;

	for (uint32_t i = 0; (row = seg_at(keys, KEYS_ROOTS, i, sizeof *row)) != NULL; i++) {
		if (memcmp(row->digest, digest, sizeof row->digest) == 0)
			return row;
	}
	return NULL;
}

const struct table_certificate *
table_certificate_find(const struct segment *keys, const uint8_t digest[32])
{
	const struct table_certificate *row;

	for (uint32_t i = 0; (row = table_certificate(keys, i)) != NULL; i++) {
		if (memcmp(row->digest, digest, sizeof row->digest) == 0)
			return row;
	}
	return NULL;
}

bool
table_behind_endpoints_ok(const struct segment *s)
{
	uint32_t rows, pins, endpoints;
	bool ok = true;
	const struct table_upstream_tls *row = section(s, ENDPOINTS_TLS, sizeof *row, &rows, &ok);
	const struct table_endpoint *e =
	    section(s, ENDPOINTS_ENDPOINTS, sizeof *e, &endpoints, &ok);

	section(s, ENDPOINTS_PINS, sizeof(struct table_pin), &pins, &ok);
	for (uint32_t i = 0; i < rows; i++)
		ok &= run_ok(row[i].pins_first, row[i].pins_count, seg_count(s, ENDPOINTS_PINS)) &&
		      ref_ok(s, row[i].server_name);
	for (uint32_t i = 0; i < endpoints; i++)
		ok &= e[i].tls <= seg_count(s, ENDPOINTS_TLS) && ref_ok(s, e[i].host);
	return ok;
}

bool
table_behind_keys_ok(const struct segment *s)
{
	uint32_t rows;
	bool ok = true;
	const struct table_roots *row = section(s, KEYS_ROOTS, sizeof *row, &rows, &ok);

	for (uint32_t i = 0; i < rows; i++)
		ok &= ref_ok(s, row[i].pem);
	return ok;
}
