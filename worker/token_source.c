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

static struct slice
cookie_take(const struct gate_input *in, struct slice name)
{
	for (unsigned i = 0; i < in->cookies_count && i < GATE_COOKIES; i++) {
		struct slice value = cookie_find(in->cookies[i], name);

		if (value.p)
			return value;
	}
	return (struct slice){ NULL, 0 };
}

static bool
is_one_word(struct slice s)
{
	return s.n > 0 && !memchr(s.p, ' ', s.n) && !memchr(s.p, '\t', s.n);
}

enum reason
token_find(const struct gate_input *in, uint32_t sources, struct slice cookie, char *scratch,
	   struct slice *token)
{
	struct slice credentials = slice_trim(in->authorization);
	enum reason reason = REASON_none;

	*token = (struct slice){ NULL, 0 };
	if (in->authorization_repeated)
		return REASON_token_repeated;
	if ((sources & TOKEN_FROM_BEARER) && scheme_is(credentials, SLICE("Bearer"), token))
		reason = token->n ? REASON_none : REASON_token_malformed;
	else if ((sources & TOKEN_FROM_BASIC) && scheme_is(credentials, SLICE("Basic"), token))
		reason = basic_take(*token, scratch, token);
	else if ((sources & TOKEN_FROM_BARE) && is_one_word(credentials))
		*token = credentials;
	if (reason == REASON_none && token->n == 0 && (sources & TOKEN_FROM_COOKIE))
		*token = cookie_take(in, cookie);
	if (reason == REASON_none && token->n == 0)
		reason = REASON_token_missing;
	return reason;
}
