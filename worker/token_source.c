#include "token_source.h"

#include "lib/base64.h"
#include "lib/cookie.h"

/* Is the scheme of the credentials this one? *rest: what follows it (RFC 9110 section 11.4). */
static bool
scheme_is(struct slice credentials, struct slice scheme, struct slice *rest)
{
	if (credentials.n < scheme.n || !slice_ieq(slice_make(credentials.p, scheme.n), scheme))
		return false;
	if (credentials.n > scheme.n && credentials.p[scheme.n] != ' ' &&
	    credentials.p[scheme.n] != '\t')
		return false;
	*rest = slice_trim(slice_make(credentials.p + scheme.n, credentials.n - scheme.n));
	return true;
}

/* The password is the token, the user is ignored: for git and its kin (RFC 7617 section 2). No
 * password: *token is empty. */
static enum reason
basic_take(struct slice credentials, char *scratch, struct slice *token)
{
	struct slice text;
	size_t n;

	if (credentials.n > TOKEN_SCRATCH / 3 * 4 || base64_decode(credentials, scratch, &n) < 0)
		return REASON_token_malformed;
	text = slice_make(scratch, n);
	slice_cut(text, ':', token);
	return token->p ? REASON_none : REASON_token_malformed;
}

/* A browser sends all cookies of a name, those of parent domains too, and says not whose they are:
 * several that differ may be somebody else's work. */
static enum reason
cookie_take(const struct gate_input *in, const struct token_places *places, struct slice *token)
{
	for (unsigned i = 0; i < in->cookies_count && i < GATE_COOKIES; i++) {
		struct slice field = in->cookies[i], value;

		while ((value = cookie_next(&field, places->cookie)).p) {
			if (!token->p)
				*token = value;
			else if (!slice_eq(*token, value))
				return REASON_token_repeated;
			if (places->first_cookie)
				return REASON_none;
		}
	}
	return REASON_none;
}

static bool
is_one_word(struct slice s)
{
	return s.n > 0 && !memchr(s.p, ' ', s.n) && !memchr(s.p, '\t', s.n);
}

static enum reason
authorization_take(const struct gate_input *in, uint32_t sources, char *scratch,
		   struct slice *token)
{
	struct slice credentials = slice_trim(in->authorization);

	if ((sources & TOKEN_FROM_BEARER) && scheme_is(credentials, SLICE("Bearer"), token))
		return token->n ? REASON_none : REASON_token_malformed;
	if ((sources & TOKEN_FROM_BASIC) && scheme_is(credentials, SLICE("Basic"), token))
		return basic_take(*token, scratch, token);
	if ((sources & TOKEN_FROM_BARE) && is_one_word(credentials))
		*token = credentials;
	return REASON_none;
}

/* "Bearer x", or x. */
static enum reason
header_take(struct slice value, bool repeated, struct slice *token)
{
	value = slice_trim(value);
	if (repeated)
		return REASON_token_repeated;
	if (value.n == 0)
		return REASON_none;
	if (!scheme_is(value, SLICE("Bearer"), token))
		*token = value;
	return is_one_word(*token) ? REASON_none : REASON_token_malformed;
}

enum reason
token_find(const struct gate_input *in, const struct token_places *places, char *scratch,
	   struct slice *token)
{
	enum reason reason;

	*token = (struct slice){ NULL, 0 };
	if (in->authorization_repeated)
		return REASON_token_repeated;
	reason = authorization_take(in, places->sources, scratch, token);
	if (reason == REASON_none && token->n == 0 && (places->sources & TOKEN_FROM_COOKIE)) {
		*token = (struct slice){ NULL, 0 };
		reason = cookie_take(in, places, token);
	}
	if (reason == REASON_none && token->n == 0 && (places->sources & TOKEN_FROM_HEADER))
		reason = header_take(in->header, in->header_repeated, token);
	if (reason == REASON_none && token->n == 0 && (places->sources & TOKEN_FROM_QUERY)) {
		*token = in->query;
		reason = in->query_repeated ? REASON_token_repeated : REASON_none;
	}
	if (reason == REASON_none && token->n == 0)
		reason = REASON_token_missing;
	return reason;
}
