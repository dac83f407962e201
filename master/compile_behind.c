/*
 * compile_behind: TLS towards endpoints, for the two segments that hold it.
 */

#include "compile_behind.h"

#include "certificates.h"
#include "upstream_tls.h"

#include "lib/sha256.h"

#include <stdlib.h>

static void
add_text(struct buf *out, struct slice text)
{
	uint64_t n = text.n;

	buf_add(out, &n, sizeof n);
	buf_adds(out, text);
}

/* Of all that tells one way from another: whoever has the same may share connections. */
static void
identify(struct table_upstream_tls *row, const struct config_upstream_tls *t)
{
	struct buf BUF_CLEAN all = { 0 };

	add_text(&all, slice_make((const char *)row->roots, sizeof row->roots));
	add_text(&all, slice_make((const char *)row->certificate, sizeof row->certificate));
	buf_add(&all, &row->flags, sizeof row->flags);
	add_text(&all, slice_of(t->server_name));
	for (size_t i = 0; i < t->pins_count; i++)
		add_text(&all, slice_of(t->pins[i]));
	if (!sha256(buf_slice(&all), row->identity))
		abort(); /* libcrypto cannot digest: nothing of TLS would work */
}

static void
add_pins(struct seg_builder *b, const struct config_upstream_tls *t, struct table_upstream_tls *row)
{
	for (size_t i = 0; i < t->pins_count; i++) {
		struct table_pin pin = { { 0 } }; /* one that is none fits no key */
		uint32_t at;

		if (!upstream_tls_pin(t->pins[i], pin.sha256))
			memset(&pin, 0, sizeof pin);
		at = seg_builder_add(b, ENDPOINTS_PINS, &pin, sizeof pin);
		row->pins_first = i == 0 ? at : row->pins_first;
	}
	row->pins_count = (uint32_t)t->pins_count;
}

/* The row with this identity, of the builder or of what it extends; TRIE_NONE: there is none. */
static uint32_t
row_find(struct seg_builder *b, const struct table_upstream_tls *row)
{
	const struct table_upstream_tls *at;
	uint32_t n = (uint32_t)(b->sections[ENDPOINTS_TLS].n / sizeof *row);
	uint32_t below = b->base ? seg_count(b->base, ENDPOINTS_TLS) : 0;

	for (uint32_t i = 0; i < below + n; i++) {
		at = i < below ? table_upstream_tls(b->base, i)
			       : seg_builder_own(b, ENDPOINTS_TLS, i);
		if (memcmp(at->identity, row->identity, sizeof row->identity) == 0)
			return i;
	}
	return TRIE_NONE;
}

uint32_t
compile_behind(struct seg_builder *b, const struct certificates *files,
	       const struct config_upstream_tls *t)
{
	struct table_upstream_tls row = { .flags = 0 };
	const struct trust *roots = upstream_tls_roots(files, t);
	const struct pair *own = upstream_tls_pair(files, t);
	uint32_t at;

	if (t->insecure_skip_verify)
		row.flags |= UPSTREAM_TLS_UNVERIFIED;
	if (*t->certificate)
		row.flags |= UPSTREAM_TLS_CERTIFICATE;
	if (roots)
		memcpy(row.roots, roots->digest, sizeof row.roots);
	if (own)
		memcpy(row.certificate, own->digest, sizeof row.certificate);
	identify(&row, t);
	at = row_find(b, &row);
	if (at == TRIE_NONE) {
		add_pins(b, t, &row);
		row.server_name = seg_builder_string(b, slice_of(t->server_name));
		at = seg_builder_add(b, ENDPOINTS_TLS, &row, sizeof row);
	}
	return at + 1;
}

/* ---- keys ---- */

static void
add_roots(struct seg_builder *b, const struct trust *t)
{
	const struct table_roots *rows = (const void *)b->sections[KEYS_ROOTS].p;
	size_t n = b->sections[KEYS_ROOTS].n / sizeof *rows;
	struct table_roots row;

	for (size_t i = 0; i < n; i++) {
		if (memcmp(rows[i].digest, t->digest, sizeof rows[i].digest) == 0)
			return;
	}
	row.pem = seg_builder_string(b, buf_slice(&t->ca));
	memcpy(row.digest, t->digest, sizeof row.digest);
	seg_builder_add(b, KEYS_ROOTS, &row, sizeof row);
}

static void
add_own(struct seg_builder *b, const struct pair *p)
{
	const struct table_certificate *rows = (const void *)b->sections[KEYS_CERTIFICATES].p;
	size_t n = b->sections[KEYS_CERTIFICATES].n / sizeof *rows;
	struct table_certificate row;

	for (size_t i = 0; i < n; i++) {
		if (memcmp(rows[i].digest, p->digest, sizeof rows[i].digest) == 0)
			return;
	}
	row.chain = seg_builder_string(b, buf_slice(&p->chain));
	row.key = seg_builder_string(b, buf_slice(&p->key));
	memcpy(row.digest, p->digest, sizeof row.digest);
	seg_builder_add(b, KEYS_CERTIFICATES, &row, sizeof row);
}

static const struct trust *
roots_of(const struct certificates *files, const struct table_upstream_tls *row)
{
	for (size_t i = 0; i < files->trusts_count; i++) {
		const struct trust *t = files->trusts[i].trust;

		if (t && memcmp(t->digest, row->roots, sizeof row->roots) == 0)
			return t;
	}
	return NULL;
}

static const struct pair *
own_of(const struct certificates *files, const struct table_upstream_tls *row)
{
	for (size_t i = 0; i < files->pairs_count; i++) {
		const struct pair *p = files->pairs[i].pair;

		if (p && memcmp(p->digest, row->certificate, sizeof row->certificate) == 0)
			return p;
	}
	return NULL;
}

/* There was nothing to refer to. */
static bool
is_none(const uint8_t digest[32])
{
	static const uint8_t none[32];

	return memcmp(digest, none, sizeof none) == 0;
}

bool
compile_behind_fits(const struct certificates *files, const struct segment *endpoints)
{
	const struct table_upstream_tls *row;

	for (uint32_t i = 0; (row = table_upstream_tls(endpoints, i)) != NULL; i++) {
		if ((!is_none(row->roots) && !roots_of(files, row)) ||
		    (!is_none(row->certificate) && !own_of(files, row)))
			return false;
	}
	return true;
}

static void
add_older(struct seg_builder *b, const struct certificates *files, const struct segment *endpoints)
{
	const struct table_upstream_tls *row;

	for (uint32_t i = 0; (row = table_upstream_tls(endpoints, i)) != NULL; i++) {
		const struct trust *roots = roots_of(files, row);
		const struct pair *own = own_of(files, row);

		if (roots)
			add_roots(b, roots);
		if (own)
			add_own(b, own);
	}
}

void
compile_behind_keys(struct seg_builder *b, const struct certificates *files,
		    const struct directory *d, const struct segment *endpoints)
{
	if (endpoints)
		add_older(b, files, endpoints);
	for (size_t i = 0; i < d->upstreams_count; i++) {
		const struct directory_upstream *u = d->upstreams[i];
		const struct trust *roots =
		    u->speaks_tls ? upstream_tls_roots(files, &u->tls) : NULL;
		const struct pair *own = u->speaks_tls ? upstream_tls_pair(files, &u->tls) : NULL;

		if (roots)
			add_roots(b, roots);
		if (own)
			add_own(b, own);
	}
}
