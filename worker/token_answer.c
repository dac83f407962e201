#include "token_answer.h"

#include "lib/json.h"

#include <errno.h>
#include <stdio.h>

#define ANSWER_DEPTH 16
#define LIFE_MAX_S 3.2e9
#define SECONDS_DIGITS 10

/* Empty: there is none that could be passed on. */
static struct slice
token_of(const struct json *root, const char *name)
{
	struct slice s = json_text(json_get(root, name));

	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] <= 0x20 || s.p[i] >= 0x7f)
			return SLICE("");
	}
	return s.p ? s : SLICE("");
}

/* Some write it as a string. */
static bool
seconds_of(const struct json *v, double *out)
{
	struct slice text = json_text(v);

	if (!text.p)
		return json_number(v, out);
	*out = 0;
	for (size_t i = 0; i < text.n; i++) {
		if (text.n > SECONDS_DIGITS || text.p[i] < '0' || text.p[i] > '9')
			return false;
		*out = *out * 10 + (text.p[i] - '0');
	}
	return true;
}

/* Keycloak says 0 for a refresh token without an end. */
static int64_t
end_of(const struct json *root, const char *name, int64_t now)
{
	double s;

	if (!seconds_of(json_get(root, name), &s) || s <= 0 || s > LIFE_MAX_S)
		return INT64_MAX;
	return now + (int64_t)s;
}

static enum token_outcome
granted(struct token_answer *a, int64_t now)
{
	struct slice type = json_text(json_get(a->root, "token_type"));

	a->access = token_of(a->root, "access_token");
	a->refresh = token_of(a->root, "refresh_token");
	a->id_token = token_of(a->root, "id_token");
	a->expires = end_of(a->root, "expires_in", now);
	a->refresh_expires = end_of(a->root, "refresh_expires_in", now);
	if (a->access.n == 0)
		snprintf(a->why, sizeof a->why, "the answer has no access token that can be used");
	else if (type.p && !slice_ieq(type, SLICE("Bearer")) && !slice_ieq(type, SLICE("N_A")))
		snprintf(a->why, sizeof a->why, "the token is of a type that is not Bearer");
	else
		return TOKEN_GRANTED;
	return TOKEN_UNAVAILABLE;
}

uint32_t
token_life(int64_t expires, int64_t now)
{
	return expires == INT64_MAX || expires <= now ? 0 : (uint32_t)(expires - now);
}

/* The code is one of the RFC's, or an extension's: plain words, of which no more than some are
 * told. */
static enum token_outcome
refused(struct token_answer *a, int status)
{
	struct slice code = token_of(a->root, "error");

	if (code.n == 0)
		snprintf(a->why, sizeof a->why, "it answers %d", status);
	else
		snprintf(a->why, sizeof a->why, "it answers %d: %.*s", status,
			 (int)(code.n < 40 ? code.n : 40), code.p);
	for (char *c = a->why; *c; c++) {
		if (*c == '"' || *c == '\\')
			*c = '?';
	}
	return slice_eq(code, SLICE("invalid_grant")) ? TOKEN_GONE : TOKEN_REFUSED;
}

enum token_outcome
token_answer_read(int status, struct slice body, int64_t now, struct token_answer *out)
{
	*out = (struct token_answer){ .expires = INT64_MAX, .refresh_expires = INT64_MAX };
	if (status < 0) {
		snprintf(out->why, sizeof out->why, "%s",
			 status == -EDESTADDRREQ || status == -ENOENT
			     ? "where it is to be asked is not known (yet)"
			     : strerror(-status));
		return TOKEN_UNAVAILABLE;
	}
	if (status == 429 || status == 408 || status >= 500) {
		snprintf(out->why, sizeof out->why, "it answers %d", status);
		return TOKEN_UNAVAILABLE;
	}
	if (json_parse(body, TOKEN_ANSWER_MAX, ANSWER_DEPTH, &out->root) < 0)
		out->root = NULL;
	if (status != 200)
		return refused(out, status);
	if (out->root)
		return granted(out, now);
	snprintf(out->why, sizeof out->why, "the answer is no JSON");
	return TOKEN_UNAVAILABLE;
}

static void
wipe(struct slice s)
{
	if (s.n)
		explicit_bzero((char *)(uintptr_t)s.p, s.n);
}

void
token_answer_deinit(struct token_answer *a)
{
	if (a->root) {
		wipe(a->access);
		wipe(a->refresh);
		wipe(a->id_token);
	}
	json_free(a->root);
	*a = (struct token_answer){ 0 };
}
