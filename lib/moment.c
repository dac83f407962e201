#include "moment.h"

#include <stdio.h>
#include <time.h>

#define MOMENT_MAX INT64_C(253402300799) /* the end of the year 9999 */

/* `n` digits at the front of *s, which goes behind them. -1: they are not there. */
static int
digits(struct slice *s, size_t n)
{
	int value = 0;

	if (s->n < n)
		return -1;
	for (size_t i = 0; i < n; i++) {
		if (s->p[i] < '0' || s->p[i] > '9')
			return -1;
		value = value * 10 + (s->p[i] - '0');
	}
	*s = slice_make(s->p + n, s->n - n);
	return value;
}

static bool
take(struct slice *s, char c)
{
	if (s->n == 0 || s->p[0] != c)
		return false;
	*s = slice_make(s->p + 1, s->n - 1);
	return true;
}

/* "Z", "+01:00": seconds that UTC lies behind. */
static bool
take_offset(struct slice *s, int *out)
{
	bool minus = s->n > 0 && s->p[0] == '-';
	int hours, minutes;

	*out = 0;
	if (take(s, 'Z'))
		return true;
	if (!take(s, '+') && !take(s, '-'))
		return false;
	hours = digits(s, 2);
	if (hours < 0 || hours > 23 || !take(s, ':'))
		return false;
	minutes = digits(s, 2);
	if (minutes < 0 || minutes > 59)
		return false;
	*out = (hours * 3600 + minutes * 60) * (minus ? -1 : 1);
	return true;
}

/* Is it a date that there is? timegm makes March out of the 30th of February. */
static bool
date_of(struct tm *tm, int64_t *out)
{
	struct tm same = *tm;

	*out = timegm(&same);
	return same.tm_mday == tm->tm_mday && same.tm_mon == tm->tm_mon;
}

static bool
parse_date(struct slice s, int64_t *out)
{
	struct tm tm = { 0 };
	int offset = 0;

	tm.tm_year = digits(&s, 4) - 1900;
	if (tm.tm_year < 70 || !take(&s, '-'))
		return false;
	tm.tm_mon = digits(&s, 2) - 1;
	if (tm.tm_mon < 0 || tm.tm_mon > 11 || !take(&s, '-'))
		return false;
	tm.tm_mday = digits(&s, 2);
	if (tm.tm_mday < 1)
		return false;
	if (s.n > 0) {
		if (!take(&s, 'T') || (tm.tm_hour = digits(&s, 2)) < 0 || tm.tm_hour > 23 ||
		    !take(&s, ':') || (tm.tm_min = digits(&s, 2)) < 0 || tm.tm_min > 59)
			return false;
		if (take(&s, ':') && ((tm.tm_sec = digits(&s, 2)) < 0 || tm.tm_sec > 59))
			return false;
		if (!take_offset(&s, &offset))
			return false;
	}
	if (s.n > 0 || !date_of(&tm, out))
		return false;
	*out -= offset;
	return *out >= 0;
}

bool
moment_parse(struct slice text, int64_t *out)
{
	int64_t seconds = 0;

	if (slice_ieq(text, SLICE("never"))) {
		*out = MOMENT_NEVER;
		return true;
	}
	for (size_t i = 0; i < text.n; i++) {
		if (text.p[i] < '0' || text.p[i] > '9')
			return parse_date(text, out);
		seconds = seconds * 10 + (text.p[i] - '0');
		if (seconds > MOMENT_MAX)
			return false;
	}
	*out = seconds;
	return text.n > 0;
}

void
moment_write(int64_t moment, struct buf *out)
{
	struct tm tm;
	time_t t = (time_t)moment;
	char text[32];

	if (moment == MOMENT_NEVER || !gmtime_r(&t, &tm) ||
	    strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
		buf_adds(out, SLICE("never"));
	else
		buf_addf(out, "%s", text);
}
