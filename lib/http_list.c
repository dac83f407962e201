#include "http_head.h"

struct slice
http_list_next(struct slice *rest)
{
	while (rest->p) {
		struct slice element = slice_trim(slice_cut(*rest, ',', rest));

		if (element.n > 0)
			return element;
	}
	return (struct slice){ NULL, 0 };
}

/* What stands before blanks; *s is what stands behind them (RFC 9110 section 5.6.3). */
static struct slice
take_word(struct slice *s)
{
	struct slice word = *s;
	size_t n = 0;

	while (n < s->n && s->p[n] != ' ' && s->p[n] != '\t')
		n++;
	word.n = n;
	*s = slice_trim(slice_make(s->p + n, s->n - n));
	return word;
}

struct slice
http_via_by(struct slice element)
{
	take_word(&element); /* the protocol */
	return take_word(&element);
}

bool
http_list_has(struct slice list, struct slice token)
{
	for (struct slice e = http_list_next(&list); e.p; e = http_list_next(&list)) {
		if (slice_ieq(e, token))
			return true;
	}
	return false;
}

/* RFC 9110 section 12.4.2, in thousandths; what is no weight counts as 0. */
static int
quality(struct slice s)
{
	int value = 0, unit = 1000;

	for (size_t i = 0; i < s.n && unit > 0; i++) {
		if (i == 1 && s.p[i] == '.')
			continue;
		if (s.p[i] < '0' || s.p[i] > '9')
			return 0;
		value += (s.p[i] - '0') * unit;
		unit /= 10;
	}
	return value < 1000 ? value : 1000;
}

int
http_accept_weight(struct slice list, struct slice type)
{
	int best = -1;

	for (struct slice e = http_list_next(&list); e.p; e = http_list_next(&list)) {
		struct slice params, range = slice_trim(slice_cut(e, ';', &params));
		int weight = 1000;

		if (!slice_ieq(range, type))
			continue;
		while (params.p) {
			struct slice param = slice_trim(slice_cut(params, ';', &params));

			if (param.n > 2 && (param.p[0] | 0x20) == 'q' && param.p[1] == '=')
				weight = quality(slice_make(param.p + 2, param.n - 2));
		}
		best = weight > best ? weight : best;
	}
	return best;
}
