/*
 * session_table: what sessions depend on of the table. A new one that says the same of it changes
 * nothing here.
 */

#include "session_own.h"

#include "identity_make.h"
#include "refresh.h"
#include "snapshot.h"
#include "store.h"
#include "worker.h"

#include "lib/sha256.h"
#include "lib/xalloc.h"

#include <stdlib.h>
#include <sys/random.h>

/* What sessions that were read depend on. */
static void
image_build(struct buf *image, const struct snapshot *t)
{
	const struct segment *rules = t->segments[SEGMENT_RULES], *keys = t->segments[SEGMENT_KEYS];
	const struct table_login *login = table_login(rules);
	const struct table_claim *c;
	struct slice secret;

	buf_adds(image, seg_string(rules, login->cookie));
	for (uint32_t i = 0; i < table_providers(rules); i++) {
		const struct table_provider *p = table_provider(rules, i);

		buf_adds(image, seg_string(rules, p->name));
		buf_addf(image, ",%u;", p->issuer);
	}
	for (uint32_t i = 0; (c = seg_at(rules, RULES_CLAIMS, i, sizeof *c)) != NULL; i++) {
		buf_adds(image, seg_string(rules, c->claim));
		buf_addf(image, ",%u,%u,%.*s;", c->format, c->optional,
			 SLICE_F(seg_string(rules, c->header)));
	}
	for (uint32_t i = 0; i < seg_count(rules, RULES_FACTS); i++) {
		buf_adds(image, table_fact(rules, i));
		buf_addc(image, ';');
	}
	for (enum secret_kind kind = SECRET_COOKIE; kind <= SECRET_TOKENS; kind++) {
		uint8_t digest[SHA256_BYTES];

		for (uint32_t i = 0; (secret = table_secret(keys, kind, i)).p; i++) {
			if (sha256(secret, digest))
				buf_add(image, digest, sizeof digest);
		}
	}
}

static struct sessions *
sessions_new(struct worker *w)
{
	struct sessions *ss = xcalloc(1, sizeof *ss);

	ss->worker = w;
	list_init(&ss->lru);
	list_init(&ss->busy);
	list_init(&ss->later);
	ss->maker = identity_maker_new();
	while (getrandom(ss->secret, sizeof ss->secret, 0) != (ssize_t)sizeof ss->secret)
		;
	return ss;
}

/* Cookies have to be verified anew, and what was read is not as the new table would have it. */
static void
renew(struct sessions *ss, struct snapshot *t)
{
	list_for (pos, &ss->lru)
		container_of(pos, struct session_entry, lru)->good = false;
	session_drop_all(ss);
	identity_maker_load(ss->maker, t->segments[SEGMENT_RULES]);
	refreshes_renew(ss->worker);
	ss->since = t->version;
}

void
sessions_load(struct worker *w)
{
	struct snapshot *t = w->table;
	struct buf image = { 0 };

	if (!table_login(t->segments[SEGMENT_RULES])) { /* streams of sessions may be under way */
		session_store_load(w, NULL);
		return;
	}
	if (!w->sessions)
		w->sessions = sessions_new(w);
	image_build(&image, t);
	if (!slice_eq(buf_slice(&image), buf_slice(&w->sessions->image))) {
		buf_deinit(&w->sessions->image);
		w->sessions->image = image;
		renew(w->sessions, t);
	} else {
		buf_deinit(&image);
	}
	session_store_load(w, t);
}

bool
session_is_ahead(const struct request *r)
{
	const struct sessions *ss = r->worker->sessions;

	return ss && r->table->version < ss->since;
}

/* No request is left, nor the link. */
void
sessions_free(struct worker *w)
{
	struct sessions *ss = w->sessions;

	if (!ss)
		return;
	session_drop_all(ss);
	map_deinit(&ss->tids, NULL);
	map_deinit(&ss->callers, NULL);
	identity_maker_free(ss->maker);
	buf_deinit(&ss->image);
	free(ss);
	w->sessions = NULL;
}
