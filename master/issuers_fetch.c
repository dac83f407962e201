/*
 * One fetch of keys: the document of discovery where it is due, the set of keys, and its parsing in
 * another thread.
 */

#include "issuers_own.h"

#include "upstream_tls.h"
#include "url.h"

#include "lib/clock.h"
#include "lib/json.h"
#include "lib/tls.h"

#include <string.h>

#define FETCH_MS 10000u /* for each document */
#define DISCOVERY_BYTES (64u << 10)
#define DISCOVERY_DEPTH 16
#define DISCOVERY_KEPT_MS (12 * 3600 * UINT64_C(1000))

static void
get(struct issuer *i, const struct config_url *url, size_t most, fetch_fn done)
{
	struct tls_context *tls =
	    url->https ? upstream_tls_context(i->of->files, &i->config->tls) : NULL;
	/* What discovery leads to may be somebody else's server. */
	bool named = strcmp(url->host, i->config->url.host) == 0;
	const struct fetch_request q = {
		.url = url,
		.tls = tls,
		.server_name = named ? i->config->tls.server_name : "",
		.body_max = most,
		.timeout_ms = FETCH_MS,
	};

	i->fetch = fetch_start(i->of->loop, i->of->resolver, &q, done, i);
	tls_context_unref(tls);
}

static void
on_set(void *userdata, const char *why, struct issuer_set *set)
{
	struct issuer *i = userdata;

	i->work = NULL;
	if (why)
		issuer_refuse(i, "keys", why, set);
	else
		issuer_adopt(i, set);
}

static void
on_keys(void *userdata, const char *why, struct slice body)
{
	struct issuer *i = userdata;

	i->fetch = NULL;
	if (why) {
		i->found.until_ms = 0; /* it may have moved */
		issuer_fail(i, "keys", why);
		return;
	}
	i->work = issuer_work_start(i->of->loop, body, i->config->algorithms & JWT_ALGS_PUBLIC,
				    on_set, i);
	if (!i->work)
		issuer_fail(i, "keys", "there is no thread to read them");
}

static void
issuer_found_adopt(struct issuer *i, struct issuer_found *found)
{
	bool same = issuer_endpoints_same(&i->found, found);

	arena_deinit(&i->found.arena);
	i->found = *found;
	if (same)
		return;
	i->of->generation++;
	i->of->ops->moved(i->of->userdata);
}

/* OpenID Connect Discovery 1.0 section 4.3: a document that names another issuer is none of his. */
static const char *
discovery_read(struct issuer *i, const struct json *root)
{
	struct slice iss = json_text(json_get(root, "issuer"));
	struct slice uri = json_text(json_get(root, "jwks_uri"));
	struct issuer_found found = { 0 };
	const char *why;

	if (!iss.p)
		return "it is no OpenID configuration: it names no issuer";
	if (!slice_eq(iss, slice_of(i->config->iss)))
		return "it names another issuer than the configuration does";
	if (i->config->jwks_uri) /* of a provider: the file goes before the document */
		uri = slice_of(i->config->jwks_uri);
	if (!uri.p)
		return "it names no jwks_uri";
	why = url_parse(&found.arena, uri, &found.keys);
	if (!why && !found.keys.https && !i->config->allow_http)
		why = "its jwks_uri is http, which allow_http does not allow";
	if (!why)
		why = issuer_endpoints_read(i, root, &found);
	if (why) {
		arena_deinit(&found.arena);
		return why;
	}
	issuer_found_adopt(i, &found);
	return NULL;
}

static void
on_discovery(void *userdata, const char *why, struct slice body)
{
	struct issuer *i = userdata;
	struct json *root = NULL;

	i->fetch = NULL;
	if (why && i->found.keys.host) {
		/* Where they were is better than nowhere; it is asked again the next time. */
		get(i, &i->found.keys, JWKS_BYTES_MAX, on_keys);
		return;
	}
	if (!why && json_parse(body, DISCOVERY_BYTES, DISCOVERY_DEPTH, &root) < 0)
		why = "it is no JSON";
	if (!why)
		why = discovery_read(i, root);
	json_free(root);
	if (why) {
		issuer_fail(i, "discovery", why);
		return;
	}
	i->found.until_ms = clock_mono_ms() + DISCOVERY_KEPT_MS;
	get(i, &i->found.keys, JWKS_BYTES_MAX, on_keys);
}

void
issuer_fetch(struct issuer *i)
{
	uint64_t now = clock_mono_ms();

	i->running = true;
	i->started_ms = now;
	if (i->config->discovery && now >= i->found.until_ms)
		get(i, &i->config->url, DISCOVERY_BYTES, on_discovery);
	else
		get(i, i->config->discovery ? &i->found.keys : &i->config->url, JWKS_BYTES_MAX,
		    on_keys);
}

void
issuer_stop(struct issuer *i, bool wait)
{
	if (i->fetch)
		fetch_cancel(i->fetch);
	if (i->work)
		issuer_work_cancel(i->work, wait);
	i->fetch = NULL;
	i->work = NULL;
	i->running = false;
}
