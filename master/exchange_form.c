/*
 * Is a form what a worker has to ask? The answer goes to the worker, and the master lends it the
 * client's authentication: with a grant of another kind (RFC 6749 section 4.4: client_credentials),
 * or in somebody's name (requested_subject), who takes a worker over would have tokens that no user
 * of his has ever brought.
 */

#include "exchange.h"

#define NAMES 6

static const struct {
	const char *grant; /* NULL: there is no such field */
	const char *names[NAMES];
} kinds[EXCHANGE_KIND_N] = {
	[EXCHANGE_CODE] = { "authorization_code",
			    { "grant_type", "code", "redirect_uri", "code_verifier" } },
	[EXCHANGE_REFRESH] = { "refresh_token", { "grant_type", "refresh_token" } },
	[EXCHANGE_REVOKE] = { NULL, { "token", "token_type_hint" } },
	[EXCHANGE_TOKEN] = { "urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Atoken-exchange",
			     { "grant_type", "subject_token_type", "subject_token", "resource",
			       "audience", "scope" } },
};

/* As buf_add_form writes it: nothing that a server could take for the end of a field. */
static bool
is_plain(struct slice value)
{
	for (size_t i = 0; i < value.n; i++) {
		char c = value.p[i], lower = (char)(c | 0x20);

		if (!(c >= '0' && c <= '9') && !(lower >= 'a' && lower <= 'z') &&
		    (c == '\0' || !strchr("-._~%", c)))
			return false;
	}
	return true;
}

/* Which one it is; -1: none that belongs there. */
static int
name_find(enum exchange_kind kind, struct slice name)
{
	for (int i = 0; i < NAMES && kinds[kind].names[i]; i++) {
		if (slice_eq(name, slice_of(kinds[kind].names[i])))
			return i;
	}
	return -1;
}

bool
exchange_form_fits(enum exchange_kind kind, struct slice form)
{
	const char *grant = kinds[kind].grant;
	unsigned seen = 0;

	while (form.p) {
		struct slice value, name = slice_cut(slice_cut(form, '&', &form), '=', &value);
		int i = name_find(kind, name);

		if (i < 0 || seen & 1u << i || !value.p || !is_plain(value))
			return false;
		seen |= 1u << i;
		if (i == 0 && grant && !slice_eq(value, slice_of(grant)))
			return false;
	}
	return !grant || seen & 1u;
}
