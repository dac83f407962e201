#include "health.h"

#include "lib/clock.h"
#include "lib/log.h"

#include <stdio.h>

static void
health_log(enum health_state before, enum health_state now, const struct health_result *r)
{
	char address[256], status[32];

	log_quote(slice_of(r->authority), address, sizeof address);
	snprintf(status, sizeof status, "status %d", r->status);
	if (now == HEALTH_DEAD)
		log_warn("endpoint address=%s state=dead reason=\"%s\"", address,
			 r->status ? status : r->reason);
	else if (before == HEALTH_DEAD)
		log_info("endpoint address=%s state=alive reason=\"%s\"", address, status);
	else
		log_debug("endpoint address=%s state=alive reason=\"%s\"", address, status);
}

static void
health_turn(struct health *h, struct board_health *words, bool good,
	    const struct health_result *result, uint64_t *died)
{
	enum health_state before = words->state, now = good ? HEALTH_ALIVE : HEALTH_DEAD;

	if (!good)
		board_set(&words->died, ++*died);
	if (good && before == HEALTH_DEAD)
		board_set(&words->up_since_ms, clock_mono_ms());
	board_set(&words->state, now);
	h->in_row = 0;
	health_log(before, now, result);
}

bool
health_judge(struct health *h, struct board_health *words, const struct config_health *rules,
	     const struct health_result *result, uint64_t *died)
{
	bool is_2xx = result->status >= 200 && result->status <= 299;
	bool first_2xx = is_2xx && !words->seen_2xx;
	bool good;

	if (first_2xx)
		board_set(&words->seen_2xx, 1u);
	good = is_2xx || (result->status > 0 && !words->seen_2xx);
	board_set(&words->last_status, (uint32_t)result->status);
	board_set(&words->checked_ms, clock_mono_ms());
	switch ((enum health_state)words->state) {
	case HEALTH_UNKNOWN:
		health_turn(h, words, good, result, died);
		break;
	case HEALTH_ALIVE:
		h->in_row = good ? 0 : h->in_row + 1;
		if (h->in_row >= rules->fall && !good)
			health_turn(h, words, false, result, died);
		break;
	case HEALTH_DEAD:
		h->in_row = good ? h->in_row + 1 : 0;
		if (h->in_row >= rules->rise && good)
			health_turn(h, words, true, result, died);
		break;
	}
	return first_2xx;
}
