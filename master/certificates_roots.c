/*
 * Whom to trust for client certificates, in the sets of certificates.h.
 */

#include "certificates_own.h"

#include "lib/clock.h"

struct trust_source *
certificates_trust_source(const struct certificates *c, const char *ca, const char *crl)
{
	for (size_t i = 0; c && i < c->trusts_count; i++) {
		struct trust_source *s = &c->trusts[i];

		if (strcmp(s->ca, ca) == 0 && strcmp(s->crl, crl) == 0)
			return s;
	}
	return NULL;
}

/* A list that has ended is refused where the one of before has not: to go back in time would open
 * what was closed. */
static void
trust_load(struct trust_source *s, const struct trust_source *before)
{
	struct buf BUF_CLEAN why = { 0 }, warning = { 0 };
	struct trust *old = before ? before->trust : NULL;
	time_t now = clock_wall();
	const char *doubt = NULL;

	s->error = trust_read(s->ca, s->crl, &s->trust, &why, &warning);
	if (s->error == 0)
		doubt = trust_doubt(s->trust, now);
	if (doubt)
		buf_addf(&why, "%s: %s", s->crl, doubt);
	if (old && (s->error < 0 || (doubt && !trust_doubt(old, now)))) {
		trust_unref(s->trust);
		s->trust = trust_ref(old);
		s->stale = true;
	} else if (old && memcmp(old->digest, s->trust->digest, sizeof old->digest) == 0) {
		trust_unref(s->trust);
		s->trust = trust_ref(old);
	}
	s->trouble = certificates_text(&why);
	s->warning = certificates_text(&warning);
}

static void
trust_keep(struct trust_source *s, const struct trust_source *before)
{
	struct buf BUF_CLEAN why = { 0 };
	const char *doubt = trust_doubt(before->trust, clock_wall());

	if (doubt)
		buf_addf(&why, "%s: %s", s->crl, doubt);
	s->trust = trust_ref(before->trust);
	s->trouble = certificates_text(&why);
	s->warning = xstrdup(before->warning);
}

void
certificates_add_trust(const struct certificates_loader *l, const char *ca, const char *crl)
{
	const struct trust_source *before = certificates_trust_source(l->before, ca, crl);
	struct trust_source *s;

	if (certificates_trust_source(l->to, ca, crl))
		return;
	l->to->trusts = xrealloc(l->to->trusts, (l->to->trusts_count + 1) * sizeof *s);
	s = &l->to->trusts[l->to->trusts_count++];
	*s = (struct trust_source){
		.ca = xstrdup(ca),
		.crl = xstrdup(crl),
		.setting = xstrdup(l->setting),
		.line = l->line,
		.stamps = { file_stamp(ca), file_stamp(*crl ? crl : ca) },
	};
	if (before && before->trust && !before->stale &&
	    certificates_unchanged(s->stamps, before->stamps))
		trust_keep(s, before);
	else
		trust_load(s, before);
}

struct trust *
certificates_trust(const struct certificates *c, const char *ca, const char *crl)
{
	const struct trust_source *s = certificates_trust_source(c, ca, crl);

	return s ? s->trust : NULL;
}
