#include "introspect.h"

#include "client_auth.h"
#include "config.h"
#include "fetch.h"
#include "upstream_tls.h"

#include "lib/clock.h"
#include "lib/hmac.h"
#include "lib/json.h"
#include "lib/list.h"
#include "lib/log.h"
#include "lib/map.h"
#include "lib/tls.h"
#include "lib/xalloc.h"
#include "shm/message.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

#define RUNNING_MAX 8    /* questions at a time */
#define QUEUE_MAX 256    /* tokens that wait for one */
#define KNOWN_MAX 4096   /* tokens */
#define WAITERS_MAX 1024 /* for one of them */
#define INACTIVE_S 5
#define COOL_MS 1000 /* after a failure */
#define ODD_MS 10000 /* between two lines about answers to single tokens */
#define ANSWER_BYTES (64u << 10)
#define ANSWER_DEPTH 16

enum state { QUEUED, ASKED, SETTLED };

struct waiter {
	uint64_t instance;
	uint8_t name[TOKEN_NAME];
};

struct entry {
	struct list link; /* of is->queue, running or known, by its state */
	struct introspector *of;
	enum state state;
	uint8_t digest[HMAC_SIZE];
	char *token; /* until it was asked */
	size_t token_n;
	struct fetch *fetch;
	struct waiter *waiters;
	size_t waiters_count;
	uint32_t told; /* enum token_told */
	int64_t until; /* seconds since 1970 */
	char *claims;
	size_t claims_n;
};

struct introspector {
	uv_loop_t *loop;
	struct resolver *resolver;
	const struct introspect_ops *ops;
	void *userdata;
	const struct certificates *files;
	const struct config_issuer *config; /* NULL: nobody is asked */
	uint8_t key[32];                    /* of digests */
	struct map entries;                 /* by digest */
	struct list queue, running, known;
	size_t queued, asked_now;
	uint64_t cool_ms; /* until then nobody is asked */
	uint64_t odd_ms;  /* until then no line about a single token */
	uint64_t asked, failures;
	char error[256];
};

/* ---- entries ---- */

static struct slice
digest_of(const struct entry *e)
{
	return slice_make((const char *)e->digest, sizeof e->digest);
}

static void
token_wipe(struct entry *e)
{
	if (e->token)
		explicit_bzero(e->token, e->token_n);
	free(e->token);
	e->token = NULL;
}

/* The one place where an entry changes its state: each is a list. */
static void
entry_move(struct entry *e, enum state state)
{
	struct introspector *is = e->of;
	struct list *const lists[] = {
		[QUEUED] = &is->queue, [ASKED] = &is->running, [SETTLED] = &is->known
	};

	is->queued += (state == QUEUED) - (e->state == QUEUED);
	is->asked_now += (state == ASKED) - (e->state == ASKED);
	e->state = state;
	list_remove(&e->link);
	list_push(lists[state], &e->link);
}

static struct entry *
entry_new(struct introspector *is, const uint8_t digest[HMAC_SIZE], struct slice token)
{
	struct entry *e = xcalloc(1, sizeof *e);

	e->of = is;
	memcpy(e->digest, digest, sizeof e->digest);
	e->token = xstrndup(token.p, token.n);
	e->token_n = token.n;
	list_init(&e->link);
	e->state = SETTLED;
	*map_put(&is->entries, digest_of(e)) = e;
	entry_move(e, QUEUED);
	return e;
}

static void
entry_release(void *entry)
{
	struct entry *e = entry;

	if (e->fetch)
		fetch_cancel(e->fetch);
	token_wipe(e);
	free(e->waiters);
	free(e->claims);
	free(e);
}

static void
entry_free(struct entry *e)
{
	entry_move(e, SETTLED);
	list_remove(&e->link);
	map_take(&e->of->entries, digest_of(e));
	entry_release(e);
}

static void
tell(const struct introspector *is, const struct waiter *w, uint32_t told, const struct entry *e)
{
	struct msg_token_told message = { .told = told };

	memcpy(message.name, w->name, sizeof message.name);
	if (e && told != TOKEN_UNJUDGED) {
		message.until = e->until;
		message.n = (uint32_t)e->claims_n;
		if (e->claims_n)
			memcpy(message.claims, e->claims, e->claims_n);
	}
	is->ops->told(is->userdata, w->instance, &message);
}

static void
tell_all(struct entry *e, uint32_t told)
{
	for (size_t i = 0; i < e->waiters_count; i++)
		tell(e->of, &e->waiters[i], told, e);
	free(e->waiters);
	e->waiters = NULL;
	e->waiters_count = 0;
}

/* ---- asking ---- */

static void ask_next(struct introspector *is);

static void
fail(struct entry *e, const char *why)
{
	struct introspector *is = e->of;

	if (strcmp(is->error, why) != 0)
		log_warn("introspection issuer=%s error=\"%s\" effect=\"its tokens cannot be "
			 "judged, but for those that are known\"",
			 is->config->name, why);
	snprintf(is->error, sizeof is->error, "%s", why);
	is->failures++;
	is->cool_ms = clock_mono_ms() + COOL_MS;
	tell_all(e, TOKEN_UNJUDGED);
	entry_free(e);
}

/* What is wrong with this token alone: whoever has such a one is not to keep others from being
 * judged. */
static void
fail_alone(struct entry *e, const char *why)
{
	struct introspector *is = e->of;
	uint64_t now = clock_mono_ms();

	if (now >= is->odd_ms) {
		log_warn("introspection issuer=%s error=\"of one token: %s\"", is->config->name,
			 why);
		is->odd_ms = now + ODD_MS;
	}
	is->failures++;
	tell_all(e, TOKEN_UNJUDGED);
	entry_free(e);
}

static const char too_large[] = "the answer is larger than 8 KiB";

/* NULL, or what is wrong with the answer (RFC 7662 section 2.2). */
static const char *
read_answer(struct entry *e, const struct json *root)
{
	const struct json *active = json_get(root, "active");
	int64_t now = clock_wall();
	struct buf BUF_CLEAN text = { 0 };
	double exp;

	if (!active || (json_kind(active) != JSON_TRUE && json_kind(active) != JSON_FALSE))
		return "the answer does not say whether the token is active";
	e->told = TOKEN_INACTIVE;
	e->until = now + INACTIVE_S;
	if (json_kind(active) == JSON_FALSE)
		return NULL;
	json_write(root, &text);
	if (text.n > TOKEN_CLAIMS_MAX)
		return too_large;
	e->told = TOKEN_ACTIVE;
	e->until = now + e->of->config->introspection_cache_s;
	if (json_number(json_get(root, "exp"), &exp) && exp < (double)e->until)
		e->until = exp > (double)(now + INACTIVE_S) ? (int64_t)exp : now + INACTIVE_S;
	e->claims = xstrndup(text.p, text.n);
	e->claims_n = text.n;
	return NULL;
}

static void
on_answer(void *userdata, const char *why, struct slice body)
{
	struct entry *e = userdata;
	struct introspector *is = e->of;
	int status = fetch_status(e->fetch);
	struct json *root = NULL;

	e->fetch = NULL;
	if (!why && json_parse(body, ANSWER_BYTES, ANSWER_DEPTH, &root) < 0)
		why = "the answer is no JSON";
	if (!why)
		why = read_answer(e, root);
	json_free(root);
	if (why && (why == too_large || status == 400 || status == -EMSGSIZE)) {
		fail_alone(e, why);
	} else if (why) {
		fail(e, why);
	} else {
		if (is->error[0])
			log_info("introspection issuer=%s error=\"\"", is->config->name);
		is->error[0] = '\0';
		entry_move(e, SETTLED);
		tell_all(e, e->told);
	}
	ask_next(is);
}

static void
ask(struct entry *e)
{
	struct introspector *is = e->of;
	const struct config_issuer *i = is->config;
	struct slice id = slice_of(i->client_id);
	struct slice secret = slice_make(i->client_secret.bytes, i->client_secret.n);
	struct tls_context *tls =
	    i->introspect.https ? upstream_tls_context(is->files, &i->tls) : NULL;
	struct buf form = { 0 }, fields = { 0 };
	struct fetch_request q = {
		.url = &i->introspect,
		.tls = tls,
		.server_name = i->tls.server_name,
		.body_max = ANSWER_BYTES,
		.timeout_ms = i->introspection_timeout,
	};

	buf_reserve(&form, 3 * e->token_n + 64); /* at once: growing would leave a copy */
	buf_adds(&form, SLICE("token="));
	buf_add_form(&form, slice_make(e->token, e->token_n));
	buf_adds(&form, SLICE("&token_type_hint=access_token"));
	buf_reserve(&fields, client_auth_size(id, secret));
	if (id.n > 0)
		client_auth_basic(&fields, id, secret);
	q.form = buf_slice(&form);
	q.fields = buf_slice(&fields);
	e->fetch = fetch_start(is->loop, is->resolver, &q, on_answer, e);
	buf_wipe(&form);
	buf_wipe(&fields);
	tls_context_unref(tls);
	token_wipe(e);
	is->asked++;
}

static void
ask_next(struct introspector *is)
{
	while (is->asked_now < RUNNING_MAX && !list_empty(&is->queue)) {
		struct entry *e = container_of(is->queue.next, struct entry, link);

		entry_move(e, ASKED);
		ask(e);
	}
}

/* ---- the interface ---- */

static void
clear(struct introspector *is)
{
	struct list *const lists[] = { &is->queue, &is->running, &is->known };

	for (unsigned i = 0; i < sizeof lists / sizeof *lists; i++) {
		list_drain (pos, lists[i]) {
			struct entry *e = container_of(pos, struct entry, link);

			tell_all(e, TOKEN_UNJUDGED);
			entry_free(e);
		}
	}
}

struct introspector *
introspect_new(uv_loop_t *loop, struct resolver *resolver, const struct introspect_ops *ops,
	       void *userdata)
{
	struct introspector *is = xcalloc(1, sizeof *is);

	is->loop = loop;
	is->resolver = resolver;
	is->ops = ops;
	is->userdata = userdata;
	is->entries = (struct map)MAP_INIT;
	list_init(&is->queue);
	list_init(&is->running);
	list_init(&is->known);
	if (getrandom(is->key, sizeof is->key, 0) != sizeof is->key)
		log_error("introspection error=\"there is no randomness\"");
	return is;
}

void
introspect_free(struct introspector *is)
{
	static const struct introspect_ops silent;

	if (!is)
		return;
	is->ops = &silent;
	map_deinit(&is->entries, entry_release);
	explicit_bzero(is->key, sizeof is->key);
	free(is);
}

static bool
is_same(const struct config_issuer *a, const struct config_issuer *b)
{
	return a && b && strcmp(a->introspection, b->introspection) == 0 &&
	       strcmp(a->client_id, b->client_id) == 0 &&
	       slice_eq(slice_make(a->client_secret.bytes, a->client_secret.n),
			slice_make(b->client_secret.bytes, b->client_secret.n)) &&
	       a->introspection_cache_s == b->introspection_cache_s;
}

void
introspect_configure(struct introspector *is, const struct config *c)
{
	const struct config_issuer *next = NULL;

	for (size_t i = 0; i < c->gate.all_count; i++) {
		if (c->gate.all[i].introspection)
			next = &c->gate.all[i];
	}
	if (!is_same(is->config, next)) {
		clear(is);
		is->cool_ms = 0;
		is->error[0] = '\0';
	}
	is->config = next;
}

void
introspect_secure(struct introspector *is, const struct certificates *files)
{
	is->files = files;
}

/* Room for one more: the oldest of those that are known goes. */
static bool
make_room(struct introspector *is)
{
	if (is->queued >= QUEUE_MAX)
		return false;
	if (is->entries.count >= KNOWN_MAX && !list_empty(&is->known))
		entry_free(container_of(is->known.next, struct entry, link));
	return is->entries.count < KNOWN_MAX;
}

static void
wait_for(struct entry *e, const struct waiter *w)
{
	for (size_t i = 0; i < e->waiters_count; i++) {
		if (e->waiters[i].instance == w->instance)
			return; /* it says so once, to all of its requests */
	}
	if (e->waiters_count == WAITERS_MAX) {
		tell(e->of, w, TOKEN_UNJUDGED, NULL);
		return;
	}
	e->waiters = xrealloc(e->waiters, (e->waiters_count + 1) * sizeof *e->waiters);
	e->waiters[e->waiters_count++] = *w;
}

void
introspect_ask(struct introspector *is, uint64_t instance, const struct msg_token_ask *m)
{
	struct slice token = slice_make(m->token, m->n);
	struct waiter w = { .instance = instance };
	uint8_t digest[HMAC_SIZE];
	struct entry *e;

	memcpy(w.name, m->name, sizeof w.name);
	hmac_sha256(slice_make((const char *)is->key, sizeof is->key), token, digest);
	e = map_get(&is->entries, slice_make((const char *)digest, sizeof digest));
	if (e && e->state == SETTLED && e->until <= clock_wall()) {
		entry_free(e);
		e = NULL;
	}
	if (e && e->state == SETTLED) {
		tell(is, &w, e->told, e);
		return;
	}
	if (!e && (!is->config || clock_mono_ms() < is->cool_ms || !make_room(is))) {
		tell(is, &w, TOKEN_UNJUDGED, NULL);
		return;
	}
	if (!e)
		e = entry_new(is, digest, token);
	wait_for(e, &w);
	ask_next(is);
}

void
introspect_get_status(const struct introspector *is, struct introspect_status *out)
{
	*out = (struct introspect_status){
		.name = is->config ? is->config->name : NULL,
		.url = is->config ? is->config->introspection : "",
		.error = is->error,
		.asked = is->asked,
		.failures = is->failures,
		.known = is->entries.count - is->queued - is->asked_now,
		.waiting = is->queued + is->asked_now,
	};
}
