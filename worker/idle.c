#include "idle.h"

#include <stdbool.h>

/* Digits and nothing else; more than fits is the most. */
static bool
number(struct slice s, uint32_t *out)
{
	uint64_t n = 0;

	if (s.n >= 2 && s.p[0] == '"' && s.p[s.n - 1] == '"')
		s = slice_make(s.p + 1, s.n - 2);
	if (s.n == 0)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] < '0' || s.p[i] > '9')
			return false;
		n = n * 10 + (uint64_t)(s.p[i] - '0');
		if (n > IDLE_UNTOLD - 1)
			n = IDLE_UNTOLD - 1;
	}
	*out = (uint32_t)n;
	return true;
}

/* We leave before the endpoint does: its clock started earlier, and a request takes time to arrive.
 */
static uint32_t
with_margin(uint32_t seconds)
{
	if (seconds <= 2)
		return seconds * 500;
	if (seconds > IDLE_MOST_MS / 1000)
		return IDLE_MOST_MS;
	return (seconds - 1) * 1000;
}

void
idle_hear(struct idle_word *word, struct slice value)
{
	struct slice rest = value;

	while (rest.p) {
		struct slice text, item = slice_cut(rest, ',', &rest);
		struct slice name = slice_trim(slice_cut(item, '=', &text));
		uint32_t n;

		if (!text.p || !number(slice_trim(text), &n))
			continue;
		if (slice_ieq(name, SLICE("timeout")))
			word->ms = with_margin(n);
		/* Some count it down, some say the same each time: the least of all holds. */
		if (slice_ieq(name, SLICE("max")) && n < word->left)
			word->left = n;
	}
}

void
idle_learn(struct idle_lesson *lesson, uint32_t ms, uint64_t now)
{
	uint32_t most = ms / 4 * 3;

	if (most < IDLE_LEAST_MS)
		most = IDLE_LEAST_MS;
	if (now < lesson->until && lesson->ms < most)
		most = lesson->ms;
	*lesson = (struct idle_lesson){ .ms = most, .until = now + IDLE_FORGET_MS };
}

uint32_t
idle_limit(const struct idle_word *word, const struct idle_lesson *lesson, uint32_t configured,
	   uint64_t now)
{
	uint32_t ms = word->ms == IDLE_UNTOLD ? configured : word->ms;

	if (configured == 0 || word->left == 0)
		return 0;
	if (now < lesson->until && lesson->ms < ms)
		ms = lesson->ms;
	return ms;
}

uint32_t
idle_fresh(uint32_t limit, const struct idle_lesson *lesson, uint64_t now)
{
	if (now < lesson->until && lesson->ms == IDLE_LEAST_MS)
		return 0;
	return limit / 2 < IDLE_FRESH_MS ? limit / 2 : IDLE_FRESH_MS;
}
