#include "issuers.h"

#include "issuer_names.h"
#include "issuers_own.h"

#include "lib/clock.h"
#include "lib/log.h"
#include "lib/xalloc.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

#define LOOK_MS 15000 /* at files, of itself: some changes make no sound */
#define RETRY_MS 1000 /* after a failure, twice as long each time, while nothing is known */
#define RETRY_KNOWN_MS 10000

/* ---- one ---- */

static void
issuer_free(struct issuer *i, bool wait)
{
	issuer_stop(i, wait);
	issuer_set_deinit(&i->set);
	arena_deinit(&i->found.arena);
	free(i);
}

/* Up to a tenth earlier or later: many gateways do not come all at once. */
static uint64_t
spread(struct issuers *is, uint64_t ms)
{
	is->random ^= is->random << 13;
	is->random ^= is->random >> 7;
	is->random ^= is->random << 17;
	return ms - ms / 10 + is->random % (ms / 5 + 1);
}

/* A fetch is over; who waited for it goes on once the table has what it brought. */
static void
issuer_settle(struct issuer *i)
{
	uint64_t now = clock_mono_ms(), until = i->started_ms + ISSUER_COOL_MS;

	i->running = false;
	if (!i->unpublished && !i->config->jwks)
		i->of->ops->settled(i->of->userdata, i->id,
				    until > now ? (uint32_t)(until - now) : 0);
}

void
issuer_adopt(struct issuer *i, struct issuer_set *set)
{
	bool same = i->known && memcmp(i->set.digest, set->digest, sizeof set->digest) == 0;

	if (i->error[0])
		log_info("issuer name=%s error=\"\" effect=\"its keys are fetched again\"",
			 i->config->name);
	i->error[0] = '\0';
	i->failed = 0;
	i->fetches++;
	i->fetched_wall = clock_wall();
	i->remembered = false;
	i->next_ms = clock_mono_ms() + spread(i->of, i->config->refresh_s * UINT64_C(1000));
	for (size_t k = 0; !same && k < set->jwks.refused_count; k++) {
		char kid[64];

		log_warn("issuer name=%s kid=\"%s\" error=\"a key is left out: %s\"",
			 i->config->name, log_quote(set->jwks.refused[k].kid, kid, sizeof kid),
			 set->jwks.refused[k].why);
	}
	if (!same) {
		issuer_set_deinit(&i->set);
		i->set = *set;
		*set = (struct issuer_set){ 0 };
		i->known = true;
		i->unpublished = true;
		i->of->generation++;
		log_info("issuer name=%s keys=%zu", i->config->name, i->set.jwks.count);
		i->of->ops->changed(i->of->userdata);
	}
	issuer_settle(i);
}

/* What a certificate or a file's name says must not end a line of the log. */
static void
clean(char *text)
{
	for (; *text; text++) {
		if ((unsigned char)*text < ' ' || *text == 0x7f || *text == '"' || *text == '\\')
			*text = '?';
	}
}

void
issuer_fail(struct issuer *i, const char *what, const char *why)
{
	uint64_t wait = i->known ? RETRY_KNOWN_MS : RETRY_MS;
	uint64_t most = i->config->refresh_s * UINT64_C(1000);
	/* People wait in front of a login. */
	unsigned doublings = i->config->provider ? 3 : 6;
	char error[sizeof i->error];

	snprintf(error, sizeof error, "%s: %s", what, why);
	clean(error);
	if (strcmp(error, i->error) != 0)
		log_warn("issuer name=%s error=\"%s\" effect=\"%s\"", i->config->name, error,
			 i->known ? "the keys of before stay in force"
				  : "none of its tokens is good yet");
	memcpy(i->error, error, sizeof error);
	i->failures++;
	wait <<= i->failed < doublings ? i->failed : doublings;
	i->failed++;
	i->next_ms = clock_mono_ms() + spread(i->of, wait < most ? wait : most);
	issuer_settle(i);
}

void
issuer_refuse(struct issuer *i, const char *what, const char *why, const struct issuer_set *set)
{
	char text[256];

	snprintf(text, sizeof text, "%s%s%s", why, *set->doubt ? ": of the first, " : "",
		 set->doubt);
	issuer_fail(i, what, text);
}

/* ---- all ---- */

struct issuers *
issuers_new(uv_loop_t *loop, struct resolver *resolver, const struct issuers_ops *ops,
	    void *userdata)
{
	struct issuers *is = xcalloc(1, sizeof *is);

	is->loop = loop;
	is->resolver = resolver;
	is->ops = ops;
	is->userdata = userdata;
	is->watch = watch_new(loop, issuers_heard, is);
	if (getrandom(&is->random, sizeof is->random, GRND_NONBLOCK) != sizeof is->random ||
	    is->random == 0)
		is->random = uv_hrtime() | 1;
	return is;
}

void
issuers_free(struct issuers *is)
{
	if (!is)
		return;
	for (size_t i = 0; i < is->count; i++)
		issuer_free(is->all[i], true);
	watch_free(is->watch);
	free(is->all);
	free(is);
}

static void
issuer_take(struct issuers *is, const struct config_issuer *config)
{
	struct issuer *i = issuer_find(is, issuers_id(config));
	bool new = !i, other;

	if (new) {
		i = xcalloc(1, sizeof *i);
		i->of = is;
		i->id = issuers_id(config);
		is->all = xrealloc(is->all, (is->count + 1) * sizeof(struct issuer *));
		is->all[is->count++] = i;
	}
	/* Other algorithms make other keys of the same document; and what failed may be mended. */
	other = !new && (i->config->algorithms != config->algorithms || i->failed > 0);
	if (other)
		issuer_stop(i, false);
	i->config = config;
	i->named = true;
	if (config->jwks)
		issuer_begin_file(i);
	else if (new || other)
		i->next_ms = 0;
}

static void
issuers_drop(struct issuers *is)
{
	size_t kept = 0;

	for (size_t i = 0; i < is->count; i++) {
		if (is->all[i]->named)
			is->all[kept++] = is->all[i];
		else
			issuer_free(is->all[i], false);
	}
	is->count = kept;
}

void
issuers_configure(struct issuers *is, const struct config *c)
{
	for (size_t i = 0; i < is->count; i++)
		is->all[i]->named = false;
	for (size_t i = 0; i < c->gate.all_count; i++) {
		if (issuers_id(&c->gate.all[i]))
			issuer_take(is, &c->gate.all[i]);
	}
	issuers_drop(is);
	issuers_watch(is);
	is->generation++;
}

void
issuers_secure(struct issuers *is, const struct certificates *files)
{
	is->files = files;
}

void
issuers_tick(struct issuers *is, uint64_t now)
{
	bool look = now >= is->look_ms;

	if (look)
		is->look_ms = now + LOOK_MS;
	for (size_t k = 0; k < is->count; k++) {
		struct issuer *i = is->all[k];

		if (i->config->jwks && look)
			issuer_look(i);
		else if (!i->config->jwks && !i->running && now >= i->next_ms)
			issuer_fetch(i);
	}
}

uint32_t
issuers_ask(struct issuers *is, uint64_t asked)
{
	struct issuer *i = issuer_find(is, asked);
	uint64_t now = clock_mono_ms();

	if (!i || i->config->jwks)
		return ISSUER_COOL_MS;
	if (i->running || i->unpublished)
		return 0;
	if (i->started_ms && now < i->started_ms + ISSUER_COOL_MS)
		return (uint32_t)(i->started_ms + ISSUER_COOL_MS - now);
	issuer_fetch(i);
	return 0;
}

void
issuers_published(struct issuers *is)
{
	for (size_t k = 0; k < is->count; k++) {
		struct issuer *i = is->all[k];

		if (!i->unpublished)
			continue;
		i->unpublished = false;
		if (!i->running)
			issuer_settle(i);
	}
}

size_t
issuers_count(const struct issuers *is)
{
	return is->count;
}

void
issuers_status(const struct issuers *is, size_t k, struct issuer_status *out)
{
	const struct issuer *i = is->all[k];
	uint64_t now = clock_mono_ms();

	*out = (struct issuer_status){
		.config = i->config,
		.keys = i->set.jwks.count,
		.jwks = i->known ? &i->set.jwks : NULL,
		.fetched_wall = i->fetched_wall,
		.remembered = i->remembered,
		.running = i->running,
		.fetches = i->fetches,
		.failures = i->failures,
		.next_ms = i->next_ms > now ? i->next_ms - now : 0,
		.error = i->error,
	};
}

uint64_t
issuers_generation(const struct issuers *is)
{
	return is->generation;
}
