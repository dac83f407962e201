#include "import.h"

#include "diff.h"
#include "rules.h"

#include "lib/buf.h"
#include "lib/map.h"
#include "lib/xalloc.h"

#include <stdlib.h>

/* One command while it is taken apart; the arguments stand in `text`, one behind the other. */
struct command {
	struct buf text;
	size_t *ends; /* of each argument in `text` */
	size_t count, cap;
};

/* The fields of a backend, of all lines that name it. */
struct hash {
	size_t line; /* of the first of them */
	struct map fields;
};

struct importer {
	struct rules *rules;
	struct buf *report;
	const char *file;
	size_t line;
	struct map hashes;
};

static void
tell(const struct importer *m, size_t line, const char *what)
{
	buf_addf(m->report, "%s:%zu: %s\n", m->file, line, what);
}

/* ---- lines ---- */

static struct slice
argument(const struct command *c, size_t i)
{
	size_t from = i ? c->ends[i - 1] : 0;

	return i < c->count ? slice_make(c->text.p + from, c->ends[i] - from) : SLICE("");
}

static int
hex(char c)
{
	c = ascii_lower(c);
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* What stands behind a backslash between double quotes. Bytes of it. */
static size_t
escape(struct slice s, struct buf *out)
{
	static const char from[] = "nrtba", to[] = "\n\r\t\b\a";
	const char *known = s.n > 0 && s.p[0] ? strchr(from, s.p[0]) : NULL;

	if (s.n == 0)
		return 0;
	if (s.p[0] == 'x' && s.n > 2 && hex(s.p[1]) >= 0 && hex(s.p[2]) >= 0) {
		buf_addc(out, (char)(hex(s.p[1]) << 4 | hex(s.p[2])));
		return 3;
	}
	buf_addc(out, known ? to[known - from] : s.p[0]);
	return 1;
}

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

/* One argument, as redis-cli reads it. Where it ends; 0: its quotes are not closed, or something
 * stands behind them. */
static size_t
take_argument(struct slice s, struct buf *out)
{
	char quote = s.p[0] == '"' || s.p[0] == '\'' ? s.p[0] : '\0';
	size_t i = quote ? 1 : 0;

	for (; i < s.n && (quote ? s.p[i] != quote : !is_blank(s.p[i])); i++) {
		struct slice rest = slice_make(s.p + i + 1, s.n - i - 1);

		if (quote == '"' && s.p[i] == '\\') {
			i += escape(rest, out);
		} else if (quote == '\'' && s.p[i] == '\\' && rest.n > 0 && rest.p[0] == '\'') {
			buf_addc(out, '\'');
			i++;
		} else {
			buf_addc(out, s.p[i]);
		}
	}
	if (!quote)
		return i;
	return i < s.n && (i + 1 == s.n || is_blank(s.p[i + 1])) ? i + 1 : 0;
}

static bool
split(struct command *c, struct slice line)
{
	c->text.n = c->count = 0;
	for (;;) {
		size_t n;

		while (line.n > 0 && is_blank(line.p[0]))
			line = slice_make(line.p + 1, line.n - 1);
		if (line.n == 0)
			return true;
		n = take_argument(line, &c->text);
		if (n == 0)
			return false;
		if (c->count == c->cap) {
			c->cap = c->cap ? 2 * c->cap : 64;
			c->ends = xrealloc(c->ends, c->cap * sizeof *c->ends);
		}
		c->ends[c->count++] = c->text.n;
		line = slice_make(line.p + n, line.n - n);
	}
}

/* ---- commands ---- */

static void
set(struct importer *m, const struct command *c)
{
	const struct rules_refusal *refusal;
	struct slice key = argument(c, 1), name;
	const struct diff_kind *kind = diff_kind_of(key, &name);
	enum native_kind native;
	int r;

	if (c->count != 3) {
		tell(m, m->line, "SET has a key and a value, and no options here; remove them");
		return;
	}
	if (strcmp(kind->name, "frontend") == 0) {
		r = rules_set_frontend(m->rules, name, argument(c, 2));
	} else if (rules_native_key(key, &native, &name)) {
		r = rules_set_native(m->rules, native, name, argument(c, 2));
	} else {
		tell(m, m->line, "a SET of this key is no rule; it begins with frontend: or yett:");
		return;
	}
	refusal = r < 0 ? rules_refusal_find(m->rules, key) : NULL;
	if (r < 0)
		tell(m, m->line, refusal ? refusal->reason : "it cannot be stored");
}

static void
put_field(struct hash *h, struct slice field, struct slice value)
{
	free(map_set(&h->fields, field, xstrndup(value.p, value.n)));
}

static void
set_hash(struct importer *m, const struct command *c)
{
	struct slice name;
	void **place;
	struct hash *h;

	if (strcmp(diff_kind_of(argument(c, 1), &name)->name, "backend") != 0) {
		tell(m, m->line, "an HSET of this key is no rule; it begins with backend:");
		return;
	}
	if (c->count < 4 || c->count % 2 != 0) {
		tell(m, m->line, "a field has no value; write HSET KEY SERVER SCORE");
		return;
	}
	place = map_put(&m->hashes, name);
	h = *place ? *place : xcalloc(1, sizeof *h);
	*place = h;
	h->line = h->line ? h->line : m->line;
	for (size_t i = 2; i < c->count; i += 2) {
		if (memchr(argument(c, i + 1).p, '\0', argument(c, i + 1).n))
			tell(m, m->line, "a value has a NUL; remove it");
		else
			put_field(h, argument(c, i), argument(c, i + 1));
	}
}

static void
take_line(struct importer *m, struct command *c, struct slice line)
{
	if (line.n > 0 && line.p[0] == '#')
		return;
	if (!split(c, line)) {
		tell(m, m->line, "the quotes are not closed; close them, or write \\\" in them");
		return;
	}
	if (c->count == 0)
		return;
	if (slice_ieq(argument(c, 0), SLICE("SET")))
		set(m, c);
	else if (slice_ieq(argument(c, 0), SLICE("HSET")) ||
		 slice_ieq(argument(c, 0), SLICE("HMSET")))
		set_hash(m, c);
	else
		tell(m, m->line, "only SET, HSET and HMSET make rules; remove the line");
}

/* ---- backends, once all of their fields are known ---- */

static void
finish_hash(struct importer *m, struct slice name, const struct hash *h)
{
	struct slice *fields = xcalloc(2 * h->fields.count, sizeof *fields);
	struct buf BUF_CLEAN key = { 0 };
	const struct rules_refusal *refusal;

	for (size_t i = 0; i < h->fields.count; i++) {
		fields[2 * i] = map_name(&h->fields.entries[i]);
		fields[2 * i + 1] = slice_of(h->fields.entries[i].value);
	}
	buf_addf(&key, "backend:%.*s", SLICE_F(name));
	if (rules_set_backend(m->rules, name, fields, 2 * h->fields.count) < 0) {
		refusal = rules_refusal_find(m->rules, buf_slice(&key));
		tell(m, h->line, refusal ? refusal->reason : "it cannot be stored");
	}
	free(fields);
}

static void
free_hash(void *value)
{
	struct hash *h = value;

	map_deinit(&h->fields, free);
	free(h);
}

void
import_redx(struct slice text, const char *file, struct rules *rules, struct buf *report)
{
	struct importer m = { .rules = rules, .report = report, .file = file };
	struct command c = { 0 };

	while (text.p && text.n > 0) {
		struct slice line = slice_cut(text, '\n', &text);

		m.line++;
		take_line(&m, &c, line);
	}
	for (size_t i = 0; i < m.hashes.count; i++)
		finish_hash(&m, map_name(&m.hashes.entries[i]), m.hashes.entries[i].value);
	map_deinit(&m.hashes, free_hash);
	buf_deinit(&c.text);
	free(c.ends);
}
