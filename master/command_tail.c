/*
 * `yett tail`: lines of the access log of a gateway that runs, as they come, of those requests that
 * are asked for.
 */

#include "command_table.h"
#include "number.h"

#include "shm/reason.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define LOOK_MS 250

#define FILTERS_MAX 8

enum filter_kind { FILTER_TEXT, FILTER_PREFIX, FILTER_STATUS, FILTER_LEAST, FILTER_REASON };

static const struct filter {
	const char *word; /* before the '=' */
	const char *member;
	enum filter_kind kind;
	const char *words; /* that there are; NULL: any */
} filters[] = {
	{ "status", "status", FILTER_STATUS },
	{ "path", "path", FILTER_PREFIX },
	{ "min", "duration_us", FILTER_LEAST },
	{ "route", "route", FILTER_TEXT },
	{ "upstream", "upstream", FILTER_TEXT },
	{ "reason", "reason", FILTER_REASON },
	{ "user", "user", FILTER_TEXT },
	{ "client", "client", FILTER_TEXT },
	{ "method", "method", FILTER_TEXT },
	{ "host", "host", FILTER_TEXT },
	{ "phase", "phase", FILTER_TEXT,
	  "head decision queue connect request_body first_byte response_head response_body "
	  "tunnel" },
	{ "ended_by", "ended_by", FILTER_TEXT, "client upstream gateway" },
};

struct asked_for {
	const struct filter *filter;
	struct slice value;
	double least; /* us */
};

/* ---- what is asked for ---- */

/* "404" or "5xx" */
static bool
is_status(struct slice v)
{
	return v.n == 3 && v.p[0] >= '1' && v.p[0] <= '5' &&
	       (memcmp(v.p + 1, "xx", 2) == 0 ||
		(v.p[1] >= '0' && v.p[1] <= '9' && v.p[2] >= '0' && v.p[2] <= '9'));
}

/* What is misspelt would be waited for in vain. */
static bool
is_reason(struct slice v)
{
	for (int i = REASON_none + 1; i < REASON_N; i++) {
		if (slice_eq(v, slice_of(reason_info((enum reason)i)->name)))
			return true;
	}
	return false;
}

static bool
is_among(const char *words, struct slice v)
{
	struct slice rest = slice_of(words);

	while (rest.n > 0) {
		if (slice_eq(slice_cut(rest, ' ', &rest), v))
			return true;
	}
	return false;
}

static int
misused(const char *word, const char *why)
{
	fprintf(stderr, "yett tail: \"%s\" %s\n", word, why);
	return COMMAND_UNREADABLE;
}

static int
filter_parse(const char *word, struct asked_for *out)
{
	struct slice name = slice_cut(slice_of(word), '=', &out->value);
	int64_t ms = 0;

	out->filter = NULL;
	for (size_t i = 0; i < sizeof filters / sizeof filters[0]; i++) {
		if (slice_eq(name, slice_of(filters[i].word)))
			out->filter = &filters[i];
	}
	if (!out->filter || !out->value.p)
		return misused(word, "is no filter; there are status=, route=, upstream=, reason=, "
				     "user=, client=, method=, host=, path=, phase=, ended_by= and "
				     "min=");
	if (out->filter->kind == FILTER_STATUS && !is_status(out->value))
		return misused(word, "is no status; write one such as 404, or a class such as 5xx");
	if (out->filter->kind == FILTER_LEAST &&
	    number_parse(SETTING_DURATION, out->value, &ms) != NUMBER_OK)
		return misused(word, "is no duration; write one such as 250ms");
	if (out->filter->kind == FILTER_REASON && !is_reason(out->value))
		return misused(word, "is no reason; yett help reasons lists them");
	if (out->filter->words && !is_among(out->filter->words, out->value)) {
		fprintf(stderr, "yett tail: \"%s\" never is; there are %s\n", word,
			out->filter->words);
		return COMMAND_UNREADABLE;
	}
	out->least = (double)ms * 1000;
	return COMMAND_OK;
}

static bool
passes(const struct asked_for *f, const struct json *line)
{
	char space[32];
	const struct json *member = json_get(line, f->filter->member);
	struct slice text = json_text(member);

	switch (f->filter->kind) {
	case FILTER_TEXT:
	case FILTER_REASON:
		return slice_eq(text, f->value);
	case FILTER_PREFIX:
		return slice_starts(text, f->value);
	case FILTER_LEAST:
		return answer_number(line, f->filter->member) >= f->least;
	case FILTER_STATUS:
		text = slice_of(answer_text(line, f->filter->member, space));
		return f->value.p[1] == 'x' ? text.n == 3 && text.p[0] == f->value.p[0]
					    : slice_eq(text, f->value);
	}
	return false;
}

/* ---- what is shown ---- */

/* Nothing that a client sent moves the cursor. */
static void
add_text(struct buf *out, const struct json *line, const char *name)
{
	struct slice text = json_text(json_get(line, name));

	for (size_t i = 0; i < text.n; i++)
		buf_addc(out,
			 (unsigned char)text.p[i] < ' ' || text.p[i] == 0x7f ? '?' : text.p[i]);
}

static void
add_named(struct buf *out, const struct json *line, const char *name)
{
	if (json_text(json_get(line, name)).n == 0)
		return;
	buf_addf(out, " %s=", name);
	add_text(out, line, name);
}

static void
write_line(const struct json *line, struct buf *out)
{
	char space[32];

	add_text(out, line, "time");
	buf_addf(out, " %s ", answer_text(line, "status", space));
	buf_addf(out, "%.1fms ", answer_number(line, "duration_us") / 1000);
	add_text(out, line, "client");
	buf_addc(out, ' ');
	add_text(out, line, "method");
	buf_addc(out, ' ');
	add_text(out, line, "host");
	add_text(out, line, "path");
	add_named(out, line, "route");
	add_named(out, line, "upstream");
	add_named(out, line, "user");
	add_named(out, line, "reason");
	add_named(out, line, "ended_by");
	add_named(out, line, "phase");
	buf_addc(out, '\n');
}

static void
write_lines(const struct json *root, const struct asked_for *asked, int count, bool json,
	    struct buf *out)
{
	const struct json *line = json_first(json_get(root, "lines"));

	for (; line; line = json_next(line)) {
		bool shown = true;

		for (int i = 0; i < count && shown; i++)
			shown = passes(&asked[i], line);
		if (shown && json) {
			json_write(line, out);
			buf_addc(out, '\n');
		} else if (shown) {
			write_line(line, out);
		}
	}
}

struct watch {
	const struct command_options *o;
	const struct asked_for *asked;
	struct buf place;   /* where the last look ended; empty: it only begins */
	struct buf trouble; /* why the last look came to nothing, with a NUL; empty: it did not */
	bool more, troubled;
};

static void
show(struct watch *w, const struct json *root)
{
	struct buf BUF_CLEAN out = { 0 };
	double missed = answer_number(root, "missed");

	write_lines(root, w->asked, w->o->words_count, w->o->json, &out);
	answer_print(&out);
	fflush(stdout);
	if (missed > 0)
		fprintf(stderr, "yett tail: %.0f lines were missed\n", missed);
	w->place.n = 0;
	buf_adds(&w->place, json_text(json_get(root, "place")));
	w->more = answer_true(root, "more");
}

static int
look(struct watch *w)
{
	struct buf BUF_CLEAN target = { 0 };
	struct answer a;
	int r;

	buf_addf(&target, "/log%s%.*s", w->place.n ? "?after=" : "", SLICE_F(buf_slice(&w->place)));
	buf_addc(&target, '\0');
	r = answer_try(&a, w->o, target.p, "tail", &w->trouble);
	w->more = false;
	if (r == COMMAND_OK)
		show(w, a.json);
	else if (!w->troubled)
		fprintf(stderr, "%s\n", w->trouble.p);
	w->troubled = r != COMMAND_OK;
	answer_deinit(&a);
	return r;
}

/* Until it is interrupted: a gateway that is upgraded, or started anew, is asked on. Workers begin
 * to write lines when they have seen that somebody looks: the first place is of after that. */
static int
watch(struct watch *w)
{
	int r = look(w);

	w->place.n = 0;
	while (r == COMMAND_OK && !ferror(stdout)) {
		if (!w->more)
			usleep(LOOK_MS * 1000);
		(void)look(w);
	}
	return r;
}

int
command_tail(const struct command_options *o)
{
	struct asked_for asked[FILTERS_MAX];
	struct watch w = { .o = o, .asked = asked };
	int r = COMMAND_OK;

	for (int i = 0; i < o->words_count && r == COMMAND_OK; i++)
		r = filter_parse(o->words[i], &asked[i]);
	if (r == COMMAND_OK)
		r = watch(&w);
	buf_deinit(&w.place);
	buf_deinit(&w.trouble);
	return r;
}
