#include "history.h"

#include "lib/json.h"
#include "lib/xalloc.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define MISSING_MAX 200 /* bytes of the reason why there is no delta */

/* ---- ids ---- */

/* The digits up to `end`, without zeros before them and no more than 64 bits. */
static bool
is_number(struct slice s)
{
	if (s.n == 0 || s.n > 20 || (s.n > 1 && s.p[0] == '0'))
		return false;
	for (size_t i = 0; i < s.n; i++) {
		if (!isdigit((unsigned char)s.p[i]))
			return false;
	}
	return s.n < 20 || memcmp(s.p, "18446744073709551615", 20) <= 0;
}

bool
revision_is_id(struct slice id)
{
	struct slice second, first = slice_cut(id, '-', &second);

	return is_number(first) && second.p && is_number(second);
}

int
revision_compare(const char *a, const char *b)
{
	uint64_t x[2] = { 0 }, y[2] = { 0 };

	sscanf(a, "%" SCNu64 "-%" SCNu64, &x[0], &x[1]);
	sscanf(b, "%" SCNu64 "-%" SCNu64, &y[0], &y[1]);
	if (x[0] != y[0])
		return x[0] < y[0] ? -1 : 1;
	return x[1] == y[1] ? 0 : x[1] < y[1] ? -1 : 1;
}

/* ---- one ---- */

static char *
text_copy(struct slice text, size_t max)
{
	char *copy;

	if (text.n > max) {
		text.n = max; /* not within a character */
		while (text.n > 0 && ((unsigned char)text.p[text.n] & 0xc0) == 0x80)
			text.n--;
	}
	copy = xstrndup(text.n ? text.p : "", text.n);
	for (size_t i = 0; i < text.n; i++) {
		if (iscntrl((unsigned char)copy[i]))
			copy[i] = ' ';
	}
	return copy;
}

static void
delta_drop(struct revision *r, struct slice why)
{
	free(r->delta);
	free(r->missing);
	r->delta = NULL;
	r->missing = text_copy(why, MISSING_MAX);
	r->keys = 0;
}

static void
delta_take(struct revision *r, struct slice text)
{
	struct delta d DELTA_CLEAN = { 0 };
	struct json *said = NULL;

	if (text.n > 0 && text.p[0] == '"' && json_parse(text, DELTA_MAX, 1, &said) == 0) {
		delta_drop(r, json_text(said));
	} else if (text.n > DELTA_MAX) {
		delta_drop(r, SLICE("what it changed is larger than 8 MiB and not kept"));
	} else if (delta_read(&d, text) < 0) {
		delta_drop(r, SLICE("what it changed cannot be read"));
	} else {
		r->delta = xstrndup(text.p, text.n);
		r->keys = d.items.count;
	}
	json_free(said);
}

struct revision *
revision_new(struct slice id, struct slice digest, int64_t wall, struct slice who, struct slice why,
	     struct slice delta)
{
	struct revision *r;

	if (!revision_is_id(id))
		return NULL;
	r = xcalloc(1, sizeof *r);
	snprintf(r->id, sizeof r->id, "%.*s", SLICE_F(id));
	if (digest.n == DIGEST_TEXT - 1)
		memcpy(r->digest, digest.p, digest.n);
	r->wall = wall;
	r->who = text_copy(who, REVISION_WHO_MAX);
	r->why = text_copy(why, REVISION_WHY_MAX);
	delta_take(r, delta);
	return r;
}

void
revision_free(struct revision *r)
{
	if (!r)
		return;
	free(r->who);
	free(r->why);
	free(r->delta);
	free(r->missing);
	free(r->never);
	free(r);
}

void
revision_set_never(struct revision *r, struct slice never)
{
	free(r->never);
	r->never = never.n > 0 && never.n <= REVISION_NEVER_MAX ? xstrndup(never.p, never.n) : NULL;
}

/* ---- as JSON ---- */

void
revision_write(const struct revision *r, bool whole, struct buf *out)
{
	buf_addf(out, "{\"revision\":\"%s\",\"at\":", r->id);
	buf_add_json_time(out, r->wall);
	buf_adds(out, SLICE(",\"who\":"));
	buf_add_json(out, slice_of(r->who));
	buf_adds(out, SLICE(",\"why\":"));
	buf_add_json(out, slice_of(r->why));
	buf_adds(out, SLICE(",\"digest\":"));
	buf_add_json(out, slice_of(r->digest));
	if (r->delta)
		buf_addf(out, ",\"keys\":%zu", r->keys);
	else
		buf_adds(out, SLICE(",\"keys\":null"));
	if (whole) {
		buf_adds(out, SLICE(",\"delta\":"));
		buf_adds(out, slice_of(r->delta ? r->delta : "null"));
		buf_adds(out, SLICE(",\"missing\":"));
		buf_add_json(out, slice_of(r->missing));
	}
	buf_addc(out, '}');
}

/* Its delta as it is stored: JSON, or a JSON string that says why there is none. */
static void
revision_write_delta(const struct revision *r, struct buf *out)
{
	if (r->delta)
		buf_adds(out, slice_of(r->delta));
	else
		buf_add_json(out, slice_of(r->missing));
}

void
revision_save(const struct revision *r, bool whole, struct buf *out)
{
	struct buf delta BUF_CLEAN = { 0 };

	buf_addf(out, "{\"id\":\"%s\",\"digest\":", r->id);
	buf_add_json(out, slice_of(r->digest));
	buf_addf(out, ",\"wall\":%" PRId64 ",\"who\":", r->wall);
	buf_add_json(out, slice_of(r->who));
	buf_adds(out, SLICE(",\"why\":"));
	buf_add_json(out, slice_of(r->why));
	buf_adds(out, SLICE(",\"delta\":"));
	if (whole)
		revision_write_delta(r, &delta);
	else
		buf_add_json(&delta, SLICE("what it changed is only known to the store"));
	buf_add_json(out, buf_slice(&delta));
	buf_addc(out, '}');
}

struct revision *
revision_load(const struct json *v)
{
	double wall;

	if (!json_number(json_get(v, "wall"), &wall) || !(wall >= 0 && wall < 1e15))
		return NULL;
	return revision_new(json_text(json_get(v, "id")), json_text(json_get(v, "digest")),
			    (int64_t)wall, json_text(json_get(v, "who")),
			    json_text(json_get(v, "why")), json_text(json_get(v, "delta")));
}

/* ---- all ---- */

void
history_deinit(struct history *h)
{
	for (size_t i = 0; i < h->count; i++)
		revision_free(h->at[i]);
	*h = (struct history){ 0 };
}

static size_t
delta_bytes(const struct revision *r)
{
	return r->delta ? strlen(r->delta) : 0;
}

void
history_add(struct history *h, struct revision *r)
{
	if (h->count && revision_compare(r->id, h->at[h->count - 1]->id) <= 0) {
		revision_free(r);
		return;
	}
	if (h->count == HISTORY_MAX) {
		h->bytes -= delta_bytes(h->at[0]);
		revision_free(h->at[0]);
		h->count--;
		memmove(h->at, h->at + 1, h->count * sizeof *h->at);
	}
	h->at[h->count++] = r;
	h->bytes += delta_bytes(r);
	for (size_t i = 0; h->bytes > HISTORY_BYTES; i++) {
		h->bytes -= delta_bytes(h->at[i]);
		if (h->at[i]->delta)
			delta_drop(h->at[i], SLICE("what it changed is not kept any more"));
	}
}

const struct revision *
history_newest(const struct history *h)
{
	return h->count ? h->at[h->count - 1] : NULL;
}

const struct revision *
history_find(const struct history *h, struct slice id)
{
	for (size_t i = 0; i < h->count; i++) {
		if (slice_eq(slice_of(h->at[i]->id), id))
			return h->at[i];
	}
	return NULL;
}

const struct revision *
history_of_digest(const struct history *h, const char *digest)
{
	for (size_t i = h->count; i-- > 0;) {
		if (strcmp(h->at[i]->digest, digest) == 0)
			return h->at[i];
	}
	return NULL;
}

/* How many revisions led to the rules behind it. */
static size_t
position(const struct history *h, const struct revision *r)
{
	size_t i = 0;

	while (r && i < h->count && h->at[i] != r)
		i++;
	return r ? i + 1 : 0;
}

int
history_between(const struct history *h, const struct revision *from, const struct revision *to,
		struct delta *out, struct buf *why)
{
	size_t a = position(h, from), b = position(h, to);

	for (size_t i = a < b ? a : b; i < (a < b ? b : a); i++) {
		const struct revision *r = h->at[i];
		struct delta step DELTA_CLEAN = { 0 };

		if (!r->delta || delta_read(&step, slice_of(r->delta)) < 0) {
			buf_addf(why, "revision %s: %s", r->id, r->missing);
			return -ENOENT;
		}
		delta_compose(out, &step);
	}
	if (a > b)
		delta_invert(out);
	return 0;
}
