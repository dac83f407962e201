#include "limit_spec.h"

#include <errno.h>

#define NAME_MAX_BYTES 256
#define MONTH_S (31 * 86400) /* a calendar month, as a period */

static bool
refuse(struct buf *why, struct slice text, const char *what)
{
	buf_addf(why, "\"%.*s\" %s", (int)(text.n < 80 ? text.n : 80), text.p, what);
	return false;
}

bool
limit_spec_is_name(const char *text)
{
	return !(*text >= '0' && *text <= '9');
}

/* ---- numbers ---- */

/* Takes digits off the text. */
static bool
take_number(struct slice *text, uint64_t *out)
{
	size_t i = 0;

	*out = 0;
	for (; i < text->n && text->p[i] >= '0' && text->p[i] <= '9'; i++) {
		if (*out > RATE_COUNT_MAX)
			return false;
		*out = *out * 10 + (uint64_t)(text->p[i] - '0');
	}
	*text = slice_make(text->p + i, text->n - i);
	return i > 0 && *out <= RATE_COUNT_MAX;
}

/* 10, 10k, 10m, 10g, and nginx's 10r. */
static bool
take_count(struct slice *text, uint64_t *out, bool *sized)
{
	static const char units[] = "kmg";
	const char *unit;

	if (!take_number(text, out))
		return false;
	if (text->n == 0)
		return true;
	unit = strchr(units, ascii_lower(text->p[0]));
	*sized |= unit && *unit;
	if (unit && *unit)
		*out <<= 10 * (unit - units + 1);
	else if (ascii_lower(text->p[0]) != 'r')
		return true;
	*text = slice_make(text->p + 1, text->n - 1);
	return *out <= RATE_COUNT_MAX;
}

/* "s", "minute", "5m", "10 seconds" without the blank. */
static bool
take_period(struct slice text, uint32_t *out)
{
	static const struct {
		const char *word;
		uint32_t seconds;
	} units[] = {
		{ "s", 1 },       { "sec", 1 },      { "second", 1 },   { "seconds", 1 },
		{ "m", 60 },      { "min", 60 },     { "minute", 60 },  { "minutes", 60 },
		{ "h", 3600 },    { "hour", 3600 },  { "hours", 3600 }, { "d", 86400 },
		{ "day", 86400 }, { "days", 86400 }, { NULL, 0 },
	};
	uint64_t n = 1;

	if (slice_ieq(text, SLICE("month"))) {
		*out = MONTH_S;
		return true;
	}

	if (text.n > 0 && text.p[0] >= '0' && text.p[0] <= '9' && !take_number(&text, &n))
		return false;
	for (size_t i = 0; units[i].word; i++) {
		if (!slice_ieq(text, slice_of(units[i].word)))
			continue;
		n = n > 86400 ? 0 : n * units[i].seconds;
		*out = (uint32_t)n;
		return n > 0 && n <= 86400;
	}
	return false;
}

/* ---- keys ---- */

/* RFC 9110, 5.1: one of another form no request has, and the limit would hold for nobody. */
static bool
is_header_name(struct slice name)
{
	for (size_t i = 0; i < name.n; i++) {
		char c = name.p[i], lower = ascii_lower(c);

		if (!(lower >= 'a' && lower <= 'z') && !(c >= '0' && c <= '9') &&
		    !(c && strchr("!#$%&'*+-.^_`|~", c)))
			return false;
	}
	return true;
}

static bool
read_key(struct slice text, struct limit_key *out, struct buf *why)
{
	static const struct {
		const char *word;
		enum limit_by by;
		bool named;
	} forms[] = {
		{ "address", LIMIT_BY_ADDRESS, false }, { "identity", LIMIT_BY_IDENTITY, false },
		{ "api_key", LIMIT_BY_API_KEY, false }, { "claim", LIMIT_BY_CLAIM, true },
		{ "header", LIMIT_BY_HEADER, true },    { "host", LIMIT_BY_HOST, false },
		{ "route", LIMIT_BY_ROUTE, false },
	};
	struct slice name, word = slice_cut(text, ':', &name);

	for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
		if (!slice_eq(word, slice_of(forms[i].word)))
			continue;
		if (forms[i].by == LIMIT_BY_HEADER && !is_header_name(name))
			break;
		*out = (struct limit_key){ forms[i].by, name };
		if (forms[i].named ? name.n > 0 && name.n <= NAME_MAX_BYTES : name.p == NULL)
			return true;
	}
	return refuse(why, text,
		      "is nothing to count by; write address, identity, api_key, route, host, "
		      "claim:NAME or header:NAME, or all alone");
}

static bool
add_key(struct slice text, struct limit_spec *out, struct buf *why)
{
	if (out->keys_count == LIMIT_KEYS_MAX) {
		buf_addf(why, "it counts by more than %u things; use fewer", LIMIT_KEYS_MAX);
		return false;
	}
	return read_key(text, &out->keys[out->keys_count++], why);
}

static bool
is_all(struct slice text)
{
	return slice_eq(slice_trim(text), SLICE("all"));
}

static bool
read_keys(struct slice list, struct limit_spec *out, struct buf *why)
{
	while (list.p && !is_all(list)) {
		struct slice one = slice_cut(list, ',', &list);

		if (!add_key(slice_trim(one), out, why))
			return false;
	}
	return true;
}

/* ---- the text ---- */

struct reading {
	uint64_t count, burst; /* burst 0: it is not given */
	uint32_t seconds;
	bool sized; /* a number has a unit of bytes */
	bool per;   /* it says by what */
};

static struct slice
take_word(struct slice *text)
{
	struct slice word;

	*text = slice_trim(*text);
	word = slice_cut(*text, ' ', text);
	if (!text->p)
		*text = SLICE("");
	return word;
}

static bool
read_amount(struct slice word, bool under_way, struct reading *out, struct buf *why)
{
	struct slice period, count = slice_cut(word, '/', &period);

	if (!take_count(&count, &out->count, &out->sized) || count.n > 0 || out->count == 0)
		return refuse(why, word,
			      under_way ? "is no number of requests; write 10"
					: "is no rate; write 10/second or 100/minute");
	if (under_way)
		return !period.p || refuse(why, word,
					   "is a rate, and this is a number of requests at a time; "
					   "write 10");
	return (period.p && take_period(period, &out->seconds)) ||
	       refuse(why, word, "is no rate; write 10/second, 100/minute, 1000/hour or 10000/day");
}

static bool
read_burst(struct slice word, struct reading *out, struct buf *why)
{
	struct slice number = word;

	if (out->burst > 0)
		return refuse(why, word, "is a second burst; remove one of the two");
	return (take_count(&number, &out->burst, &out->sized) && number.n == 0 && out->burst > 0) ||
	       refuse(why, word, "is no number of a burst; write 20");
}

static bool
read_text(struct slice text, bool under_way, struct reading *out, struct limit_spec *spec,
	  struct buf *why)
{
	*out = (struct reading){ 0 };
	if (!read_amount(take_word(&text), under_way, out, why))
		return false;
	while (text.n > 0) {
		struct slice word = take_word(&text);

		if (slice_eq(word, SLICE("burst")) && !under_way) {
			if (!read_burst(take_word(&text), out, why))
				return false;
		} else if (slice_eq(word, SLICE("per"))) {
			out->per = true;
			return read_keys(text, spec, why);
		} else if (word.n > 0) {
			return refuse(why, word,
				      under_way ? "is not understood; write 10 per identity"
						: "is not understood; write 10/second burst 20 per "
						  "identity");
		}
	}
	return true;
}

/* Of the fleet a day and a month are those of the calendar. */
static bool
read_window(const struct reading *t, struct limit_spec *out, struct buf *why)
{
	if (!(out->flags & LIMIT_FLEET)) {
		if (t->seconds == MONTH_S)
			buf_addf(why, "a month is counted in Redis alone; write scope: fleet");
		return t->seconds != MONTH_S;
	}
	if (t->seconds < 86400)
		return true;
	out->window = t->seconds == MONTH_S ? LIMIT_WINDOW_MONTH : LIMIT_WINDOW_DAY;
	if (t->burst && t->burst != t->count)
		buf_addf(why, "a day or a month of the calendar has no burst; remove it");
	return !t->burst || t->burst == t->count;
}

static bool
finish(const struct reading *t, bool under_way, struct limit_spec *out, struct buf *why)
{
	uint64_t burst = t->burst ? t->burst : t->count;

	if (t->sized && (under_way || out->counts == LIMIT_REQUESTS)) {
		buf_addf(why, "k, m and g are for bytes; write the number of requests in full");
		return false;
	}
	if (under_way) {
		out->counts = LIMIT_UNDER_WAY;
		out->rate = (struct rate_limit){ .burst = t->count };
		if (t->count > LIMIT_UNDER_WAY_MAX)
			buf_addf(why, "at most %u requests at a time can be counted; write less",
				 LIMIT_UNDER_WAY_MAX);
		return t->count <= LIMIT_UNDER_WAY_MAX;
	}
	out->seconds = t->seconds;
	if (!read_window(t, out, why))
		return false;
	if (rate_limit_init(&out->rate, t->count, t->seconds, burst) == 0)
		return true;
	buf_addf(why, "such a burst takes longer than 31 days to come back; make it smaller");
	return false;
}

bool
limit_spec_read(struct slice text, bool under_way, struct limit_spec *out, struct buf *why)
{
	struct reading t;

	*out = (struct limit_spec){ 0 };
	if (!read_text(text, under_way, &t, out, why))
		return false;
	if (!t.per)
		out->keys[out->keys_count++].by = LIMIT_BY_ADDRESS;
	return finish(&t, under_way, out, why);
}

static bool
read_list(const struct config_limit *l, struct limit_spec *out, struct buf *why)
{
	if (l->per_count == 0 && l->per) {
		buf_addf(why, "the list is empty; write all, for one count of all together");
		return false;
	}
	for (size_t i = 0; i < l->per_count; i++) {
		if (l->per_count == 1 && is_all(slice_of(l->per[i])))
			break;
		if (!add_key(slice_of(l->per[i]), out, why))
			return false;
	}
	return true;
}

bool
limit_spec_of(const struct config_limit *l, bool under_way, struct limit_spec *out,
	      const char **key, struct buf *why)
{
	struct reading t;

	*out = (struct limit_spec){ .counts = l->counts,
				    .flags = (l->shadow ? LIMIT_SHADOW : 0) |
					     (l->silent ? LIMIT_SILENT : 0) |
					     (l->fleet ? LIMIT_FLEET : 0),
				    .missing = l->missing };
	*key = "limit";
	if (!read_text(slice_of(l->limit), under_way, &t, out, why))
		return false;
	*key = "burst";
	if (l->burst && !read_burst(slice_of(l->burst), &t, why))
		return false;
	*key = "per";
	if (t.per && l->per_count > 0)
		return refuse(why, slice_of(l->limit),
			      "says by what already; remove one of the two");
	if (!read_list(l, out, why))
		return false;
	if (!t.per && l->per_count == 0)
		out->keys[out->keys_count++].by = LIMIT_BY_ADDRESS;
	*key = l->burst ? "burst" : "limit";
	return finish(&t, under_way, out, why);
}
