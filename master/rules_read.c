/*
 * Rules out of their text (rules_text.h), key by key, which rules_take.h then reads: a file of a
 * million is neither held as a whole nor as a tree. Whatever comes before, between and behind the
 * three large sections is small, and read as JSON at the end.
 */

#include "rules_take.h"

#include "lib/xalloc.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#define READ ((size_t)1 << 18)

static const char *const section_names[SECTIONS] = { "", "\"frontends\"", "\"backends\"",
						     "\"native\"" };

struct rules_reader {
	struct rules *rules;
	bool over;
	int fd; /* -1: there is no more to come */
	struct buf text;
	size_t at; /* what is read of it */
	struct buf line;
	bool lined;
	enum { AT_BEGIN, AT_MEMBERS, AT_END } state;
	enum rules_section section;
	bool first; /* no member was there before */
	bool had[SECTIONS];
	struct slice name, value; /* of the member that was found; in `text` */
	struct buf rest;
	int64_t saved_at;
	struct revision *revision;
};

/* ---- tokens ---- */

static size_t
spaces(struct slice t, size_t i)
{
	while (i < t.n && (t.p[i] == ' ' || t.p[i] == '\n' || t.p[i] == '\t' || t.p[i] == '\r'))
		i++;
	return i;
}

/* Behind the string that begins at i; 0: it does not end in there. */
static size_t
string_end(struct slice t, size_t i)
{
	for (i++; i < t.n; i++) {
		if (t.p[i] == '\\')
			i++;
		else if (t.p[i] == '"')
			return i + 1;
	}
	return 0;
}

/* Behind the value that begins at i, if it is one; 0: it does not end in there. */
static size_t
value_end(struct slice t, size_t i)
{
	size_t depth = 0;

	while (i < t.n) {
		char c = t.p[i];

		if (c == '"') {
			i = string_end(t, i);
			if (i == 0)
				return 0;
			if (depth == 0)
				return i;
			continue;
		}
		if (depth == 0 && (c == ',' || c == '}' || c == ']'))
			return i; /* behind a number or a word */
		if (c == '{' || c == '[')
			depth++;
		i++;
		if ((c == '}' || c == ']') && --depth == 0)
			return i;
	}
	return 0;
}

enum found { FOUND_NOTHING, FOUND_MEMBER, FOUND_SECTION, FOUND_END, FOUND_RUBBISH };

static enum rules_section
section_of(const struct rules_reader *x, struct slice name)
{
	for (unsigned s = 1; s < SECTIONS && x->section == SECTION_NONE; s++) {
		if (slice_eq(name, slice_of(section_names[s])))
			return (enum rules_section)s;
	}
	return SECTION_NONE;
}

/* The next member of the object that is being read. Nothing: what is there holds no more. */
static enum found
next_member(struct rules_reader *x)
{
	struct slice t = buf_slice(&x->text);
	size_t i = spaces(t, x->at), end;
	enum rules_section section;

	if (i < t.n && t.p[i] == '}') {
		x->at = i + 1;
		return FOUND_END;
	}
	if (i < t.n && !x->first) {
		if (t.p[i] != ',')
			return FOUND_RUBBISH;
		i = spaces(t, i + 1);
	}
	if (i == t.n)
		return FOUND_NOTHING;
	end = string_end(t, i);
	if (t.p[i] != '"')
		return FOUND_RUBBISH;
	if (end == 0)
		return FOUND_NOTHING;
	x->name = slice_make(t.p + i, end - i);
	i = spaces(t, end);
	if (i < t.n && t.p[i] != ':')
		return FOUND_RUBBISH;
	i = spaces(t, i < t.n ? i + 1 : i);
	if (i == t.n)
		return FOUND_NOTHING;
	section = section_of(x, x->name);
	if (section != SECTION_NONE && t.p[i] == '{') {
		x->at = i + 1;
		x->section = section;
		x->first = true;
		return x->had[section] ? FOUND_RUBBISH : FOUND_SECTION;
	}
	end = value_end(t, i);
	if (end == 0)
		return FOUND_NOTHING;
	x->value = slice_make(t.p + i, end - i);
	x->at = end;
	x->first = false;
	return FOUND_MEMBER;
}

/* ---- what was found ---- */

static bool
take_member(struct rules_reader *x)
{
	if (x->section != SECTION_NONE)
		return rules_take(x->rules, x->section, x->over, x->name, x->value);
	buf_adds(&x->rest, x->rest.n ? SLICE(",") : SLICE("{"));
	buf_adds(&x->rest, x->name);
	buf_addc(&x->rest, ':');
	buf_adds(&x->rest, x->value);
	return x->rest.n < RULES_MEMBER_MAX;
}

static bool
take_rest(struct rules_reader *x)
{
	buf_adds(&x->rest, x->rest.n ? SLICE("}") : SLICE("{}"));
	return x->had[SECTION_FRONTENDS] && x->had[SECTION_BACKENDS] &&
	       rules_take_rest(x->rules, buf_slice(&x->rest), &x->saved_at, &x->revision);
}

/* ---- all of it ---- */

/* False: there is no more. */
static bool
read_more(struct rules_reader *x)
{
	size_t left = x->text.n - x->at, want = left > READ ? left : READ;
	ssize_t n;

	if (x->fd < 0 || left > RULES_MEMBER_MAX)
		return false;
	if (left > 0)
		memmove(x->text.p, x->text.p + x->at, left);
	x->text.n = left;
	x->at = 0;
	buf_reserve(&x->text, want);
	do
		n = read(x->fd, x->text.p + left, want);
	while (n < 0 && errno == EINTR);
	if (n <= 0) {
		close(x->fd);
		x->fd = -1;
		return false;
	}
	x->text.n += (size_t)n;
	if (!x->lined) {
		const char *end = memchr(x->text.p, '\n', x->text.n);

		buf_add(&x->line, x->text.p, end ? (size_t)(end - x->text.p) : x->text.n);
		x->lined = true;
	}
	return true;
}

static bool
reader_begins(struct rules_reader *x)
{
	size_t i;

	do
		i = spaces(buf_slice(&x->text), x->at);
	while (i == x->text.n && read_more(x));
	if (i == x->text.n || x->text.p[i] != '{')
		return false;
	x->at = i + 1;
	x->state = AT_MEMBERS;
	x->first = true;
	return true;
}

static bool
reader_ends(struct rules_reader *x)
{
	do
		x->at = spaces(buf_slice(&x->text), x->at);
	while (x->at == x->text.n && read_more(x));
	x->state = AT_END;
	return x->at == x->text.n && take_rest(x);
}

int
rules_reader_go(struct rules_reader *x, size_t keys)
{
	if (x->state == AT_BEGIN && !reader_begins(x))
		return -EBADMSG;
	while (x->state == AT_MEMBERS && keys > 0) {
		switch (next_member(x)) {
		case FOUND_NOTHING:
			if (!read_more(x))
				return -EBADMSG;
			break;
		case FOUND_MEMBER:
			keys--;
			if (!take_member(x))
				return -EBADMSG;
			break;
		case FOUND_SECTION:
			x->had[x->section] = true;
			break;
		case FOUND_END:
			x->first = false;
			if (x->section == SECTION_NONE && !reader_ends(x))
				return -EBADMSG;
			x->section = SECTION_NONE;
			break;
		case FOUND_RUBBISH:
			return -EBADMSG;
		}
	}
	return x->state == AT_MEMBERS;
}

int64_t
rules_reader_saved_at(const struct rules_reader *x)
{
	return x->saved_at;
}

struct revision *
rules_reader_revision(const struct rules_reader *x)
{
	return x->revision;
}

struct slice
rules_reader_line(const struct rules_reader *x)
{
	return buf_slice(&x->line);
}

struct rules_reader *
rules_reader_new(struct rules *r, int fd, struct slice text, bool over)
{
	struct rules_reader *x = xcalloc(1, sizeof *x);

	x->rules = r;
	x->fd = fd;
	x->over = over;
	buf_adds(&x->text, text);
	return x;
}

void
rules_reader_free(struct rules_reader *x)
{
	if (!x)
		return;
	if (x->fd >= 0)
		close(x->fd);
	buf_deinit(&x->text);
	buf_deinit(&x->line);
	buf_deinit(&x->rest);
	free(x);
}
