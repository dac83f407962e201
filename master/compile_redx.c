/*
 * The frontends of redx, as candidates.
 */

#include "compile_candidate.h"

#include <assert.h>

static const struct rules_refusal *
backend_refusal(const struct rules *rules, const char *backend)
{
	struct buf key BUF_CLEAN = { 0 };

	if (rules_refusals(rules) == 0)
		return NULL;
	buf_addf(&key, "backend:%s", backend);
	return rules_refusal_find(rules, buf_slice(&key));
}

/* What a frontend leads to. */
static void
target_redis(struct work *w, struct candidate *c, const struct rules_frontend *f,
	     const struct rules_refusal *kept)
{
	struct slice backend = slice_make(f->backend, f->backend_n);
	const struct directory_upstream *u = compile_find(w->in, SOURCE_REDX, backend);
	const struct rules_refusal *refusal = backend_refusal(w->in->rules, f->backend);

	c->line->upstream = compile_text(w, backend);
	c->upstream = compile_index(u);
	c->fallback = compile_index(compile_fallback(w->in, NULL, u));
	if (refusal && !refusal->kept)
		compile_refuse(w, c, "its backend is refused: ", refusal->reason);
	else if (!u)
		c->line->reason = "backend does not exist";
	else if (u->own_count > 0)
		compile_reason(w, c,
			       "left out, because it is a listener of this gateway: ", u->own[0]);
	else if (u->endpoints_count == 0)
		c->line->reason = "backend has no servers";
	else if (kept)
		compile_reason(
		    w, c, "the last good value stays; the newest one is refused: ", kept->reason);
	else if (refusal)
		compile_reason(w, c, "the last good backend stays; the newest one is refused: ",
			       refusal->reason);
}

/* DIALECT_*, and where it applies if it matches anything. */
static int
frontend_at(struct work *w, struct slice url, struct dialect_match *at, const char **reason)
{
	const struct config_redis *redis = &w->in->config->redis;

	if (url.n > RULES_NAME_MAX) /* it was cut, and would apply somewhere else */
		return DIALECT_REFUSED;
	return dialect_read(redis->dialect, redis->max_path_length, url, w->arena, at, reason);
}

bool
compile_frontend_at(struct work *w, struct slice url, struct dialect_match *at)
{
	const char *reason;

	return frontend_at(w, url, at, &reason) == DIALECT_MATCHES;
}

/* `f` is NULL for a key that is refused and has no last good version; `refusal` then says why. */
static void
add_redis(struct work *w, struct slice url, const struct rules_frontend *f,
	  const struct rules_refusal *refusal)
{
	static const char prefix[] = "redis:";
	struct candidate *c = compile_next(w);
	const char *slash = memchr(url.p, '/', url.n);
	size_t host = slash ? (size_t)(slash - url.p) : url.n;
	char *id = arena_alloc(w->arena, sizeof prefix + url.n);
	const char *reason = refusal ? refusal->reason : "";
	int r;

	assert(f || refusal);
	memcpy(id, prefix, sizeof prefix - 1);
	memcpy(id + sizeof prefix - 1, url.p, url.n);
	id[sizeof prefix - 1 + url.n] = '\0';
	c->line->id = id;
	c->line->host = compile_text(w, slice_make(url.p, host));
	c->line->path = slash ? id + sizeof prefix - 1 + host : "/";
	c->line->source = SOURCE_REDX;
	r = frontend_at(w, url, &c->at, &reason);
	if (r != DIALECT_MATCHES) {
		c->line->state = r == DIALECT_UNREACHABLE ? ROUTE_UNREACHABLE : ROUTE_IS_REFUSED;
		c->line->reason = compile_text(w, slice_of(reason));
		w->count--; /* it applies nowhere */
		return;
	}
	c->written = c->at.path;
	compile_placed(w, c);
	if (f)
		target_redis(w, c, f, refusal);
	else
		compile_refuse(w, c, "", refusal->reason);
}

static const struct rules_refusal *
frontend_refusal(const struct rules *rules, const char *url)
{
	struct buf key BUF_CLEAN = { 0 };

	if (rules_refusals(rules) == 0)
		return NULL;
	buf_addf(&key, "frontend:%s", url);
	return rules_refusal_find(rules, buf_slice(&key));
}

void
compile_frontend(struct work *w, const struct rules_frontend *f)
{
	add_redis(w, slice_make(f->url, f->url_n), f, frontend_refusal(w->in->rules, f->url));
}

void
compile_frontend_refused(struct work *w, struct slice url, const struct rules_refusal *f)
{
	add_redis(w, url, NULL, f);
}
