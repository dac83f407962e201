#include "assertion.h"

#include "answer.h"
#include "inject_value.h"
#include "worker.h"

#include "lib/base64.h"
#include "lib/jwt_sign.h"
#include "lib/log.h"
#include "lib/sha256.h"
#include "lib/xalloc.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <sys/random.h>

#define KEPT 1024u /* assertions, one in each place: what falls on a place takes it */
#define KEYS_MAX 8u
#define CLAIM_MAX 512u /* bytes of one that is passed on */
#define JTI 16         /* bytes */

struct kept {
	uint8_t name[SHA256_BYTES]; /* of what it says, and of whom */
	int64_t until;              /* it is used before that */
	char *text;                 /* NULL: the place is free */
	size_t n;
};

struct assertions {
	struct jwt_signer *keys[KEYS_MAX];
	uint32_t count;
	uint8_t digest[SHA256_BYTES]; /* of their texts */
	struct kept *kept;            /* KEPT of them; NULL: none was made yet */
	struct buf about, claims, text;
};

struct assertions *
assertions_new(void)
{
	return xcalloc(1, sizeof(struct assertions));
}

/* ---- keys ---- */

static void
forget_kept(struct assertions *a)
{
	for (uint32_t i = 0; a->kept && i < KEPT; i++)
		free(a->kept[i].text);
	free(a->kept);
	a->kept = NULL;
}

static void
unload(struct assertions *a)
{
	for (uint32_t i = 0; i < a->count; i++)
		jwt_signer_free(a->keys[i]);
	a->count = 0;
	forget_kept(a);
}

void
assertions_free(struct assertions *a)
{
	if (!a)
		return;
	unload(a);
	buf_deinit(&a->about);
	buf_deinit(&a->claims);
	buf_deinit(&a->text);
	free(a);
}

/* Zeroes where there are none. */
static bool
digest_of(const struct segment *keys, uint8_t out[SHA256_BYTES])
{
	uint8_t all[KEYS_MAX * SHA256_BYTES] = { 0 };
	struct slice pem;
	uint32_t n = 0;

	memset(out, 0, SHA256_BYTES);
	for (; n < KEYS_MAX && (pem = table_secret(keys, SECRET_ASSERTION, n)).p; n++) {
		if (!sha256(pem, all + n * SHA256_BYTES))
			return false;
	}
	return n == 0 || sha256(slice_make((const char *)all, n * SHA256_BYTES), out);
}

void
assertions_load(struct assertions *a, const struct segment *keys)
{
	uint8_t digest[SHA256_BYTES];
	struct slice pem;
	const char *why;

	if (!digest_of(keys, digest) || sha256_equal(digest, a->digest))
		return;
	unload(a);
	memcpy(a->digest, digest, sizeof a->digest);
	for (uint32_t i = 0;
	     i < KEYS_MAX && (pem = table_secret(keys, SECRET_ASSERTION, i)).p != NULL; i++) {
		a->keys[a->count] = jwt_signer_new(pem, &why);
		if (a->keys[a->count])
			a->count++;
		else
			log_error("key of assertions number=%u error=\"%s\"", i, why);
	}
}

/* ---- what one says ---- */

static void
add_text(struct buf *out, const char *name, struct slice value)
{
	buf_addf(out, ",\"%s\":", name);
	buf_add_json(out, value);
}

static void
add_bytes(struct buf *out, const char *name, const void *bytes, size_t n)
{
	char text[2 * SHA256_BYTES];

	add_text(out, name,
		 slice_make(text, base64url_encode(slice_make((const char *)bytes, n), text)));
}

/* What programs call people, and no more: a list of groups can be as long as it likes. */
static void
add_names(struct buf *out, struct slice claims)
{
	static const char *const names[] = { "preferred_username", "name",  "given_name",
					     "family_name",        "email", "email_verified" };
	struct json *all = NULL;

	if (claims.n == 0 || json_parse(claims, INJECT_CLAIMS_MAX, INJECT_CLAIMS_DEPTH, &all) < 0)
		return;
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		const struct json *v = json_get(all, names[i]);
		enum json_kind kind = v ? json_kind(v) : JSON_NULL;

		if (kind == JSON_STRING && json_text(v).n <= CLAIM_MAX)
			add_text(out, names[i], json_text(v));
		else if (kind == JSON_TRUE || kind == JSON_FALSE)
			buf_addf(out, ",\"%s\":%s", names[i], kind == JSON_TRUE ? "true" : "false");
	}
	json_free(all);
}

static bool
write_claims(struct buf *out, const struct assertion_about *about, int64_t now)
{
	uint8_t jti[JTI], sid[SHA256_BYTES];

	if (getrandom(jti, sizeof jti, 0) != sizeof jti || !sha256(about->session, sid))
		return false;
	out->n = 0;
	buf_adds(out, SLICE("{\"iss\":"));
	buf_add_json(out, about->issuer);
	add_text(out, "sub", about->sub);
	add_text(out, "aud", about->audience);
	buf_addf(out, ",\"iat\":%" PRId64 ",\"exp\":%" PRId64, now, now + about->ttl_s);
	add_bytes(out, "jti", jti, sizeof jti);
	if (about->session.n > 0) /* the id itself is nobody's business */
		add_bytes(out, "sid", sid, sizeof sid / 2);
	if (about->idp.n > 0)
		add_text(out, "idp", about->idp);
	add_names(out, about->claims);
	buf_addc(out, '}');
	return true;
}

/* ---- those that were made ---- */

static bool
name_of(struct assertions *a, const struct assertion_about *about, uint8_t out[SHA256_BYTES])
{
	const struct slice parts[] = { about->issuer, about->audience, about->sub,
				       about->idp,    about->session,  about->claims };

	a->about.n = 0;
	buf_addf(&a->about, "%u", about->ttl_s);
	for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
		buf_addf(&a->about, ",%zu:", parts[i].n);
		buf_adds(&a->about, parts[i]);
	}
	return sha256(buf_slice(&a->about), out);
}

static void
keep(struct kept *k, const uint8_t name[SHA256_BYTES], struct slice text, int64_t until)
{
	free(k->text);
	k->text = memcpy(xmalloc(text.n), text.p, text.n);
	k->n = text.n;
	k->until = until;
	memcpy(k->name, name, sizeof k->name);
}

struct slice
assertion_make(struct assertions *a, const struct assertion_about *about, int64_t now)
{
	struct slice none = { NULL, 0 };
	uint8_t name[SHA256_BYTES];
	struct kept *k;
	uint32_t place;

	if (a->count == 0 || !name_of(a, about, name))
		return none;
	if (!a->kept)
		a->kept = xcalloc(KEPT, sizeof *a->kept);
	memcpy(&place, name, sizeof place);
	k = &a->kept[place % KEPT];
	if (k->text && now < k->until && sha256_equal(k->name, name))
		return slice_make(k->text, k->n);
	a->text.n = 0;
	if (!write_claims(&a->claims, about, now) ||
	    jwt_sign(a->keys[0], buf_slice(&a->claims), &a->text) < 0)
		return none;
	keep(k, name, buf_slice(&a->text), now + (about->ttl_s + 1) / 2);
	return slice_make(k->text, k->n);
}

/* ---- their keys ---- */

enum result
assertion_publish(struct request *r)
{
	struct assertions *a = r->worker->assertions;
	struct buf BUF_CLEAN body = { 0 };

	buf_adds(&body, SLICE("{\"keys\":["));
	for (uint32_t i = 0; i < a->count; i++) {
		buf_adds(&body, i > 0 ? SLICE(",") : SLICE(""));
		buf_adds(&body, jwt_signer_jwk(a->keys[i]));
	}
	buf_adds(&body, SLICE("]}"));
	answer_body(r, 200, "application/json", buf_slice(&body),
		    SLICE("Cache-Control: public, max-age=300\r\n"));
	r->step = STEP_RELAY - 1;
	return STEP_NEXT;
}
