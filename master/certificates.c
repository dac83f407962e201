#include "certificates.h"

#include "certificates_own.h"

#include "lib/clock.h"
#include "lib/xalloc.h"

#include <errno.h>
#include <stdlib.h>

/* ---- pairs ---- */

static void
index_key(const char *file, const char *key, struct buf *out)
{
	buf_addf(out, "%s\n%s", file, key);
}

struct certificate_source *
certificates_source(const struct certificates *c, const char *file, const char *key)
{
	struct buf BUF_CLEAN name = { 0 };
	uintptr_t place;

	index_key(file, key, &name);
	place = c ? (uintptr_t)map_get(&c->index, buf_slice(&name)) : 0;
	return place > 0 ? &c->pairs[place - 1] : NULL;
}

/* Valid until the next one. */
static struct certificate_source *
pair_source_add(struct certificates *c, const char *file, const char *key)
{
	struct buf BUF_CLEAN name = { 0 };
	struct certificate_source *s;

	c->pairs = xrealloc(c->pairs, (c->pairs_count + 1) * sizeof *s);
	s = &c->pairs[c->pairs_count++];
	*s = (struct certificate_source){ .file = xstrdup(file), .key = xstrdup(key) };
	index_key(file, key, &name);
	*map_put(&c->index, buf_slice(&name)) = (void *)(uintptr_t)c->pairs_count;
	return s;
}

/* What is there now is read. Where it cannot serve, or clients would refuse it and not the one of
 * before, that one stays. */
static void
pair_load(struct certificate_source *s, const struct certificate_source *before)
{
	struct buf BUF_CLEAN why = { 0 }, warning = { 0 };
	struct pair *old = before ? before->pair : NULL;
	time_t now = clock_wall();
	const char *doubt = NULL;

	s->error = pair_read(s->file, s->key, &s->pair, &why, &warning);
	if (s->error == 0)
		doubt = pair_doubt(s->pair, now);
	if (doubt)
		buf_addf(&why, "%s: %s", s->file, doubt);
	if (old && (s->error < 0 || (doubt && !pair_doubt(old, now)))) {
		pair_unref(s->pair);
		s->pair = pair_ref(old);
		s->stale = true;
	} else if (old && memcmp(old->digest, s->pair->digest, sizeof old->digest) == 0) {
		pair_unref(s->pair); /* written anew, but the same: it keeps what was told of it */
		s->pair = pair_ref(old);
	}
	s->trouble = certificates_text(&why);
	s->warning = certificates_text(&warning);
}

static void
pair_keep(struct certificate_source *s, const struct certificate_source *before)
{
	struct buf BUF_CLEAN why = { 0 };
	const char *doubt = pair_doubt(before->pair, clock_wall());

	if (doubt)
		buf_addf(&why, "%s: %s", s->file, doubt);
	s->pair = pair_ref(before->pair);
	s->trouble = certificates_text(&why);
	s->warning = xstrdup(before->warning);
}

void
certificates_add_pair(void *userdata, const char *file, const char *key)
{
	const struct certificates_loader *l = userdata;
	const struct certificate_source *before = certificates_source(l->before, file, key);
	struct certificate_source *s;

	s = certificates_source(l->to, file, key);
	if (s) {
		s->front |= l->front;
		return;
	}
	s = pair_source_add(l->to, file, key);
	s->setting = xstrdup(l->setting);
	s->line = l->line;
	s->listed = !l->folder;
	s->front = l->front;
	s->stamps[0] = file_stamp(file);
	s->stamps[1] = file_stamp(key);
	if (before && before->pair && !before->stale &&
	    certificates_unchanged(s->stamps, before->stamps))
		pair_keep(s, before);
	else
		pair_load(s, before);
}

/* ---- folders ---- */

static bool
is_in(const char *file, const char *folder)
{
	size_t n = strlen(folder);

	return strncmp(file, folder, n) == 0 && file[n] == '/' && !strchr(file + n + 1, '/');
}

/* One that cannot be read is no reason to take away what was in it. It has a row of its own, that
 * says so. */
static void
folder_fail(struct certificates_loader *l, int error)
{
	struct buf BUF_CLEAN why = { 0 };
	struct certificate_source *s;

	for (size_t i = 0; l->before && i < l->before->pairs_count; i++) {
		const struct certificate_source *was = &l->before->pairs[i];

		if (!was->listed && was->pair && is_in(was->file, l->folder))
			certificates_add_pair(l, was->file, was->key);
	}
	buf_addf(&why, "%s cannot be read: %s", l->folder,
		 error == -ENOTDIR ? "it is no folder; name a folder" : file_error(error));
	s = pair_source_add(l->to, l->folder, "");
	s->setting = xstrdup(l->setting);
	s->line = l->line;
	s->listed = true;
	s->error = error;
	s->trouble = certificates_text(&why);
	s->warning = xstrdup("");
}

static void
add_folder(struct certificates_loader *l, const char *folder)
{
	int r;

	l->folder = folder;
	r = certificates_folder(folder, certificates_add_pair, l);
	if (r < 0)
		folder_fail(l, r);
	l->folder = NULL;
}

/* ---- the whole ---- */

static void
load_listed(struct certificates_loader *l, const struct config_tls *tls)
{
	l->front = true;
	for (size_t i = 0; i < tls->certificates_count; i++) {
		const struct config_certificate *c = &tls->certificates[i];
		struct buf BUF_CLEAN setting = { 0 };

		buf_addf(&setting, "tls.certificates[%zu]", i);
		buf_addc(&setting, '\0');
		l->setting = setting.p;
		l->line = c->place.line;
		if (c->directory)
			add_folder(l, c->directory);
		else if (c->file)
			certificates_add_pair(l, c->file, c->key_path ? c->key_path : c->file);
	}
	l->front = false;
}

static void
load_clients(struct certificates_loader *l, const struct config_clients *clients,
	     const char *setting, int line)
{
	if (clients->verify == CLIENTS_NONE || !clients->ca)
		return;
	l->setting = setting;
	l->line = line;
	certificates_add_trust(l, clients->ca, clients->crl ? clients->crl : "");
}

struct certificates *
certificates_load(const struct config *c, const struct certificates *before)
{
	struct certificates_loader l = { .to = xcalloc(1, sizeof *l.to), .before = before };

	load_listed(&l, &c->tls);
	load_clients(&l, &c->tls.clients, "tls.clients", c->tls.clients_line);
	for (size_t i = 0; i < c->tls.hosts_count; i++) {
		struct buf BUF_CLEAN setting = { 0 };

		buf_addf(&setting, "tls.hosts[%zu].clients", i);
		buf_addc(&setting, '\0');
		load_clients(&l, &c->tls.hosts[i].clients, setting.p, c->tls.hosts[i].place.line);
	}
	certificates_load_behind(&l, c);
	return l.to;
}

void
certificates_free(struct certificates *c)
{
	for (size_t i = 0; c && i < c->pairs_count; i++) {
		struct certificate_source *s = &c->pairs[i];

		pair_unref(s->pair);
		free(s->file);
		free(s->key);
		free(s->setting);
		free(s->trouble);
		free(s->warning);
	}
	for (size_t i = 0; c && i < c->trusts_count; i++) {
		struct trust_source *s = &c->trusts[i];

		trust_unref(s->trust);
		free(s->ca);
		free(s->crl);
		free(s->setting);
		free(s->trouble);
		free(s->warning);
	}
	if (c) {
		free(c->pairs);
		free(c->trusts);
		map_deinit(&c->index, NULL);
	}
	free(c);
}

/* What is in force, that is; not what was refused in its favour. */
static bool
is_doubtful(const struct certificate_source *s)
{
	return !s->stale && *s->trouble;
}

bool
certificates_same(const struct certificates *a, const struct certificates *b)
{
	if (a->pairs_count != b->pairs_count || a->trusts_count != b->trusts_count)
		return false;
	for (size_t i = 0; i < a->pairs_count; i++) {
		if (a->pairs[i].pair != b->pairs[i].pair ||
		    is_doubtful(&a->pairs[i]) != is_doubtful(&b->pairs[i]))
			return false;
	}
	for (size_t i = 0; i < a->trusts_count; i++) {
		if (a->trusts[i].trust != b->trusts[i].trust)
			return false;
	}
	return true;
}

struct pair *
certificates_pair(const struct certificates *c, const char *file, const char *key)
{
	const struct certificate_source *s = certificates_source(c, file, key);

	return s ? s->pair : NULL;
}
