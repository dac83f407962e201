/*
 * refresh_provider: how a provider takes it. Who fails is left alone for a while that grows, by all
 * flights of this worker.
 */

#include "refresh_own.h"

#include "worker.h"

#include "lib/log.h"

#define REST_MIN_MS 1000u
#define REST_MAX_MS 60000u
#define REFUSED_MS 10000u
#define RETRY_MAX_S 300u
#define TELL_MS 10000u

void
refreshes_renew(struct worker *w)
{
	if (w->refreshes)
		memset(w->refreshes->providers, 0, sizeof w->refreshes->providers);
}

uint32_t
refresh_jitter(struct worker *w, uint32_t ms)
{
	w->seed = w->seed * 1103515245u + 12345u;
	return ms - (w->seed >> 8) % (ms / 4 + 1);
}

static uint64_t
rest_of(struct refreshes *all, struct refresh_provider *p, enum token_outcome outcome,
	uint32_t retry_s)
{
	uint32_t ms = outcome == TOKEN_REFUSED ? REFUSED_MS : REST_MIN_MS;

	for (unsigned i = 1; i < p->fails && ms < REST_MAX_MS; i++)
		ms *= 2;
	if (ms > REST_MAX_MS)
		ms = REST_MAX_MS;
	ms = refresh_jitter(all->worker, ms);
	if (retry_s > RETRY_MAX_S)
		retry_s = RETRY_MAX_S;
	return retry_s * 1000u > ms ? retry_s * 1000u : ms;
}

void
refresh_tell(struct refreshes *all, uint32_t provider, const char *what, const char *name,
	     enum token_outcome outcome, const char *why)
{
	struct refresh_provider *p = &all->providers[provider % PROVIDERS_MAX];
	uint64_t now = worker_now(all->worker);

	if (p->told_ms && now - p->told_ms < TELL_MS)
		return;
	p->told_ms = now;
	if (outcome == TOKEN_UNAVAILABLE)
		log_warn("%s provider=%s error=\"%s\" effect=\"tokens that are still good go on, "
			 "who needs another one is answered 503\"",
			 what, name, why);
	else
		log_error("%s provider=%s error=\"%s\" effect=\"no tokens come of it: look at "
			  "client_id, client_secret and what the provider allows this client\"",
			  what, name, why);
}

/* A grant that is no more is between its user and the provider. */
uint64_t
refresh_failed(struct refreshes *all, uint32_t provider, const char *name,
	       enum token_outcome outcome, const struct token_answer *a, uint32_t retry_s)
{
	struct refresh_provider *p = &all->providers[provider % PROVIDERS_MAX];
	uint64_t ms;

	if (outcome == TOKEN_GONE) {
		refresh_granted(all, provider);
		return 0;
	}
	/* Of many that were under way at once all fail, and that is one failure. */
	if (!refresh_rests(all, provider))
		p->fails++;
	ms = rest_of(all, p, outcome, retry_s);
	p->until_ms = worker_now(all->worker) + ms;
	refresh_tell(all, provider, "refresh", name, outcome, a->why);
	return ms;
}

void
refresh_granted(struct refreshes *all, uint32_t provider)
{
	struct refresh_provider *p = &all->providers[provider % PROVIDERS_MAX];

	p->fails = 0;
	p->until_ms = 0;
}

bool
refresh_rests(struct refreshes *all, uint32_t provider)
{
	return worker_now(all->worker) < all->providers[provider % PROVIDERS_MAX].until_ms;
}
