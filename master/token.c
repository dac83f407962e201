/*
 * `yett token`: a token for tests that the gate of a configuration accepts. The secret is the
 * configuration's, so it stands on no command line. The only file that includes libjwt.
 */

#include "command.h"

#include "config.h"
#include "config_find.h"
#include "number.h"

#include "lib/clock.h"

#include <jwt.h>
#include <stdio.h>
#include <stdlib.h>

#define TTL_MAX (INT64_C(10) * 365 * 86400000)

static int
fail(const char *what, const char *word)
{
	fprintf(stderr, "yett token: %s%s\n", what, word);
	return COMMAND_UNREADABLE;
}

/* The algorithm that was asked for, else the first that the gate accepts. */
static jwt_alg_t
choose_algorithm(const struct config *c, const char *name)
{
	static const char *const known[] = { "HS256", "HS384", "HS512" };
	const struct setting *s = setting_find(SLICE("gate.algorithms"));

	for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
		const struct setting_word *w = s->words;

		while (w->word && strcmp(w->word, known[i]) != 0)
			w++;
		if (!w->word ||
		    (name ? strcmp(name, known[i]) != 0 : !(c->gate.algorithms & w->value)))
			continue;
		if (!(c->gate.algorithms & w->value))
			fprintf(stderr,
				"yett token: warning: %s is not in gate.algorithms, so the gate "
				"refuses this token\n",
				known[i]);
		return jwt_str_alg(known[i]);
	}
	return JWT_ALG_INVAL;
}

static bool
is_date(struct slice name)
{
	return slice_eq(name, SLICE("exp")) || slice_eq(name, SLICE("nbf")) ||
	       slice_eq(name, SLICE("iat"));
}

/* "name=value"; dates are numbers, all others texts. A claim given twice has its last value. */
static int
add_claim(jwt_t *jwt, const char *text)
{
	struct slice value, name = slice_cut(slice_of(text), '=', &value);
	struct buf BUF_CLEAN key = { 0 };
	char *end;
	long date;
	int r;

	if (!value.p || name.n == 0)
		return fail("a claim is written NAME=VALUE, not ", text);
	buf_adds(&key, name);
	buf_addc(&key, '\0');
	jwt_del_grants(jwt, key.p);
	if (is_date(name)) {
		date = strtol(value.p, &end, 10);
		if (*end || value.n == 0)
			return fail("a date is a number of seconds since 1970, not ", value.p);
		r = jwt_add_grant_int(jwt, key.p, date);
	} else {
		r = jwt_add_grant(jwt, key.p, value.p);
	}
	return r == 0 ? COMMAND_OK : fail("this claim cannot be put into a token: ", key.p);
}

static int
add_claims(jwt_t *jwt, const struct config *c, const struct command_options *o, int64_t ttl_ms)
{
	int64_t now = clock_wall();
	int r = COMMAND_OK;

	if (*c->gate.issuer)
		jwt_add_grant(jwt, "iss", c->gate.issuer);
	if (c->gate.audience_count > 0)
		jwt_add_grant(jwt, "aud", c->gate.audience[0]);
	jwt_add_grant_int(jwt, "iat", (long)now);
	jwt_add_grant_int(jwt, "exp", (long)(now + ttl_ms / 1000));
	for (int i = 0; i < o->claims_count && r == COMMAND_OK; i++)
		r = add_claim(jwt, o->claims[i]);
	for (size_t i = 0; i < c->gate.claims_count && r == COMMAND_OK; i++) {
		const char *value = jwt_get_grant(jwt, c->gate.claims[i].claim);

		if (!value || !*value)
			fprintf(stderr,
				"yett token: warning: the gate refuses a token without the claim "
				"%s; add --claim %s=VALUE\n",
				c->gate.claims[i].claim, c->gate.claims[i].claim);
	}
	return r;
}

static int
print_token(jwt_t *jwt, const struct config *c, jwt_alg_t algorithm, bool json)
{
	char *text = NULL;

	if (jwt_set_alg(jwt, algorithm, (const unsigned char *)c->gate.secret.bytes,
			(int)c->gate.secret.n) == 0)
		text = jwt_encode_str(jwt);
	if (!text)
		return fail("the token could not be signed", "");
	printf(json ? "{\"token\":\"%s\"}\n" : "%s\n", text);
	free(text);
	return COMMAND_OK;
}

static int
issue(const struct config *c, const struct command_options *o)
{
	jwt_alg_t algorithm = choose_algorithm(c, o->algorithm);
	int64_t ttl = 0;
	jwt_t *jwt;
	int r;

	if (algorithm == JWT_ALG_INVAL && !o->algorithm)
		return fail("the gate takes only what the issuer's private key signs "
			    "(gate.algorithms): get a token there",
			    "");
	if (c->gate.secret.n == 0)
		return fail("the configuration has no gate.secret to sign with; give it one, such "
			    "as {file: PATH}",
			    "");
	if (algorithm == JWT_ALG_INVAL)
		return fail("the algorithm is none of HS256, HS384 and HS512: ", o->algorithm);
	if (number_parse(SETTING_DURATION, slice_of(o->ttl ? o->ttl : "1h"), &ttl) != NUMBER_OK ||
	    ttl > TTL_MAX)
		return fail("the time to live is a duration such as 90s or 1h, not ", o->ttl);
	if (jwt_new(&jwt) != 0)
		return fail("there is no memory for a token", "");
	r = add_claims(jwt, c, o, ttl);
	if (r == COMMAND_OK)
		r = print_token(jwt, c, algorithm, o->json);
	jwt_free(jwt);
	return r;
}

int
command_token(const struct command_options *o)
{
	struct buf BUF_CLEAN report = { 0 }, found = { 0 };
	const char *file = config_find("token", o->file, &found);
	struct config *c = NULL;
	int r;

	if (!file)
		return COMMAND_UNREADABLE;
	r = config_load(file, &c, &report);
	if (r != 0)
		fwrite(report.p, 1, report.n, stderr);
	else
		r = issue(c, o);
	config_free(c);
	return r;
}
