#include "access_line.h"

#include "access_value.h"
#include "worker.h"

#include <time.h>

bool
access_line_is_ordinary(const struct request *r)
{
	return r->status < 400 && r->reason == REASON_none && r->shadow == REASON_none;
}

/* The texts of a second are made once. */
static void
tell_second(struct worker *w, const struct timespec *ts)
{
	struct tm tm;

	if (ts->tv_sec == w->log_second)
		return;
	w->log_second = ts->tv_sec;
	gmtime_r(&ts->tv_sec, &tm);
	strftime(w->log_time, sizeof w->log_time, "%Y-%m-%dT%H:%M:%S.", &tm);
	strftime(w->log_common, sizeof w->log_common, "%d/%b/%Y:%H:%M:%S +0000", &tm);
}

/* RFC 3339, or as NCSA wrote it; in UTC. */
static void
add_time(struct buf *b, struct worker *w, bool common)
{
	struct timespec ts;
	long ms;

	clock_gettime(CLOCK_REALTIME_COARSE, &ts);
	tell_second(w, &ts);
	ms = ts.tv_nsec / 1000000;
	buf_adds(b, slice_of(common ? w->log_common : w->log_time));
	if (!common)
		buf_add(b,
			(char[]){ (char)('0' + ms / 100), (char)('0' + ms / 10 % 10),
				  (char)('0' + ms % 10), 'Z' },
			4);
}

/* ---- JSON ---- */

static void
add_json(struct buf *b, struct worker *w, const struct access_value *v)
{
	switch (v->kind) {
	case VALUE_NONE:
		break;
	case VALUE_TEXT:
		buf_add_json(b, v->text);
		break;
	case VALUE_PLAIN:
	case VALUE_TIME:
	case VALUE_TIME_COMMON:
		buf_addc(b, '"');
		if (v->kind == VALUE_PLAIN)
			buf_adds(b, v->text);
		else
			add_time(b, w, v->kind == VALUE_TIME_COMMON);
		buf_addc(b, '"');
		break;
	case VALUE_WORD:
		buf_adds(b, v->text);
		break;
	case VALUE_NUMBER:
		buf_add_u64(b, v->number);
		break;
	}
}

void
access_line_object(struct request *r, const struct table_global *g, struct buf *b)
{
	/* What stands before the value of each; of none, where it is no member. */
	static const struct slice before[] = {
#define X(name, json) { json ? ",\"" #name "\":" : NULL, json ? sizeof #name + 3 : 0 },
		LOG_FIELDS(X)
#undef X
	};
	size_t start = b->n;

	for (enum log_field f = 0; f < LOG_FIELD_N; f++) {
		struct access_value v;

		if (!before[f].p)
			continue;
		access_value_get(r, g, f, &v);
		if (v.kind == VALUE_NONE)
			continue;
		buf_adds(b, before[f]);
		add_json(b, r->worker, &v);
	}
	b->p[start] = '{'; /* in the place of the first comma */
	buf_addc(b, '}');
}

/* ---- the operator's format ---- */

static bool
is_safe(char c, char least)
{
	return c >= least && c <= '~' && c != '"' && c != '\\';
}

/* So that no client can end the quotes, or the line. `least`: '!' where a blank would be the end.
 */
static void
add_escaped(struct buf *b, struct slice text, char least)
{
	static const char digits[] = "0123456789ABCDEF";

	if (text.n == 0)
		buf_addc(b, '-');
	while (text.n > 0) {
		size_t n = 0;
		unsigned char c;

		while (n < text.n && is_safe(text.p[n], least))
			n++;
		buf_add(b, text.p, n);
		text = slice_make(text.p + n, text.n - n);
		if (text.n == 0)
			break;
		c = (unsigned char)text.p[0];
		buf_add(b, (char[]){ '\\', 'x', digits[c >> 4], digits[c & 15] }, 4);
		text = slice_make(text.p + 1, text.n - 1);
	}
}

static void
add_filled(struct buf *b, struct worker *w, enum log_field field, const struct access_value *v)
{
	switch (v->kind) {
	case VALUE_NONE:
		buf_addc(b, '-');
		break;
	case VALUE_TEXT:
	case VALUE_PLAIN:
	case VALUE_WORD:
		add_escaped(b, v->text, field == LOG_FIELD_user ? '!' : ' ');
		break;
	case VALUE_TIME:
	case VALUE_TIME_COMMON:
		add_time(b, w, v->kind == VALUE_TIME_COMMON);
		break;
	case VALUE_NUMBER:
		buf_add_u64(b, v->number);
		break;
	}
}

static void
add_formatted(struct request *r, const struct table_global *g, struct slice program)
{
	struct buf *b = &r->worker->log;
	struct access_value v;
	struct log_part part;

	while (log_format_next(&program, &part)) {
		if (part.literal.p) {
			buf_adds(b, part.literal);
		} else if (part.field < LOG_FIELD_N) {
			access_value_get(r, g, part.field, &v);
			add_filled(b, r->worker, part.field, &v);
		}
	}
}

void
access_line_add(struct request *r, const struct snapshot *s)
{
	const struct segment *rules = s->segments[SEGMENT_RULES];
	const struct table_global *g = table_global(rules);
	struct slice program = seg_string(rules, g->log_format);

	if (program.n > 0)
		add_formatted(r, g, program);
	else
		access_line_object(r, g, &r->worker->log);
	buf_addc(&r->worker->log, '\n');
}
