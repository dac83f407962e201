/*
 * config_check_suites: versions of TLS, suites and groups: are they known, and is there a suite for
 * each version that is spoken?
 */

#include "config_check.h"

#include "lib/tls.h"

static void
check_suites(struct config_reader *r, int line)
{
	const struct config_tls *tls = &r->c->tls;

	for (size_t i = 0; i < tls->suites_count; i++) {
		if (!tls_suite_parse(slice_of(tls->suites[i])))
			mistakes_add(&r->mistakes, false, line, "tls.suites",
				     "\"%s\" is not offered; write IANA's name of one with forward "
				     "secrecy and AES-GCM or ChaCha20, such as "
				     "TLS_AES_128_GCM_SHA256",
				     tls->suites[i]);
	}
}

static void
check_groups(struct config_reader *r, int line)
{
	const struct config_tls *tls = &r->c->tls;

	for (size_t i = 0; i < tls->groups_count; i++) {
		if (!tls_group_parse(slice_of(tls->groups[i])))
			mistakes_add(&r->mistakes, false, line, "tls.groups",
				     "\"%s\" is not offered; write secp256r1, x25519, secp384r1 or "
				     "secp521r1",
				     tls->groups[i]);
	}
}

static bool
has_suite_of(const struct config_tls *tls, enum tls_version version)
{
	for (size_t i = 0; i < tls->suites_count; i++) {
		int number = tls_suite_parse(slice_of(tls->suites[i]));

		if (number && tls_suite_version(number) == version)
			return true;
	}
	return false;
}

/* The version is chosen before the suite: who speaks the newest one gets that one or nothing. */
static void
check_versions_served(struct config_reader *r, int line)
{
	const struct config_tls *tls = &r->c->tls;

	if (tls->max_version == TLS_1_3 && !has_suite_of(tls, TLS_1_3))
		mistakes_add(&r->mistakes, false, line, "tls.suites",
			     "none of them is of TLS 1.3, so whoever speaks that is refused; add "
			     "one, such as TLS_AES_128_GCM_SHA256%s",
			     tls->min_version == TLS_1_2 ? ", or write max_version: \"1.2\"" : "");
	if (tls->min_version == TLS_1_2 && !has_suite_of(tls, TLS_1_2))
		mistakes_add(&r->mistakes, tls->max_version != TLS_1_2, line, "tls.suites",
			     "none of them is of TLS 1.2, so whoever speaks nothing newer is "
			     "refused; add one, such as TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256%s",
			     tls->max_version == TLS_1_3 ? ", or write min_version: \"1.3\"" : "");
}

void
config_check_suites(struct config_reader *r)
{
	const struct config_tls *tls = &r->c->tls;
	int suites = config_line(r, "tls.suites");
	size_t told = r->mistakes.errors;

	if (tls->max_version < tls->min_version)
		mistakes_add(&r->mistakes, false, config_line(r, "tls.max_version"),
			     "tls.max_version",
			     "it is older than tls.min_version; raise it, or lower the other");
	check_suites(r, suites);
	check_groups(r, config_line(r, "tls.groups"));
	if (tls->suites_count > 0 && r->mistakes.errors == told)
		check_versions_served(r, suites);
}
