#include "login_state.h"

#include "lib/base64.h"
#include "lib/json.h"
#include "lib/seal.h"

#define PURPOSE "yett login state"
#define STATE_MAX ((size_t)256 << 10) /* with ID tokens of all providers */
#define LOGIN_MAX ((size_t)32 << 10)  /* without */

static void
add_member(struct buf *b, const char *name, struct slice value)
{
	buf_addf(b, ",\"%s\":", name);
	buf_add_json(b, value);
}

static void
add_list(struct buf *b, const char *name, const struct slice *values, unsigned count)
{
	buf_addf(b, ",\"%s\":[", name);
	for (unsigned i = 0; i < count; i++) {
		if (i > 0)
			buf_addc(b, ',');
		buf_add_json(b, values[i]);
	}
	buf_addc(b, ']');
}

bool
login_state_close(const struct segment *keys, struct slice bound, const struct login_state *s,
		  struct buf *out)
{
	struct slice key = table_secret(keys, SECRET_COOKIE, 0);
	struct buf plain = { 0 }, closed = { 0 };
	bool good;

	buf_reserve(&plain, s->logout ? STATE_MAX : LOGIN_MAX);
	buf_addf(&plain, "{\"kind\":\"%s\",\"begun\":%lld", s->logout ? "logout" : "login",
		 (long long)s->begun);
	add_member(&plain, "place", s->place);
	add_member(&plain, "verifier", s->verifier);
	add_member(&plain, "nonce", s->nonce);
	add_member(&plain, "first", s->first);
	add_member(&plain, "sub", s->sub);
	add_list(&plain, "providers", s->providers, s->count);
	add_list(&plain, "hints", s->hints, s->logout ? s->count : 0);
	buf_addc(&plain, '}');
	good = key.n > 0 && plain.n <= STATE_MAX &&
	       seal_close(key, PURPOSE, bound, buf_slice(&plain), &closed);
	if (good) {
		buf_reserve(out, closed.n * 4 / 3 + 4);
		out->n += base64url_encode(buf_slice(&closed), out->p + out->n);
	}
	buf_wipe(&plain);
	buf_deinit(&closed);
	return good;
}

static struct slice
text_of(const struct json *v, const char *name, struct arena *arena)
{
	struct slice s = json_text(json_get(v, name));

	return s.p ? arena_copy(arena, s) : SLICE("");
}

static unsigned
list_of(const struct json *v, const char *name, struct arena *arena,
	struct slice out[PROVIDERS_MAX])
{
	unsigned n = 0;

	for (v = json_first(json_get(v, name)); v && n < PROVIDERS_MAX; v = json_next(v))
		out[n++] = arena_copy(arena, json_text(v));
	return n;
}

static bool
read_state(struct slice plain, struct arena *arena, struct login_state *out)
{
	struct json *v;
	double begun;
	bool good;

	*out = (struct login_state){ 0 };
	if (json_parse(plain, STATE_MAX, 2, &v) != 0)
		return false;
	good = json_number(json_get(v, "begun"), &begun);
	out->begun = good ? (int64_t)begun : 0;
	out->logout = slice_eq(json_text(json_get(v, "kind")), SLICE("logout"));
	out->place = text_of(v, "place", arena);
	out->verifier = text_of(v, "verifier", arena);
	out->nonce = text_of(v, "nonce", arena);
	out->first = text_of(v, "first", arena);
	out->sub = text_of(v, "sub", arena);
	out->count = list_of(v, "providers", arena, out->providers);
	list_of(v, "hints", arena, out->hints);
	json_free(v);
	return good && out->count > 0;
}

bool
login_state_open(const struct segment *keys, struct slice bound, struct slice closed,
		 struct arena *arena, struct login_state *out)
{
	char *room = arena_alloc(arena, closed.n + 4);
	struct buf plain = { 0 };
	struct slice key;
	bool good = false;
	size_t n;

	if (closed.n > 2 * STATE_MAX || base64url_decode(closed, room, &n) < 0)
		return false;
	buf_reserve(&plain, n + 1);
	for (uint32_t i = 0; !good && (key = table_secret(keys, SECRET_COOKIE, i)).p; i++)
		good = seal_open(key, PURPOSE, bound, slice_make(room, n), &plain);
	good = good && read_state(buf_slice(&plain), arena, out);
	buf_wipe(&plain);
	return good;
}
