/*
 * What the keys of a set stand for, as text; and from that its digest, and what changed since a
 * mark.
 */

#include "rules_own.h"

#include "rules_backend.h"

void
rules_value(const struct rules *r, struct slice key, struct buf *out)
{
	const struct slice frontend = SLICE("frontend:"), backend = SLICE("backend:");

	if (rules_refusal_find(r, key)) {
		buf_adds(out, SLICE("false"));
	} else if (slice_starts(key, frontend)) {
		const struct rules_frontend *f =
		    map_get(&r->frontends, slice_make(key.p + frontend.n, key.n - frontend.n));

		if (f)
			buf_add_json(out, slice_of(f->backend));
	} else if (slice_starts(key, backend)) {
		const struct rules_backend *b =
		    rules_backend_find(r, slice_make(key.p + backend.n, key.n - backend.n));

		if (b)
			backend_write(b, out);
	}
	if (out->n == 0)
		buf_adds(out, SLICE("null"));
}

void
rules_begin(const struct rules *r, struct slice key, struct buf *before)
{
	rules_value(r, key, before);
}

void
rules_end(struct rules *r, struct slice key, const struct buf *before)
{
	struct slice was = buf_slice(before), is;
	struct buf after BUF_CLEAN = { 0 };

	rules_value(r, key, &after);
	is = buf_slice(&after);
	if (slice_eq(was, is))
		return;
	if (!slice_eq(was, SLICE("null")))
		digest_remove(&r->digest, key, was);
	if (!slice_eq(is, SLICE("null")))
		digest_add(&r->digest, key, is);
	/* A key that JSON could not give back as it is might become another key's: such a one is
	 * always refused, so nobody misses it. */
	if (!memchr(key.p, '\0', key.n) && rules_is_utf8(key))
		delta_put(&r->changes, key, was, is);
}

void
rules_digest(const struct rules *r, char out[DIGEST_TEXT])
{
	digest_text(&r->digest, out);
}

const struct delta *
rules_changes(const struct rules *r)
{
	return &r->changes;
}

void
rules_mark(struct rules *r)
{
	delta_deinit(&r->changes);
}
