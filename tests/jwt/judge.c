/*
 * judge: lib/jwks and lib/jwt for tests in other languages.
 *
 * usage: judge FILE ALGORITHMS ISSUER AUDIENCE NOW
 *
 * ALGORITHMS are names with commas; an empty ISSUER or AUDIENCE is not checked. The first line of
 * FILE is a JWK Set; answered with what became of it, as JSON. Every other line is a token,
 * answered with its verdict by the keys of that set.
 */

#include "lib/buf.h"
#include "lib/jwks.h"

#include <stdio.h>
#include <stdlib.h>

static const char *const verdicts[] = {
	[JWT_OK] = "ok",
	[JWT_MALFORMED] = "malformed",
	[JWT_ALGORITHM] = "algorithm",
	[JWT_SIGNATURE] = "signature",
	[JWT_ISSUER] = "issuer",
	[JWT_AUDIENCE] = "audience",
	[JWT_CLAIM] = "claim",
	[JWT_NOT_YET_VALID] = "not_yet_valid",
	[JWT_EXPIRED] = "expired",
};

static uint32_t
algorithms_read(struct slice names)
{
	uint32_t bits = 0;

	while (names.p) {
		int alg = jwt_alg_parse(slice_cut(names, ',', &names));

		if (alg < 0)
			exit(2);
		bits |= 1u << alg;
	}
	return bits;
}

static void
kid_say(struct buf *b, struct slice kid)
{
	if (kid.p)
		buf_add_json(b, kid);
	else
		buf_adds(b, SLICE("null"));
}

static void
set_say(const struct jwks *set)
{
	BUF_CLEAN struct buf b = { 0 };

	buf_adds(&b, SLICE("{\"keys\":["));
	for (size_t i = 0; i < set->count; i++) {
		buf_addf(&b, "%s{\"kid\":", i ? "," : "");
		kid_say(&b, set->keys[i].kid);
		buf_adds(&b, SLICE(",\"algorithms\":[\""));
		for (int a = 0, n = 0; a < JWT_ALG_N; a++) {
			if (set->keys[i].algorithms & 1u << a)
				buf_addf(&b, "%s%s", n++ ? "\",\"" : "", jwt_alg_name(a));
		}
		buf_adds(&b, SLICE("\"]}"));
	}
	buf_adds(&b, SLICE("],\"refused\":["));
	for (size_t i = 0; i < set->refused_count; i++) {
		buf_addf(&b, "%s{\"index\":%zu,\"why\":\"%s\",\"kid\":", i ? "," : "",
			 set->refused[i].index, set->refused[i].why);
		kid_say(&b, set->refused[i].kid);
		buf_addc(&b, '}');
	}
	printf("%.*s]}\n", SLICE_F(buf_slice(&b)));
}

/* As worker/gate.c does: any key whose kid is not another; of their verdicts the one that knows
 * most. */
static enum jwt_verdict
token_judge(const struct jwks *set, uint32_t algorithms, struct slice text,
	    const struct jwt_rules *rules, int64_t now)
{
	static struct jwt_token t;
	enum jwt_verdict r = jwt_token_init(&t, text, algorithms), best = JWT_ALGORITHM;
	struct jwt_span span;

	for (size_t i = 0; r == JWT_OK && i < set->count; i++) {
		struct jwt_key *key = jwks_key_load(&set->keys[i]);
		struct slice kid = set->keys[i].kid;
		enum jwt_verdict v = JWT_SIGNATURE;

		if (!kid.p || !t.kid.p || slice_eq(kid, t.kid))
			v = jwt_verify(&t, key);
		if (v == JWT_OK)
			v = jwt_claims(&t);
		if (v == JWT_OK)
			v = jwt_check(&t, rules, now, &span);
		jwt_key_free(key);
		if (v == JWT_OK || v > best)
			best = v;
		if (v == JWT_OK)
			break;
	}
	jwt_token_deinit(&t);
	return r == JWT_OK ? best : r;
}

int
main(int argc, char **argv)
{
	struct slice audience = slice_of(argc == 6 ? argv[4] : "");
	struct jwt_rules rules = { .audiences = &audience, .audiences_count = audience.n > 0 };
	FILE *in = argc == 6 ? fopen(argv[1], "r") : NULL;
	uint32_t algorithms;
	struct jwks set;
	char *line = NULL;
	size_t cap = 0;
	ssize_t n;

	if (!in || (n = getline(&line, &cap, in)) < 1)
		return 2;
	algorithms = algorithms_read(slice_of(argv[2]));
	rules.issuer = slice_of(argv[3]);
	if (jwks_parse(slice_make(line, (size_t)n - 1), algorithms, &set) < 0)
		puts("null");
	else
		set_say(&set);
	while ((n = getline(&line, &cap, in)) > 0)
		puts(verdicts[token_judge(&set, algorithms, slice_make(line, (size_t)n - 1), &rules,
					  atoll(argv[5]))]);
	jwks_deinit(&set);
	free(line);
	fclose(in);
	return 0;
}
