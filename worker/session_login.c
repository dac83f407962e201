/*
 * session_login: a session begins, always under a new id: who knew the old one knows nothing of the
 * new one. The old one goes in the same transaction.
 */

#include "session_cookie.h"
#include "session_write.h"

#include "snapshot.h"
#include "store.h"
#include "token_answer.h"
#include "worker.h"

#include "lib/base64.h"
#include "lib/sha256.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

#define RANDOM_BYTES 18 /* of a tid */

struct beginning {
	struct worker *worker;
	session_made_fn fn;
	void *userdata;
	struct session *old;
	char id[SESSION_ID + 1];
	struct arena arena; /* of the draft */
	struct slice provider, sid;
	struct session_draft draft;
};

static void
beginning_free(struct beginning *b)
{
	const struct slice secrets[] = { b->draft.access, b->draft.refresh, b->draft.id_token };

	for (size_t i = 0; i < sizeof secrets / sizeof secrets[0]; i++) {
		if (secrets[i].n > 0)
			explicit_bzero((char *)(uintptr_t)secrets[i].p, secrets[i].n);
	}
	session_put(b->old);
	arena_deinit(&b->arena);
	free(b);
}

static void
beginning_done(struct beginning *b, int error)
{
	struct sessions *ss = b->worker->sessions;
	struct session_entry *e = b->old ? session_find(ss, slice_of(b->old->id)) : NULL;

	if (error == 0 && e) {
		session_load_stale(e);
		session_ended(ss, e);
	}
	b->fn(b->userdata, error, error == 0 ? b->id : "");
	beginning_free(b);
}

static void
on_written(void *userdata, int error)
{
	beginning_done(userdata, error);
}

/* ---- what goes along ---- */

/* Another provider of the same user: the session is that user's still, as old as it was. */
static bool
is_more(const struct session *old, uint32_t provider)
{
	return old && old->user.n > 0 && old->first < PROVIDERS_MAX && provider < PROVIDERS_MAX &&
	       old->first != provider;
}

/* Does the old session's user go on with this login? */
static bool
is_same_user(const struct beginning *b, uint32_t provider)
{
	const struct session *old = b->old;

	return is_more(old, provider) ||
	       (old && old->user.n > 0 && provider < PROVIDERS_MAX && old->first == provider &&
		slice_eq(old->user, b->draft.subject));
}

/* ---- what is written ---- */

static struct slice
new_tid(struct session_commands *c, struct slice provider)
{
	char bytes[RANDOM_BYTES], text[RANDOM_BYTES * 2];
	struct buf tid = { 0 };
	struct slice kept;
	size_t n;

	while (getrandom(bytes, sizeof bytes, 0) != (ssize_t)sizeof bytes)
		;
	n = base64url_encode(slice_make(bytes, sizeof bytes), text);
	buf_adds(&tid, provider);
	buf_addc(&tid, ':');
	buf_add(&tid, text, n);
	kept = arena_copy(&c->arena, buf_slice(&tid));
	buf_deinit(&tid);
	return kept;
}

static bool
add_token(struct beginning *b, struct session_commands *c, enum session_part part,
	  struct slice plain, int64_t expires, struct slice tid)
{
	static const char *const types[] = {
		[SESSION_ACCESS] = "AccessToken",
		[SESSION_REFRESH] = "RefreshToken",
		[SESSION_ID_TOKEN] = "IDToken",
	};
	struct buf BUF_CLEAN sealed = { 0 };
	struct slice key = session_key_of_token(c, part, tid);
	const struct slice words[] = { key,
				       SLICE("ID"),
				       tid,
				       SLICE("Subject"),
				       b->draft.subject,
				       SLICE("ProviderID"),
				       b->provider,
				       SLICE("TokenURL"),
				       b->draft.token_url,
				       SLICE("Type"),
				       slice_of(types[part]) };

	if (plain.n == 0)
		return true;
	if (!session_seal(b->worker, key, plain, &sealed))
		return false;
	commands_begin(c, SLICE("HSET"));
	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
		commands_add(c, words[i]);
	commands_add(c, SLICE("ExpiresAt"));
	commands_add_moment(c, expires);
	if (part == SESSION_ACCESS) {
		commands_add(c, SLICE("Life"));
		commands_add_number(c, token_life(expires, store_wall(b->worker)));
	}
	commands_add(c, SLICE("Value"));
	commands_add(c, arena_copy(&c->arena, buf_slice(&sealed)));
	return true;
}

static bool
add_tokens(struct beginning *b, struct session_commands *c, struct slice tid)
{
	const struct session_draft *d = &b->draft;

	return add_token(b, c, SESSION_ACCESS, d->access, d->expires, tid) &&
	       add_token(b, c, SESSION_REFRESH, d->refresh, d->refresh_expires, tid) &&
	       add_token(b, c, SESSION_ID_TOKEN, d->id_token, INT64_MAX, tid);
}

/* The first is who the user is of. */
static struct slice
held_text(struct session_commands *c, const struct session_names *names)
{
	struct buf text = { 0 };
	struct slice kept;

	buf_addc(&text, '{');
	for (unsigned i = 0; i < names->n; i++) {
		buf_adds(&text, i > 0 ? SLICE(",") : SLICE(""));
		buf_add_json(&text, names->of[i].provider);
		buf_addc(&text, ':');
		buf_add_json(&text, names->of[i].tid);
	}
	buf_addc(&text, '}');
	kept = arena_copy(&c->arena, buf_slice(&text));
	buf_deinit(&text);
	return kept;
}

struct times {
	int64_t created, expires;
	uint32_t idle_s, max_s;
};

static void
add_record(struct beginning *b, struct session_commands *c, const struct times *t,
	   struct slice user, const struct session_names *names)
{
	commands_begin(c, SLICE("HSET"));
	commands_add(c, session_key(c, b->id));
	commands_add(c, SLICE("ID"));
	commands_add(c, slice_of(b->id));
	commands_add(c, SLICE("CreatedAt"));
	commands_add_moment(c, t->created);
	commands_add(c, SLICE("ExpiresAt"));
	commands_add_moment(c, t->expires);
	commands_add(c, SLICE("IdleTTLSeconds"));
	commands_add_number(c, t->idle_s);
	commands_add(c, SLICE("MaxTTLSeconds"));
	commands_add_number(c, t->max_s);
	commands_add(c, SLICE("UserID"));
	commands_add(c, user);
	commands_add(c, SLICE("TokenIDs"));
	commands_add(c, held_text(c, names));
}

/* The user's own provider first, then what is kept, then what comes. */
static void
collect(const struct beginning *b, uint32_t provider, bool more, struct slice tid,
	struct session_names *names)
{
	const struct session *old = b->old;
	const struct segment *rules = b->worker->table->segments[SEGMENT_RULES];
	struct session_name fresh = { b->provider, tid, b->draft.subject, b->sid };
	struct session_names all;

	names->n = 0;
	if (provider != TRIE_NONE && !more)
		names->of[names->n++] = fresh;
	if (is_same_user(b, provider)) {
		session_names_of(b->worker, old, &all);
		for (int pass = 0; pass < 2; pass++) {
			for (unsigned i = 0; i < all.n; i++) {
				struct slice name = all.of[i].provider;
				bool first = table_provider_find(rules, name) == old->first;

				if (!slice_eq(name, b->provider) && first == (pass == 0))
					names->of[names->n++] = all.of[i];
			}
		}
	}
	if (more)
		names->of[names->n++] = fresh;
}

static int
write_all(struct beginning *b)
{
	const struct segment *rules = b->worker->table->segments[SEGMENT_RULES];
	const struct table_login *login = table_login(rules);
	uint32_t provider = b->provider.n ? table_provider_find(rules, b->provider) : TRIE_NONE;
	bool more = is_more(b->old, provider), nobody = b->provider.n == 0;
	int64_t now = store_wall(b->worker);
	struct session_commands c = { 0 };
	struct session_names names;
	struct slice tid = nobody ? SLICE("") : new_tid(&c, b->provider);
	struct times t;

	if (!login || (provider == TRIE_NONE && !nobody) || !add_tokens(b, &c, tid)) {
		arena_deinit(&c.arena);
		return -EIO;
	}
	t = (struct times){ more ? b->old->created : now, 0, login->idle_s, login->max_s };
	t.expires = session_touched(now, t.created, t.idle_s, t.max_s);
	collect(b, provider, more, tid, &names);
	add_record(b, &c, &t, more ? b->old->user : b->draft.subject, &names);
	if (b->old) {
		uint64_t gone = is_same_user(b, provider) ? UINT64_C(1) << provider : UINT64_MAX;

		session_delete_commands(&c, b->worker, b->old, gone);
	}
	session_touch_command(&c, b->id, t.expires, now, &names);
	return commands_run(&c, b->worker, on_written, b);
}

static void
on_old(void *userdata, int error, struct session *s)
{
	struct beginning *b = userdata;

	if (error == 0) {
		b->old = s ? session_ref(s) : NULL;
		error = write_all(b);
	}
	if (error < 0)
		beginning_done(b, error);
}

static struct slice
copy(struct beginning *b, struct slice text)
{
	return text.n ? arena_copy(&b->arena, text) : SLICE("");
}

int
session_login(struct worker *w, const struct session_draft *d, session_made_fn fn, void *userdata)
{
	char id[SESSION_ID + 1];

	return session_login_as(w, d, fn, userdata, id);
}

int
session_login_as(struct worker *w, const struct session_draft *d, session_made_fn fn,
		 void *userdata, char id[SESSION_ID + 1])
{
	const struct segment *rules = w->table->segments[SEGMENT_RULES];
	struct beginning *b;
	int error = 0;

	if (!store_is_up(w) || !w->sessions)
		return -EAGAIN;
	b = xcalloc(1, sizeof *b);
	b->worker = w;
	b->fn = fn;
	b->userdata = userdata;
	session_id_new(b->id);
	memcpy(id, b->id, sizeof b->id);
	if (d->provider != TRIE_NONE)
		b->provider = copy(b, seg_string(rules, table_provider(rules, d->provider)->name));
	b->draft = (struct session_draft){
		.subject = copy(b, d->subject),
		.access = copy(b, d->access),
		.refresh = copy(b, d->refresh),
		.id_token = copy(b, d->id_token),
		.token_url = copy(b, d->token_url),
		.expires = d->expires,
		.refresh_expires = d->refresh_expires,
	};
	b->sid = session_sid(d->id_token, &b->arena);
	if (d->replaces.n > 0)
		error = session_get(w, d->replaces, on_old, b);
	else
		error = write_all(b);
	if (error < 0)
		beginning_free(b);
	return error;
}
