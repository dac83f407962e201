/*
 * session_build: what was read becomes a session: one piece of memory, which holds secrets and is
 * wiped before it goes.
 */

#include "session_own.h"

#include "identity.h"
#include "identity_make.h"
#include "snapshot.h"
#include "worker.h"

#include "lib/base64.h"
#include "lib/json.h"
#include "lib/seal.h"
#include "lib/xalloc.h"

#include <assert.h>
#include <stdlib.h>

#define CLAIMS_MAX ((size_t)48 << 10)
#define CLAIMS_DEPTH 16
#define SID_MAX 255

/* ---- at rest ---- */

/* lib/seal is AES-256-GCM of libcrypto, which is what mbedTLS of this build would call for it, too
 * (lib/primitives): the way through mbedTLS would end in the same code. */
#define PURPOSE "yett session token"

bool
session_seal(struct worker *w, struct slice key, struct slice plain, struct buf *out)
{
	struct slice secret = table_secret(w->table->segments[SEGMENT_KEYS], SECRET_TOKENS, 0);

	return secret.p && seal_close(secret, PURPOSE, key, plain, out);
}

bool
session_unseal(struct worker *w, struct slice key, struct slice sealed, struct buf *out)
{
	const struct segment *keys = w->table->segments[SEGMENT_KEYS];
	struct slice secret;

	for (uint32_t i = 0; (secret = table_secret(keys, SECRET_TOKENS, i)).p; i++) {
		if (seal_open(secret, PURPOSE, key, sealed, out))
			return true;
	}
	return false;
}

void
session_token_key(enum session_part part, struct slice tid, struct buf *out)
{
	static const char *const names[] = {
		[SESSION_ACCESS] = "accessToken:",
		[SESSION_REFRESH] = "refreshToken:",
		[SESSION_ID_TOKEN] = "idToken:",
	};

	buf_adds(out, slice_of(names[part]));
	buf_adds(out, tid);
}

/* ---- claims ---- */

/* Of a JWT; to be freed with json_free, NULL: it is none. The text is appended to out. */
static struct json *
session_claims(struct slice token, struct buf *out)
{
	struct slice rest, payload;
	struct json *claims = NULL;
	size_t n;

	slice_cut(token, '.', &rest);
	payload = slice_cut(rest, '.', &rest);
	if (!rest.p || payload.n == 0 || payload.n > CLAIMS_MAX)
		return NULL;
	buf_reserve(out, payload.n + 2);
	if (base64url_decode(payload, out->p + out->n, &n) < 0 ||
	    json_parse(slice_make(out->p + out->n, n), CLAIMS_MAX, CLAIMS_DEPTH, &claims) < 0)
		return NULL;
	out->n += n;
	return claims;
}

struct slice
session_sid(struct slice token, struct arena *arena)
{
	struct buf BUF_CLEAN text = { 0 };
	struct json *claims = session_claims(token, &text);
	struct slice sid = json_text(json_get(claims, "sid"));

	sid = sid.n > 0 && sid.n <= SID_MAX ? arena_copy(arena, sid) : SLICE("");
	json_free(claims);
	return sid;
}

/* ---- one piece ---- */

struct packer {
	struct session *s;
	size_t at;
};

static struct slice
pack(struct packer *p, struct slice text)
{
	char *to = p->s->bytes + p->at;

	if (text.n == 0)
		return SLICE("");
	assert(p->at + text.n <= p->s->size);
	memcpy(to, text.p, text.n);
	p->at += text.n;
	return slice_make(to, text.n);
}

static struct session *
session_new(size_t size)
{
	struct session *s = xcalloc(1, sizeof *s + size);

	s->refs = 1;
	s->first = TRIE_NONE;
	s->created = 0;
	s->expires = INT64_MAX;
	s->size = size;
	for (unsigned i = 0; i < PROVIDERS_MAX; i++)
		s->tokens[i].expires = s->tokens[i].refresh_expires = INT64_MAX;
	return s;
}

struct session *
session_ref(struct session *s)
{
	s->refs++;
	return s;
}

void
session_put(struct session *s)
{
	if (!s || --s->refs > 0)
		return;
	explicit_bzero(s, sizeof *s + s->size);
	free(s);
}

/* ---- of a record ---- */

static uint32_t
provider_of(const struct sessions *ss, const struct session_held *held)
{
	return table_provider_find(ss->worker->table->segments[SEGMENT_RULES], held->provider);
}

static size_t
size_of(const struct session_record *r, struct session_loaded tokens[][SESSION_PARTS])
{
	size_t size = r->user.n;

	for (unsigned i = 0; i < r->held_n; i++) {
		size += r->held[i].tid.n;
		for (unsigned k = 0; k < SESSION_PARTS; k++)
			size += tokens[i][k].plain.n + tokens[i][k].subject.n + tokens[i][k].sid.n;
	}
	return size;
}

static void
pack_token(struct packer *p, struct session_token *to, const struct session_held *held,
	   const struct session_loaded from[SESSION_PARTS])
{
	to->tid = pack(p, held->tid);
	to->access = pack(p, from[SESSION_ACCESS].plain);
	to->refresh = pack(p, from[SESSION_REFRESH].plain);
	to->id = pack(p, from[SESSION_ID_TOKEN].plain);
	to->sid = pack(p, from[SESSION_ID_TOKEN].sid);
	for (unsigned k = 0; k < SESSION_PARTS && to->subject.n == 0; k++)
		to->subject = pack(p, from[k].subject);
	if (to->access.n) {
		to->expires = from[SESSION_ACCESS].expires;
		to->life_s = from[SESSION_ACCESS].life_s;
	}
	if (to->refresh.n) {
		to->refresh_expires = from[SESSION_REFRESH].expires;
		to->fence = from[SESSION_REFRESH].fence;
	}
}

static void
pack_record(struct sessions *ss, struct packer *p, const struct session_record *r,
	    struct session_loaded tokens[][SESSION_PARTS])
{
	struct session *s = p->s;

	s->created = r->created;
	s->expires = r->expires;
	s->idle_s = r->idle_s;
	s->max_s = r->max_s;
	s->user = pack(p, r->user);
	for (unsigned i = 0; i < r->held_n; i++) {
		uint32_t provider = provider_of(ss, &r->held[i]);

		if (provider < PROVIDERS_MAX)
			pack_token(p, &s->tokens[provider], &r->held[i], tokens[i]);
	}
}

/* Who it is, as the first provider's ID token says. It was verified when it was sealed. The date of
 * the login is that of the session: a suspension of what was issued before some moment means it. */
static const struct identity *
identify(struct sessions *ss, const struct session_record *r, const struct json *claims,
	 uint32_t issuer, enum reason *fault)
{
	const struct identity *who = NULL;
	struct identity *dated;

	*fault = identity_make(ss->maker, claims, IDENTITY_SESSION, issuer, INT64_MAX, &who);
	if (*fault != REASON_none)
		return NULL;
	dated = (struct identity *)(void *)(uintptr_t)who;
	dated->issued = r->created;
	return who;
}

static struct session *
build_user(struct sessions *ss, const struct session_record *r,
	   struct session_loaded tokens[][SESSION_PARTS], uint32_t first, const char **why)
{
	const struct segment *rules = ss->worker->table->segments[SEGMENT_RULES];
	struct buf BUF_CLEAN text = { 0 };
	struct json *claims = session_claims(tokens[0][SESSION_ID_TOKEN].plain, &text);
	const struct identity *who;
	enum reason fault;
	struct packer p = { 0 };

	if (!claims || !slice_eq(json_text(json_get(claims, "sub")), r->user)) {
		*why = "its ID token is missing, or no key opens it";
		json_free(claims);
		return NULL;
	}
	who = identify(ss, r, claims, table_provider(rules, first)->issuer, &fault);
	json_free(claims);
	p.s = session_new((who ? who->size : 0) + text.n + size_of(r, tokens));
	p.s->first = first;
	p.s->fault = fault;
	if (who) /* at the beginning: aligned */
		p.s->who = (const void *)pack(&p, slice_make((const char *)who, who->size)).p;
	p.s->claims = pack(&p, buf_slice(&text));
	pack_record(ss, &p, r, tokens);
	return p.s;
}

struct session *
session_build(struct sessions *ss, struct session_entry *e, const struct session_record *r,
	      struct session_loaded tokens[][SESSION_PARTS], const char **why)
{
	uint32_t first = r->held_n > 0 ? provider_of(ss, &r->held[0]) : TRIE_NONE;
	struct packer p = { 0 };
	struct session *s;

	if (r->user.n > 0 && first >= PROVIDERS_MAX) {
		*why = "its provider is not configured any more";
		return NULL;
	}
	if (r->user.n > 0) {
		s = build_user(ss, r, tokens, first, why);
	} else {
		p.s = s = session_new(size_of(r, tokens));
		pack_record(ss, &p, r, tokens);
	}
	if (!s)
		return NULL;
	s->entry = e;
	memcpy(s->id, e->id, sizeof s->id);
	return s;
}

/* ---- of a token that was shown ---- */

struct session *
session_build_shown(const struct session *from, struct slice shown, uint32_t provider,
		    int64_t until)
{
	struct packer p = { session_new((from ? from->size : 0) + shown.n), 0 };
	struct session *s = p.s;

	s->ephemeral = true;
	s->shown = pack(&p, shown);
	for (unsigned i = 0; from && i < PROVIDERS_MAX; i++) {
		const struct session_token *t = &from->tokens[i];

		s->tokens[i] = *t;
		s->tokens[i].access = pack(&p, t->access);
		s->tokens[i].refresh = pack(&p, t->refresh);
		s->tokens[i].id = pack(&p, t->id);
		s->tokens[i].tid = pack(&p, t->tid);
		s->tokens[i].subject = pack(&p, t->subject);
		s->tokens[i].sid = pack(&p, t->sid);
	}
	if (from) {
		s->first = from->first;
		s->claims = pack(&p, from->claims);
		s->user = pack(&p, from->user);
		s->created = from->created;
		s->expires = from->expires;
	}
	if (provider < PROVIDERS_MAX) {
		s->tokens[provider].access = s->shown;
		s->tokens[provider].expires = until;
		s->tokens[provider].life_s = 0;
	}
	return s;
}
