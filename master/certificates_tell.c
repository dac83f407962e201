#include "certificates_tell.h"

#include "lib/log.h"

/* How often in a row the same was seen wrong. */
static unsigned
looks(const char *trouble, const char *before, unsigned n, bool told)
{
	if (!*trouble)
		return 0;
	if (told)
		return 2;
	return before && strcmp(trouble, before) == 0 ? n + 1 : 1;
}

static void
log_pair(const struct certificate_source *s, const char *state)
{
	BUF_CLEAN struct buf until = { 0 };

	buf_add_json_time(&until, s->pair->until);
	log_info("certificate file=%s name=%s names=%zu until=%.*s state=%s", s->file,
		 pair_name(s->pair), s->pair->names.count, SLICE_F(until), state);
}

static void
log_trouble(const char *subject, const char *file, const char *trouble, bool stale, bool usable)
{
	log_error("%s file=%s error=\"%s\" effect=\"%s\"", subject, file, trouble,
		  stale    ? "the one of before serves"
		  : usable ? "it serves all the same"
			   : "it does not serve");
}

static bool
tell_pair(const struct certificate_source *was, struct certificate_source *s, bool start, bool told)
{
	s->looks = looks(s->trouble, was ? was->trouble : NULL, was ? was->looks : 0, told);
	if (s->pair && (!was || s->pair != was->pair) && !start)
		log_pair(s, was && was->pair ? "renewed" : "new");
	else if (s->pair && was && was->looks >= 2 && !*s->trouble)
		log_pair(s, "well");
	if (s->looks == 2 && !told)
		log_trouble("certificate", s->file, s->trouble, s->stale, s->pair != NULL);
	return s->looks == 1;
}

static bool
tell_trust(const struct trust_source *was, struct trust_source *s, bool start, bool told)
{
	s->looks = looks(s->trouble, was ? was->trouble : NULL, was ? was->looks : 0, told);
	if (s->trust && (!was || s->trust != was->trust) && !start)
		log_info("roots file=%s crl=%s state=%s", s->ca, *s->crl ? s->crl : "none",
			 was && was->trust ? "renewed" : "new");
	if (s->looks == 2 && !told)
		log_trouble("roots", s->ca, s->trouble, s->stale, s->trust != NULL);
	return s->looks == 1;
}

static void
tell_gone(const struct certificates *before, const struct certificates *now)
{
	for (size_t i = 0; i < before->pairs_count; i++) {
		const struct certificate_source *s = &before->pairs[i];

		if (s->pair && !certificates_source(now, s->file, s->key))
			log_pair(s, "gone");
	}
}

bool
certificates_tell(const struct certificates *before, struct certificates *now, bool told)
{
	bool again = false;

	for (size_t i = 0; i < now->pairs_count; i++) {
		struct certificate_source *s = &now->pairs[i];

		again |= tell_pair(certificates_source(before, s->file, s->key), s, !before, told);
	}
	for (size_t i = 0; i < now->trusts_count; i++) {
		struct trust_source *s = &now->trusts[i];

		again |=
		    tell_trust(certificates_trust_source(before, s->ca, s->crl), s, !before, told);
	}
	if (before)
		tell_gone(before, now);
	return again;
}
