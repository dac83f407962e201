/*
 * Sets of keys that stand in files: read with the configuration, and again when they change.
 */

#include "issuers_own.h"

#include "lib/clock.h"

#define SETTLE_MS 200 /* after a change, for whoever writes */

/* What was read with the configuration; it was judged there. */
void
issuer_begin_file(struct issuer *i)
{
	const struct config_secret *text = &i->config->jwks_text;
	struct issuer_set set = { .doubt = "" };
	const char *why =
	    issuer_set_read(slice_make(text->bytes, text->n), i->config->algorithms, &set);

	if (why)
		issuer_refuse(i, i->config->jwks, why, &set);
	else
		issuer_adopt(i, &set);
	issuer_set_deinit(&set);
	i->stamp = file_stamp(i->config->jwks);
}

void
issuer_look(struct issuer *i)
{
	struct file_stamp now = file_stamp(i->config->jwks);
	struct buf FILE_SECRET text = { 0 };
	struct issuer_set set = { .doubt = "" };
	const char *why = NULL;
	int r;

	if (file_stamp_same(&now, &i->stamp))
		return;
	i->stamp = now;
	r = file_read(i->config->jwks, JWKS_BYTES_MAX, &text, NULL);
	why =
	    r < 0 ? file_error(r) : issuer_set_read(buf_slice(&text), i->config->algorithms, &set);
	if (why)
		issuer_refuse(i, i->config->jwks, why, &set);
	else
		issuer_adopt(i, &set);
	issuer_set_deinit(&set);
}

void
issuers_heard(void *userdata)
{
	struct issuers *is = userdata;
	uint64_t soon = clock_mono_ms() + SETTLE_MS;

	if (is->look_ms > soon)
		is->look_ms = soon;
}

void
issuers_watch(struct issuers *is)
{
	watch_begin(is->watch);
	for (size_t i = 0; i < is->count; i++) {
		if (is->all[i]->config->jwks)
			watch_file(is->watch, is->all[i]->config->jwks);
	}
	watch_end(is->watch);
}
