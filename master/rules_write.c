/*
 * Rules as text: all of them, or what a change left of some keys. JSON, in source form, so that a
 * newer or an older version reads it through the same checks as Redis' own values (rules_read.c).
 */

#include "rules_text.h"

#include "rules_backend.h"
#include "rules_own.h"

#include "lib/clock.h"

#include <errno.h>
#include <inttypes.h>
#include <unistd.h>

#define SPILL ((size_t)1 << 16)

/* ---- the sink ---- */

static void
spill(struct rules_sink *out)
{
	struct slice s = buf_slice(&out->text);

	while (s.n > 0 && out->error == 0) {
		ssize_t n = write(out->fd, s.p, s.n);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			out->error = n < 0 ? -errno : -EIO;
		else
			s = slice_make(s.p + n, s.n - (size_t)n);
	}
	out->text.n = 0;
}

int
rules_sink_end(struct rules_sink *out)
{
	if (out->fd >= 0)
		spill(out);
	buf_deinit(&out->text);
	return out->error;
}

/* Before each key. */
static void
next_key(struct rules_sink *out, bool *first, const char *between)
{
	if (out->fd >= 0 && out->text.n >= SPILL)
		spill(out);
	buf_addf(&out->text, *first ? "%s" : ",%s", between);
	*first = false;
}

/* ---- the sections ---- */

struct text { /* how they are told */
	const struct rules *rules;
	const char *between; /* keys */
	struct rules_sink *out;
};

static void
frontends_write(const struct text *t)
{
	bool first = true;

	for (size_t i = 0; i < rules_frontends(t->rules); i++) {
		const struct rules_frontend *f = rules_frontend_at(t->rules, i);

		next_key(t->out, &first, t->between);
		buf_add_json(&t->out->text, slice_make(f->url, f->url_n));
		buf_addc(&t->out->text, ':');
		buf_add_json(&t->out->text, slice_make(f->backend, f->backend_n));
	}
}

static void
backends_write(const struct text *t)
{
	bool first = true;

	for (size_t i = 0; i < rules_backends(t->rules); i++) {
		const struct rules_backend *b = rules_backend_at(t->rules, i);

		next_key(t->out, &first, t->between);
		buf_add_json(&t->out->text, slice_of(b->name));
		buf_addc(&t->out->text, ':');
		backend_write(b, &t->out->text);
	}
}

/* A key that JSON could not give back as it is is left out: under another name it might be another
 * key's, or stand twice. */
static bool
is_text(struct slice key)
{
	return !memchr(key.p, '\0', key.n) && rules_is_utf8(key);
}

static void
refusals_write(const struct text *t, bool lost)
{
	bool first = true;

	for (size_t i = 0; i < rules_refusals(t->rules); i++) {
		const struct rules_refusal *f = rules_refusal_at(t->rules, i);
		struct slice key = slice_make(f->key, f->key_n);

		if ((lost && !f->lost) || !is_text(key))
			continue;
		next_key(t->out, &first, t->between);
		buf_add_json(&t->out->text, key);
		buf_addc(&t->out->text, ':');
		buf_add_json(&t->out->text, slice_of(f->reason));
	}
}

/* Under the names of their keys. */
static void
native_write(const struct text *t, struct slice key, const struct rules_native *n, bool *first)
{
	next_key(t->out, first, t->between);
	buf_add_json(&t->out->text, key);
	buf_addc(&t->out->text, ':');
	buf_add_json(&t->out->text, rules_native_text(n));
}

static void
natives_write(const struct text *t)
{
	struct buf key BUF_CLEAN = { 0 };
	bool first = true;

	for (unsigned kind = 0; kind < NATIVE_KINDS; kind++) {
		for (size_t i = 0; i < rules_natives(t->rules, kind); i++) {
			const struct rules_native *n = rules_native_at(t->rules, kind, i);

			key.n = 0;
			buf_adds(&key, rules_native_prefix(kind));
			buf_addf(&key, "%s", rules_native_name(n));
			native_write(t, buf_slice(&key), n, &first);
		}
	}
}

/* Values that are refused: what can be read of them has to close what it closed, after a restart
 * too. */
static void
refused_natives_write(const struct text *t)
{
	bool first = true;

	for (size_t i = 0; i < rules_refusals(t->rules); i++) {
		const struct rules_refusal *f = rules_refusal_at(t->rules, i);

		if (f->native && rules_is_utf8(rules_native_text(f->native)))
			native_write(t, slice_make(f->key, f->key_n), f->native, &first);
	}
}

static void
section(const struct text *t, const char *name)
{
	buf_addf(&t->out->text, "},%s\"%s\":{", t->between, name);
}

/* Behind the first members. */
static void
sections_write(const struct text *t, const struct revision *revision)
{
	struct buf *out = &t->out->text;

	buf_addf(out, "%s\"frontends\":{", t->between);
	frontends_write(t);
	section(t, "backends");
	backends_write(t);
	/* Without these a restart would forget that a match must answer 503, and let a shorter path
	 * have it. */
	section(t, "refused");
	refusals_write(t, false);
	section(t, "lost"); /* of which it is not known what they closed */
	refusals_write(t, true);
	section(t, "native");
	natives_write(t);
	section(t, "native_refused");
	refused_natives_write(t);
	buf_addc(out, '}');
	if (revision) {
		buf_addf(out, ",%s\"revision\":", t->between);
		revision_save(revision, false, out);
	}
	buf_adds(out, SLICE("}\n"));
}

static void
begin(const struct rules *r, struct buf *out)
{
	char digest[DIGEST_TEXT];

	rules_digest(r, digest);
	buf_addf(out,
		 "{\"format\":\"" RULES_FORMAT "\",\"saved_at\":%" PRId64 ",\"digest\":\"%s\",",
		 clock_wall(), digest);
}

void
rules_write(const struct rules *r, const struct revision *revision, struct rules_sink *out)
{
	const struct text t = { r, "\n", out };

	begin(r, &out->text);
	sections_write(&t, revision);
}

/* ---- some keys ---- */

/* A set of what one of them stands for. */
static void
part_add(struct rules *part, const struct rules *r, struct slice key, struct text *gone,
	 bool *first)
{
	enum rules_space space = SPACES;
	struct slice name;
	void *value = key_space(key, &space, &name) ? space_get(r, space, name) : NULL;
	struct rules_refusal *f = space_get(r, SPACE_REFUSALS, key);

	if (value)
		space_share(part, space, name, value);
	else if (is_text(key)) {
		next_key(gone->out, first, "");
		buf_add_json(&gone->out->text, key);
	}
	if (f)
		space_share(part, SPACE_REFUSALS, key, f);
}

void
rules_write_part(const struct rules *r, const struct map *keys, const struct revision *revision,
		 struct rules_sink *out)
{
	struct rules *part = rules_new();
	struct text t = { part, "", out };
	bool first = true;

	begin(r, &out->text);
	buf_adds(&out->text, SLICE("\"gone\":["));
	for (size_t i = 0; i < keys->count; i++)
		part_add(part, r, map_name(&keys->entries[i]), &t, &first);
	buf_adds(&out->text, SLICE("],"));
	sections_write(&t, revision);
	rules_free(part);
}
